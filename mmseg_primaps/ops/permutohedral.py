"""Gaussian filtering in many dimensions at once on the permutohedral lattice, in plain torch.

Source: Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice" (2010), with the
constants and the truncation of Kraehenbuehl and Koltun's dense CRF (2011). Written from the mathematics.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .bags import Bags, equal_offsets


class PermutohedralLattice:
    r"""The operator `K = slice . blur . splat`, close to `K_ij = exp(-|f_i - f_j|^2 / 2)`, self term included.

    A point is splatted with barycentric weights on the `d + 1` vertices of its simplex, neighbours are blurred with
    `(1/2, 1, 1/2)` along the `d + 1` axes one after the other, and the result is read back with the same weights.
    A vertex that no point touches does not exist: it counts as zero and is never created.

    Args:
        features: Points `[d, P]` (float32), each coordinate in units of its standard deviation.
        extent: Largest value of each of the `d` coordinates; the smallest is 0. Given rather than measured, so that
            no device has to wait for it.
        batch: Number of independent lattices: point `p` belongs to lattice `p % batch`.
        longest_bag: Sums over more points of a vertex are cut into pieces of this length that are added in a second
            step (a GPU walks a bag serially), or None to leave them whole.

    Raises:
        ValueError: Where the vertices of so large an extent cannot be numbered with 63 bits.
    """

    splat: Bags
    slice: Bags

    def __init__(
        self, features: Tensor, extent: Sequence[float], batch: int = 1, longest_bag: int | None = None
    ) -> None:
        self.dimension, self.points = features.shape
        strides = _strides(extent, batch)
        keys, weights = _simplices(features, strides, batch)
        vertices = self._number_vertices(keys, weights)
        self.vertices = len(vertices)
        self.blurs = _blurs(vertices, strides)
        self.pieces: Bags | None = None
        if longest_bag is not None:
            self.splat, self.pieces = _cut(self.splat, longest_bag)

    def __call__(self, values: Tensor) -> Tensor:
        """Filter `values` `[P, L]` (float32); returns `[P, L]`."""
        on_vertices = self.splat(values)
        if self.pieces is not None:
            on_vertices = self.pieces(on_vertices)
        for blur in self.blurs:
            on_vertices = blur(on_vertices)
        return self.slice(on_vertices)

    def normalise(self, compat: float = 1.0) -> 'PermutohedralLattice':
        r"""Turn `K` into `compat * n K n` with `n = 1 / sqrt(K 1 + 1e-20)`, folded into the stored weights."""
        ones = torch.ones(self.points, 1, device=self.splat.weights.device)
        scale = torch.rsqrt(self(ones)[:, 0] + 1e-20)
        self.splat = self.splat._replace(weights=self.splat.weights * scale.index_select(0, self.splat.columns))
        per_point = self.slice.weights.view(self.points, -1) * (scale * compat)[:, None]
        self.slice = self.slice._replace(weights=per_point.flatten())
        return self

    def _number_vertices(self, keys: Tensor, weights: Tensor) -> Tensor:
        """Set splat and slice from keys and weights `[d + 1, P]` by one stable sort; returns the vertices' keys.

        One more vertex, without points, stands for every neighbour that does not exist: its row is always zero.
        """
        corners, device = len(keys), keys.device
        ordered, order = torch.sort(keys.flatten(), stable=True)
        first = torch.ones_like(ordered, dtype=torch.bool)
        torch.ne(ordered[1:], ordered[:-1], out=first[1:])
        start = torch.nonzero(first)[:, 0]  # the only place where a device has to wait for a number
        offsets = torch.cat([start, torch.full((2,), keys.numel(), device=device)]).int()
        point = torch.arange(self.points, dtype=torch.int32, device=device).repeat(corners).index_select(0, order)
        self.splat = Bags(point, offsets, weights.flatten().index_select(0, order))
        vertex = torch.empty_like(point).scatter_(0, order, torch.cumsum(first, 0, dtype=torch.int32) - 1)
        # The factor makes a constant signal keep its height.
        weights = weights.T.reshape(-1) / (1 + 2.0**-self.dimension)
        self.slice = Bags(vertex.view(corners, -1).T.reshape(-1), equal_offsets(self.points, corners, device), weights)
        return ordered.index_select(0, start)


def _scales(dimension: int) -> list[float]:
    """Length of each feature axis on the lattice, rounded as a float32 program would."""
    unit = torch.tensor(math.sqrt(2 / 3) * (dimension + 1), dtype=torch.float32).item()
    return [unit / math.sqrt((i + 1) * (i + 2)) for i in range(dimension)]


def _strides(extent: Sequence[float], batch: int) -> list[int]:
    """Factor of each of the `d + 1` vertex coordinates in a vertex's key (0 for the one that the others imply)."""
    d = len(extent)
    reach = [e * s for e, s in zip(extent, _scales(d), strict=True)]
    spans = [sum(reach), *((j + 1) * reach[j] + sum(reach[j + 1 :]) for j in range(d))]
    # The order decides which vertices lie side by side in memory: rows of the picture first keeps gathers local.
    order = [i for i in (2, 1, 0, *range(3, d + 1)) if i <= d][:d]
    stride, strides = batch, [0] * (d + 1)
    for i in reversed(order):
        strides[i] = stride
        stride *= math.ceil(spans[i]) + 4 * (d + 2)
    if stride >= 2**62:
        raise ValueError(
            f'a lattice of {[round(e) for e in extent]} standard deviations for {batch} images has too many vertices '
            'to number: take larger standard deviations or a smaller chunk'
        )
    return strides


