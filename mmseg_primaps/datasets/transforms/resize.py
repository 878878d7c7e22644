"""Scale a picture by its shorter side, pixel for pixel as the published codes do."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray
from PIL import Image

from mmseg_primaps.utils import InputError


@TRANSFORMS.register_module()
class ResizeShortSide(BaseTransform):
    """Scale so that the shorter side is ``size``; the longer side is ``int(size * long / short)``.

    The published codes scale in three ways that give different pixels and, for label maps, different positions:

    ============================  =======================================  ==================================
    published code                picture                                  label map
    ============================  =======================================  ==================================
    PriMaPs-EM, training          Pillow bilinear (antialiased), 8-bit     nearest, ``floor((i + 0.5) * s)``
    PriMaPs-EM, evaluation        tensor bilinear, no antialiasing         nearest, ``floor(i * s)``
    STEGO and HP                  Pillow nearest                           nearest, ``floor((i + 0.5) * s)``
    ============================  =======================================  ==================================

    They are ``(interpolation, antialias)`` = ``('bilinear', True)``, ``('bilinear', False)``, ``('nearest', any)``.

    Changed keys: ``img`` (uint8; float32 in 0..255 without antialiasing, unless it is empty), ``img_shape``,
    ``scale_factor`` (w, h) and every map named in ``seg_fields``.

    Args:
        size: Shorter side in pixels.
        interpolation: ``'bilinear'`` or ``'nearest'``, for the picture. Maps are always nearest.
        antialias: Whether bilinear averages over the pixels it skips.
    """

    def __init__(self, size: int, interpolation: str = 'bilinear', antialias: bool = True) -> None:
        if size < 1:
            raise InputError(f'ResizeShortSide: size must be positive, not {size}')
        if interpolation not in ('bilinear', 'nearest'):
            raise InputError(f"ResizeShortSide: interpolation must be 'bilinear' or 'nearest', not {interpolation!r}")
        self.size = size
        self.interpolation = interpolation
        self.antialias = antialias

    def transform(self, results: dict) -> dict:
        """Scale the picture and its maps."""
        height, width = results['img'].shape[:2]
        new = self._target(height, width)
        as_tensor = self.interpolation == 'bilinear' and not self.antialias
        if not any(results['img'].strides):  # one value for all pixels, where nobody looks at them
            results['img'] = np.broadcast_to(results['img'][:1, :1], (*new, *results['img'].shape[2:]))
        else:
            results['img'] = _tensor_bilinear(results['img'], new) if as_tensor else self._pillow(results['img'], new)
        for key in results.get('seg_fields', []):
            results[key] = _tensor_nearest(results[key], new) if as_tensor else _pillow_nearest(results[key], new)
        results['img_shape'] = new
        results['scale_factor'] = (new[1] / width, new[0] / height)
        return results

    def _target(self, height: int, width: int) -> tuple[int, int]:
        """New height and width."""
        long = int(self.size * max(height, width) / min(height, width))
        return (self.size, long) if height <= width else (long, self.size)

    def _pillow(self, image: NDArray, size: tuple[int, int]) -> NDArray:
        """Scale the picture by Pillow."""
        if image.dtype != np.uint8:
            raise InputError('ResizeShortSide scales 8-bit pictures: put it before what makes floats')
        if self.interpolation == 'nearest':
            return _pillow_nearest(image, size)
        if image.shape[:2] == size:
            return image
        return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def _pillow_nearest(array: NDArray, size: tuple[int, int]) -> NDArray:
    """Nearest neighbour of pixel centres, of a picture or an 8-bit map."""
    return np.array(Image.fromarray(array).resize(size[::-1], Image.Resampling.NEAREST))


def _tensor_nearest(array: NDArray, size: tuple[int, int]) -> NDArray:
    """Nearest neighbour of pixel corners, as torch's ``interpolate`` (``'nearest'``) takes it."""
    return torch.nn.functional.interpolate(torch.from_numpy(array)[None, None], size=size)[0, 0].numpy()


def _tensor_bilinear(image: NDArray, size: tuple[int, int]) -> NDArray[np.float32]:
    """Bilinear between pixel centres without averaging, in float32."""
    channels_last = torch.from_numpy(image).float().permute(2, 0, 1)[None]
    scaled = torch.nn.functional.interpolate(channels_last, size=size, mode='bilinear', align_corners=False)
    return np.ascontiguousarray(scaled[0].permute(1, 2, 0).numpy())
