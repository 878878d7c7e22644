"""Principal masks: the published loop, exact and fast."""

import importlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops import principal_masks
from mmseg_primaps.ops.batch_partition import partition_batch
from mmseg_primaps.ops.reference import reference_principal_masks
from mmseg_primaps.ops.seeds import MaskRule

module = importlib.import_module('mmseg_primaps.ops.principal_masks')
seeds = st.integers(0, 10_000)
channel_counts = st.sampled_from([3, 20, 80, 130])


def regions(channels: int, side: int, seed: int, noise: float = 0.3) -> Tensor:
    """Features of a few smooth regions with noise, `[C, side, side]`."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, channels, 4, 4, generator=generator) + 0.5
    smooth = torch.nn.functional.interpolate(coarse, (side, side), mode='bilinear', align_corners=True)[0]
    return smooth + noise * torch.randn(channels, side, side, generator=generator)


def with_spectrum(values: Tensor, side: int, seed: int) -> Tensor:
    """Features `[C, side, side]` whose scatter matrix has exactly these eigenvalues, and a mean."""
    generator = torch.Generator().manual_seed(seed)
    count, channels = side * side, len(values)
    pixels = torch.randn(count, channels, generator=generator, dtype=torch.float64)
    left = torch.linalg.qr(pixels - pixels.mean(0)).Q
    right = torch.linalg.qr(torch.randn(channels, channels, generator=generator, dtype=torch.float64)).Q
    mean = torch.randn(channels, generator=generator, dtype=torch.float64)
    mean *= 0.3 * (values.sum() / count).sqrt() / mean.norm()
    return ((left * values.sqrt()) @ right.T + mean).T.reshape(channels, side, side)


def padded_equal(masks: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    """The masks of one image are the expected ones, with nothing but padding after them."""
    torch.testing.assert_close(masks[: len(expected)], expected.to(masks), atol=tolerance, rtol=0)
    assert not masks[len(expected) :].any()


@pytest.mark.parametrize('index', [0, 1, 2])
def test_masks_are_the_published_ones(golden: dict[str, np.ndarray], index: int) -> None:
    features = torch.from_numpy(golden[f'features_{index}'])
    padded_equal(principal_masks(features[None])[0], reference_principal_masks(features.float(), exact=True))


@pytest.mark.parametrize('index', [0, 1, 2])
def test_masks_enter_the_crf_as_the_published_ones_do(golden: dict[str, np.ndarray], index: int) -> None:
    masks = principal_masks(torch.from_numpy(golden[f'features_{index}'])[None])[0]
    stack = torch.from_numpy(golden[f'mask_stack_{index}'])
    assert len(masks) == len(stack) - 1
    # Apart from the median filter a pixel belongs to the mask that has the largest share, or to none.
    agree = (torch.cat([(~masks.any(0))[None], masks > 0]).float().argmax(0) == stack.argmax(0)).float().mean()
    assert agree > 0.8


def test_a_batch_gives_each_image_what_it_gets_alone(golden: dict[str, np.ndarray]) -> None:
    features = torch.stack([torch.from_numpy(golden[f'features_{index}']) for index in range(3)])
    together = principal_masks(features)
    for image, masks in zip(features, together, strict=True):
        padded_equal(masks, principal_masks(image[None])[0])


def test_threads_do_not_change_the_masks() -> None:
    images = torch.stack([regions(80, 12, seed) for seed in range(5)])
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(principal_masks(images, workers=3), principal_masks(images))


@pytest.mark.parametrize('channels', [20, 130])
@pytest.mark.parametrize('orientation', ['minority', 'majority', 'strongest'])
def test_images_that_advance_together_get_what_they_get_alone(channels: int, orientation: str) -> None:
    images = torch.stack([regions(channels, 12, seed) for seed in range(5)])
    rule = MaskRule(0.4, orientation, True)
    for image, masks in zip(images, partition_batch(module._prepare(images), rule, 0.95, 254), strict=True):
        padded_equal(masks.view(-1, 12, 12).float(), principal_masks(image[None], orientation=orientation)[0])


@settings(max_examples=25, deadline=None)
@given(seeds, channel_counts, st.sampled_from(['minority', 'majority', 'strongest']), st.booleans())
def test_masks_equal_the_plain_loop(seed: int, channels: int, orientation: str, nearest: bool) -> None:
    features = regions(channels, 12, seed)
    expected = reference_principal_masks(features, 0.4, 0.95, orientation, nearest, exact=True)
    masks = principal_masks(features[None], 0.4, 0.95, orientation, nearest)[0]
    padded_equal(masks, expected[expected.isfinite().flatten(1).all(1)], 1e-5 if nearest else 1e-3)


@pytest.mark.parametrize('gap', [1e-2, 1e-5, 1e-9])
@pytest.mark.parametrize('decay', [0.0, 0.5, 1.5])
def test_masks_stay_exact_where_the_largest_eigenvalues_nearly_coincide(gap: float, decay: float) -> None:
    values = torch.arange(1, 101, dtype=torch.float64) ** -decay
    values[0] = values[1] * (1 + gap)
    features = with_spectrum(values, 12, 3)
    expected = reference_principal_masks(features, exact=True)
    assert len(expected) > 3
    padded_equal(principal_masks(features[None], max_masks=12)[0], expected[:12])


def test_equal_eigenvalues_still_give_masks() -> None:
    """Nothing can certify a direction that is not defined: the full decomposition has the last word."""
    values = torch.ones(100, dtype=torch.float64)
    masks = principal_masks(with_spectrum(values, 12, 3)[None], max_masks=3)
    assert masks.shape[1] == 3
    assert (masks > 0).flatten(2).any(2).all()


@pytest.mark.parametrize('decay', [0.0, 0.5])
def test_masks_stay_exact_in_single_precision(decay: float) -> None:
    values = torch.arange(1, 101, dtype=torch.float64) ** -decay
    values[0] = values[1] * (1 + 1e-5)
    features = with_spectrum(values, 12, 5).float()
    expected = reference_principal_masks(features, exact=True)
    padded_equal(principal_masks(features[None], max_masks=6)[0], expected[:6])


def test_images_in_doubt_are_repeated_alone() -> None:
    values = torch.arange(1, 101, dtype=torch.float64) ** -1.0
    values[0] = values[1] * (1 + 1e-6)
    images = torch.stack([with_spectrum(values, 12, seed).float() for seed in (7, 8)])
    rule = MaskRule(0.4, 'minority', True)
    for image, masks in zip(images, partition_batch(module._prepare(images), rule, 0.95, 5), strict=True):
        padded_equal(masks.view(-1, 12, 12), reference_principal_masks(image, exact=True)[:5])


@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(0.2, 0.8), st.floats(0.3, 1.0))
def test_masks_are_disjoint_and_cover_what_was_asked(seed: int, threshold: float, coverage: float) -> None:
    masks = principal_masks(regions(80, 10, seed)[None], threshold, coverage)[0]
    taken = masks > 0
    assert taken.sum(0).max() <= 1
    assert masks[taken].min() >= threshold
    assert (masks.flatten(1).amax(1) == 1).all()
    assert int(taken[:-1].sum()) / 100 < coverage <= int(taken.sum()) / 100


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(-90, 90), channel_counts)
def test_the_scale_of_the_features_does_not_matter(seed: int, exponent: int, channels: int) -> None:
    features = regions(channels, 10, seed)[None]
    scaled = principal_masks(features * 2.0**exponent)
    torch.testing.assert_close(scaled, principal_masks(features), atol=1e-6, rtol=0)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_turning_or_negating_the_feature_space_changes_nothing(seed: int) -> None:
    features = regions(80, 10, seed).double()
    rotation = torch.linalg.qr(torch.randn(80, 80, dtype=torch.float64, generator=torch.Generator().manual_seed(1))).Q
    turned = torch.einsum('dc,chw->dhw', -rotation, features)
    torch.testing.assert_close(principal_masks(turned[None]), principal_masks(features[None]), atol=1e-9, rtol=0)


def test_the_orientation_decides_which_side_is_taken_first() -> None:
    """Nine tenths of the pixels share one direction: the minority's first mask is the other tenth."""
    features = torch.zeros(80, 10, 10)
    features[0], features[0, 0] = 1, 0
    features[1, 0] = 1
    features += 0.01 * torch.randn(80, 10, 10, generator=torch.Generator().manual_seed(0))
    assert (principal_masks(features[None], orientation='minority')[0, 0] > 0).sum() == 10
    assert (principal_masks(features[None], orientation='majority')[0, 0] > 0).sum() == 90


