"""From a backbone to what LightCluster clusters: patch features, saliency and one token for the picture."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...ops import feature_norm_saliency, relative_saliency
from ..backbones import TimmViT
from ..utils import select_feature
from .options import LightClusterOptions


class PatchFeatures(NamedTuple):
    """What is kept of a batch of pictures."""

    features: Tensor
    """`[B, C, h, w]`, float32; unit length where clustering is spherical."""
    saliency: Tensor
    """`[B, h, w]`: CLS attention (mean over the heads) or feature norm, scaled to a mean of 1 in each picture."""
    token: Tensor
    """`[B, D]`: the picture's CLS token, or the mean of its feature map."""

    def picture(self, index: int) -> 'PatchFeatures':
        """One picture as a batch of one."""
        return PatchFeatures(*(values[index : index + 1] for values in self))


def _has_cls_token(backbone: Any) -> bool:
    return isinstance(backbone, TimmViT) and getattr(backbone.vit, 'cls_token', None) is not None


def saliency_source(backbone: Any) -> str:
    """What stands for saliency: ``'CLS attention'``, or ``'feature norm'`` where no CLS token attends."""
    return 'CLS attention' if _has_cls_token(backbone) else 'feature norm'


@torch.no_grad()
def patch_features(
    backbone: Any, images: Tensor, options: LightClusterOptions, in_index: int = -1, margin: int | None = None
) -> PatchFeatures:
    """Features, saliency and token of normalised pictures, in one pass.

    A :class:`TimmViT` gives the feature and the block its config names; several features are concatenated. Any other
    backbone gives its feature map, the length of its features as saliency and their mean as token.

    Args:
        backbone: The frozen backbone.
        images: `[B, 3, H, W]`.
        options: Whether features are normalised, and what they are rounded to.
        in_index: Which of the backbone's outputs.
        margin: In place of the options' ``margin``.
    """
    if _has_cls_token(backbone):
        block = backbone.out_indices[in_index]
        found = backbone.extract(images, [*backbone.features, 'cls_token', 'cls_attention'], block)
        features = torch.cat([found[name] for name in backbone.features], dim=1)
        saliency, token = found['cls_attention'].mean(dim=1), found['cls_token']
    else:
        features = _mirrored_map(backbone, images, in_index, options.margin if margin is None else margin)
        saliency, token = feature_norm_saliency(features), features.float().mean(dim=(2, 3))
    features = F.normalize(features.float(), dim=1) if options.spherical else features.float()
    rounded = features.to(getattr(torch, options.precision)).float()
    return PatchFeatures(rounded, relative_saliency(saliency.float()), token.float())


def _mirrored_map(backbone: Any, images: Tensor, in_index: int, margin: int) -> Tensor:
    """Feature map of a network that pads with zeros, without their trace.

    The picture is mirrored at its edges by `margin` pixels and what belongs to them is cut off the map. Otherwise the
    patches at the border are alike in every picture and become a cluster of their own.
    """
    if not margin or min(images.shape[-2:]) <= margin:
        return select_feature(backbone(images), in_index)
    padded = F.pad(images, (margin, margin, margin, margin), mode='reflect')
    features = select_feature(backbone(padded), in_index)
    cut = [round(margin * have / size) for have, size in zip(features.shape[-2:], padded.shape[-2:], strict=True)]
    return features[:, :, cut[0] : features.shape[2] - cut[0], cut[1] : features.shape[3] - cut[1]]
