"""The order of the pictures, the same whatever the number of processes."""

from collections.abc import Sized

from mmengine.dataset import DefaultSampler
from mmseg.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class GlobalBatchSampler(DefaultSampler):
    """Deal the order of one process out to all of them, picture by picture, and repeat no picture.

    With ``drop_last=True``, ``N`` processes of ``b`` pictures a batch see, step by step, the pictures that one process
    sees in batches of ``N b``, and as many steps. mmengine's ``DefaultSampler`` deals in the same way, but fills the
    last round up with pictures of the first, which can make one step more. Here up to ``N - 1`` pictures that make no
    whole round are left out of an epoch (others in the next, if shuffled).

    Args:
        dataset: The data set.
        shuffle: Whether each epoch has an order of its own.
        seed: Seed of the orders; the runner gives its own.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None) -> None:
        super().__init__(dataset, shuffle, seed, round_up=False)
        self.num_samples = len(dataset) // self.world_size
        self.total_size = self.num_samples * self.world_size
