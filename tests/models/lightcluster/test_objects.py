"""From masks to objects, and the tokens that describe them."""

import pytest
import torch

from mmseg_primaps.models.lightcluster import (
    LightClusterOptions,
    PatchFeatures,
    picture_regions,
    pixel_mask,
    region_descriptions,
)
from mmseg_primaps.ops import dense_crf, relative_saliency
from tests.models.lightcluster.test_patches import vit

PICTURE = torch.full((3, 64, 64), 90, dtype=torch.uint8)
PICTURE[:, 12:44, 20:52] = torch.tensor([220, 60, 40], dtype=torch.uint8).view(3, 1, 1)
TRUTH = (PICTURE[0] == 220).bool()


def coarse() -> torch.Tensor:
    """The mask on an 8 x 8 grid, which cannot follow the object's outline."""
    return torch.nn.functional.avg_pool2d(TRUTH[None].float(), 8)[0] > 0.5


def test_the_crf_brings_the_outline_of_a_coarse_mask() -> None:
    options = LightClusterOptions()
    plain, refined = (pixel_mask(coarse(), PICTURE, options, crf) for crf in (False, True))
    assert (plain != TRUTH).sum() > 50
    assert torch.equal(refined, TRUTH)


def test_the_crf_gets_the_mask_with_the_confidence_that_was_asked_for() -> None:
    options = LightClusterOptions(crf_confidence=0.6)
    soft = torch.nn.functional.interpolate(coarse()[None, None].float(), (64, 64), mode='bilinear')[:, 0] * 0.2 + 0.4
    expected = dense_crf(torch.stack([1 - soft, soft], dim=1), PICTURE[None])[0, 1] > 0.5
    assert torch.equal(pixel_mask(coarse(), PICTURE, options, True), expected)


@pytest.mark.parametrize('value', [False, True])
@pytest.mark.parametrize('crf', [False, True])
def test_empty_and_full_masks_stay_so(value: bool, crf: bool) -> None:
    mask = pixel_mask(torch.full((8, 8), value), PICTURE, LightClusterOptions(), crf)
    assert mask.unique().tolist() == [value]


def test_proposals_part_objects_that_touch() -> None:
    left, right = torch.eye(3)[:2]
    features = torch.full((3, 8, 8), 0.0)
    features[2] = 1
    features[:, 2:6, 1:4] = left.view(3, 1, 1)
    features[:, 2:6, 4:7] = right.view(3, 1, 1)
    picture = torch.full((3, 64, 64), 90, dtype=torch.uint8)
    picture[0, 16:48, 8:32], picture[1, 16:48, 32:56] = 255, 255
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[16:48, 8:56] = True
    together = picture_regions(mask, features, picture, LightClusterOptions())
    parted = picture_regions(mask, features, picture, LightClusterOptions(regions='proposals'))
    assert int(together.max()) == 1
    assert int(parted.max()) == 2
    assert parted[30, 20] != parted[30, 44]
    assert int(parted[5, 5]) == 0


def test_a_mask_without_foreground_has_no_objects_by_either_rule() -> None:
    nothing = torch.zeros(64, 64, dtype=torch.bool)
    for rule in ('components', 'proposals'):
        options = LightClusterOptions(regions=rule)
        assert not picture_regions(nothing, torch.rand(3, 8, 8), PICTURE, options).any()


@pytest.mark.parametrize('kind', ['crop', 'attention', 'mean'])
def test_each_kind_of_token_has_a_row_for_every_region(kind: str) -> None:
    backbone, options = vit(), LightClusterOptions(region_token=kind, crop_size=32)
    image = torch.randn(3, 96, 96, generator=torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(1)
    patches = PatchFeatures(
        torch.rand(1, 48, 6, 6, generator=draw), relative_saliency(torch.rand(1, 6, 6)), torch.rand(1, 48)
    )
    regions = torch.zeros(96, 96, dtype=torch.int64)
    regions[:40, :40], regions[60:, 60:] = 1, 2
    tokens = region_descriptions(regions, patches, image, backbone, options, -1)
    assert tokens.shape == (2, 48)
    assert not torch.equal(tokens[0], tokens[1])
    nothing = region_descriptions(torch.zeros_like(regions), patches, image, backbone, options, -1)
    assert nothing.shape == (0, 48)


def test_a_crops_token_does_not_depend_on_what_is_outside_the_region() -> None:
    backbone, options = vit(), LightClusterOptions(crop_size=32)
    patches = PatchFeatures(torch.rand(1, 48, 6, 6), torch.ones(1, 6, 6), torch.rand(1, 48))
    regions = torch.zeros(96, 96, dtype=torch.int64)
    regions[:48, :48] = 1
    images = torch.randn(2, 3, 96, 96)
    images[1, :, :48, :48] = images[0, :, :48, :48]
    first, second = (region_descriptions(regions, patches, image, backbone, options, -1) for image in images)
    torch.testing.assert_close(first, second)
