"""Stage 1: patch features, saliency and token of every picture, computed once."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ...models.lightcluster import PatchFeatures, saliency_source
from ...utils import InputError
from ..clean_pictures import features_manifest
from .fit import Fit
from .stage import Arrays, StageFolder

NAMES = ('features', 'saliency', 'token')


def extract_features(fit: Fit) -> StageFolder:
    """Run the backbone over all pictures."""
    folder = fit.folder(
        '1_features',
        encoder=features_manifest(fit.model, fit.pictures, fit.model.in_index),
        saliency=saliency_source(fit.model.backbone),
        pictures=pictures_digest(fit),
        batches=[fit.block, fit.batch],
        **fit.options.only('spherical', 'precision', 'margin'),
    )
    fit.run(folder, 'features', lambda indices: _compute(fit, indices))
    return folder


def pictures_digest(fit: Fit) -> str:
    """SHA-256 of the names and sizes of all picture files."""
    digest = hashlib.sha256()
    for index in range(len(fit.pictures)):
        path = Path(fit.pictures.image_path(index))
        digest.update(f'{path}\t{path.stat().st_size if path.is_file() else None}\n'.encode())
    return digest.hexdigest()


def _compute(fit: Fit, indices: list[int]) -> Iterator[Arrays]:
    for batch in fit.inputs(indices):
        features, saliency, token = fit.model.patches(batch)
        if not bool(features.isfinite().all()):
            raise InputError(f"features are too large for {fit.options.precision}: set method.precision='float32'")
        kept = features.to(getattr(torch, fit.options.precision)), saliency, token
        yield from (
            dict(zip(NAMES, arrays, strict=True)) for arrays in zip(*(v.cpu().numpy() for v in kept), strict=True)
        )


def stored_patches(fit: Fit, folder: StageFolder, indices: list[int]) -> Iterator[PatchFeatures]:
    """What stage 1 left, each picture as a batch of one, float32 on the model's device."""
    for arrays in fit.stored(folder, indices, *NAMES):
        features, saliency, token = (torch.from_numpy(array).to(fit.device).float()[None] for array in arrays)
        yield PatchFeatures(features, saliency, token)


def stored_tokens(fit: Fit, folder: StageFolder, indices: list[int]) -> Iterator[tuple[Tensor, Tensor]]:
    """Tokens `[1, D]` of pictures with their numbers `[1]`."""
    for index, (token,) in zip(indices, fit.stored(folder, indices, 'token'), strict=True):
        yield torch.from_numpy(token)[None], torch.tensor([index])
