"""Principal components of more features than fit in memory."""

import torch
from torch import Tensor


class StreamingPCA:
    """Exact principal component analysis, one batch after another, in O(C²) memory.

    Keeps the number, mean and scatter matrix Σ (x - mean)(x - mean)ᵀ of all features seen, in float64. Batches are
    joined by the pairwise update of Chan, Golub and LeVeque (1979), which does not cancel as the difference of raw
    moments does. The result is the subspace that the published start (a randomised SVD of up to 93 batches held in
    memory) approximates, without its randomness.

    Example:
        >>> pca = StreamingPCA()
        >>> pca.update(torch.rand(2, 8, 5, 5)).update(torch.rand(7, 8)).components(3).shape
        torch.Size([3, 8])
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | None = None
        self.scatter: Tensor | None = None

    def update(self, features: Tensor) -> 'StreamingPCA':
        """Add features `[B, C, h, w]` or `[N, C]`; returns itself.

        Raises:
            ValueError: Any other number of axes, another C than before, or a value that is not finite.
        """
        rows = _as_rows(features)
        if not rows.shape[0]:
            return self
        mean = rows.mean(dim=0)
        centred = rows - mean
        return self._join(rows.shape[0], mean, centred.T @ centred)

    def merge(self, other: 'StreamingPCA') -> 'StreamingPCA':
        """Add everything that another accumulator (another process, another part of the data) has seen."""
        if other.mean is None or other.scatter is None:
            return self
        return self._join(other.count, other.mean, other.scatter)

    def components(self, k: int, generator: torch.Generator | None = None) -> Tensor:
        """The k directions of largest variance, largest first, orthonormal rows, float32 `[k, C]`.

        The sign of a direction is arbitrary. Without a generator the entry of largest magnitude is made positive; with
        one, each sign is drawn from it, so that a seed decides (a fixed rule would favour one of many equal starts).

        Args:
            k: Number of directions, at most C.
            generator: CPU generator that the signs are drawn from.

        Raises:
            ValueError: No features were seen, or k is not in 1..C.
        """
        if self.scatter is None:
            raise ValueError('no features were seen: call update first')
        if not 1 <= k <= self.scatter.shape[0]:
            raise ValueError(f'{k} components of features with {self.scatter.shape[0]} channels: give 1 to that many')
        _, vectors = torch.linalg.eigh(self.scatter)
        rows = vectors.flip(1).T[:k]
        rows = rows * rows.gather(1, rows.abs().argmax(dim=1, keepdim=True)).sign()
        if generator is not None:
            rows = rows * (torch.randint(2, (k, 1), generator=generator) * 2 - 1).to(rows)
        return rows.float()

    def variances(self) -> Tensor:
        """Variance along every principal direction, largest first, float64 `[C]` (divided by the count)."""
        if self.scatter is None:
            raise ValueError('no features were seen: call update first')
        return torch.linalg.eigvalsh(self.scatter).flip(0).clamp_min(0) / self.count

    def state_dict(self) -> dict[str, Tensor]:
        """Count, mean and scatter as tensors, to be saved or sent to another process."""
        if self.mean is None or self.scatter is None:
            return {'count': torch.tensor(0)}
        return {'count': torch.tensor(self.count), 'mean': self.mean, 'scatter': self.scatter}

    def load_state_dict(self, state: dict[str, Tensor]) -> 'StreamingPCA':
        """Continue from what :meth:`state_dict` gave; returns itself."""
        self.count, self.mean, self.scatter = int(state['count']), state.get('mean'), state.get('scatter')
        return self

    def _join(self, count: int, mean: Tensor, scatter: Tensor) -> 'StreamingPCA':
        if self.mean is None or self.scatter is None:
            self.count, self.mean, self.scatter = count, mean.clone(), scatter.clone()
            return self
        if self.mean.shape != mean.shape:
            raise ValueError(f'features have {mean.shape[0]} channels, earlier ones had {self.mean.shape[0]}')
        total = self.count + count
        shift = mean.to(self.mean) - self.mean
        self.scatter += scatter.to(self.scatter) + torch.outer(shift, shift) * (self.count / total * count)
        self.mean += shift * (count / total)
        self.count = total
        return self


def _as_rows(features: Tensor) -> Tensor:
    """Features `[B, C, h, w]` or `[N, C]` as float64 rows `[N, C]`."""
    if features.ndim == 4:
        features = features.permute(0, 2, 3, 1).flatten(0, 2)
    if features.ndim != 2:
        raise ValueError(f'features must be [B, C, h, w] or [N, C], not of shape {tuple(features.shape)}')
    rows = features.detach().double()
    if not torch.isfinite(rows).all():
        raise ValueError('features hold values that are not finite')
    return rows
