"""What the heads of STEGO and HP share: a cluster probe and a linear probe on detached codes."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...ops import cosine_kmeans_loss
from ..utils import Prototypes
from .prototype_head import PrototypeHead


class ProbeHead(PrototypeHead):
    """Cosine clusters and a linear classifier that watch codes without shaping them.

    The clusters are the method's prediction; the linear probe, which learns from labels where the pipeline loads
    them, is the supervised upper bound. Both get detached codes, so no label reaches the codes.

    Args:
        in_channels: Channels d of the codes.
        num_classes: Number of clusters and classes.
        in_index: Which map of the neck; the last is the code.
        ignore_index: Label of pixels without a class.
    """

    cosine = ('cluster',)

    def __init__(self, in_channels: int, num_classes: int, in_index: int = -1, ignore_index: int = 255) -> None:
        super().__init__(in_channels, num_classes, in_index, ignore_index)
        self.running = Prototypes(num_classes, in_channels, train_gain=False)
        self.linear = nn.Conv2d(in_channels, num_classes, 1)
        self.initialized.fill_(True)  # clusters start at random, as published

    @property
    def predictors(self) -> dict[str, Any]:
        """The clusters first: they are the unsupervised prediction."""
        return {'cluster': self.running, 'linear': self.linear}

    def probe_losses(self, codes: Tensor, samples: list) -> dict[str, Tensor]:
        """Losses of the two probes on codes ``[B, d, h, w]``; without labels only that of the clusters."""
        codes = codes.detach()
        losses = {'loss_cluster': cosine_kmeans_loss(codes, self.running.direction)}
        if all('gt_sem_seg' in sample for sample in samples):
            label = torch.stack([sample.gt_sem_seg.data for sample in samples]).squeeze(1).to(codes.device)
            logits = F.interpolate(self.linear(codes), label.shape[-2:], mode='bilinear', align_corners=False)
            valid = (label != self.ignore_index).sum().clamp_min(1)
            total = F.cross_entropy(logits, label.long(), ignore_index=self.ignore_index, reduction='sum')
            losses['loss_linear'] = total / valid
        return losses
