"""HP's second view of a picture, for its consistency term."""

from collections.abc import Sequence

import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from torch import Tensor
from torchvision.transforms import ColorJitter, Compose, GaussianBlur, RandomApply, RandomGrayscale

from mmseg_primaps.utils import InputError

from .student_view import IMAGENET_MEAN, IMAGENET_STD


@TRANSFORMS.register_module()
class HPView(BaseTransform):
    """Colour jitter always, grey with probability 0.2, a 5x5 blur with 0.5; geometry stays.

    For ``TwoViewDataPreProcessor(student_view=dict(type='HPView'))``.

    Args:
        preset: ``'paper'`` jitters the normalised picture, where torchvision clamps to [0, 1], so that everything
            darker than the mean becomes the mean; ``'fixed'`` jitters the picture itself.
        mean: Mean of each RGB channel, 0 to 255.
        std: Standard deviation of each RGB channel, likewise.
    """

    def __init__(
        self, preset: str = 'paper', mean: Sequence[float] | None = None, std: Sequence[float] | None = None
    ) -> None:
        if preset not in ('paper', 'fixed'):
            raise InputError(f"HPView.preset={preset!r}: choose 'paper' or 'fixed'")
        self.preset = preset
        self.mean, self.std = (
            torch.tensor(values).view(3, 1, 1) / 255 for values in (mean or IMAGENET_MEAN, std or IMAGENET_STD)
        )
        blur = RandomApply([GaussianBlur(5)], p=0.5)
        self.augment = Compose([ColorJitter(0.3, 0.3, 0.3, 0.1), RandomGrayscale(0.2), blur])

    def view(self, images: Tensor, normalised: bool = True) -> Tensor:
        """Second views of RGB pictures ``[B, 3, H, W]``, normalised or in [0, 1], each drawn for itself."""
        mean, std = self.mean.to(images), self.std.to(images)
        plain = self.preset == 'fixed'
        if normalised and plain:
            images = images * std + mean
        elif not normalised and not plain:
            images = (images - mean) / std
        views = torch.stack([self.augment(image) for image in images])
        if normalised and plain:
            return (views - mean) / std
        return views if normalised or plain else views * std + mean

    def transform(self, results: dict) -> dict:
        """Refuse: this view belongs to the data preprocessor."""
        raise InputError("HPView is no pipeline step: set data_preprocessor.student_view=dict(type='HPView')")
