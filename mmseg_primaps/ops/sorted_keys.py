"""Sorting and searching many whole numbers at once, on a CPU with numpy's vectorised kernels."""

import numpy as np
import torch
from torch import Tensor

# Before 2.0 numpy sorts 64-bit numbers fast on few processors, and slower than torch on the others.
_NUMPY_SORTS_FAST = np.lib.NumpyVersion(np.__version__) >= '2.0.0'


def stable_sort(keys: Tensor, lowest: int, count: int) -> tuple[Tensor, Tensor]:
    """Sort int64 keys `[n]`, all from `lowest` to `lowest + count - 1`; returns values and order, as `torch.sort`.

    Key and position share one 64-bit number where they fit: sorting numbers is several times faster than sorting
    numbers that carry positions along, and equal keys stay in their order by themselves.
    """
    bits = max(1, (len(keys) - 1).bit_length())
    if keys.device.type != 'cpu' or not _NUMPY_SORTS_FAST or (count - 1).bit_length() + bits > 64:
        values, order = torch.sort(keys, stable=True)
        return values, order
    packed = ((keys - lowest) << bits).bitwise_or_(torch.arange(len(keys)))
    numbers = packed.numpy().view(np.uint64)
    numbers.sort()
    order = packed.bitwise_and((1 << bits) - 1)
    np.right_shift(numbers, np.uint64(bits), out=numbers)
    return packed.add_(lowest), order


def search_sorted(keys: Tensor, sought: Tensor) -> Tensor:
    """Position in ascending `keys` where each of the ascending `sought` is or belongs, long."""
    if keys.device.type != 'cpu':
        return torch.searchsorted(keys, sought)
    return torch.from_numpy(np.searchsorted(keys.numpy(), sought.numpy()))
