"""How well clusters and mask proposals tell about each other: seen without labels."""

import math

import torch
from torch import Tensor

from .proposal_counts import ProposalCounts, count_proposals


class ProposalAgreement:
    """Counts of (proposal, cluster) over pictures, and what they say about the clusters.

    Two figures. The agreement is the share of pixels whose cluster is that of the majority of their proposal; a single
    cluster for everything has 100 %. The information does not fall for that: it is the mutual information
    I(cluster; proposal) = H(cluster) - H(cluster | proposal), highest where pixels of one proposal share a cluster
    while different proposals have different ones, relative to ln K, its largest value.

    Args:
        num_classes: Number of clusters K.
        ignore_index: Mask id of pixels without a proposal.

    Example:
        >>> labels = torch.tensor([[[0, 0, 1, 1]]])
        >>> figures = ProposalAgreement(2).update(labels, torch.tensor([[[1, 1, 2, 2]]]))
        >>> round(figures.agreement, 1), round(figures.information, 1)
        (100.0, 100.0)
    """

    def __init__(self, num_classes: int, ignore_index: int = 255) -> None:
        self.num_classes, self.ignore_index = num_classes, ignore_index
        # pixels of each cluster, then their entropy within proposals, then those in the majority of their proposal
        self._sums = torch.zeros(num_classes + 2, dtype=torch.float64)

    def update(self, labels: Tensor, proposals: Tensor) -> 'ProposalAgreement':
        """Add clusters 0..K-1 `[B, H, W]` and the mask ids of the same pixels `[B, H, W]`; returns itself."""
        return self.add(count_proposals(labels, proposals, self.num_classes, self.ignore_index))

    def add(self, counted: ProposalCounts) -> 'ProposalAgreement':
        """Add pixels that have been counted already; returns itself."""
        counts = counted.histogram().double().cpu()
        totals = counts.sum(dim=1, keepdim=True)
        self._sums[:-2] += counts.sum(dim=0)
        self._sums[-2] += torch.special.entr(counts / totals).mul(totals).sum()
        self._sums[-1] += counts.amax(dim=1).sum() if len(counts) else 0
        return self

    def state_dict(self) -> dict[str, Tensor]:
        """Everything counted so far as one tensor, which may be summed over processes."""
        return {'sums': self._sums}

    def load_state_dict(self, state: dict[str, Tensor]) -> 'ProposalAgreement':
        """Continue from what :meth:`state_dict` gave; returns itself."""
        self._sums = state['sums']
        return self

    @property
    def sizes(self) -> Tensor:
        """Pixels of each cluster inside proposals, float64 `[K]`."""
        return self._sums[:-2]

    @property
    def agreement(self) -> float:
        """Share of labelled pixels in the majority of their proposal, in percent; 0 where there is no proposal."""
        pixels = float(self.sizes.sum())
        return 100 * float(self._sums[-1]) / pixels if pixels else 0.0

    @property
    def information(self) -> float:
        """Mutual information of cluster and proposal, in percent of ln K; 0 where there is no proposal."""
        pixels = float(self.sizes.sum())
        if not pixels or self.num_classes < 2:
            return 0.0
        entropy = torch.special.entr(self.sizes / pixels).sum()
        return 100 * float(entropy - self._sums[-2] / pixels) / math.log(self.num_classes)


def proposal_histogram(labels: Tensor, proposals: Tensor, num_classes: int, ignore_index: int = 255) -> Tensor:
    """Pixels of every cluster in every proposal, long `[P, K]`; proposals without a pixel are left out.

    Raises:
        ValueError: Shapes differ, a label is outside 0..num_classes-1 or a mask id is negative.
    """
    return count_proposals(labels, proposals, num_classes, ignore_index).histogram()
