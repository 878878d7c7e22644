"""The features of several images that no mask has taken yet, and their scatter matrices."""

import torch
from torch import Tensor

from .image_features import rounding


class BatchFeatures:
    """Features of a batch of images that advance together without the host knowing their values.

    One array of features is kept, centred once, so that nothing is lost to a large common mean; the cosines of the
    features as they came are had from it by adding the mean's part. For one image alone see `ImageFeatures`.

    Args:
        features: `[B, C, n]`.
    """

    free: Tensor
    """1 where free, 0 where taken, `[B, n]`."""
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
        self._weight = self.inverse_norm.clone()
        self._measure()

    def cosines(self, direction: Tensor) -> Tensor:
        """Cosines `[B, n]` of the features with one unit vector `[B, C]` an image; zero where taken."""
        direction = direction[..., None]
        products = torch.baddbmm(torch.bmm(self.mean[:, None], direction), self.tokens, direction)
        return products.squeeze(2).mul_(self._weight)

    def unit(self, index: Tensor) -> Tensor:
        """Feature number `index[b, 0]` of each image at unit norm, `[B, C]`."""
        tokens = self.tokens.gather(1, index[..., None].expand(-1, -1, self.tokens.shape[2])).squeeze(1)
        return tokens.add_(self.mean).mul_(self.inverse_norm.gather(1, index))

    def remove(self, taken: Tensor) -> None:
        """Take out the features where the bool `[B, n]` is set."""
        self.free.masked_fill_(taken, 0)
        self._weight.masked_fill_(taken, 0)
        self._measure()

    def _measure(self) -> None:
        """Scatter matrices from the free features."""
        free = self.free[..., None]
        mean = (self.tokens * free).sum(1, keepdim=True) / free.sum(1, keepdim=True).clamp(min=1)
        rows = (self.tokens - mean) * free
        self.scatter = rows.mT @ rows
        self.noise = rounding(self.scatter.diagonal(dim1=-2, dim2=-1))
