"""One pass of k-means over a stream: what the features say about their nearest centres."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

# Rows that are compared with the centres at once where features do not come as pictures.
_ROWS = 4096
# Sums are integers in units of the centres' size / 2^24, squared distances of its square / 2^20: 2^34 features fit.
_SUM_BITS, _SQUARE_BITS = 24, 20


class ClusterStatistics:
    """Sums, counts and squared distances of the features nearest to each centre.

    Pictures are treated one at a time and their sums added as 64-bit integers. Adding integers is exact, so neither the
    batches nor the number of processes nor the order of merging change a bit of the result.

    Args:
        centres: `[K, C]`, used in float32.
        spherical: Compare by cosine, features and centres counting as unit vectors; otherwise by Euclidean distance.
    """

    def __init__(self, centres: Tensor, spherical: bool = True) -> None:
        self.spherical = spherical
        self.centres = F.normalize(centres.float(), dim=1) if spherical else centres.float()
        size = 2.0 ** math.ceil(math.log2(float(self.centres.abs().max()) or 1.0))
        channels = 1 if spherical else centres.shape[1]
        self._units = size / 2**_SUM_BITS, size**2 * channels / 2**_SQUARE_BITS
        self.counts = torch.zeros(len(centres), dtype=torch.int64, device=centres.device)
        self._sums = torch.zeros(centres.shape, dtype=torch.int64, device=centres.device)
        self._squares = torch.zeros((), dtype=torch.int64, device=centres.device)

    @property
    def inertia(self) -> float:
        """Sum of the squared distances of all (unit) features to their nearest centres."""
        return int(self._squares) * self._units[1]

    @property
    def sums(self) -> Tensor:
        """Sum of the (unit) features of each cluster, float64 `[K, C]`."""
        return self._sums.double() * self._units[0]

    @torch.no_grad()
    def update(self, features: Tensor) -> 'ClusterStatistics':
        """Add features `[B, C, h, w]` or `[N, C]`; returns itself.

        Raises:
            ValueError: A feature is not finite.
        """
        finite = torch.ones((), dtype=torch.bool, device=features.device)
        for columns in feature_columns(features):
            squares, labels, scale = nearest_centres(columns, self.centres, self.spherical)
            weights = scale if self.spherical else torch.ones_like(scale)
            members = weights.new_zeros(len(self.counts), len(labels)).scatter_(0, labels[None], weights[None])
            sums = members @ columns.T
            finite &= sums.isfinite().all()
            self.counts += torch.bincount(labels, minlength=len(self.counts))
            self._sums += (sums.double() / self._units[0]).round_().long()
            self._squares += (squares.sum(dtype=torch.float64) / self._units[1]).round_().long()
        if not finite:
            raise ValueError('features hold values that are not finite')
        return self

    def merge(self, other: 'ClusterStatistics') -> 'ClusterStatistics':
        """Add what another process has seen with the same centres; returns itself."""
        return self._add(other.counts, other._sums, other._squares)

    def new_centres(self, spare: Tensor | None = None) -> Tensor:
        """Mean feature of each cluster, `[K, C]` (unit length where spherical).

        Args:
            spare: Features `[n, C]`. A cluster without features moves to the one of them that is farthest from all
                centres; without `spare` it stays where it is.
        """
        return centres_of(self.sums, self.counts, self.centres, self.spherical, spare)

    def state_dict(self) -> dict[str, Tensor]:
        """What another process needs to merge these statistics; integers that may be summed over processes."""
        return {'counts': self.counts, 'sums': self._sums, 'squares': self._squares}

    def load_state_dict(self, state: dict[str, Tensor]) -> 'ClusterStatistics':
        """Continue from what :meth:`state_dict` gave with the same centres; returns itself."""
        self.counts, self._sums, self._squares = state['counts'], state['sums'], state['squares']
        return self

    def _add(self, counts: Tensor, sums: Tensor, squares: Tensor) -> 'ClusterStatistics':
        self.counts += counts.to(self.counts.device)
        self._sums += sums.to(self.counts.device)
        self._squares += squares.to(self.counts.device)
        return self


def assign_clusters(features: Tensor, centres: Tensor, spherical: bool = True) -> Tensor:
    """Nearest centre of every feature: long `[B, h, w]` for `[B, C, h, w]`, `[N]` for `[N, C]`."""
    centres = F.normalize(centres.float(), dim=1) if spherical else centres.float()
    labels = [_best_scores(columns, centres, spherical)[1] for columns in feature_columns(features)]
    flat = torch.cat(labels) if labels else torch.zeros(0, dtype=torch.int64, device=features.device)
    return flat.view(features.shape[0], *features.shape[2:])


def nearest_centres(columns: Tensor, centres: Tensor, spherical: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Squared distance to the nearest centre, its number (the smaller at a tie) and 1 / |column|, each `[n]`.

    Where spherical, `centres` `[K, C]` are unit vectors and the distance is that of the unit columns, 2 - 2 cos.
    """
    best, labels = _best_scores(columns, centres, spherical)
    lengths = columns.square().sum(dim=0)
    scale = lengths.sqrt().clamp_min_(1e-12).reciprocal_()
    squares = 2 - 2 * best * scale if spherical else lengths - 2 * best
    return squares.clamp_min_(0), labels, scale


