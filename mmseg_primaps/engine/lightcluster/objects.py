"""Stages 7 and 8: object regions with their tokens, and the classes these tokens form."""

from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dist import barrier
from torch import Tensor

from ...models.lightcluster import PatchFeatures, picture_regions
from ...ops import KMeansResult, kmeans
from ...ops.regions import MOST_REGIONS
from ...utils import InputError
from .clusters import KMEANS, RESULT
from .features import stored_patches
from .fit import Fit
from .masks import unpack_mask
from .stage import Arrays, StageFolder

_REGION_OPTIONS = ('regions', 'minimum_area', 'region_token', 'crop_size')


def find_regions(fit: Fit, features: StageFolder, masks: StageFolder) -> StageFolder:
    """Objects in every mask, and a token for each."""
    folder = fit.folder('7_regions', features, masks, **fit.options.only(*_REGION_OPTIONS))
    fit.run(folder, 'regions', lambda indices: _regions(fit, features, masks, indices))
    return folder


def _regions(fit: Fit, features: StageFolder, masks: StageFolder, indices: list[int]) -> Iterator[Arrays]:
    streams = (fit.images(indices), stored_patches(fit, features, indices), fit.stored(masks, indices, 'mask'))
    for image, patches, (packed,) in zip(*streams, strict=True):
        mask = unpack_mask(packed, image.shape[2]).to(image.device)
        yield _describe(fit, image, patches, mask)


def _describe(fit: Fit, image: Tensor, patches: PatchFeatures, mask: Tensor) -> Arrays:
    regions = picture_regions(mask, patches.features[0], fit.model.pictures(image), fit.options)
    tokens = fit.model.describe(regions, patches, image)
    return {'regions': regions.cpu().numpy().astype(np.uint8), 'tokens': tokens.cpu().numpy()}


def fit_classes(fit: Fit, regions: StageFolder) -> StageFolder:
    """Cluster the region tokens of all pictures, by cosine: one cluster for each object class."""
    classes = fit.model.num_classes - 1
    folder = fit.folder('8_classes', regions, classes=classes, **fit.options.only(*KMEANS))
    if not folder.has(RESULT):
        found = _cluster_tokens(fit, regions, classes)
        folder.write(RESULT, {'centres': found.centres.numpy(), 'counts': found.counts.numpy()})
    barrier()
    return folder


def _cluster_tokens(fit: Fit, regions: StageFolder, classes: int) -> KMeansResult:
    """Every process does all of it: tokens are few, and nothing has to be exchanged."""
    count = sum(len(tokens) for tokens, _ in _tokens(fit, regions))
    if count < classes:
        raise InputError(
            f'the masks of {len(fit.pictures)} pictures hold {count} objects, too few for {classes} object classes: '
            'lower model.num_classes or model.method.minimum_area, or try another model.method.cue'
        )
    options = fit.options
    return kmeans(
        lambda: _tokens(fit, regions), classes, options.seed, True, options.restarts,
        passes=options.passes, sample_size=options.sample_size,
    )  # fmt: skip


def _tokens(fit: Fit, regions: StageFolder) -> Iterator[tuple[Tensor, Tensor]]:
    """Region tokens `[n, D]` of every picture that has any, with a number for each."""
    indices = list(range(len(fit.pictures)))
    for index, (tokens,) in zip(indices, fit.stored(regions, indices, 'tokens'), strict=True):
        if len(tokens):
            yield torch.from_numpy(tokens), index * (MOST_REGIONS + 1) + torch.arange(len(tokens))
