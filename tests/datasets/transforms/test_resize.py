"""Scaling by the shorter side, against torchvision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import resize

from mmseg_primaps.datasets.transforms import ResizeShortSide
from mmseg_primaps.utils import InputError

SIDES = st.integers(5, 70)


def sample(height: int, width: int) -> dict:
    generator = np.random.default_rng(height * 100 + width)
    return {
        'img': generator.integers(0, 256, (height, width, 3), dtype=np.uint8),
        'gt_seg_map': generator.integers(0, 27, (height, width), dtype=np.uint8),
        'mask_proposals': generator.integers(0, 27, (height, width), dtype=np.uint8),
        'seg_fields': ['gt_seg_map', 'mask_proposals'],
        'img_shape': (height, width),
        'ori_shape': (height, width),
    }


@given(SIDES, SIDES, SIDES)
@settings(max_examples=60, deadline=None)
def test_training_pictures_are_torchvisions_on_pillow(height: int, width: int, size: int) -> None:
    before, after = sample(height, width), ResizeShortSide(size)(sample(height, width))
    expected = resize(Image.fromarray(before['img']), size)
    assert np.array_equal(after['img'], np.asarray(expected))
    label = resize(Image.fromarray(before['gt_seg_map']), size, InterpolationMode.NEAREST)
    assert np.array_equal(after['gt_seg_map'], np.asarray(label))
    assert after['img_shape'] == after['img'].shape[:2] == after['mask_proposals'].shape


@given(SIDES, SIDES, SIDES)
@settings(max_examples=60, deadline=None)
def test_evaluation_pictures_are_torchvisions_on_tensors(height: int, width: int, size: int) -> None:
    before, after = sample(height, width), ResizeShortSide(size, antialias=False)(sample(height, width))
    tensor = torch.from_numpy(before['img']).permute(2, 0, 1).float()
    expected = resize(tensor, size, antialias=False).permute(1, 2, 0)
    assert after['img'].dtype == np.float32
    assert np.allclose(after['img'], expected, atol=2e-4)
    label = resize(torch.from_numpy(before['gt_seg_map'])[None], size, InterpolationMode.NEAREST)[0]
    assert np.array_equal(after['gt_seg_map'], label)


def test_nearest_takes_the_pixels_that_pillow_takes() -> None:
    before, after = sample(50, 70), ResizeShortSide(20, 'nearest')(sample(50, 70))
    assert np.array_equal(
        after['img'], np.asarray(resize(Image.fromarray(before['img']), 20, InterpolationMode.NEAREST))
    )


def test_the_two_nearest_rules_differ() -> None:
    pillow, tensor = ResizeShortSide(20)(sample(64, 64)), ResizeShortSide(20, antialias=False)(sample(64, 64))
    assert (pillow['gt_seg_map'] != tensor['gt_seg_map']).any()


def test_the_longer_side_is_cut_to_a_whole_number() -> None:
    after = ResizeShortSide(320)(sample(360, 480))
    assert after['img_shape'] == (320, 426)
    assert after['scale_factor'] == (426 / 480, 320 / 360)


def test_no_class_is_invented() -> None:
    before, after = sample(33, 47), ResizeShortSide(80)(sample(33, 47))
    assert set(np.unique(after['gt_seg_map'])) <= set(np.unique(before['gt_seg_map']))


@pytest.mark.parametrize('options', [{'size': 0}, {'size': 8, 'interpolation': 'cubic'}])
def test_options_without_sense_are_errors(options: dict) -> None:
    with pytest.raises(InputError, match='ResizeShortSide'):
        ResizeShortSide(**options)


def test_floats_are_not_rounded_in_silence() -> None:
    results = sample(20, 20)
    results['img'] = results['img'].astype(np.float32)
    with pytest.raises(InputError, match='8-bit'):
        ResizeShortSide(10)(results)
