"""Pictures back from network input, and in a colour space where distances mean something."""

import torch
from torch import Tensor

_XYZ_FROM_RGB = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.950470, 1.0, 1.088830)
_LINEAR_BELOW, _CUBE_ABOVE = 0.04045, 0.008856


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """From sRGB in 0..1 to CIE L*a*b* (white D65), ``[B, 3, H, W]``; L in 0..100, a and b roughly -100..100.

    The same numbers as :func:`skimage.color.rgb2lab`, batched and on any device.
    """
    linear = torch.where(rgb > _LINEAR_BELOW, ((rgb + 0.055) / 1.055).clamp_min(0).pow(2.4), rgb / 12.92)
    matrix = rgb.new_tensor(_XYZ_FROM_RGB) / rgb.new_tensor(_WHITE)[:, None]
    xyz = torch.einsum('kc,bchw->bkhw', matrix, linear)
    curved = torch.where(xyz > _CUBE_ABOVE, xyz.clamp_min(1e-12).pow(1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = curved.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)
