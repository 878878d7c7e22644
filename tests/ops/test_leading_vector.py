"""The leading eigenvector of one matrix: how well it is found, and that its bound never promises too much."""

import math

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from mmseg_primaps.ops import leading_vector as module
from mmseg_primaps.ops.eigen import starting_basis
from mmseg_primaps.ops.leading_vector import Leading, leading_vectors

from .test_eigen import CHANNELS, matrix_of, sine, spectra, spectrum


def approximations(matrix: Tensor, rounds: int, width: int = 12) -> list[Leading]:
    """What is found from the usual start."""
    return list(leading_vectors(matrix[0], starting_basis(CHANNELS, width)[0].T.contiguous(), 1e-15, rounds))


@settings(max_examples=40, deadline=None)
@given(spectra)
def test_the_bound_is_never_too_small(case: tuple[float, float, int]) -> None:
    decay, gap, seed = case
    matrix, leading = matrix_of(spectrum(decay, gap), seed)
    for found in approximations(matrix, 8):
        # The eigenvectors themselves are only known to rounding over gap.
        assert sine(found.vector, leading) <= found.error + 1e-14 / gap


@settings(max_examples=40, deadline=None)
@given(spectra)
def test_the_bound_is_never_too_small_in_single_precision(case: tuple[float, float, int]) -> None:
    decay, gap, seed = case
    matrix, leading = matrix_of(spectrum(decay, gap), seed)
    noise = 2 * torch.finfo(torch.float32).eps * float(matrix[0].trace())
    basis = starting_basis(CHANNELS, 12)[0].T.float()
    for found in leading_vectors(matrix[0].float(), basis, noise, 8):
        assert sine(found.vector.double(), leading) <= found.error + 1e-6


@pytest.mark.parametrize('gap', [0.5, 1e-2, 1e-6])
def test_a_falling_spectrum_is_certified_however_small_the_gap(gap: float) -> None:
    matrix, leading = matrix_of(spectrum(1.5, gap), 0)
    last = approximations(matrix, 20)[-1]
    assert last.error < 1e-7
    assert sine(last.vector, leading) < 1e-7


def test_a_flat_spectrum_needs_the_factorisation(monkeypatch: pytest.MonkeyPatch) -> None:
    values = spectrum(0.1, 0.0)
    values[0] = 1.5
    matrix, _ = matrix_of(values, 0)
    assert approximations(matrix, 30)[-1].error < 1e-4
    monkeypatch.setattr(module, '_cholesky_error', lambda *_: math.inf)
    assert approximations(matrix, 30)[-1].error == math.inf


def test_a_direction_that_the_basis_misses_is_not_certified() -> None:
    """The basis spans eigenvectors 2 to 13, so no residual shows that the first one is missing."""
    values = spectrum(1.0, 1.0)
    vectors = torch.linalg.qr(torch.randn(CHANNELS, CHANNELS, dtype=torch.float64)).Q
    matrix = (vectors * values) @ vectors.T
    assert next(leading_vectors(matrix, vectors[:, 1:13].T.contiguous(), 1e-15, 1)).error == math.inf


def test_it_stops_where_the_residual_falls_into_the_noise() -> None:
    matrix, _ = matrix_of(spectrum(2.0, 1.0), 0)
    basis = starting_basis(CHANNELS, 12)[0].T.contiguous()
    assert len(list(leading_vectors(matrix[0], basis, 1.0, 50))) == 1
    assert 1 < len(list(leading_vectors(matrix[0], basis, 1e-12, 50))) < 50


def test_the_basis_stays_orthonormal_and_ends_with_the_vector() -> None:
    matrix, _ = matrix_of(spectrum(1.0, 0.1), 0)
    for found in approximations(matrix, 5):
        torch.testing.assert_close(found.basis @ found.basis.T, torch.eye(12, dtype=torch.float64), atol=1e-12, rtol=0)
        assert torch.equal(found.basis[-1], found.vector)
