"""Between the model's normalised input and the picture in the file."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def whole_picture(inputs: Tensor) -> dict[str, Any]:
    """What mmseg's metadata would say of a bare batch ``[B, 3, H, W]``: nothing was scaled."""
    shape = tuple(inputs.shape[-2:])
    return {'ori_shape': shape, 'img_shape': shape}


def restore(values: Tensor, meta: dict[str, Any]) -> Tensor:
    """Cut mmseg's padding off maps ``[C, H, W]``, undo a flip and resize to the original shape."""
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
    height, width = values.shape[-2:]
    values = values[:, top : height - bottom, left : width - right]
    if meta.get('flip'):
        values = values.flip(-1 if meta.get('flip_direction') == 'horizontal' else -2)
    if tuple(values.shape[-2:]) == tuple(meta['ori_shape'][:2]):
        return values
    return F.interpolate(values[None], meta['ori_shape'][:2], mode='bilinear', align_corners=False)[0]


def to_uint8(picture: Tensor, preprocessor: Any) -> Tensor:
    """Undo the normalisation: uint8 RGB ``[..., 3, H, W]`` (rounding gives the exact values back)."""
    if getattr(preprocessor, '_enable_normalize', False):
        picture = picture * preprocessor.std + preprocessor.mean
    return picture.round().clamp(0, 255).to(torch.uint8)
