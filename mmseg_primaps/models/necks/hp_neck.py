"""HP's projection head as a neck."""

from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor

from .projection import CodeNeck


@MODELS.register_module()
class HPNeck(CodeNeck):
    """Codes of HP (Seong et al. 2023) from frozen ViT features: STEGO's head, trained with hidden positives.

    Inference uses the online head alone; dropout is off in evaluation, as published. Arguments are those of
    :class:`~.projection.CodeNeck`; published dims are 512 (Cityscapes, COCO-Stuff) and 256 (Potsdam).
    """

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Features ``[B, C, h, w]`` and codes ``[B, d, h, w]`` of the backbone's feature maps."""
        features = self.select(inputs)
        return self.drop(features), self.projection(features, self.drop)
