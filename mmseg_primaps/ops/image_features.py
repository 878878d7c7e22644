"""The features of one image that no mask has taken yet, and their scatter matrix, which follows as they are taken."""

import torch
from torch import Tensor

_BLOCK = 64
_FEW_ROWS = 100
_COLUMNS = 64


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
        if stop < channels:
            matrix[stop:, start:stop] = matrix[start:stop, stop:].T
    return matrix


class ImageFeatures:
    """Features of one image, of which some are free; for several images that advance together see `BatchFeatures`.

    One array of features is kept, centred once, so that nothing is lost to a large common mean; the cosines of the
    features as they came are had from it by adding the mean's part. The array shrinks as features are taken: m of n
    are still stored. What is asked of the values is asked by the host, which on a CPU costs nothing.

    Args:
        features: `[C, n]`.
        measure: Compute the scatter matrix; False where `GramFeatures` takes over at once.
    """

    tokens: Tensor
    """Stored features less the mean of all, `[m, C]`."""
    free: Tensor
    """False where taken, bool `[m]`."""
    count: int
    """Number of free features."""
    scatter: Tensor
    """Scatter matrix (covariance times count) of the free features, `[C, C]`."""
    noise: float
    """Estimate of the spectral norm of the rounding error of `scatter`."""

    def __init__(self, features: Tensor, measure: bool = True) -> None:
        self.size = self.count = features.shape[1]
        self.tokens = _transposed(features)
        norm = torch.linalg.vector_norm(self.tokens, dim=1)
        self.inverse_norm = norm.reciprocal().masked_fill_(norm == 0, 0)
        self.mean = features.mean(1)
        self.tokens -= self.mean
        self.free = torch.ones_like(norm, dtype=torch.bool)
        self.weight, self.position = self.inverse_norm.clone(), torch.arange(self.size, device=norm.device)
        self._total = torch.zeros_like(self.mean)
        if measure:
            self._set(self.tokens)

    def cosines(self, direction: Tensor) -> Tensor:
        """Cosines `[m]` of the stored features with a unit vector `[C]`; zero where taken."""
        return torch.mv(self.tokens, direction).add_(torch.dot(self.mean, direction)).mul_(self.weight)

    def cosines_with(self, index: int) -> Tensor:
        """Cosines `[m]` of the stored features with stored feature number `index`; zero where taken."""
        return self.cosines(self.unit(index))

    def unit(self, index: int) -> Tensor:
        """Stored feature number `index` at unit norm, `[C]`."""
        return torch.add(self.tokens[index], self.mean).mul_(self.inverse_norm[index])

    def spread(self, values: Tensor) -> Tensor:
        """Values `[m]` of the stored features where they belong in the image, zero elsewhere: `[n]`."""
        return values.new_zeros(self.size).index_copy_(0, self.position, values)

    def remove(self, indices: Tensor) -> None:
        """Take out the stored features with these numbers, long `[k]`; cheap if they are the fewer."""
        self.free.index_fill_(0, indices, False)
        self.weight.index_fill_(0, indices, 0)
        if 2 * len(indices) > self.count:
            self._gather(self.count - len(indices))
        elif len(indices):
            self._downdate(indices)
        if 2 * self.count < len(self.tokens):
            self._shrink()

    def exact(self) -> tuple[Tensor, float]:
        """Scatter matrix and its noise, computed anew in float64."""
        rows = self._free_rows().double()
        scatter = torch.zeros_like(self.scatter, dtype=torch.float64)
        add_moment(scatter, rows - rows.mean(0))
        return scatter, float(rounding(scatter.diagonal()))

    def _free_rows(self) -> Tensor:
        return self.tokens.index_select(0, self.free.nonzero().squeeze(1))

    def _set(self, rows: Tensor) -> None:
        """Start anew from centred rows `[count, C]`."""
        self.scatter = add_moment(rows.new_zeros(rows.shape[1], rows.shape[1]), rows)
        self.noise = float(rounding(self.scatter.diagonal()))

    def _gather(self, count: int) -> None:
        """Scatter matrix from the free features, of which there are `count`."""
        rows = self._free_rows()
        self._total, self.count = rows.sum(0), count
        self._set(rows.sub_(self._total / max(count, 1)))

    def _downdate(self, indices: Tensor) -> None:
        """Subtract the scatter of features that leave, and that of the two means, from the scatter of all."""
        leave, left = len(indices), self.count - len(indices)
        rows = self.tokens.index_select(0, torch.cat([indices, indices[:1]]))
        total = rows[:-1].sum(0)
        mean, mean_left = total / leave, (self._total - total).div_(left)
        rows[:-1].sub_(mean)
        torch.sub(mean, mean_left, out=rows[-1]).mul_((leave * left / self.count) ** 0.5)
        add_moment(self.scatter, rows, -1.0)
        self._total -= total
        self.count = left
        # What was subtracted leaves its rounding error behind; start anew before it matters.
        if rounding(self.scatter.diagonal()) < self.noise / 16:
            self._gather(left)

    def _shrink(self) -> None:
        """Store no more than is needed."""
        index = stored(self.free)
        self.tokens, self.free, self.inverse_norm, self.weight, self.position = (
            values.index_select(0, index)
            for values in (self.tokens, self.free, self.inverse_norm, self.weight, self.position)
        )


def stored(free: Tensor) -> Tensor:
    """Numbers of the features to store, of bool `[m]`: the free ones, and the first taken one for all others."""
    keep = free.clone()
    keep[free.to(torch.uint8).argmin()] = True
    return keep.nonzero().squeeze(1)


def _transposed(features: Tensor) -> Tensor:
    """Copy of `[C, n]` as rows `[n, C]`, a few columns at a time: cache lines stay at hand until they are full."""
    tokens = features.new_empty(features.shape[::-1])
    for start in range(0, len(features), _COLUMNS):
        tokens[:, start : start + _COLUMNS] = features[start : start + _COLUMNS].T
    return tokens


def rounding(diagonal: Tensor) -> Tensor:
    """Spectral norm that the rounding error of a scatter matrix with the diagonal `[..., C]` may have, `[...]`."""
    return 2 * torch.finfo(diagonal.dtype).eps * diagonal.sum(-1)
