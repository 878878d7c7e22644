import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import (
    connected_regions,
    proposal_regions,
    region_boxes,
    region_crops,
    region_tokens,
    split_background,
)
from mmseg_primaps.ops.regions import MOST_REGIONS


def picture(rows: str) -> torch.Tensor:
    """A small map written as digits."""
    return torch.tensor([[int(c) for c in row] for row in rows.split()])


def test_components_are_numbered_by_size_and_touch_diagonally() -> None:
    mask = picture('10001 10010 00000 11100 11100').bool()
    assert torch.equal(connected_regions(mask), picture('20003 20030 00000 11100 11100'))


def test_small_components_are_no_regions() -> None:
    mask = picture('10001 10010 00000 11100 11100').bool()
    assert torch.equal(connected_regions(mask, 3 / 25), picture('00000 00000 00000 11100 11100'))


@pytest.mark.parametrize('value', [False, True])
def test_empty_and_full_masks(value: bool) -> None:
    regions = connected_regions(torch.full((3, 4), value))
    assert regions.unique().tolist() == [int(value)]
    assert len(region_boxes(regions)) == int(value)


def test_a_picture_has_no_more_regions_than_an_8_bit_map_can_number() -> None:
    mask = torch.zeros(60, 60, dtype=torch.bool)
    mask[::2, ::2] = True
    mask[0, :3] = True
    regions = connected_regions(mask)
    assert int(regions.max()) == MOST_REGIONS
    assert regions[0, 1] == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, 9), st.integers(1, 9))
def test_regions_cover_the_mask_and_nothing_else(seed: int, height: int, width: int) -> None:
    mask = torch.rand(height, width, generator=torch.Generator().manual_seed(seed)) > 0.6
    regions = connected_regions(mask)
    assert torch.equal(regions > 0, mask)
    sizes = torch.bincount(regions.flatten())[1:]
    assert bool((sizes[:-1] >= sizes[1:]).all())
    assert bool((sizes > 0).all())


def test_proposals_that_lie_mostly_in_the_mask_are_regions_whole() -> None:
    mask = picture('11100 11100 00000').bool()
    proposals = torch.tensor([[1, 1, 2, 2, 2], [1, 1, 255, 2, 2], [1, 255, 3, 3, 3]])
    assert torch.equal(proposal_regions(mask, proposals), picture('11000 11000 10000'))


def test_no_proposal_no_region() -> None:
    assert not proposal_regions(torch.ones(2, 2, dtype=torch.bool), torch.full((2, 2), 255)).any()


def test_boxes_hold_their_regions() -> None:
    assert region_boxes(picture('0110 0110 2000')).tolist() == [[0, 1, 2, 3], [2, 0, 3, 1]]


def test_crops_blank_what_is_outside_and_keep_the_shape() -> None:
    image = torch.arange(36.0).view(1, 6, 6)
    regions = torch.zeros(6, 6, dtype=torch.int64)
    regions[2, 1:5] = 1
    regions[2, 2] = 0
    crop = region_crops(image, regions, 4, fill=-1)
    assert crop.shape == (1, 1, 4, 4)
    assert crop[0, 0].tolist() == [[-1] * 4, [13, -1, 15, 16], [-1] * 4, [-1] * 4]
    assert region_crops(image, regions, 4, fill=-1, blank=False)[0, 0, 1].tolist() == [13, 14, 15, 16]


def test_no_region_gives_no_crop_and_no_token() -> None:
    nothing = torch.zeros(8, 8, dtype=torch.int64)
    assert region_crops(torch.rand(3, 8, 8), nothing, 4).shape == (0, 3, 4, 4)
    assert region_tokens(torch.rand(5, 2, 2), torch.rand(2, 2), nothing).shape == (0, 5)


def test_tokens_are_means_by_share_of_the_patch_and_saliency() -> None:
    features = torch.tensor([[[1.0, 2.0], [4.0, 8.0]]])
    weights = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    regions = picture('1111 1100 0022 0022')
    # the first patch is whole, of the second a half lies in region 1
    expected = torch.tensor([[(1 * 1 * 1 + 0.5 * 2 * 2) / (1 + 1)], [8.0]])
    torch.testing.assert_close(region_tokens(features, weights, regions), expected)


def test_background_parts_follow_the_regions_and_touch_no_region() -> None:
    regions = picture('0110 0110 0000')
    labels = picture('3003 3003 0000')
    assert torch.equal(split_background(regions, labels), picture('3114 3114 2222'))
    assert torch.equal(split_background(regions, labels, 3 / 12), picture('0110 0110 2222'))


def test_a_picture_without_background_has_no_further_parts() -> None:
    regions = torch.ones(2, 3, dtype=torch.int64)
    assert torch.equal(split_background(regions, torch.zeros(2, 3)), regions)
