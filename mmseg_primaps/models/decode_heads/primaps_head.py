"""The PriMaPs-EM decode head."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...ops import (
    ProposalAgreement,
    ProposalCounts,
    count_proposals,
    loss_of_all_processes,
    mean_over_processes,
    momentum_decay,
    prototype_focal_loss,
    sums_of_all_processes,
    upsampled_argmax,
)
from ...ops.refine_masks import NO_PROPOSAL
from ...utils import InputError
from ..utils import Prototypes
from .prototype_head import PrototypeHead


@MODELS.register_module()
class PriMaPsHead(PrototypeHead):
    """Fits class prototypes to principal mask proposals by a moving-average EM.

    One training step: the momentum prototypes label the teacher view, each proposal takes the class of the majority of
    its pixels, and the running prototypes learn that pseudo label from the student view (the second half of the batch
    if the data preprocessor made one, otherwise the teacher view itself). Predictions come from the momentum
    prototypes. Features are not normalised and gains are trained, as published.

    Several processes compute the step of one process with all their pictures: class weights, the mean over pixels and
    the logged figures are those of the global batch.

    Args:
        in_channels: Channels ``C`` of the feature map.
        num_classes: Number of clusters ``K``.
        in_index: Which feature map of the backbone or neck.
        gamma: Exponent of the batch-wide class weight ``(1 - chi)^gamma``; 0 switches it off.
        pseudo_label: ``'proposals'`` (published) or ``'prediction'``: the teacher's label of each pixel, without
            proposals (ablation).
        momentum_limit: Largest decay of the momentum prototypes.
        ignore_index: Label of pixels without a class.
        preset: ``'paper'`` or ``'best'``: the start that ``PrototypeInitHook`` gives where it has no preset of its own.
            The steps of EM are the published ones in both: no change of them helped everywhere.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        in_index: int = -1,
        gamma: float = 2.0,
        pseudo_label: str = 'proposals',
        momentum_limit: float = 0.98,
        ignore_index: int = 255,
        preset: str = 'paper',
    ) -> None:
        super().__init__(in_channels, num_classes, in_index, ignore_index)
        if preset not in ('paper', 'best'):
            raise InputError(f"PriMaPsHead.preset={preset!r}: choose 'paper' or 'best'")
        self.preset = preset
        if pseudo_label not in ('proposals', 'prediction'):
            raise InputError(f"pseudo_label={pseudo_label!r}: choose 'proposals' or 'prediction'")
        self.gamma, self.pseudo_label, self.momentum_limit = gamma, pseudo_label, momentum_limit
        self.running = Prototypes(num_classes, in_channels)
        self.momentum = Prototypes(num_classes, in_channels, trainable=False)
        self.register_buffer('momentum_calls', torch.tensor(0))

    @property
    def predictors(self) -> dict[str, Prototypes]:
        """Momentum prototypes first: they are the model."""
        return {'momentum': self.momentum, 'running': self.running}

    def loss(self, inputs: Tensor | Sequence[Tensor], batch_data_samples: list, train_cfg: Any) -> dict[str, Tensor]:
        """One EM step on features of ``B`` (or ``2 B``: teacher first, then student) pictures.

        Returns:
            ``loss_focal`` and, for the log, in percent: ``labelled``, the share of pixels that got a pseudo label, and
            where proposals give it, ``agreement`` and ``information`` of the teacher's labels with them (see
            :class:`mmseg_primaps.ops.ProposalAgreement`).
        """
        features = self.features(inputs)
        size = len(batch_data_samples)
        teacher, student = features[:size], features[-size:]
        proposals = self._proposals(batch_data_samples, features.device)
        labels = self.teacher_labels(teacher, proposals)
        counts = self._counts(labels, proposals)
        target = self._vote(labels, counts)
        pixels = target.numel()
        frequencies = partial(mean_over_processes, weight=pixels)
        logits = self.classify(student, self.running)
        loss = prototype_focal_loss(logits, target, self.gamma, self.ignore_index, frequencies)
        labelled = mean_over_processes((target != self.ignore_index).float().mean() * 100, pixels)
        loss = loss_of_all_processes(loss, pixels)
        return {'loss_focal': loss, 'labelled': labelled, **self._criteria(counts)}

    @torch.no_grad()
    def pseudo_labels(self, features: Tensor, proposals: Tensor) -> Tensor:
        """Pseudo labels ``[B, H, W]`` (``P*`` in the paper) of features ``[B, C, h, w]``, proposals ``[B, H, W]``."""
        labels = self.teacher_labels(features, proposals)
        return self._vote(labels, self._counts(labels, proposals))

    @torch.no_grad()
    def teacher_labels(self, features: Tensor, proposals: Tensor) -> Tensor:
        """Labels ``[B, H, W]`` (``y`` in the paper) that the momentum prototypes give features ``[B, C, h, w]``."""
        logits = self.classify(features, self.momentum)
        return upsampled_argmax(logits, (proposals.shape[-2], proposals.shape[-1]))

    def _counts(self, labels: Tensor, proposals: Tensor) -> ProposalCounts | None:
        """What votes in the proposals; None where every pixel keeps its own label."""
        if self.pseudo_label == 'prediction':
            return None
        return count_proposals(labels, proposals, self.num_classes, NO_PROPOSAL)

    def _vote(self, labels: Tensor, counts: ProposalCounts | None) -> Tensor:
        return labels if counts is None else counts.vote(self.ignore_index)

    def _criteria(self, counts: ProposalCounts | None) -> dict[str, Tensor]:
        if counts is None:
            return {}
        figures = sums_of_all_processes(ProposalAgreement(self.num_classes).add(counts))
        values = {'agreement': figures.agreement, 'information': figures.information}
        return {name: torch.tensor(value, device=counts.slots.device) for name, value in values.items()}

    def update_momentum(self) -> float:
        """Move the momentum prototypes towards the running ones; returns the decay used."""
        self.momentum_calls += 1
        decay = momentum_decay(int(self.momentum_calls), self.momentum_limit)
        self.momentum.move_towards(self.running, decay)
        return decay

    def _proposals(self, samples: list, device: torch.device) -> Tensor:
        if self.pseudo_label == 'prediction' and 'mask_proposals' not in samples[0]:
            shapes = [sample.metainfo.get('pad_shape', sample.metainfo['img_shape'])[:2] for sample in samples]
            return torch.zeros(len(samples), *shapes[0], dtype=torch.long, device=device)
        if any('mask_proposals' not in sample for sample in samples):
            raise InputError(
                'the training batch has no mask proposals: add MaskProposalHook to custom_hooks, or LoadMaskProposals '
                'and PackProposalInputs to the training pipeline'
            )
        return stack_proposals(samples).to(device)


def stack_proposals(samples: list) -> Tensor:
    """Proposals ``[B, H, W]`` of data samples, padded as mmseg pads pictures, at right and bottom; dtype as theirs."""
    maps = [sample.mask_proposals.data.squeeze(0) for sample in samples]
    pads = [sample.metainfo.get('pad_shape') for sample in samples]
    height = max(pad[0] if pad else m.shape[0] for m, pad in zip(maps, pads, strict=True))
    width = max(pad[1] if pad else m.shape[1] for m, pad in zip(maps, pads, strict=True))
    edges = [(0, width - m.shape[1], 0, height - m.shape[0]) for m in maps]
    return torch.stack([F.pad(m, e, value=NO_PROPOSAL) if any(e) else m for m, e in zip(maps, edges, strict=True)])
