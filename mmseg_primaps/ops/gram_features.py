"""The free features of one image by their products with each other, once they are fewer than their channels."""

import torch
from torch import Tensor

from .image_features import ImageFeatures, add_moment, rounding, stored

_MOST_LOSS = 16
"""How many times larger than what is left of them the products may be."""


class GramFeatures:
    """What `ImageFeatures` tells of the features that are left, from the matrix of their inner products.

    With m features of C channels, m < C, it is smaller than their scatter matrix and has the same non-zero eigenvalues;
    a direction is named by how much of each feature it holds. A bound on the angle between two such names bounds that
    between the directions: the sum of features shortens nothing less than the leading vector. Taking features only
    leaves out rows and columns.

    Args:
        features: The image so far.
        indices: Stored features that are taken now, long `[k]`.
    """

    tokens: Tensor
    """Stored features less `mean`, `[m, C]`."""
    products: Tensor
    """Inner products of `tokens`, `[m, m]`."""
    free: Tensor
    """False where taken, bool `[m]`."""
    count: int
    """Number of free features."""
    scatter: Tensor
    """Inner products of the free features less their mean, zero for taken ones, `[m, m]`."""
    noise: float
    """Estimate of the spectral norm of the rounding error of `scatter`."""
    mean: Tensor
    along_mean: Tensor
    mean_square: Tensor

    def __init__(self, features: ImageFeatures, indices: Tensor) -> None:
        self.size, self.count = features.size, features.count - len(indices)
        features.free.index_fill_(0, indices, False)
        kept = stored(features.free)
        self.free, self.inverse_norm, self.position = (
            values.index_select(0, kept) for values in (features.free, features.inverse_norm, features.position)
        )
        self.weight = self.inverse_norm * self.free
        self.tokens, self.mean = features.tokens.index_select(0, kept), features.mean
        self._multiply()

    def cosines(self, direction: Tensor) -> Tensor:
        """Cosines `[m]` of the features with the direction that is a sum `[m]` of them; zero where taken."""
        products = torch.mv(self.products, direction)
        length = torch.dot(products, direction).clamp_(min=torch.finfo(products.dtype).tiny).sqrt_()
        return products.add_(torch.dot(self.along_mean, direction)).mul_(self.weight).div_(length)

    def cosines_with(self, index: int) -> Tensor:
        """Cosines `[m]` of the features with stored feature number `index`; zero where taken."""
        constant = self.along_mean[index] + self.mean_square
        products = torch.add(self.products[index], self.along_mean).add_(constant)
        return products.mul_(self.weight).mul_(self.inverse_norm[index])

    def spread(self, values: Tensor) -> Tensor:
        """Values `[m]` where they belong in the image, zero elsewhere: `[n]`."""
        return values.new_zeros(self.size).index_copy_(0, self.position, values)

    def remove(self, indices: Tensor, basis: Tensor) -> Tensor:
        """Take out the stored features with these numbers, long `[k]`; returns what stays of a basis `[b, m]`."""
        self.free.index_fill_(0, indices, False)
        self.count -= len(indices)
        kept = stored(self.free)
        self.free, self.inverse_norm, self.position, self.along_mean, self.tokens = (
            values.index_select(0, kept)
            for values in (self.free, self.inverse_norm, self.position, self.along_mean, self.tokens)
        )
        self.weight = self.inverse_norm * self.free
        self.products = self.products.index_select(0, kept).index_select(1, kept)
        self._centre()
        # Products of features that have moved away from the mean lose digits to it; start anew before it matters.
        if self.noise > _MOST_LOSS * rounding(self.scatter.diagonal()):
            self._multiply()
        return basis.index_select(1, kept)

    def exact(self) -> tuple[Tensor, float]:
        """The matrix and its noise, computed anew in float64."""
        rows = self.tokens.double()
        rows -= rows[self.free].mean(0)
        rows[~self.free] = 0
        scatter = rows @ rows.T
        return scatter, float(rounding(scatter.diagonal()))

    def _multiply(self) -> None:
        """Products of the features less the mean of the free ones."""
        shift = self._share() @ self.tokens
        self.tokens, self.mean = self.tokens - shift, self.mean + shift
        self.products = add_moment(self.tokens.new_zeros(len(self.tokens), len(self.tokens)), self.tokens.T)
        self.along_mean = torch.mv(self.tokens, self.mean)
        self.mean_square = torch.dot(self.mean, self.mean)
        self._centre()

    def _share(self) -> Tensor:
        """Share of each feature in the mean of the free ones, `[m]`."""
        return self.free.to(self.tokens) / max(self.count, 1)

    def _centre(self) -> None:
        """Products of the free features less their mean."""
        share = self._share()
        means = torch.mv(self.products, share)
        self.scatter = self.products - means
        self.scatter -= (means - torch.dot(means, share))[:, None]
        taken = (~self.free).nonzero().squeeze(1)
        if len(taken):
            self.scatter.index_fill_(0, taken, 0).index_fill_(1, taken, 0)
        # Rounded to the precision of the larger products from before.
        self.noise = float(rounding(self.products.diagonal() * self.free))
