"""LightCluster's masks as mask proposals for PriMaPs-EM."""

from pathlib import Path

import numpy as np
import torch
from mmengine.dist import barrier
from torch import Tensor

from ...ops import split_background, upsampled_argmax
from ...utils import InputError, progress
from ...utils.proposal_store import ProposalStore, common_folder, write_whole
from .blocks import share
from .features import stored_patches
from .fit import Fit
from .stage import VERSION, StageFolder

BACKGROUNDS = ('ignore', 'whole', 'clusters')
LATEST = 'latest'


def write_proposals(
    fit: Fit, features: StageFolder, regions: StageFolder, root: Path, background: str = 'clusters'
) -> ProposalStore:
    """Write the objects of every picture, and its background, in the form that ``LoadMaskProposals`` reads.

    Args:
        fit: Model and pictures.
        features: What stage 1 left.
        regions: What stage 7 left.
        root: Folder of the proposals; ``latest`` in it names the folder that was written last.
        background: What becomes of it: ``'ignore'``, one ``'whole'`` proposal, or the connected parts of the data
            set's ``'clusters'``.
    """
    if background not in BACKGROUNDS:
        raise InputError(f'lightcluster.proposals={background!r}: choose one of {", ".join(BACKGROUNDS)}, or None')
    images = [fit.pictures.image_path(index) for index in range(len(fit.pictures))]
    manifest = {'made_by': 'LightCluster', 'version': VERSION, 'after': regions.fingerprint, 'background': background}
    store = ProposalStore(root, manifest, common_folder(images))
    mine = share(store.missing(images))
    stored = fit.stored(regions, mine, 'regions')
    for index, (found,), patches in zip(
        progress(mine, 'proposals') if mine else (), stored, stored_patches(fit, features, mine), strict=True
    ):
        numbers = torch.from_numpy(found).long()
        store.write(images[index], _proposals(fit, numbers, patches.features, background))
    write_whole(root / LATEST, store.root.name.encode())
    barrier()
    return store


def _proposals(fit: Fit, regions: Tensor, features: Tensor, background: str) -> np.ndarray:
    if background == 'clusters':
        height, width = regions.shape
        centres = fit.model.fitted.dataset_centres
        scores = torch.einsum('bchw,kc->bkhw', features, centres)
        if not fit.options.spherical:
            scores = scores - centres.square().sum(dim=1).view(1, -1, 1, 1) / 2
        labels = upsampled_argmax(scores, (height, width))[0].cpu()
        regions = split_background(regions, labels, fit.options.minimum_area)
    elif background == 'whole' and not bool(regions.all()):
        regions = torch.where(regions == 0, regions.max() + 1, regions)
    return regions.masked_fill(regions == 0, 255).numpy().astype(np.uint8)
