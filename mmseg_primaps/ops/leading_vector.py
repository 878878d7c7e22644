"""Leading eigenvector of one scatter matrix, with a proven bound on its error: `eigen` for a single image.

The same mathematics with the numbers in the host's hands: it stops as soon as enough is proven. Vectors are rows, which
multiply a matrix that does not fit the nearest cache up to three times faster than columns.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_POWERS = 3
"""Products with the matrix before the first approximation: cheaper than a second approximation, and often enough."""


class Leading(NamedTuple):
    """Approximation of the leading eigenvector."""

    vector: Tensor
    """Unit norm, `[C]`."""
    error: float
    """Bound on the sine of its angle to the exact one: infinite if unknown."""
    basis: Tensor
    """Orthonormal rows `[b, C]` that approximate the leading eigenvectors, the first of them last."""


def leading_vectors(matrix: Tensor, basis: Tensor, noise: float, rounds: int) -> Iterator[Leading]:
    """Better and better approximations; ends where the residual falls into the noise.

    The error falls by the ratio of eigenvalue number b + 1 to the first with every product, however close the first two
    are. Started from the vectors of a similar matrix the first approximation is often enough.

    Args:
        matrix: Symmetric positive semi-definite, `[C, C]`.
        basis: Where to start, `[b, C]`, of full rank.
        noise: Spectral norm of the error of the matrix itself (rounding).
        rounds: How many approximations at most.
    """
    energy = _square(matrix)
    for _ in range(_POWERS - 1):
        basis = basis @ matrix
    for _ in range(rounds):
        rows = torch.linalg.qr((basis @ matrix).T).Q.T
        images = rows @ matrix
        values, rotation = torch.linalg.eigh(rows @ images.T)
        basis = rotation.T @ rows
        ritz = values.tolist()
        vector, leading = basis[-1], rotation[:, -1] @ images
        lost = _square(leading.sub_(vector, alpha=ritz[-1]))
        error = _frobenius_error(ritz, lost, _square(images), energy, noise, torch.finfo(matrix.dtype).eps)
        # The factorisation costs several rounds: once the rounds have done their part.
        if error == math.inf and math.sqrt(lost) < 1e-3 * (ritz[-1] - ritz[-2]):
            error = _cholesky_error(matrix, vector, ritz, lost, noise)
        yield Leading(vector, error, basis)
        if lost <= noise**2:
            return


def _square(values: Tensor) -> float:
    """Sum of squares."""
    flat = values.reshape(-1)
    return float(torch.dot(flat, flat))


def _frobenius_error(ritz: list[float], lost: float, images: float, energy: float, noise: float, eps: float) -> float:
    """Bound on the sine of the angle between the leading Ritz vector and the eigenvector: see `eigen.frobenius_error`.

    Args:
        ritz: Ritz values in ascending order.
        lost: Squared length of the leading vector's residual.
        images: Squared Frobenius norm of basis times matrix: squared Ritz values and all residuals.
        energy: Squared Frobenius norm of the matrix.
        noise: Spectral norm of the error of the matrix.
        eps: Precision in which the sums of squares were taken.
    """
    second, first = ritz[-2:]
    squares = sum(value * value for value in ritz)
    others = max(0.0, images - squares - lost) + 8 * eps * images
    rest = math.sqrt(max(0.0, energy - 2 * images + squares) + 8 * eps * energy)
    if second <= rest:
        return math.inf
    return _angle(math.sqrt(lost) + noise, first - second - noise - others / (second - rest))


def _cholesky_error(matrix: Tensor, vector: Tensor, ritz: list[float], lost: float, noise: float) -> float:
    """The same bound where the spectrum falls slowly: see `eigen.cholesky_error`."""
    level = (ritz[-1] + ritz[-2]) / 2
    deflated = torch.addr(matrix, vector, vector, beta=-1, alpha=ritz[-1])
    deflated.diagonal().add_(level)
    if torch.linalg.cholesky_ex(deflated).info:
        return math.inf
    residual = math.sqrt(lost)
    return _angle(residual + noise, ritz[-1] - level - residual - noise)


def _angle(residual: float, gap: float) -> float:
    """Sine of the angle that a residual allows for a gap between eigenvalues."""
    return residual / gap if gap > 0 else math.inf
