"""Gaussian filtering in many dimensions at once on the permutohedral lattice, in plain torch.

Source: Adams, Baek & Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice" (2010), with the
constants and the truncation of Kraehenbuehl & Koltun's dense CRF (2011). Written from the mathematics.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def sum_bags(table: Tensor, index: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of table rows: `out[b] = sum_k weights[k] * table[index[k]]`, `k` in `offsets[b]:offsets[b+1]`.

    On a CPU this is several times faster than gathering or `index_add_`, and on any device it is deterministic.
    """
    return torch.embedding_bag(table, index, offsets, False, 0, False, weights, True)[0]


class PermutohedralLattice:
    r"""The operator `K = slice . blur . splat`, close to `K_ij = exp(-|f_i - f_j|^2 / 2)`, self term included.

    A point is splatted with barycentric weights on the `d + 1` vertices of its simplex, neighbours are blurred with
    `(1/2, 1, 1/2)` along the `d + 1` axes one after the other, and the result is read back with the same weights.
    A vertex that no point touches does not exist: it counts as zero and is never created.

    Args:
        features: points `[d, P]` (float32), each coordinate in units of its standard deviation.
        extent: largest value of each of the `d` coordinates; the smallest is 0. Given rather than measured, so that
            no device has to wait for it.
        batch: number of independent lattices: point `p` belongs to lattice `p % batch`.
        longest_bag: longer sums over the points of a vertex are cut into pieces of this length and added in a second
            step (a GPU walks one bag serially), or None to leave them whole.

    Raises:
        ValueError: where the vertices of so large an extent cannot be numbered with 63 bits.
    """

    def __init__(
        self, features: Tensor, extent: Sequence[float], batch: int = 1, longest_bag: int | None = None
    ) -> None:
        self.dimension, self.points = features.shape
        strides = self._strides(extent, batch)
        keys, weights = self._simplices(features, strides, batch)
        self._number_vertices(keys, weights)
        self._join_neighbours(strides)
        self.pieces = None if longest_bag is None else self._cut(longest_bag)

    def __call__(self, values: Tensor) -> Tensor:
        """Filter `values` `[P, L]` (float32); returns `[P, L]`."""
        vertices = sum_bags(values, self.source, self.bags, self.source_weights)
        if self.pieces is not None:
            vertices = sum_bags(vertices, *self.pieces)
        for neighbours in self.neighbours:
            vertices = sum_bags(vertices, neighbours, self.triples, self.blur_weights)
        return sum_bags(vertices, self.vertex, self.simplices, self.vertex_weights)

    def normalise(self, compat: float = 1.0) -> 'PermutohedralLattice':
        r"""Turn `K` into `compat * n K n` with `n = 1 / sqrt(K 1 + 1e-20)`, folded into the stored weights."""
        ones = torch.ones(self.points, 1, device=self.source_weights.device)
        scale = torch.rsqrt(self(ones)[:, 0] + 1e-20)
        self.source_weights = self.source_weights * scale.index_select(0, self.source)
        self.vertex_weights = (self.vertex_weights.view(self.points, -1) * (scale * compat)[:, None]).flatten()
        return self

    def _scales(self) -> list[float]:
        """Length of each axis on the lattice, rounded as a float32 program would."""
        d = self.dimension
        unit = torch.tensor(math.sqrt(2 / 3) * (d + 1), dtype=torch.float32).item()
        return [unit / math.sqrt((i + 1) * (i + 2)) for i in range(d)]

    def _strides(self, extent: Sequence[float], batch: int) -> list[int]:
        """Factor of each of the `d + 1` vertex coordinates in a vertex number (0 for the one that is implied)."""
        d = self.dimension
        reach = [e * s for e, s in zip(extent, self._scales(), strict=True)]
        spans = [sum(reach), *((j + 1) * reach[j] + sum(reach[j + 1 :]) for j in range(d))]
        stride, strides = batch, [0] * (d + 1)
        # The order decides which vertices lie side by side in memory: picture rows first, so that gathers stay local.
        for i in reversed([i for i in (2, 1, 0, *range(3, d + 1)) if i <= d][:d]):
            strides[i] = stride
            stride *= math.ceil(spans[i]) + 4 * (d + 2)
        if stride >= 2**62:
            raise ValueError(
                f'a lattice of extent {[round(e) for e in extent]} for {batch} images has too many vertices to number: '
                'take larger standard deviations, smaller images or a smaller chunk'
            )
        return strides

    def _embed(self, features: Tensor) -> Tensor:
        """Rotate points `[d, P]` into the plane of `d + 1` coordinates that sum to zero, `[d + 1, P]`."""
        embedded = features.new_empty(self.dimension + 1, self.points)
        total = torch.zeros_like(features[0])
        for j, scale in reversed(list(enumerate(self._scales()))):
            scaled = features[j] * scale
            embedded[j + 1] = total - (j + 1) * scaled
            total = total + scaled
        embedded[0] = total
        return embedded

    def _simplices(self, features: Tensor, strides: list[int], batch: int) -> tuple[Tensor, Tensor]:
        """Numbers (int64) and barycentric weights, both `[d + 1, P]`, of the vertices around each point."""
        corners = self.dimension + 1
        inverse = torch.tensor(1 / corners, dtype=torch.float32).item()
        embedded = self._embed(features)
        nearest = torch.round(embedded * inverse)
        excess = torch.round(nearest.sum(0)).to(torch.int8)
        nearest *= corners
        rank = _rank(embedded - nearest) + excess
        # Where the rounded coordinates do not sum to zero, the ones rounded furthest move by one lattice step.
        wrap = (rank < 0).to(torch.int8) - (rank >= corners).to(torch.int8)
        rank = (rank + wrap * corners).long()
        nearest += wrap * corners
        offset = (embedded - nearest) * inverse
        ordered = torch.empty_like(offset).scatter_(0, self.dimension - rank, offset)
        weights = torch.diff(ordered, dim=0, prepend=ordered[-1:] - 1)
        return self._vertex_numbers(nearest, rank, strides, batch), weights

    def _vertex_numbers(self, nearest: Tensor, rank: Tensor, strides: list[int], batch: int) -> Tensor:
        """Numbers of the vertices: from one to the next all coordinates rise by 1, one falls by `d + 1` besides."""
        corners = self.dimension + 1
        numbers = torch.empty_like(rank)
        torch.remainder(torch.arange(self.points, device=rank.device), batch, out=numbers[0])
        for coordinate, stride in zip(nearest, strides, strict=True):
            if stride:
                numbers[0] += coordinate.long() * stride
        drops = torch.empty_like(rank)
        for i, stride in enumerate(strides):
            drops.scatter_(0, rank[i : i + 1], stride * corners)
        for r in range(1, corners):
            numbers[r] = numbers[r - 1] + sum(strides) - drops[corners - r]
        return numbers

    def _number_vertices(self, keys: Tensor, weights: Tensor) -> None:
        """One stable sort gives the vertices, the points of each (splat) and the vertices of each point (slice)."""
        corners, device = keys.shape[0], keys.device
        ordered, order = torch.sort(keys.flatten(), stable=True)
        first = torch.ones_like(ordered, dtype=torch.bool)
        torch.ne(ordered[1:], ordered[:-1], out=first[1:])
        start = torch.nonzero(first)[:, 0]  # the only place where a device has to wait for a number
        self.keys = ordered.index_select(0, start)
        self.vertices = len(start)
        # One more vertex, without points, stands for every neighbour that does not exist: its row is always zero.
        end = torch.full((2,), keys.numel(), device=device)
        self.bags = torch.cat([start, end]).int()
        self.source = torch.arange(self.points, dtype=torch.int32, device=device).repeat(corners).index_select(0, order)
        self.source_weights = weights.flatten().index_select(0, order)
        vertex = torch.empty_like(self.source).scatter_(0, order, torch.cumsum(first, 0, dtype=torch.int32) - 1)
        self.vertex = vertex.view(corners, -1).T.reshape(-1)
        # 1 / (1 + 2^-d) makes a constant signal keep its height.
        self.vertex_weights = weights.T.reshape(-1) / (1 + 2.0**-self.dimension)
        self.simplices = torch.arange(0, keys.numel() + 1, corners, dtype=torch.int32, device=device)

    def _join_neighbours(self, strides: list[int]) -> None:
        """Bags of (vertex, lower, upper neighbour) for each axis; missing neighbours name the row of zeros."""
        missing, device = self.vertices, self.keys.device
        padded = torch.cat([self.keys, self.keys.new_full((1,), torch.iinfo(torch.int64).min)])
        own = torch.arange(missing + 1, dtype=torch.int32, device=device)
        self.neighbours = own.repeat(len(strides), 3, 1).transpose(1, 2).contiguous()
        for neighbours, stride in zip(self.neighbours, strides, strict=True):
            sought = self.keys + ((self.dimension + 1) * stride - sum(strides))
            found = torch.searchsorted(self.keys, sought)
            lower = torch.where(padded.index_select(0, found) == sought, found, missing)
            neighbours[:-1, 1] = lower
            neighbours[:-1, 2] = torch.full_like(own, missing).scatter_(0, lower, own[:-1])[:-1]
        self.neighbours = self.neighbours.flatten(1)
        self.triples = torch.arange(0, 3 * missing + 4, 3, dtype=torch.int32, device=device)
        self.blur_weights = torch.ones(missing + 1, 3, device=device)
        self.blur_weights[:, 1:] = 0.5
        self.blur_weights = self.blur_weights.flatten()

    def _cut(self, length: int) -> tuple[Tensor, Tensor, Tensor]:
        """Cut the splat's bags into pieces of at most `length`; returns the bags that add the pieces up again."""
        bags, device = self.bags.long(), self.bags.device
        counts = (torch.diff(bags) + length - 1) // length
        ends = torch.cumsum(counts, 0)
        # An upper bound of the number of pieces, known without asking the device; the surplus ones are empty.
        total = counts.numel() + self.source.numel() // length
        piece = torch.arange(total + 1, device=device)
        owner = torch.searchsorted(ends, piece, right=True)
        begin = torch.cat([ends.new_zeros(1), ends])
        self.bags = torch.minimum(bags[owner] + (piece - begin[owner]) * length, bags[-1]).int()
        begin[-1] = total  # the last bag is the row of zeros: empty pieces do not change it
        return piece[:-1].int(), begin.int(), torch.ones(total, device=device)


def _rank(offsets: Tensor) -> Tensor:
    """Position of each coordinate `[D, P]` in descending order (int8); of equal ones the later ranks higher."""
    rank = torch.arange(len(offsets), dtype=torch.int8, device=offsets.device)[:, None].repeat(1, offsets.shape[1])
    for i in range(len(offsets)):
        for j in range(i + 1, len(offsets)):
            smaller = (offsets[i] < offsets[j]).view(torch.int8)
            rank[i] += smaller
            rank[j] -= smaller
    return rank
