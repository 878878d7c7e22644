"""The supervised upper bound: a linear classifier on frozen features."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...utils import InputError
from ..utils import select_feature


@MODELS.register_module()
class LinearProbeHead(BaseDecodeHead):
    """A 1x1 convolution with bias, trained with labels on frozen features.

    It is no unsupervised method: it tells what the features hold (the *supervised* columns of the paper's tables).

    Args:
        in_channels: Channels ``C`` of the feature map.
        num_classes: Number of classes.
        in_index: Which feature map of the backbone or neck.
        ignore_index: Label of pixels without a class.
    """

    def __init__(self, in_channels: int, num_classes: int, in_index: int = -1, ignore_index: int = 255) -> None:
        super().__init__(
            in_channels,
            channels=in_channels,
            num_classes=num_classes,
            out_channels=num_classes,
            in_index=in_index,
            ignore_index=ignore_index,
            dropout_ratio=0,
            init_cfg=None,
        )

    @property
    def predictors(self) -> dict[str, nn.Module]:
        """The only predictor: the linear layer."""
        return {'linear': self.conv_seg}

    def features(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        """The head's feature map ``[B, C, h, w]``, cut off from the backbone's graph."""
        return select_feature(inputs, self.in_index).detach()

    def classify(self, features: Tensor, predictor: nn.Module) -> Tensor:
        """Logits ``[B, K, h, w]``."""
        return predictor(features)

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        """Logits ``[B, K, h, w]``."""
        return self.conv_seg(self.features(inputs))

    def loss(self, inputs: Tensor | Sequence[Tensor], batch_data_samples: list, train_cfg: Any) -> dict[str, Tensor]:
        """Mean cross-entropy of the upsampled logits over labelled pixels."""
        if any('gt_sem_seg' not in sample for sample in batch_data_samples):
            raise InputError('LinearProbeHead is supervised: add LoadMappedAnnotations to the training pipeline')
        label = self._stack_batch_gt(batch_data_samples).squeeze(1)
        logits = F.interpolate(self.forward(inputs), label.shape[-2:], mode='bilinear', align_corners=False)
        return {'loss_linear': F.cross_entropy(logits, label, ignore_index=self.ignore_index)}