def test_an_image_of_one_colour_is_one_mask() -> None:
    masks = principal_masks(torch.full((1, 80, 6, 7), 3.0))
    assert masks.shape == (1, 1, 6, 7)
    torch.testing.assert_close(masks, torch.ones_like(masks))


def test_features_without_length_belong_to_no_mask() -> None:
    features = regions(80, 10, 0)
    features[:, 2, 3] = 0
    assert not principal_masks(features[None])[0, :, 2, 3].any()
    assert principal_masks(torch.zeros(2, 80, 5, 5)).shape == (2, 0, 5, 5)


@pytest.mark.parametrize('channels', [8, 80])
def test_the_search_ends_where_no_cosine_is_positive(channels: int) -> None:
    """One feature and its opposite: once one side is taken, whatever is nearest to the other is not like it."""
    features = torch.ones(1, channels, 4, 4)
    features[..., :2] *= -1
    masks = principal_masks(features)
    assert 1 <= masks.shape[1] <= 2
    assert masks.isfinite().all()


def test_no_more_masks_than_an_8_bit_map_can_name() -> None:
    features = torch.randn(1, 80, 17, 17, generator=torch.Generator().manual_seed(0))
    assert principal_masks(features).shape[1] == 254
    assert principal_masks(features, max_masks=3).shape[1] == 3


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_masks_have_at_least_single_precision(dtype: torch.dtype) -> None:
    masks = principal_masks(regions(80, 8, 0)[None].to(dtype))
    assert masks.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_autocast_and_gradients_leave_the_masks_alone() -> None:
    features = regions(80, 10, 0)[None].requires_grad_()
    expected = principal_masks(features)
    precision = torch.get_float32_matmul_precision()
    with torch.autocast('cpu', torch.bfloat16):
        masks = principal_masks(features)
    assert torch.equal(masks, expected)
    assert not masks.requires_grad
    assert not masks.is_inference()
    assert torch.get_float32_matmul_precision() == precision


def test_features_are_not_changed() -> None:
    features = regions(80, 10, 0)[None]
    before = features.clone()
    principal_masks(features)
    assert torch.equal(features, before)


@pytest.mark.parametrize(
    ('features', 'options', 'message'),
    [
        (torch.full((1, 3, 4, 4), float('nan')), {}, 'finite'),
        (torch.full((1, 3, 4, 4), float('inf')), {}, 'finite'),
        (torch.ones(3, 4, 4), {}, 'B, C, h, w'),
        (torch.ones(1, 3, 0, 4), {}, 'B, C, h, w'),
        (torch.ones(1, 3, 4, 4, dtype=torch.long), {}, 'B, C, h, w'),
        (torch.ones(1, 3, 4, 4), {'orientation': 'left'}, 'orientation'),
        (torch.ones(1, 3, 4, 4), {'threshold': 0.0}, 'threshold'),
        (torch.ones(1, 3, 4, 4), {'coverage': 1.5}, 'coverage'),
        (torch.ones(1, 3, 4, 4), {'max_masks': 0}, 'max_masks'),
    ],
)
def test_wrong_input_is_named(features: Tensor, options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        principal_masks(features, **options)
