"""Leading eigenvectors of a batch of scatter matrices, with proven bounds on their errors; of one: `leading_vector`.

A full decomposition costs many times what one vector needs, and plain power iterations do not converge where the two
largest eigenvalues are close. Here a block of vectors is iterated (its width, not the gap, decides the speed) and the
Rayleigh-Ritz step separates close eigenvalues inside it. What was not captured by the block is bounded by the Frobenius
norm that is left, or by a Cholesky factorisation, so that the result is certified instead of hoped for.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class Ritz(NamedTuple):
    """Rayleigh-Ritz approximation of the largest eigenpairs, in ascending order: the leading pair is the last."""

    values: Tensor
    """`[B, b]` eigenvalues, each at most the true one."""
    vectors: Tensor
    """`[B, C, b]` orthonormal."""
    lost: Tensor
    """`[B, b]` squared lengths of the residuals, `matrix @ vectors - vectors * values`."""


def decompose(matrix: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Leading eigenvector of symmetric `[B, C, C]` by full decomposition: `[B, C]`, and its error bound `[B]`."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors[..., -1], _angle(noise, values[:, -1] - values[:, -2] - noise)


@lru_cache(maxsize=8)
def starting_basis(channels: int, width: int) -> Tensor:
    """Random orthonormal `[1, C, b]` in float64 on the CPU, always the same."""
    drawn = torch.randn(1, channels, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.linalg.qr(drawn).Q


def orthonormalise(vectors: Tensor) -> Tensor:
    """Orthonormal basis of the columns of `[B, C, b]`.

    Two Cholesky factorisations of the Gram matrix of the scaled columns, lifted by its rounding error so that they
    cannot break down: batched on every device, without host synchronisation.
    """
    info = torch.finfo(vectors.dtype)
    for _ in range(2):
        vectors = vectors / torch.linalg.vector_norm(vectors, dim=-2, keepdim=True).clamp(min=info.tiny)
        gram = vectors.mT @ vectors
        gram.diagonal(dim1=-2, dim2=-1).add_(4 * info.eps * gram.shape[-1])
        factor = torch.linalg.cholesky_ex(gram).L
        vectors = torch.linalg.solve_triangular(factor, vectors.mT, upper=False).mT
    return vectors


def subspace_iteration(matrix: Tensor, basis: Tensor, rounds: int) -> Iterator[Ritz]:
    """Better and better approximations of the leading eigenpairs, one for each round.

    The error of the leading vector falls by the ratio of eigenvalue number b + 1 to the first in every round, however
    close the first two are. Started from the vectors of a similar matrix one round is often enough.

    Args:
        matrix: Symmetric positive semi-definite, `[B, C, C]`.
        basis: Where to start, `[B or 1, C, b]`.
        rounds: How many approximations to give.
    """
    images = torch.bmm(matrix, torch.bmm(matrix, basis.expand(len(matrix), -1, -1)))
    for _ in range(rounds):
        basis = orthonormalise(images)
        images = torch.bmm(matrix, basis)
        values, rotation = torch.linalg.eigh(torch.bmm(basis.mT, images))
        vectors, images = torch.bmm(basis, rotation), torch.bmm(images, rotation)
        residuals = torch.addcmul(images, vectors, values[:, None], value=-1)
        yield Ritz(values, vectors, residuals.square_().sum(1))


def approximate(matrix: Tensor, basis: Tensor, noise: Tensor, rounds: int) -> tuple[Ritz, Tensor]:
    """Approximation of the leading eigenpairs with a bound on the error of the leading vector.

    Args:
        matrix: Symmetric positive semi-definite, `[B, C, C]`.
        basis: Where to start, `[B or 1, C, b]`.
        noise: Spectral norm of the error of the matrix itself (rounding), `[B]`.
        rounds: How many rounds of iteration.

    Returns:
        The approximation, and a bound on the sine of the angle to the true eigenvector `[B]`: infinite if unknown.
    """
    *_, ritz = subspace_iteration(matrix, basis, rounds)
    energy = torch.linalg.vector_norm(matrix, dim=(1, 2)).square_()
    return ritz, torch.minimum(frobenius_error(ritz, energy, noise), cholesky_error(ritz, matrix, noise))


def frobenius_error(ritz: Ritz, energy: Tensor, noise: Tensor) -> Tensor:
    """Upper bound on the sine of the angle between the leading Ritz vector and the eigenvector, infinite if unknown.

    In an orthonormal basis whose first vectors are the Ritz vectors the matrix has the blocks diag(values), residuals
    and an unknown rest; the three sum up to its Frobenius norm, which bounds the rest and so the second eigenvalue.
    The angle follows from the residual and the gap (Davis and Kahan).

    Args:
        ritz: Approximation of a positive semi-definite matrix.
        energy: Squared Frobenius norm of the matrix, `[B]`.
        noise: Spectral norm of the error of the matrix itself (rounding), `[B]`.

    Returns:
        `[B]`.
    """
    lost, (second, first) = ritz.lost, ritz.values[:, -2:].unbind(1)
    rest = (energy - torch.addcmul(2 * lost, ritz.values, ritz.values).sum(1)).clamp_(min=0).sqrt_()
    apart = second - rest
    gap = first - second - noise - lost[:, :-1].sum(1) / apart
    return _angle(lost[:, -1].sqrt() + noise, gap.masked_fill_(apart <= 0, -1))


def cholesky_error(ritz: Ritz, matrix: Tensor, noise: Tensor) -> Tensor:
    """The same bound as `frobenius_error` where the spectrum falls slowly: dearer, but never too careful.

    The matrix without its leading pair is below a level between the first two Ritz values exactly if level minus
    matrix has a Cholesky factor.
    """
    level = ritz.values[:, -2:].mean(-1)
    vector = ritz.vectors[..., -1:]
    deflated = vector * (ritz.values[:, -1:, None] * vector.mT) - matrix
    deflated.diagonal(dim1=-2, dim2=-1).add_(level[:, None])
    below = torch.linalg.cholesky_ex(deflated).info == 0
    residual = ritz.lost[:, -1].sqrt()
    gap = ritz.values[:, -1] - level - residual - noise
    return _angle(residual + noise, gap.masked_fill(~below, -1))


def _angle(residual: Tensor, gap: Tensor) -> Tensor:
    """Sine of the angle that a residual allows for a gap between eigenvalues."""
    return (residual / gap).masked_fill_(~(gap > 0), torch.inf)
