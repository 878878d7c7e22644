"""The features that no mask has taken yet, and their scatter matrix."""

import torch
from torch import Tensor

_BLOCK = 128
_FEW_ROWS = 192


def add_moment(matrix: Tensor, rows: Tensor, factor: float = 1.0) -> Tensor:
    """Add `factor` times the sum of the outer products of the rows `[m, C]` to a symmetric `[C, C]`, in place.

    The blocks below the diagonal are mirrored instead of multiplied where that saves time.
    """
    channels = rows.shape[1]
    if len(rows) < _FEW_ROWS or channels <= _BLOCK:
        return matrix.addmm_(rows.T, rows, alpha=factor)
    for start in range(0, channels, _BLOCK):
        stop = min(start + _BLOCK, channels)
        matrix[start:stop, start:].addmm_(rows[:, start:stop].T, rows[:, start:], alpha=factor)
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T
    return matrix


class FreeFeatures:
    """Features of a batch of images, of which some are free; their scatter matrix follows as features are taken.

    One array of features is kept, centred once, so that nothing is lost to a large common mean; the cosines of the
    features as they came are had from it by adding the mean's part. For one image the array shrinks as features are
    taken: m of n are still stored.

    Args:
        features: `[B, C, n]`.
    """

    free: Tensor
    """1 where free, 0 where taken, `[B, m]`."""
    scatter: Tensor
    """Scatter matrix (covariance times count) of the free features, `[B, C, C]`."""
    noise: Tensor
    """Estimate of the spectral norm of the rounding error of `scatter`, `[B]`."""

    def __init__(self, features: Tensor) -> None:
        self.tokens = features.mT.clone(memory_format=torch.contiguous_format)
        norm = torch.linalg.vector_norm(self.tokens, dim=2)
        self.inverse_norm = torch.where(norm > 0, 1 / norm, 0)
        self.mean = features.mean(2)
        self.tokens -= self.mean[:, None]
        self.free = torch.ones_like(norm)
        self._weight, self._position = self.inverse_norm.clone(), torch.arange(norm.shape[1], device=norm.device)
        self._total, self._count = self.tokens.new_zeros(self.tokens.shape[2]), self.tokens.shape[1]
        self._set(_scatter(self.tokens))

    def cosines(self, direction: Tensor) -> Tensor:
        """Cosines `[B, m]` of the features with one unit vector `[B, C]` an image; zero where taken."""
        direction = direction[..., None]
        products = torch.baddbmm(torch.bmm(self.mean[:, None], direction), self.tokens, direction)
        return products.squeeze(2).mul_(self._weight)

    def unit(self, index: Tensor) -> Tensor:
        """Feature number `index[b, 0]` of each image at unit norm, `[B, C]`."""
        tokens = self.tokens.gather(1, index[..., None].expand(-1, -1, self.tokens.shape[2])).squeeze(1)
        return tokens.add_(self.mean).mul_(self.inverse_norm.gather(1, index))

    def spread(self, values: Tensor, size: int) -> Tensor:
        """Values `[B, m]` of the stored features where they belong in the image, zero elsewhere: `[B, size]`."""
        return values.new_zeros(len(values), size).index_copy_(1, self._position, values)

    def remove(self, taken: Tensor) -> None:
        """Take out the features where the bool `[B, m]` is set; cheap for one image if they are the fewer."""
        self.free.masked_fill_(taken, 0)
        self._weight.masked_fill_(taken, 0)
        if len(taken) > 1:
            return self._measure()
        indices = taken[0].nonzero().squeeze(1)
        if 2 * len(indices) > self._count:
            self._gather()
        elif len(indices):
            self._downdate(indices)
        if 2 * self._count < self.tokens.shape[1]:
            self._shrink()
        return None

    def exact(self) -> tuple[Tensor, Tensor]:
        """Scatter matrix and its noise, computed anew in float64; for one image."""
        rows = self._free_rows().double()
        scatter = _scatter(rows - rows.mean(1, keepdim=True))
        return scatter, _rounding(scatter)

    def _free_rows(self) -> Tensor:
        """Free features of one image, `[1, m, C]`."""
        return self.tokens.index_select(1, self.free[0].nonzero().squeeze(1))

    def _measure(self) -> None:
        """Scatter matrices of many images from the free features."""
        free = self.free[..., None]
        mean = (self.tokens * free).sum(1, keepdim=True) / free.sum(1, keepdim=True).clamp(min=1)
        self._set(_scatter((self.tokens - mean) * free))

    def _gather(self) -> None:
        """Scatter matrix of one image from the free features."""
        rows = self._free_rows()
        self._total, self._count = rows.sum((0, 1)), rows.shape[1]
        self._set(_scatter(rows - self._total / max(self._count, 1)))

    def _shrink(self) -> None:
        """Store no more than the free features of one image, and the first taken one, which stands for all others."""
        keep = self.free.bool()
        keep[0, self.free.argmin()] = True
        index = keep[0].nonzero().squeeze(1)
        self._position, self.tokens = self._position[index], self.tokens.index_select(1, index)
        self.free, self.inverse_norm, self._weight = (
            values[:, index] for values in (self.free, self.inverse_norm, self._weight)
        )

    def _set(self, scatter: Tensor) -> None:
        self.scatter, self.noise = scatter, _rounding(scatter)

    def _downdate(self, indices: Tensor) -> None:
        """Subtract the scatter of features that leave, and that of the two means, from the scatter of all."""
        count, left = len(indices), self._count - len(indices)
        rows = self.tokens[0].index_select(0, torch.cat([indices, indices[:1]]))
        total = rows[:-1].sum(0)
        mean, mean_left = total / count, (self._total - total) / left
        rows[:-1] -= mean
        torch.sub(mean, mean_left, out=rows[-1]).mul_((count * left / self._count) ** 0.5)
        add_moment(self.scatter[0], rows, -1.0)
        self._total, self._count = self._total - total, left
        # What was subtracted leaves its rounding error behind; start anew before it matters.
        if bool(_rounding(self.scatter) < self.noise / 16):
            self._gather()


def _scatter(rows: Tensor) -> Tensor:
    """Sum of outer products of the rows of `[B, m, C]`: `[B, C, C]`."""
    if len(rows) > 1:
        return rows.mT @ rows
    return add_moment(rows.new_zeros(rows.shape[2], rows.shape[2]), rows[0])[None]


def _rounding(scatter: Tensor) -> Tensor:
    """Spectral norm that the rounding error of a scatter matrix may have, `[B]`."""
    return 2 * torch.finfo(scatter.dtype).eps * scatter.diagonal(dim1=-2, dim2=-1).sum(-1)
