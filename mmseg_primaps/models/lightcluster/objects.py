"""From a patch mask to the objects of a picture and what describes them."""

from typing import Any

import torch
from torch import Tensor

from ...ops import (
    connected_regions,
    dense_crf,
    mask_proposals,
    proposal_regions,
    region_crops,
    region_tokens,
    upsample,
)
from .options import LightClusterOptions
from .patches import PatchFeatures, patch_features

# Crops that go through the backbone at once: a picture's objects are few, its splinters can be many.
_CROPS = 32


def pixel_mask(mask: Tensor, picture: Tensor, options: LightClusterOptions, crf: bool) -> Tensor:
    """Upsample a patch mask and, where asked for, align it to the picture's edges.

    Args:
        mask: Bool `[h, w]`.
        picture: uint8 RGB `[3, H, W]`.
        options: ``crf_confidence``: how sure the mask is before the CRF.
        crf: Whether to refine.

    Returns:
        Bool `[H, W]`.
    """
    height, width = picture.shape[-2:]
    foreground = upsample(mask[None, None].float(), (height, width))
    if crf and bool(mask.any()) and not bool(mask.all()):
        confidence = options.crf_confidence
        foreground = (1 - confidence) + (2 * confidence - 1) * foreground
        foreground = dense_crf(torch.cat([1 - foreground, foreground], dim=1), picture[None])[:, 1:]
    return foreground[0, 0] > 0.5


def picture_regions(mask: Tensor, features: Tensor, picture: Tensor, options: LightClusterOptions) -> Tensor:
    """The objects in a pixel mask.

    Args:
        mask: Bool `[H, W]`.
        features: Patch features `[C, h, w]`, which PriMaPs' proposals are made of.
        picture: uint8 RGB `[3, H, W]`.
        options: ``regions`` and ``minimum_area``.

    Returns:
        Long `[H, W]`: 0 background, 1..n.
    """
    if options.regions == 'components' or not bool(mask.any()):
        return connected_regions(mask, options.minimum_area)
    proposals = mask_proposals(features[None], picture[None])[0]
    return proposal_regions(mask, proposals, options.minimum_area)


def region_descriptions(
    regions: Tensor, patches: PatchFeatures, image: Tensor, backbone: Any, options: LightClusterOptions, in_index: int
) -> Tensor:
    """One token for each region.

    Args:
        regions: Regions 1..n, `[H, W]`.
        patches: The picture's features, a batch of one.
        image: The picture as the backbone sees it, normalised, `[3, H, W]`.
        backbone: Makes the tokens of crops.
        options: ``region_token`` and ``crop_size``.
        in_index: Which of the backbone's outputs.

    Returns:
        `[n, D]`, float32.
    """
    if options.region_token != 'crop':
        saliency = patches.saliency[0]
        weights = saliency if options.region_token == 'attention' else torch.ones_like(saliency)
        return region_tokens(patches.features[0], weights, regions)
    if not bool(regions.any()):
        return patches.token.new_zeros((0, patches.token.shape[1]))
    crops = region_crops(image, regions, options.crop_size).split(_CROPS)
    return torch.cat([patch_features(backbone, part, options, in_index, margin=0).token for part in crops])
