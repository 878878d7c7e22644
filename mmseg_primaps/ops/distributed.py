"""What several processes have seen becomes one: accumulators, means, and the loss of a batch that is spread over them.

Where there is no process group, or one process alone, everything is returned as it is.
"""

import copy
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from .cluster_statistics import ClusterStatistics
from .feature_sample import FeatureSample
from .streaming_pca import StreamingPCA

Accumulator = TypeVar('Accumulator', StreamingPCA, FeatureSample, ClusterStatistics)


class Counts(Protocol):
    """An accumulator whose tensors are plain sums."""

    def state_dict(self) -> dict[str, Tensor]:
        """The sums."""

    def load_state_dict(self, state: dict[str, Tensor]) -> 'Counts':
        """Take sums in place of its own."""


Sums = TypeVar('Sums', bound=Counts)


def process_count() -> int:
    """Number of processes that work together; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


# Numbers that are sent at once.
_PIECE = 2**20


def merge_over_processes(accumulator: Accumulator) -> Accumulator:
    """The accumulator of everything that all processes have seen, the same on each of them.

    States go around one at a time and are merged in the order of the ranks, so every process computes the same bits.

    Args:
        accumulator: This process's; returned as it is where there is no process group.
    """
    if process_count() == 1:
        return accumulator
    state = accumulator.state_dict()
    device = next((value.device for value in state.values() if value.ndim), 'cpu')
    total: Accumulator | None = None
    for rank in range(dist.get_world_size()):
        received = _broadcast_state(state, rank)
        part = copy.copy(accumulator).load_state_dict({name: value.to(device) for name, value in received.items()})
        total = part if total is None else total.merge(part)
    return total or accumulator


def _broadcast_state(state: dict[str, Tensor], source: int) -> dict[str, Tensor]:
    """The state of one process, on all of them, on CPU.

    It goes in pieces: objects are pickled for the way, and a whole sample would be in memory several times over.
    """
    own = dist.get_rank() == source
    header = _broadcast([(name, value.shape, value.dtype) for name, value in state.items()] if own else None, source)
    received = {}
    for name, shape, dtype in header:
        values = torch.empty(shape, dtype=dtype)
        flat, mine = values.view(-1), state[name].reshape(-1) if own else None
        for start in range(0, len(flat), _PIECE):
            piece = None if mine is None else mine[start : start + _PIECE].cpu().clone()
            flat[start : start + _PIECE] = _broadcast(piece, source)
        received[name] = values
    return received


def _broadcast(value: Any, source: int) -> Any:
    box = [value]
    dist.broadcast_object_list(box, src=source)
    return box[0]


def sum_over_processes(values: Tensor) -> Tensor:
    """Sum of every process's tensor, the same on each of them, on the device of this one's."""
    if process_count() == 1:
        return values
    total = values.detach().to(_meeting_device(values), copy=True)
    dist.all_reduce(total)
    return total.to(values.device)


def _meeting_device(values: Tensor) -> torch.device:
    """Where the process group can add tensors up: NCCL knows none on the CPU."""
    return torch.device('cuda') if dist.get_backend() == 'nccl' else values.device


def sums_of_all_processes(counts: Sums) -> Sums:
    """What all processes have counted together, the same on each of them; `counts` stays as it is."""
    if process_count() == 1:
        return counts
    sums = {name: sum_over_processes(value) for name, value in counts.state_dict().items()}
    total = copy.copy(counts)
    total.load_state_dict(sums)
    return total


def mean_over_processes(values: Tensor, weight: float) -> Tensor:
    """Mean of every process's tensor, weighted, the same on each of them; without gradient.

    Args:
        values: This process's.
        weight: Number of pixels (or features) that it is the mean of.
    """
    if process_count() == 1:
        return values
    return sum_over_processes(values * _share(weight, values.device))


def loss_of_all_processes(loss: Tensor, weight: float) -> Tensor:
    """The mean loss of a batch that is spread over processes, from each process's mean over its part.

    Data-parallel training averages gradients over processes whatever their parts hold. The gradient of what is returned
    is scaled so that this average is the gradient of the mean over the whole batch; the value is that mean itself, the
    same on every process.

    Args:
        loss: Scalar, the mean over this process's part.
        weight: Number of pixels (or features) in this part.
    """
    if process_count() == 1:
        return loss
    part = loss * _share(weight, loss.device)
    scaled = part * process_count()
    return scaled + (sum_over_processes(part) - scaled.detach())


def _share(weight: float, device: torch.device) -> float:
    """This process's part of the weight of all."""
    return weight / float(sum_over_processes(torch.tensor(float(weight), dtype=torch.float64, device=device)))
