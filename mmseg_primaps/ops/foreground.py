"""Which clusters are foreground: two cues that need no label.

Foreground attracts the attention of the CLS token, and background touches the border of the picture. Both are published
observations on self-supervised ViTs (attention: DINO; border: classical saliency detection); how LightCluster combines
them is not published, so the rules here are this project's reading.
"""

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

Cue = Literal['attention', 'border', 'both']
CUES: tuple[str, ...] = get_args(Cue)

# Relative saliency is counted in units of 2^-20, so that sums are exact in whatever order they are added.
_UNIT = 2.0**20
# A cue alone may say "this many times more than average", so that it never silences the other one.
_STRONGEST = 4.0
# Scores this close to the threshold are rounding, not evidence.
_MARGIN = 1e-4


class ClusterEvidence(NamedTuple):
    """What is known of each cluster, int64 `[..., K]` each; evidence of several pictures adds up exactly."""

    patches: Tensor
    """Number of patches."""
    border: Tensor
    """Number of patches that lie at the border of their picture."""
    saliency: Tensor
    """Sum of the relative saliency of the patches, in units of 2^-20."""

    def merge(self, other: 'ClusterEvidence') -> 'ClusterEvidence':
        """Evidence of both."""
        return ClusterEvidence(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def total(self) -> 'ClusterEvidence':
        """Evidence of all pictures of a batch: `[B, K]` to `[K]`."""
        return ClusterEvidence(*(values.sum(dim=0) for values in self))


def relative_saliency(saliency: Tensor) -> Tensor:
    """Scale saliency maps `[B, h, w]`, at least 0, to a mean of 1 in each picture.

    A map without any saliency becomes 1 everywhere: it tells nothing.
    """
    mean = saliency.mean(dim=(-2, -1), keepdim=True)
    return torch.where(mean > 0, saliency / mean.clamp_min(torch.finfo(saliency.dtype).tiny), 1.0)


def feature_norm_saliency(features: Tensor) -> Tensor:
    """Length of the feature in every place, `[B, h, w]` of `[B, C, h, w]`: a stand-in where no CLS token attends.

    In networks that end in rectified units, large features mark what the network recognises.
    """
    return torch.linalg.vector_norm(features.float(), dim=1)


def border_mask(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Bool `[h, w]`: the outermost ring of patches."""
    mask = torch.ones(height, width, dtype=torch.bool, device=device)
    mask[1:-1, 1:-1] = False
    return mask


def cluster_evidence(labels: Tensor, saliency: Tensor, clusters: int) -> ClusterEvidence:
    """Count what the cues need, for each picture by itself.

    Args:
        labels: Cluster of every patch, integers in 0..clusters-1, `[B, h, w]`.
        saliency: CLS attention or another saliency, at least 0, `[B, h, w]`.
        clusters: Number of clusters K.

    Returns:
        Evidence `[B, K]`.

    Raises:
        ValueError: Shapes differ.
    """
    if labels.shape != saliency.shape or labels.ndim != 3:
        raise ValueError(f'labels {tuple(labels.shape)} and saliency {tuple(saliency.shape)} must both be [B, h, w]')
    pictures, height, width = labels.shape
    first = torch.arange(pictures, device=labels.device).view(-1, 1, 1) * clusters
    slots = (labels + first).flatten()
    units = (relative_saliency(saliency.double()) * _UNIT).round().long()
    at_border = border_mask(height, width, labels.device).expand_as(labels)
    values = torch.stack([torch.ones_like(units), at_border.long(), units]).flatten(1)
    sums = torch.zeros(3, pictures * clusters, dtype=torch.int64, device=labels.device)
    sums.index_add_(1, slots, values)
    return ClusterEvidence(*sums.view(3, pictures, clusters))


def foreground_scores(evidence: ClusterEvidence, cue: Cue = 'both') -> Tensor:
    """How much each cluster looks like foreground, `[..., K]`, float64: above 1 more than an average patch.

    - `'attention'`: mean relative saliency of the cluster's patches;
    - `'border'`: share of all patches over share of the border's patches (background holds the border);
    - `'both'`: geometric mean of the two. Each is first limited to 1/4 .. 4, so that neither alone decides.

    A cluster without patches has score 0.

    Raises:
        ValueError: The cue is unknown.
    """
    if cue not in CUES:
        raise ValueError(f'cue must be one of {", ".join(CUES)}, not {cue!r}')
    patches = evidence.patches.double()
    there = patches > 0
    some = patches.clamp_min(1)
    attention = evidence.saliency / _UNIT / some
    border_share = evidence.border / evidence.border.sum(dim=-1, keepdim=True).clamp_min(1)
    area_share = some / patches.sum(dim=-1, keepdim=True).clamp_min(1)
    attention, inside = (
        ratio.clamp(1 / _STRONGEST, _STRONGEST) for ratio in (attention, area_share / border_share.clamp_min(1e-12))
    )
    score = {'attention': attention, 'border': inside, 'both': (attention * inside).sqrt()}[cue]
    return score * there


def foreground_clusters(evidence: ClusterEvidence, cue: Cue = 'both', threshold: float = 1.0) -> Tensor:
    """Which clusters are foreground, bool `[..., K]`: those whose score is above the threshold.

    In a picture of one cluster every score is exactly average, so nothing is foreground.
    """
    return foreground_scores(evidence, cue) > threshold + _MARGIN


def foreground_patches(labels: Tensor, foreground: Tensor) -> Tensor:
    """Which patches belong to foreground clusters.

    Args:
        labels: Cluster of every patch, `[B, h, w]`.
        foreground: Which clusters are foreground, bool, `[K]` for all pictures or `[B, K]`.

    Returns:
        Bool `[B, h, w]`.
    """
    flags = foreground.expand(len(labels), -1)
    return flags.gather(1, labels.flatten(1).long()).view_as(labels)
