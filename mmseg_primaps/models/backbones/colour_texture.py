"""Hand-crafted features: colour, gradients and texture on a patch grid, without any weights."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from skimage.filters import gabor_kernel
from torch import Tensor

from ...utils.errors import InputError
from .colour import rgb_to_lab

IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
SCALES, ORIENTATIONS = (1, 2, 4), 4
GROUPS = {'colour': 9, 'gradient': 9, 'texture': 12}

# Mean and spread of every channel over street scenes and everyday photographs, rounded; they only centre the features,
# so that a direction (all that a cosine sees) tells how a patch differs from an average one.
_CENTRE = {
    'colour': (46, 0, 3, 1.7, 0.6, 0.9, 46, 0, 3),
    'gradient': (-3.6, 0, 0, -3.4, 0, 0, -3.3, 0, 0),
    'texture': (-3.1,) * 12,
}
_SPREAD = {
    'colour': (25, 8, 12, 1.1, 0.8, 0.9, 25, 8, 12),
    'gradient': (1.1, 0.45, 0.3) * 3,
    'texture': (1.3,) * 12,
}


def _gabor_bank(size: int = 9, frequency: float = 0.25) -> Tensor:
    """Even and odd Gabor filters of four orientations, ``[8, 1, size, size]``, each without response to a flat area."""
    filters = []
    for index in range(ORIENTATIONS):
        kernel = gabor_kernel(frequency, theta=np.pi * index / ORIENTATIONS, bandwidth=1.0, n_stds=2)
        rows, columns = (length // 2 for length in kernel.shape)
        padded = np.zeros((2 * size + 1, 2 * size + 1), dtype=complex)
        padded[size - rows : size + rows + 1, size - columns : size + columns + 1] = kernel
        cut = padded[size - size // 2 : size + size // 2 + 1, size - size // 2 : size + size // 2 + 1]
        filters += [cut.real - cut.real.mean(), cut.imag - cut.imag.mean()]
    bank = torch.from_numpy(np.stack(filters)).float()[:, None]
    return bank / bank.flatten(1).norm(dim=1)[:, None, None, None]


def _pool(values: Tensor, cell: int) -> Tensor:
    """Mean over windows of two cells that step by one cell: neighbours share half of what they see."""
    return F.avg_pool2d(values, 2 * cell, cell, cell // 2, count_include_pad=False)


@MODELS.register_module()
class ColourTexture(BaseModule):
    """Thirty hand-crafted channels in three groups, standardised so that cosine k-means can use them.

    =========  ========  ==================================================================================
    group      channels  per patch
    =========  ========  ==================================================================================
    colour     9         mean of L*, a*, b*; log spread of L*, a*, b*; mean of L*, a*, b* over 3x3 patches
    gradient   9         at scales 1, 1/2, 1/4: log gradient energy, and the cosine and sine of twice the
                         dominant direction, times how dominant it is (structure tensor, Sobel)
    texture    12        at scales 1, 1/2, 1/4: log energy of four oriented Gabor filters (scikit-image)
    =========  ========  ==================================================================================

    Args:
        stride: Patch side in pixels, a multiple of 8.
        mean: Mean that the data preprocessor subtracted, 0..255, in RGB order.
        std: Standard deviation it divided by.
        channel_order: ``'rgb'`` or ``'bgr'``: order of the input's channels (``mean`` and ``std`` follow it).
        weights: Share of the groups colour, gradient and texture; 0 leaves a group out.
        init_cfg: Accepted because mmseg sets it.

    Raises:
        InputError: A stride that is no multiple of 8, or weights that are not three numbers, one positive.
    """

    def __init__(
        self,
        stride: int = 8,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channel_order: str = 'rgb',
        weights: Sequence[float] = (1.0, 1.0, 1.0),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=None)
        if stride < 8 or stride % 8:
            raise InputError(f'ColourTexture stride={stride} is no multiple of 8: set 8, 16 or 24')
        if len(weights) != len(GROUPS) or min(weights) < 0 or max(weights) <= 0:
            raise InputError(f'ColourTexture weights={tuple(weights)} must be three numbers >= 0, one of them positive')
        if channel_order not in ('rgb', 'bgr'):
            raise InputError(f"ColourTexture channel_order={channel_order!r} is unknown: set 'rgb' or 'bgr'")
        self.stride, self.channel_order = stride, channel_order
        self.patch_size = stride
        self.weights = dict(zip(GROUPS, weights, strict=True))
        self.out_channels = sum(count for name, count in GROUPS.items() if self.weights[name] > 0)
        self._constant('mean', torch.tensor(mean).view(1, 3, 1, 1))
        self._constant('std', torch.tensor(std).view(1, 3, 1, 1))
        self._constant('gabor', _gabor_bank())
        sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
        self._constant('sobel', torch.stack([sobel, sobel.t()])[:, None])
        for name in GROUPS:
            self._constant(f'{name}_centre', torch.tensor(_CENTRE[name]).float().view(1, -1, 1, 1))
            self._constant(f'{name}_spread', torch.tensor(_SPREAD[name]).float().view(1, -1, 1, 1))

    def extra_repr(self) -> str:
        """Every setting that changes a feature: caches are filed under a digest of the representation."""
        mean, std = (values.flatten().tolist() for values in (self.mean, self.std))
        return f'stride={self.stride}, mean={mean}, std={std}, order={self.channel_order!r}, weights={self.weights}'

    def _constant(self, name: str, value: Tensor) -> None:
        """A tensor that follows the module's device and is in no checkpoint."""
        self.register_buffer(name, value, persistent=False)

    def _pictures(self, images: Tensor) -> Tensor:
        """Undo the normalisation: RGB in 0..1, cropped to whole patches."""
        rows, columns = (length // self.stride * self.stride for length in images.shape[-2:])
        images = images[..., :rows, :columns]
        pictures = ((images.float() * self.std + self.mean) / 255).clamp(0, 1)
        return pictures if self.channel_order == 'rgb' else pictures.flip(1)

    def _colour(self, pictures: Tensor) -> Tensor:
        lab = rgb_to_lab(F.avg_pool2d(pictures, 2))  # half size: a quarter of the powers, and the means stay
        mean = _pool(lab, self.stride // 2)
        spread = (_pool(lab.square(), self.stride // 2) - mean.square()).clamp_min(0).sqrt()
        around = F.avg_pool2d(mean, 3, 1, 1, count_include_pad=False)
        return torch.cat([mean, (spread + 0.5).log(), around], dim=1)

    def _gradient(self, grey: Tensor, scale: int) -> Tensor:
        across, down = F.conv2d(F.pad(grey, (1, 1, 1, 1), 'replicate'), self.sobel).split(1, dim=1)
        products = torch.cat([across.square(), down.square(), across * down], dim=1)
        xx, yy, xy = _pool(products, self.stride // scale).split(1, dim=1)
        energy = xx + yy
        return torch.cat([0.5 * (energy + 1e-5).log(), (xx - yy) / (energy + 1e-4), 2 * xy / (energy + 1e-4)], dim=1)

    def _texture(self, grey: Tensor, scale: int) -> Tensor:
        step = 2 if scale == 1 else 1  # energies are averaged anyway: every second pixel of the full picture suffices
        responses = F.conv2d(F.pad(grey, (4, 4, 4, 4), 'replicate'), self.gabor, stride=step)
        energy = responses.square().unflatten(1, (ORIENTATIONS, 2)).sum(2)
        return 0.5 * (_pool(energy, self.stride // scale // step) + 1e-5).log()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """One feature map ``[B, C, H // stride, W // stride]`` of normalised images ``[B, 3, H, W]``.

        Each group has a mean square near its weight squared; the groups follow each other in the order of the table.
        """
        pictures = self._pictures(images)
        luma = pictures.new_tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1)
        grey = (pictures * luma).sum(1, keepdim=True)
        greys = {scale: grey if scale == 1 else F.avg_pool2d(grey, scale) for scale in SCALES}
        parts = []
        for name, weight in self.weights.items():
            if weight == 0:
                continue
            if name == 'colour':
                values = self._colour(pictures)
            else:
                make = self._gradient if name == 'gradient' else self._texture
                values = torch.cat([make(greys[scale], scale) for scale in SCALES], dim=1)
            standardised = (values - getattr(self, f'{name}_centre')) / getattr(self, f'{name}_spread')
            parts.append(standardised * (weight / GROUPS[name] ** 0.5))
        return (torch.cat(parts, dim=1),)
