"""Leading eigenvectors of a batch: how well they are found, and that their bounds never promise too much."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops.eigen import (
    approximate,
    cholesky_error,
    decompose,
    frobenius_error,
    orthonormalise,
    starting_basis,
    subspace_iteration,
)

CHANNELS = 90
spectra = st.tuples(st.floats(0.0, 3.0), st.sampled_from([0.5, 1e-1, 1e-3, 1e-6, 1e-9]), st.integers(0, 1000))


def matrix_of(values: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Matrix `[1, C, C]` with these eigenvalues and its leading eigenvector `[C]`."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.linalg.qr(torch.randn(len(values), len(values), generator=generator, dtype=torch.float64)).Q
    return ((vectors * values) @ vectors.T)[None], vectors[:, 0]


def spectrum(decay: float, gap: float) -> Tensor:
    """Falling power law whose two largest values are a relative gap apart."""
    values = torch.arange(1, CHANNELS + 1, dtype=torch.float64) ** -decay
    values[0] = values[1] * (1 + gap)
    return values


def sine(first: Tensor, second: Tensor) -> float:
    """Sine of the angle between two lines."""
    return float((first - second * (first @ second)).norm())


@settings(max_examples=40, deadline=None)
@given(spectra)
def test_the_bound_is_never_too_small(case: tuple[float, float, int]) -> None:
    decay, gap, seed = case
    matrix, leading = matrix_of(spectrum(decay, gap), seed)
    for rounds in range(1, 9):
        ritz, error = approximate(matrix, starting_basis(CHANNELS, 16), torch.tensor([1e-15]), rounds)
        # The eigenvectors themselves are only known to rounding over gap.
        assert sine(ritz.vectors[0, :, -1], leading) <= float(error) + 1e-14 / gap


@pytest.mark.parametrize('gap', [0.5, 1e-2, 1e-6])
def test_a_falling_spectrum_is_certified_however_small_the_gap(gap: float) -> None:
    matrix, leading = matrix_of(spectrum(1.5, gap), 0)
    ritz, error = approximate(matrix, starting_basis(CHANNELS, 16), torch.tensor([1e-15]), 20)
    assert error < 1e-7
    assert sine(ritz.vectors[0, :, -1], leading) < 1e-7


def test_a_flat_spectrum_needs_the_factorisation() -> None:
    values = spectrum(0.1, 0.0)
    values[0] = 1.5
    matrix, _ = matrix_of(values, 0)
    noise = torch.tensor([1e-15])
    *_, ritz = subspace_iteration(matrix, starting_basis(CHANNELS, 16), 30)
    assert frobenius_error(ritz, matrix.square().sum((1, 2)), noise).isinf().all()
    assert cholesky_error(ritz, matrix, noise) < 1e-4
    _, error = approximate(matrix, starting_basis(CHANNELS, 16), noise, 30)
    assert error < 1e-4


def test_a_direction_that_the_basis_misses_is_not_certified() -> None:
    """The basis spans eigenvectors 2 to 17, so no residual shows that the first one is missing."""
    values = spectrum(1.0, 1.0)
    vectors = torch.linalg.qr(torch.randn(CHANNELS, CHANNELS, dtype=torch.float64)).Q
    matrix = ((vectors * values) @ vectors.T)[None]
    ritz = next(subspace_iteration(matrix, vectors[None, :, 1:17], 1))
    assert ritz.lost.max() < 1e-20
    noise = torch.tensor([1e-15])
    assert frobenius_error(ritz, matrix.square().sum((1, 2)), noise).isinf().all()
    assert cholesky_error(ritz, matrix, noise).isinf().all()


def test_a_batch_is_certified_like_single_matrices() -> None:
    matrices = torch.cat([matrix_of(spectrum(decay, 0.1), 0)[0] for decay in (0.1, 1.0, 2.0)])
    together, error = approximate(matrices, starting_basis(CHANNELS, 16), torch.full((3,), 1e-15), 8)
    for index, matrix in enumerate(matrices):
        leading, _ = decompose(matrix[None], torch.zeros(1))
        assert sine(together.vectors[index, :, -1], leading[0]) <= error[index] + 1e-12
    assert error[2] < 1e-6


def test_decomposition_tells_how_sure_it_is() -> None:
    matrix, leading = matrix_of(spectrum(1.0, 1e-3), 0)
    vector, error = decompose(matrix, torch.tensor([1e-8], dtype=torch.float64))
    assert sine(vector[0], leading) < 1e-9
    # Gap: one thousandth of one half.
    torch.testing.assert_close(error, torch.tensor([2e-5], dtype=torch.float64), rtol=1e-3, atol=0)
    assert decompose(matrix, torch.tensor([1.0]))[1].isinf().all()


def test_the_starting_basis_is_always_the_same() -> None:
    first = starting_basis(40, 8).clone()
    torch.manual_seed(5)
    starting_basis.cache_clear()
    assert torch.equal(starting_basis(40, 8), first)


@pytest.mark.parametrize('batch', [1, 3])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_orthonormal_columns_span_the_same_space(batch: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(batch, 50, 6, generator=generator, dtype=dtype) * 10.0 ** torch.arange(-3, 3)
    basis = orthonormalise(vectors.to(dtype))
    tolerance = 1e-4 if dtype == torch.float32 else 1e-10
    torch.testing.assert_close(basis.mT @ basis, torch.eye(6, dtype=dtype).expand(batch, 6, 6), atol=tolerance, rtol=0)
    kept = basis @ (basis.mT @ vectors.to(dtype))
    torch.testing.assert_close(kept, vectors.to(dtype), atol=tolerance * 1e3, rtol=tolerance)


def test_columns_that_depend_on_each_other_do_no_harm_in_a_batch() -> None:
    vectors = torch.randn(2, 30, 5, generator=torch.Generator().manual_seed(0))
    vectors[0, :, 3:] = 0
    vectors[1, :, 4] = vectors[1, :, 0]
    basis = orthonormalise(vectors)
    assert basis.isfinite().all()
    assert torch.linalg.matrix_norm(basis, 2).max() < 1.01