def _best_scores(columns: Tensor, centres: Tensor, spherical: bool) -> tuple[Tensor, Tensor]:
    """Largest scalar product with a centre, less half its squared length where Euclidean, and which centre's it is."""
    if spherical:
        scores = centres @ columns
    else:
        scores = torch.addmm(centres.square().sum(dim=1, keepdim=True) / -2, centres, columns)
    best, labels = scores.max(dim=0)
    return best, labels


def centres_of(sums: Tensor, counts: Tensor, centres: Tensor, spherical: bool, spare: Tensor | None = None) -> Tensor:
    """Centres of the given sums `[K, C]` and counts `[K]`; see :meth:`ClusterStatistics.new_centres`."""
    size = sums.norm(dim=1) if spherical else counts
    empty = (size == 0) | (counts == 0)
    means = (sums / size.masked_fill(empty, 1).unsqueeze(1)).float()
    means[empty] = centres[empty]
    if spare is None or not empty.any():
        return means
    means[empty] = _farthest(spare.float(), means[~empty], means[empty], spherical)
    return means


def _farthest(rows: Tensor, centres: Tensor, fallback: Tensor, spherical: bool) -> Tensor:
    """As many rows as `fallback` has, each the farthest from all before; the fallback where nothing is left."""
    rows = F.normalize(rows, dim=1) if spherical else rows
    squares, found = nearest_centres(rows.T, centres, spherical)[0], fallback.clone()
    for number in range(len(fallback)):
        index = int(squares.argmax())
        if squares[index] > 0:
            found[number] = rows[index]
            squares = torch.minimum(squares, (rows - rows[index]).square().sum(dim=1))
    return found


def feature_columns(features: Tensor) -> Iterator[Tensor]:
    """Features `[B, C, h, w]` picture by picture, or `[N, C]` in pieces, as float32 columns `[C, n]`.

    Pictures are not transposed, which costs more than comparing them with the centres does.
    """
    if features.ndim == 4:
        yield from (_aligned(picture.flatten(1)) for picture in features.detach())
    elif features.ndim == 2:
        yield from (_aligned(piece).T for piece in features.detach().split(_ROWS))
    else:
        raise ValueError(f'features must be [B, C, h, w] or [N, C], not of shape {tuple(features.shape)}')


def _aligned(values: Tensor) -> Tensor:
    """The same in float32 where a new tensor would lie: products may differ in the last bit with where rows begin."""
    values = values.float().contiguous()
    return values if values.data_ptr() % 64 == 0 else values.clone()
