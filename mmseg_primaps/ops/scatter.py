"""Scatter matrix of the features that no mask has taken yet."""

import torch
from torch import Tensor

_BLOCK = 128
_FEW_ROWS = 256


def second_moment(rows: Tensor) -> Tensor:
    """Sum of the outer products of the rows of `[B, n, C]`: `[B, C, C]`.

    Symmetric, so the blocks below the diagonal are mirrored instead of multiplied where that saves time.
    """
    channels = rows.shape[-1]
    if rows.shape[1] < _FEW_ROWS or channels <= _BLOCK or rows.is_cuda:
        return rows.mT @ rows
    moment = rows.new_empty(len(rows), channels, channels)
    for start in range(0, channels, _BLOCK):
        stop = min(start + _BLOCK, channels)
        moment[:, start:stop, start:] = rows[..., start:stop].mT @ rows[..., start:]
        moment[:, stop:, start:stop] = moment[:, start:stop, stop:].mT
    return moment


class FreeScatter:
    """Scatter matrix (covariance times count) of the free features, kept up to date while features leave.

    Args:
        tokens: Features `[B, n, C]`, best centred once, so that nothing is lost to a large common mean.
    """

    def __init__(self, tokens: Tensor) -> None:
        self.tokens = tokens
        self._measure(torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device))

    def remove(self, taken: Tensor, free: Tensor) -> None:
        """Take features out.

        Args:
            taken: The features that leave now, bool `[B, n]`.
            free: The features that stay, bool `[B, n]`.
        """
        if len(free) > 1 or 2 * int(taken.sum()) > int((taken | free).sum()):
            return self._measure(free)
        rows = self.tokens[:, taken[0]]
        self._moment -= second_moment(rows)
        self._total -= rows.sum(1)
        self._count -= rows.shape[1]
        if bool(_trace(self._moment) < self._fresh / 16):
            self._measure(free)
        return None

    def matrix(self) -> Tensor:
        """Scatter matrix about the mean of the free features, `[B, C, C]`."""
        mean = self._total / self._count[:, None]
        return torch.baddbmm(self._moment, self._total[..., None], mean[:, None], alpha=-1)

    def noise(self) -> Tensor:
        """Estimate of the spectral norm of the matrix's rounding error, `[B]`."""
        return 2 * torch.finfo(self.tokens.dtype).eps * self._fresh

    def exact(self, free: Tensor) -> tuple[Tensor, Tensor]:
        """Matrix and noise anew in float64; for a batch of one."""
        rows = self.tokens[:, free[0]].double()
        matrix = second_moment(rows - rows.mean(1, keepdim=True))
        return matrix, 2 * torch.finfo(torch.float64).eps * _trace(matrix)

    def _measure(self, free: Tensor) -> None:
        """Compute the moments from the free features alone: few enough to gather, or many images without a gather."""
        rows = self.tokens[:, free[0]] if len(free) == 1 else self.tokens * free[..., None]
        self._moment = second_moment(rows)
        self._total = rows.sum(1)
        self._count = free.sum(1).clamp(min=1)
        self._fresh = _trace(self._moment)


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
