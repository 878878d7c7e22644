"""Stages 5 and 6: what the levels say of every patch, and the refined mask that follows from it."""

from collections.abc import Iterator

import numpy as np
import torch

from ...models.lightcluster import CONSISTENT, PatchLevels, level_mask, patch_levels, pixel_mask
from .features import stored_patches
from .fit import Fit
from .stage import Arrays, StageFolder


def find_levels(fit: Fit, features: StageFolder, dataset: StageFolder, category: StageFolder) -> StageFolder:
    """Image-level clusters of every picture, and the masks of the three levels."""
    folder = fit.folder(
        '5_levels', features, dataset, category,
        **fit.options.only('image_clusters', 'restarts', 'seed', 'spherical', 'cue', 'threshold'),
    )  # fmt: skip
    fit.run(folder, 'levels', lambda indices: _levels(fit, features, indices))
    return folder


def _levels(fit: Fit, features: StageFolder, indices: list[int]) -> Iterator[Arrays]:
    for patches in stored_patches(fit, features, indices):
        masks, clusters = patch_levels(patches, fit.model.fitted, fit.options)
        yield {'levels': masks[0].cpu().numpy(), 'clusters': clusters[0].cpu().numpy().astype(np.uint8)}


def make_masks(fit: Fit, levels: StageFolder) -> StageFolder:
    """Make the levels agree, upsample, refine by the CRF."""
    folder = fit.folder('6_masks', levels, **fit.options.only('rule', 'whole_regions', 'crf', 'crf_confidence'))
    fit.run(folder, 'masks', lambda indices: _masks(fit, levels, indices))
    return folder


def _masks(fit: Fit, levels: StageFolder, indices: list[int]) -> Iterator[Arrays]:
    stored = fit.stored(levels, indices, 'levels', 'clusters')
    for image, (masks, clusters) in zip(fit.images(indices), stored, strict=True):
        found = PatchLevels(*(torch.from_numpy(array).to(fit.device)[None] for array in (masks, clusters)))
        mask = level_mask(found, CONSISTENT, fit.options)[0]
        refined = pixel_mask(mask, fit.model.pictures(image), fit.options, fit.options.crf)
        yield {'patches': mask.cpu().numpy(), 'mask': np.packbits(refined.cpu().numpy(), axis=1)}


def unpack_mask(packed: np.ndarray, width: int) -> torch.Tensor:
    """Bool `[H, W]` of a stored mask."""
    return torch.from_numpy(np.unpackbits(packed, axis=1, count=width).astype(bool))