def _embed(features: Tensor) -> Tensor:
    """Rotate points `[d, P]` into the plane of `d + 1` coordinates that sum to zero, `[d + 1, P]`."""
    embedded = features.new_empty(len(features) + 1, features.shape[1])
    total = torch.zeros_like(features[0])
    for j, scale in reversed(list(enumerate(_scales(len(features))))):
        scaled = features[j] * scale
        embedded[j + 1] = total - (j + 1) * scaled
        total = total + scaled
    embedded[0] = total
    return embedded


def _simplices(features: Tensor, strides: Sequence[int], batch: int) -> tuple[Tensor, Tensor]:
    """Keys (int64) and barycentric weights, both `[d + 1, P]`, of the vertices around each point."""
    corners = len(strides)
    inverse = torch.tensor(1 / corners, dtype=torch.float32).item()
    embedded = _embed(features)
    nearest = torch.round(embedded * inverse)
    excess = torch.round(nearest.sum(0)).to(torch.int8)
    nearest *= corners
    rank = _rank(embedded - nearest) + excess
    # Where the rounded coordinates do not sum to zero, those rounded furthest move by one lattice step.
    wrap = (rank < 0).to(torch.int8) - (rank >= corners).to(torch.int8)
    rank = (rank + wrap * corners).long()
    nearest += wrap * corners
    offset = (embedded - nearest) * inverse
    ordered = torch.empty_like(offset).scatter_(0, corners - 1 - rank, offset)
    weights = torch.diff(ordered, dim=0, prepend=ordered[-1:] - 1)
    return _keys(nearest, rank, strides, batch), weights


def _rank(offsets: Tensor) -> Tensor:
    """Position of each coordinate `[d + 1, P]` in descending order (int8); of equal ones the later ranks higher."""
    rank = torch.arange(len(offsets), dtype=torch.int8, device=offsets.device)[:, None].repeat(1, offsets.shape[1])
    for i in range(len(offsets)):
        for j in range(i + 1, len(offsets)):
            smaller = (offsets[i] < offsets[j]).view(torch.int8)
            rank[i] += smaller
            rank[j] -= smaller
    return rank


def _keys(nearest: Tensor, rank: Tensor, strides: Sequence[int], batch: int) -> Tensor:
    """Keys of a simplex's vertices: from one to the next every coordinate rises by 1, and one falls by `d + 1`."""
    corners = len(strides)
    keys = torch.empty_like(rank)
    torch.remainder(torch.arange(rank.shape[1], device=rank.device), batch, out=keys[0])
    falls = torch.empty_like(rank)
    for i, stride in enumerate(strides):
        keys[0] += nearest[i].long() * stride
        falls.scatter_(0, rank[i : i + 1], stride * corners)
    for r in range(1, corners):
        keys[r] = keys[r - 1] + sum(strides) - falls[corners - r]
    return keys


def _blurs(keys: Tensor, strides: Sequence[int]) -> list[Bags]:
    """For each axis the sums of (vertex, lower, upper neighbour); missing neighbours name the row of zeros."""
    missing, device = len(keys), keys.device
    offsets = equal_offsets(missing + 1, 3, device)
    weights = torch.ones(missing + 1, 3, device=device)
    weights[:, 1:] = 0.5
    padded = torch.cat([keys, keys.new_full((1,), torch.iinfo(torch.int64).min)])
    own = torch.arange(missing + 1, dtype=torch.int32, device=device)
    blurs = []
    for stride in strides:
        sought = keys + (len(strides) * stride - sum(strides))
        found = torch.searchsorted(keys, sought)
        lower = torch.where(padded.index_select(0, found) == sought, found, missing)
        index = own.repeat(3, 1).T.contiguous()
        index[:-1, 1] = lower
        index[:-1, 2] = torch.full_like(own, missing).scatter_(0, lower, own[:-1])[:-1]
        blurs.append(Bags(index.flatten(), offsets, weights.flatten()))
    return blurs


def _cut(bags: Bags, length: int) -> tuple[Bags, Bags]:
    """Cut bags into pieces of at most `length`; returns the pieces, and the bags that add them up again."""
    offsets, device = bags.offsets.long(), bags.offsets.device
    ends = torch.cumsum((torch.diff(offsets) + length - 1) // length, 0)
    # An upper bound of the number of pieces, known without asking the device; the surplus ones are empty.
    total = len(ends) + len(bags.columns) // length
    piece = torch.arange(total + 1, device=device)
    owner = torch.searchsorted(ends, piece, right=True)
    begin = torch.cat([ends.new_zeros(1), ends])
    cuts = torch.minimum(offsets[owner] + (piece - begin[owner]) * length, offsets[-1])
    begin[-1] = total  # the last bag is the row of zeros, which empty pieces do not change
    return bags._replace(offsets=cuts.int()), Bags(piece[:-1].int(), begin.int(), torch.ones(total, device=device))
