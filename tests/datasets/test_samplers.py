"""Global batches that do not depend on the number of processes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import BatchSampler

from mmseg_primaps.datasets import GlobalBatchSampler


def sampler(rank: int, processes: int, pictures: int, shuffle: bool = True, epoch: int = 0) -> GlobalBatchSampler:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (rank, processes))
        found = GlobalBatchSampler(range(pictures), shuffle, seed=3)
    found.set_epoch(epoch)
    return found


@settings(deadline=None)
@given(processes=st.integers(1, 5), batch=st.integers(1, 4), pictures=st.integers(1, 60), epoch=st.integers(0, 3))
def test_processes_see_the_batches_of_one(processes: int, batch: int, pictures: int, epoch: int) -> None:
    alone = list(BatchSampler(sampler(0, 1, pictures, epoch=epoch), batch * processes, drop_last=True))
    ranks = [
        list(BatchSampler(sampler(rank, processes, pictures, epoch=epoch), batch, drop_last=True))
        for rank in range(processes)
    ]
    assert all(len(steps) == len(alone) for steps in ranks)
    for step, pictures_of_step in enumerate(alone):
        assert sorted(i for steps in ranks for i in steps[step]) == sorted(pictures_of_step)


def test_no_picture_comes_twice_and_each_epoch_has_its_order() -> None:
    dealt = [list(sampler(rank, 3, 11)) for rank in range(3)]
    assert [len(part) for part in dealt] == [len(sampler(rank, 3, 11)) for rank in range(3)] == [3, 3, 3]
    assert len({index for part in dealt for index in part}) == 9
    assert dealt != [list(sampler(rank, 3, 11, epoch=1)) for rank in range(3)]
    assert list(sampler(0, 1, 4, shuffle=False)) == [0, 1, 2, 3]
