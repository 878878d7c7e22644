"""Accumulators of several processes become one."""

import copy
from typing import TypeVar

import torch.distributed as dist

from .cluster_statistics import ClusterStatistics
from .feature_sample import FeatureSample
from .streaming_pca import StreamingPCA

Accumulator = TypeVar('Accumulator', StreamingPCA, FeatureSample, ClusterStatistics)


def merge_over_processes(accumulator: Accumulator) -> Accumulator:
    """The accumulator of everything that all processes have seen, the same on each of them.

    States go around one at a time and are merged in the order of the ranks, so every process computes the same bits.

    Args:
        accumulator: This process's; returned as it is where there is no process group.
    """
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return accumulator
    own = {name: value.cpu() for name, value in accumulator.state_dict().items()}
    device = next((value.device for value in accumulator.state_dict().values() if value.ndim), 'cpu')
    parts: list[Accumulator] = []
    for rank in range(dist.get_world_size()):
        box = [own]
        dist.broadcast_object_list(box, src=rank)
        part = copy.copy(accumulator).load_state_dict({name: value.to(device) for name, value in box[0].items()})
        parts = [parts[0].merge(part)] if parts else [part]
    return parts[0]
