"""The centre crop, against torchvision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.functional import center_crop

from mmseg_primaps.datasets.transforms import CenterCropSeg
from mmseg_primaps.utils import InputError

SIDES = st.integers(1, 40)


def sample(height: int, width: int) -> dict:
    generator = np.random.default_rng(0)
    return {
        'img': generator.integers(0, 256, (height, width, 3), dtype=np.uint8),
        'gt_seg_map': generator.integers(0, 27, (height, width), dtype=np.uint8),
        'mask_proposals': generator.integers(0, 27, (height, width), dtype=np.uint8),
        'seg_fields': ['gt_seg_map', 'mask_proposals'],
        'img_shape': (height, width),
        'ori_shape': (height, width),
        'img_path': 'a.png',
    }


@given(SIDES, SIDES, SIDES, SIDES)
@settings(max_examples=80, deadline=None)
def test_picture_and_maps_are_cut_where_torchvision_cuts(height: int, width: int, high: int, wide: int) -> None:
    before, after = sample(height, width), CenterCropSeg((high, wide), pad=True, seg_pad_val=0)(sample(height, width))
    expected = center_crop(torch.from_numpy(before['img']).permute(2, 0, 1), [high, wide]).permute(1, 2, 0)
    assert np.array_equal(after['img'], expected)
    for key in before['seg_fields']:
        assert np.array_equal(after[key], center_crop(torch.from_numpy(before[key])[None], [high, wide])[0])


def test_the_crop_counts_as_the_original_picture_unless_told_otherwise() -> None:
    assert CenterCropSeg(8)(sample(10, 20))['ori_shape'] == (8, 8)
    kept = CenterCropSeg(8, update_ori_shape=False)(sample(10, 20))
    assert (kept['ori_shape'], kept['img_shape']) == ((10, 20), (8, 8))


def test_padding_is_void() -> None:
    after = CenterCropSeg(12, pad=True)(sample(10, 12))
    assert set(after['gt_seg_map'][0]) == {255}
    assert not after['img'][0].any()


def test_a_picture_smaller_than_the_crop_is_an_error() -> None:
    with pytest.raises(InputError, match=r'a\.png is 20x10 where CenterCropSeg wants 16x16'):
        CenterCropSeg(16)(sample(10, 20))
