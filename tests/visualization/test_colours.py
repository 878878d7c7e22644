"""Colours for label maps, clusters and proposals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2lab

from mmseg_primaps.utils import InputError
from mmseg_primaps.visualization import colour_map, colour_proposals, distinct_palette, overlay

PALETTE = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_colours_are_far_from_each_other_and_from_black() -> None:
    lab = rgb2lab(np.concatenate([np.zeros((1, 3), np.uint8), distinct_palette(27)])[None] / 255)[0]
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    assert distance[~np.eye(28, dtype=bool)].min() > 25


@given(st.integers(0, 255), st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_a_cluster_keeps_its_colour_when_there_are_more(first: int, second: int) -> None:
    few, many = sorted((first, second))
    np.testing.assert_array_equal(distinct_palette(few), distinct_palette(many)[:few])


def test_all_255_colours_differ() -> None:
    assert len(np.unique(distinct_palette(255), axis=0)) == 255


def test_more_colours_than_there_are_is_an_error() -> None:
    with pytest.raises(InputError, match='256 colours'):
        distinct_palette(256)


def test_a_label_map_takes_the_colours_of_its_palette() -> None:
    picture = colour_map(np.array([[0, 1], [2, 255]]), PALETTE, ignore_colour=(9, 8, 7))
    assert picture.dtype == np.uint8
    assert picture.tolist() == [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 8, 7]]]


def test_a_map_of_ignored_pixels_alone_is_painted() -> None:
    assert colour_map(np.full((2, 3), 255, np.uint8), PALETTE).tolist() == np.zeros((2, 3, 3)).tolist()


@pytest.mark.parametrize('label', [-1, 3])
def test_a_label_without_a_colour_is_an_error(label: int) -> None:
    with pytest.raises(InputError, match='3 colours'):
        colour_map(np.array([[0, label]]), PALETTE)


def test_masks_get_different_colours_and_the_rest_is_black() -> None:
    picture = colour_proposals(np.array([[1, 2, 254, 255]], np.uint8))
    assert picture[0, 3].tolist() == [0, 0, 0]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 4


def test_an_overlay_mixes_colours_and_keeps_the_picture_below_black() -> None:
    image = np.full((1, 2, 3), 100, np.uint8)
    mixed = overlay(image, np.array([[[200, 0, 0], [0, 0, 0]]], np.uint8), opacity=0.5)
    assert mixed.tolist() == [[[150, 50, 50], [100, 100, 100]]]
