"""Gaussian filtering in many dimensions at once on the permutohedral lattice, in plain torch.

Source: Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice" (2010), with the
constants and the truncation of Kraehenbuehl and Koltun's dense CRF (2011). Written from the mathematics.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .bags import Bags, equal_offsets
from .lattice_keys import Numbering, numbering, simplices
from .sorted_keys import search_sorted, stable_sort


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
        numbers = numbering(extent, batch)
        vertices = self._set_ends(*simplices(features, numbers, batch), numbers)
        self.vertices = len(vertices)
        self.blurs = _blurs(vertices, numbers)
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

    def _set_ends(self, keys: Tensor, weights: Tensor, numbers: Numbering) -> Tensor:
        """Set splat and slice from keys and weights `[d + 1, P]` by one stable sort; returns the vertices' keys.

        One more vertex, without points, stands for every neighbour that does not exist: its row is always zero.
        """
        corners, device = len(keys), keys.device
        ordered, order = stable_sort(keys.flatten(), numbers.lowest, numbers.total)
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


def _blurs(keys: Tensor, numbers: Numbering) -> list[Bags]:
    """For each axis the sums of (vertex, lower, upper neighbour); missing neighbours name the row of zeros."""
    missing, device = len(keys), keys.device
    offsets = equal_offsets(missing + 1, 3, device)
    weights = torch.ones(missing + 1, 3, device=device)
    weights[:, 1:] = 0.5
    padded = torch.cat([keys, keys.new_full((1,), torch.iinfo(torch.int64).min)])
    own = torch.arange(missing + 1, dtype=torch.int32, device=device)
    blurs = []
    for multiple in numbers.multiples:
        sought = keys + (multiple - numbers.step)
        found = search_sorted(keys, sought)
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
