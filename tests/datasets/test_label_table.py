"""The lookup from ids to classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_primaps.datasets.label_table import LabelTable
from mmseg_primaps.utils import InputError

TABLES = st.dictionaries(st.integers(-2, 40), st.integers(0, 255), min_size=1)


@given(TABLES, st.data())
def test_every_pixel_gets_the_class_of_its_id(ids: dict[int, int], data: st.DataObject) -> None:
    pixels = data.draw(st.lists(st.sampled_from(sorted(ids)), min_size=1, max_size=30))
    label = np.array([pixels])
    assert LabelTable(ids)(label, 'a.png').tolist() == [[ids[pixel] for pixel in pixels]]


@given(TABLES, st.integers(-70000, 70000))
def test_an_id_outside_the_table_is_an_error_or_void(ids: dict[int, int], stray: int) -> None:
    label = np.array([[*ids, stray]])
    if stray in ids:
        return
    with pytest.raises(InputError, match=rf'a\.png holds ids that are no class here: \[{stray}\]'):
        LabelTable(ids)(label, 'a.png')
    assert LabelTable(ids)(label, 'a.png', unknown=255)[0, -1] == 255


def test_the_input_is_left_alone() -> None:
    label = np.array([[7, 8]], dtype=np.uint8)
    LabelTable({7: 0, 8: 1})(label, 'a.png')
    assert label.tolist() == [[7, 8]]


@pytest.mark.parametrize('ids', [{}, {0: 256}, {0: -1}])
def test_a_table_without_sense_is_an_error(ids: dict[int, int]) -> None:
    with pytest.raises(InputError, match='label_table'):
        LabelTable(ids)
