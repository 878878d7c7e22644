"""Compute the mask proposals that are missing, before training."""

import copy
from typing import Any

from mmengine.dist import barrier
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ... import ops
from ...datasets.transforms import LoadMaskProposals, PackProposalInputs
from ...models.utils import Segmentor
from ...utils import InputError, progress_bar
from ...utils.proposal_store import ProposalStore, cache_root, common_folder
from ..clean_pictures import CleanPictures, deterministic_prefix, features_manifest, leaf_datasets, rgb_pictures
from ..shares import dealt_out
from .frozen_encoder_hook import FrozenEncoderHook, bare_model


@HOOKS.register_module()
class MaskProposalHook(FrozenEncoderHook):
    """Make the principal mask proposals of every training picture, once, and have the training pipeline load them.

    Proposals are made on the picture as the deterministic prefix of the training pipeline leaves it, from the raw
    backbone features, and moved with the picture by what follows. A pipeline without ``LoadMaskProposals`` gets it at
    the end of that prefix, and ``PackSegInputs`` becomes ``PackProposalInputs``: a stock mmseg pipeline works as it is.
    Proposals already on disk are not computed again.

    Args:
        threshold: Similarity ``psi`` from which on a location belongs to the mask.
        coverage: Share of locations after which no more masks are looked for.
        in_index: Which backbone output; the decode head's by default, the last where a neck sits between.
        batch_size: Pictures a batch.
        cache: Folder of the proposals; see :func:`mmseg_primaps.utils.proposal_store.cache_root`.
        **options: Further keyword arguments of :func:`mmseg_primaps.ops.mask_proposals`.
    """

    priority = 'HIGH'

    def __init__(
        self,
        threshold: float = 0.4,
        coverage: float = 0.95,
        in_index: int | None = None,
        batch_size: int = 8,
        cache: str | None = None,
        **options: Any,
    ) -> None:
        if not 0 < threshold < 1:
            raise InputError(f'MaskProposalHook.threshold={threshold}: a cosine between 0 and 1 (0.4 as published)')
        if not 0 < coverage <= 1:
            raise InputError(f'MaskProposalHook.coverage={coverage}: give a share between 0 and 1 (0.95 as published)')
        self.options = {'threshold': threshold, 'coverage': coverage, **options}
        self.in_index, self.batch_size, self.cache = in_index, batch_size, cache

    def before_train(self, runner: Runner) -> None:
        """Compute what is missing and connect the training pipeline to it."""
        super().before_train(runner)
        model = bare_model(runner)
        model.eval()
        store = self.propose(model, runner.train_dataloader.dataset, runner.train_dataloader.num_workers)
        connect(runner.train_dataloader.dataset, store)
        restart_iterator(runner)

    def propose(self, model: Segmentor, dataset: Any, workers: int = 0) -> ProposalStore:
        """Compute the missing proposals of ``dataset``; every rank takes its share. Returns where they are."""
        pictures = CleanPictures(dataset)
        if not len(pictures):
            raise InputError('train_dataloader.dataset is empty: check data_root and the picture suffix')
        images = [pictures.image_path(i) for i in range(len(pictures))]
        index = proposal_index(model) if self.in_index is None else self.in_index
        manifest = {
            'version': ops.PROPOSALS_VERSION,
            'options': self.options,
            **features_manifest(model, pictures, index),
        }
        store = ProposalStore(cache_root(self.cache), manifest, common_folder(images))
        missing, mine = dealt_out(lambda: store.missing(images))
        there = len(images) - len(missing)
        print_log(f'mask proposals in {store.root}: {there} there, {len(missing)} to make', 'current')
        with progress_bar(len(mine), 'mask proposals') as bar:
            for batch in pictures.batches(mine, self.batch_size, workers) if mine else ():
                features = pictures.features(model, batch, index)
                proposals = ops.mask_proposals(features, rgb_pictures(batch).to(features.device), **self.options)
                for sample, values in zip(batch['data_samples'], proposals.cpu().numpy(), strict=True):
                    store.write(sample.metainfo['img_path'], values)
                bar.update(len(proposals))
        barrier()
        return store


def proposal_index(model: Segmentor) -> int:
    """Which backbone output proposals are made of: the head's, or the last where a neck sits between."""
    return -1 if getattr(model, 'neck', None) is not None else model.decode_head.in_index


def connect(dataset: Any, store: ProposalStore) -> None:
    """Have the pipelines of ``dataset`` load proposals from ``store`` and keep them when packing."""
    for leaf in leaf_datasets(dataset):
        transforms = leaf.pipeline.transforms
        if not any(isinstance(t, LoadMaskProposals) for t in transforms):
            last = deterministic_prefix(transforms)[-1]
            transforms.insert(transforms.index(last) + 1, LoadMaskProposals())
        for place, transform in enumerate(transforms):
            if isinstance(transform, LoadMaskProposals):
                transform.root, transform.base = str(store.root), str(store.base)
            elif type(transform).__name__ == 'PackSegInputs':
                transforms[place] = PackProposalInputs(meta_keys=copy.copy(transform.meta_keys))


def restart_iterator(runner: Runner) -> None:
    """Iteration loops may have started workers, with the old pipeline, when they were built."""
    iterator = getattr(runner.train_loop, 'dataloader_iterator', None)
    if iterator is not None:
        runner.train_loop.dataloader_iterator = type(iterator)(runner.train_dataloader)
