"""Pick one feature map out of what a backbone or neck returns."""

from collections.abc import Sequence

from torch import Tensor

from ...utils import InputError


def select_feature(outputs: Tensor | Sequence[Tensor], index: int = -1) -> Tensor:
    """Return one feature map ``[B, C, h, w]``.

    Some backbones (mmseg's ``MobileNetV2`` with one output index) return a bare tensor; indexing it would slice the
    batch, so a tensor is taken as the only map there is.

    Raises:
        InputError: The index is out of range.
    """
    if isinstance(outputs, Tensor):
        outputs = (outputs,)
    if not -len(outputs) <= index < len(outputs):
        raise InputError(f'in_index={index}: the backbone gives {len(outputs)} feature map(s); choose another in_index')
    return outputs[index]
