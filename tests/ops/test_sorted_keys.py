"""Sorting and searching are torch's, whichever way they are done."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmseg_primaps.ops import sorted_keys
from mmseg_primaps.ops.sorted_keys import search_sorted, stable_sort

numbers = st.lists(st.integers(-50, 50), min_size=0, max_size=200)


@given(values=numbers, shift=st.sampled_from([0, 2**40, -(2**55)]))
def test_keys_are_sorted_and_equal_ones_keep_their_order(values: list[int], shift: int) -> None:
    keys = torch.tensor(values, dtype=torch.int64) + shift
    before = keys.clone()
    expected = torch.sort(keys, stable=True)
    for count in (101, 2**63):  # the second leaves no room for positions
        ordered, order = stable_sort(keys, shift - 50, count)
        assert torch.equal(ordered, expected.values)
        assert torch.equal(order, expected.indices)
    assert torch.equal(keys, before)


def test_keys_that_fill_all_64_bits_with_their_positions_are_told_apart() -> None:
    keys = torch.tensor([2**61 - 1, 0, 2**61 - 1, 5, 0, 2**60, 7, 8])
    ordered, order = stable_sort(keys, 0, 2**61)
    assert order.tolist() == [1, 4, 3, 6, 7, 5, 0, 2]
    assert torch.equal(ordered, keys[order])


def test_an_old_numpy_leaves_sorting_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_keys, '_NUMPY_SORTS_FAST', False)
    ordered, order = stable_sort(torch.tensor([3, 1, 3, 2]), 0, 4)
    assert (ordered.tolist(), order.tolist()) == ([1, 2, 3, 3], [1, 3, 0, 2])


@given(values=numbers, sought=numbers)
def test_positions_are_those_of_searchsorted(values: list[int], sought: list[int]) -> None:
    keys, wanted = torch.tensor(sorted(values)).long(), torch.tensor(sorted(sought)).long()
    assert torch.equal(search_sorted(keys, wanted), torch.searchsorted(keys, wanted))
