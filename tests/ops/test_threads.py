"""Work that is spread over threads."""

import threading

import pytest
import torch

from mmseg_primaps.ops.threads import over_threads


@pytest.mark.parametrize('workers', [1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert over_threads(lambda item: item * 2, range(7), workers) == list(range(0, 14, 2))


def test_one_item_stays_in_the_calling_thread() -> None:
    assert over_threads(lambda _: threading.current_thread(), [0], 4) == [threading.current_thread()]


def test_each_worker_computes_with_one_thread_and_the_caller_keeps_its_own() -> None:
    torch.set_num_threads(2)
    meeting = threading.Barrier(2, timeout=30)

    def look(_: int) -> tuple[int, int]:
        meeting.wait()
        return threading.get_ident(), torch.get_num_threads()

    found = over_threads(look, [0, 1], 2)
    assert len({thread for thread, _ in found}) == 2
    assert {threads for _, threads in found} == {1}
    assert torch.get_num_threads() == 2


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        over_threads(lambda item: 1 // item, [1, 0], 2)
