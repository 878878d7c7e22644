"""Nearest pictures by pooled features: STEGO's table of positives."""

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 2**26


def pooled_features(features: Tensor) -> Tensor:
    """One vector for each picture: the mean of its features ``[B, C, h, w]`` over the grid, then unit length."""
    return F.normalize(features.mean(dim=(2, 3)), dim=1)


def nearest_neighbours(vectors: Tensor, count: int) -> Tensor:
    """The ``count`` nearest vectors by cosine, nearest first; the vector itself comes first.

    Rows are compared in blocks of bounded memory, whatever their number.

    Args:
        vectors: ``[N, C]``, unit length.
        count: Entries of a row; at most N.

    Returns:
        ``[N, min(count, N)]``.
    """
    size = len(vectors)
    rows = []
    for block in torch.arange(size, device=vectors.device).split(max(1, BLOCK // max(1, size))):
        similarity = vectors[block] @ vectors.T
        similarity[torch.arange(len(block)), block] = torch.inf
        rows.append(similarity.topk(min(count, size), dim=1).indices)
    return torch.cat(rows)
