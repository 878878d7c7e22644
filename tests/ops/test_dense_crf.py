"""The dense CRF is the published one (pydensecrf's), whatever the batch, and refuses what does not fit."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops import dense_crf
from mmseg_primaps.ops.dense_crf import _groups
from mmseg_primaps.ops.permutohedral import PermutohedralLattice

GOLDEN_CASES = ['0', '1', '2', '27']


def draw(labels: int, height: int, width: int, images: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Smooth probabilities and pictures with a few flat areas and some noise."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(images, labels, 4, 4, generator=generator)
    probabilities = F.interpolate(logits, (height, width), mode='bilinear').softmax(1)
    coarse = 255 * torch.rand(images, 3, 3, 3, generator=generator)
    noise = 8 * torch.randn(images, 3, height, width, generator=generator)
    pictures = F.interpolate(coarse, (height, width)) + noise
    return probabilities, pictures.clamp(0, 255).to(torch.uint8)


def golden_case(golden: dict[str, np.ndarray], name: str) -> tuple[Tensor, Tensor, np.ndarray, np.ndarray]:
    """Probabilities and picture as they entered the published CRF, its argmax and its Q at every 8th pixel."""
    if name == '27':
        logits, prefix, suffix, image = torch.from_numpy(golden['crf27_logits']).log_softmax(0), 'crf27', '', '0'
    else:
        logits, prefix, suffix, image = torch.from_numpy(golden[f'mask_stack_{name}']).log(), 'crf', f'_{name}', name
    probabilities = F.interpolate(logits[None], (320, 320), mode='bilinear', align_corners=False).softmax(1)
    picture = torch.from_numpy(golden[f'crf_image_{image}'])[None]
    return probabilities, picture, golden[f'{prefix}_argmax{suffix}'], golden[f'{prefix}_q{suffix}']


@pytest.mark.parametrize('case', GOLDEN_CASES)
def test_equals_the_published_result(golden: dict[str, np.ndarray], case: str) -> None:
    probabilities, picture, labels, marginals = golden_case(golden, case)
    result = dense_crf(probabilities, picture)[0].numpy()
    assert (result.argmax(0) == labels).mean() >= 0.9999
    assert np.abs(result[:, ::8, ::8] - marginals).max() < 1e-3


@pytest.mark.parametrize('case', ['1', '27'])
def test_convolution_is_nearly_the_published_result(golden: dict[str, np.ndarray], case: str) -> None:
    probabilities, picture, labels, marginals = golden_case(golden, case)
    result = dense_crf(probabilities, picture, gaussian='conv')[0].numpy()
    assert (result.argmax(0) == labels).mean() >= 0.995
    assert np.abs(result[:, ::8, ::8] - marginals).mean() < 1e-3


def one_hot(labels: int, height: int, width: int) -> Tensor:
    index = torch.randint(labels, (1, height, width), generator=torch.Generator().manual_seed(1))
    return F.one_hot(index, labels).permute(0, 3, 1, 2).float()


ODD_CASES = {
    'odd sizes': draw(5, 31, 37),
    'other odd sizes': draw(12, 33, 41, seed=1),
    'two labels': draw(2, 40, 24, seed=2),
    'more labels than are filtered at once': draw(40, 24, 32, seed=3),
    'black image': (draw(4, 32, 32)[0], torch.zeros(1, 3, 32, 32, dtype=torch.uint8)),
    'noise': (
        draw(4, 32, 36)[0],
        torch.randint(0, 256, (1, 3, 32, 36), generator=torch.Generator().manual_seed(0), dtype=torch.uint8),
    ),
    'one-hot probabilities': (one_hot(3, 28, 32), draw(3, 28, 32)[1]),
    'a single row': draw(3, 1, 48),
}


@pytest.mark.parametrize('case', ODD_CASES)
@pytest.mark.parametrize(
    'weights', [{}, {'iterations': 3, 'gaussian_sxy': 2, 'bilateral_sxy': 20, 'bilateral_srgb': 9}]
)
def test_equals_pydensecrf(case: str, weights: dict[str, float]) -> None:
    densecrf = pytest.importorskip('pydensecrf.densecrf', reason='pydensecrf is optional: it needs a compiler')
    probabilities, picture = ODD_CASES[case]
    labels, height, width = probabilities.shape[1:]
    option = {'iterations': 10, 'gaussian_sxy': 1, 'bilateral_sxy': 67, 'bilateral_srgb': 3} | weights
    oracle = densecrf.DenseCRF2D(width, height, labels)
    oracle.setUnaryEnergy(np.ascontiguousarray(-probabilities[0].clip(1e-5, 1).log().flatten(1).numpy()))
    oracle.addPairwiseGaussian(sxy=option['gaussian_sxy'], compat=3)
    blue_first = np.ascontiguousarray(picture[0].flip(0).permute(1, 2, 0).numpy())
    colours = {'srgb': option['bilateral_srgb'], 'rgbim': blue_first}
    oracle.addPairwiseBilateral(sxy=option['bilateral_sxy'], compat=4, **colours)
    expected = np.array(oracle.inference(option['iterations'])).reshape(labels, height, width)
    result = dense_crf(probabilities, picture, **weights)[0].numpy()
    assert np.abs(result - expected).max() < 1e-3
    assert (result.argmax(0) == expected.argmax(0)).mean() >= 0.9999


def test_updates_are_those_of_the_mean_field() -> None:
    """Written out with dense matrices in float64: the lattice applied to every unit vector."""
    (probabilities, picture), weight = draw(3, 6, 7), {'bilateral_sxy': 5, 'bilateral_srgb': 20}
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing='ij')
    position, colour = torch.stack([x, y]).flatten(1), picture[0].flip(0).float().flatten(1)
    kernels = 0
    for strength, features in ((3, position), (4, torch.cat([position / 5, colour / 20]))):
        matrix = PermutohedralLattice(features, [15] * len(features))(torch.eye(42)).double()
        scale = matrix.sum(1).rsqrt()
        kernels = kernels + strength * scale[:, None] * matrix * scale
    unary = probabilities[0].flatten(1).T.double().log()
    marginals = unary.softmax(1)
    for _ in range(4):
        marginals = (unary + kernels @ marginals).softmax(1)
    result = dense_crf(probabilities, picture, iterations=4, **weight)[0].flatten(1).T
    torch.testing.assert_close(result.double(), marginals, rtol=0, atol=1e-5)


@given(
    labels=st.integers(1, 20),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    seed=st.integers(0, 2**16),
    gaussian=st.sampled_from(['lattice', 'conv']),
)
@settings(max_examples=25, deadline=None)
def test_marginals_sum_to_one(labels: int, height: int, width: int, seed: int, gaussian: str) -> None:
    result = dense_crf(*draw(labels, height, width, seed=seed), gaussian=gaussian)
    assert (result >= 0).all()
    torch.testing.assert_close(result.sum(1), torch.ones(1, height, width), rtol=0, atol=1e-5)


@given(order=st.permutations(range(6)), seed=st.integers(0, 2**16))
@settings(max_examples=10, deadline=None)
def test_permuted_labels_give_permuted_marginals(order: list[int], seed: int) -> None:
    probabilities, picture = draw(6, 14, 17, seed=seed)
    expected = dense_crf(probabilities, picture)[:, order]
    # Ten iterations amplify the rounding of sums in another order where a pixel is undecided.
    torch.testing.assert_close(dense_crf(probabilities[:, order], picture), expected, rtol=0, atol=1e-3)


@given(order=st.permutations(range(3)), seed=st.integers(0, 2**16), chunk=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
@pytest.mark.parametrize('gaussian', ['lattice', 'conv'])
def test_batch_gives_each_image_what_it_gets_alone(gaussian: str, order: list[int], seed: int, chunk: int) -> None:
    """Bit for bit, whatever the order and the number of images that share a lattice."""
    probabilities, pictures = draw(4, 13, 18, images=3, seed=seed)
    alone = torch.cat([dense_crf(probabilities[i : i + 1], pictures[i : i + 1], gaussian=gaussian) for i in order])
    assert torch.equal(dense_crf(probabilities[order], pictures[order], gaussian=gaussian, chunk=chunk), alone)


@pytest.mark.parametrize('longest_bag', [1, 16, 256])
@pytest.mark.parametrize('flat', [True, False])
def test_cutting_long_bags_changes_nothing_but_rounding(flat: bool, longest_bag: int) -> None:
    """As on a GPU: images share a lattice, and long sums are added in pieces."""
    probabilities, pictures = draw(4, 32, 40, images=3)
    pictures *= not flat
    result = dense_crf(probabilities, pictures, chunk=2, longest_bag=longest_bag)
    torch.testing.assert_close(result, dense_crf(probabilities, pictures), rtol=0, atol=1e-4)


@pytest.mark.parametrize('chunk', [1, 2])
def test_labels_that_are_not_valid_are_as_if_left_out(chunk: int) -> None:
    probabilities, pictures = draw(5, 17, 22, images=2)
    valid = torch.tensor([[True, False, True, True, False], [True, True, True, False, False]])
    result = dense_crf(probabilities, pictures, valid=valid, chunk=chunk)
    for i in range(2):
        alone = dense_crf(probabilities[i : i + 1, valid[i]], pictures[i : i + 1])
        torch.testing.assert_close(result[i : i + 1, valid[i]], alone, rtol=0, atol=1e-5)
        assert not result[i, ~valid[i]].any()


def test_a_label_that_is_not_valid_may_hold_anything() -> None:
    probabilities, pictures = draw(4, 9, 8, images=2)
    valid = torch.tensor([[True, False, True, False]] * 2)
    expected = dense_crf(probabilities, pictures, valid=valid)
    probabilities[:, [1, 3]] = float('nan')
    assert torch.equal(dense_crf(probabilities, pictures, valid=valid), expected)


def test_result_does_not_depend_on_the_number_of_workers() -> None:
    probabilities, pictures = draw(4, 24, 31, images=5)
    expected = dense_crf(probabilities, pictures, workers=1)
    torch.set_num_threads(2)
    for workers in (None, 2, 7):
        assert torch.equal(dense_crf(probabilities, pictures, workers=workers), expected)
        assert torch.get_num_threads() == 2


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system does not fork')
def test_workers_start_anew_in_a_forked_process() -> None:
    probabilities, pictures = draw(3, 9, 10, images=2)
    dense_crf(probabilities, pictures, workers=2)
    with ProcessPoolExecutor(1, mp_context=get_context('fork')) as child:
        result = child.submit(dense_crf, probabilities, pictures, workers=2).result(timeout=60)
    assert torch.equal(result, dense_crf(probabilities, pictures, workers=1))


def test_no_iteration_gives_the_normalised_unary() -> None:
    probabilities, picture = torch.tensor([0.0, 0.5, 2.0]).view(1, 3, 1, 1), torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    expected = torch.tensor([1e-5, 0.5, 1]) / 1.50001
    torch.testing.assert_close(dense_crf(probabilities, picture, iterations=0).flatten(), expected)


def test_edges_of_the_picture_move_the_masks() -> None:
    """Half a picture is black, half is white, and the masks miss the edge by four pixels."""
    picture = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    picture[..., 16:] = 255
    probabilities = torch.full((1, 2, 32, 32), 0.3)
    probabilities[:, 0, :, :20] = 0.7
    probabilities[:, 1, :, 20:] = 0.7
    labels = dense_crf(probabilities, picture).argmax(1)
    assert torch.equal(labels, (torch.arange(32) >= 16).long().expand(1, 32, 32))


@pytest.mark.parametrize('dtype', [torch.float64, torch.float16, torch.bfloat16])
def test_result_has_the_type_of_the_input_and_the_arithmetic_of_float32(dtype: torch.dtype) -> None:
    probabilities, picture = draw(3, 12, 15)
    probabilities = probabilities.to(dtype)
    result = dense_crf(probabilities, picture)
    assert result.dtype == dtype
    assert torch.equal(result, dense_crf(probabilities.float(), picture).to(dtype))


def test_needs_no_gradient_and_changes_no_input() -> None:
    probabilities, picture = draw(3, 10, 11)
    before = probabilities.clone()
    result = dense_crf(probabilities.requires_grad_(), picture)
    assert not result.requires_grad
    assert torch.equal(probabilities, before)
    assert dense_crf(probabilities[:0], picture[:0]).shape == (0, 3, 10, 11)


def test_runs_in_inference_mode_and_afterwards_without() -> None:
    """Whatever is cached or handed to other threads."""
    probabilities, pictures = draw(3, 8, 13, images=2)
    with torch.inference_mode():
        inside = dense_crf(probabilities.clone(), pictures.clone(), workers=2)
    assert torch.equal(dense_crf(probabilities.requires_grad_(), pictures, workers=1), inside)


def test_any_layout_of_the_input_gives_the_same_result() -> None:
    probabilities, pictures = draw(5, 9, 8, images=2)
    expected = dense_crf(probabilities, pictures)
    layouts = [probabilities.contiguous(memory_format=torch.channels_last), probabilities.mT.contiguous().mT]
    for layout in layouts:
        assert not layout.is_contiguous()
        assert torch.equal(dense_crf(layout, pictures), expected)


def test_labels_are_filtered_in_equal_groups_that_fit_the_memory() -> None:
    cpu = torch.device('cpu')
    assert _groups(12, 60_000, cpu) == [12]
    assert _groups(27, 60_000, cpu) == [27]
    assert _groups(49, 60_000, cpu) == [24, 25]
    assert sum(_groups(27, 600_000, cpu)) == 27
    assert max(_groups(27, 600_000, cpu)) * 600_000 * 4 <= 31 << 20
    assert _groups(3, 10**9, cpu) == [1, 1, 1]
    assert _groups(27, 600_000, torch.device('cuda')) == [27]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'probabilities': torch.rand(3, 8, 8)}, r'\[B, L, H, W\]'),
        ({'probabilities': torch.rand(1, 0, 8, 8)}, r'\[B, L, H, W\]'),
        ({'probabilities': torch.ones(1, 3, 8, 8, dtype=torch.long)}, 'floating point'),
        ({'images': torch.rand(1, 3, 8, 8)}, 'uint8'),
        ({'images': torch.zeros(1, 3, 8, 9, dtype=torch.uint8)}, r'\[1, 3, 8, 8\]'),
        ({'images': torch.zeros(1, 1, 8, 8, dtype=torch.uint8)}, r'\[1, 3, 8, 8\]'),
        ({'images': torch.zeros(1, 3, 8, 8, dtype=torch.uint8, device='meta')}, 'meta'),
        ({'valid': torch.ones(1, 2, dtype=torch.bool)}, 'valid'),
        ({'valid': torch.ones(1, 3)}, 'valid'),
        ({'gaussian': 'box'}, 'gaussian'),
        ({'iterations': -1}, 'iterations'),
        ({'bilateral_srgb': 0}, 'positive'),
        ({'bilateral_sxy': 1e-6, 'bilateral_srgb': 1e-6}, 'too many vertices'),
    ],
)
def test_refuses_what_does_not_fit(change: dict[str, object], message: str) -> None:
    probabilities, picture = draw(3, 8, 8)
    arguments = {'probabilities': probabilities, 'images': picture} | change
    with pytest.raises(ValueError, match=message):
        dense_crf(**arguments)
