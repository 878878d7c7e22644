"""Compute backbone features once, and train and evaluate from what is stored."""

import copy
from typing import Any

from mmengine.dataset import Compose
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...datasets.transforms import LoadPictureSize, PackStoredFeatures
from ...models.utils import Segmentor
from ...utils import InputError
from ...utils.proposal_store import cache_root, common_folder
from ..clean_pictures import DETERMINISTIC, CleanPictures, features_manifest, is_label_loader, leaf_datasets
from ..feature_store import FeatureStore
from .frozen_encoder_hook import FrozenEncoderHook, bare_model
from .mask_proposal_hook import proposal_index, restart_iterator

LOADERS = ('LoadImageFromFile', 'LoadCheckedImage')
PACKERS = ('PackSegInputs', 'PackProposalInputs')
MOVES = (*DETERMINISTIC, 'LoadMaskProposals', 'RandomFlip', *PACKERS)


@HOOKS.register_module()
class FeatureStoreHook(FrozenEncoderHook):
    """Store the features of the clean pictures (and their mirror images) and never run the backbone again.

    A frozen backbone gives the same features every epoch, so a run from the store gives the same result as one that
    recomputes them. It needs a ``PriMaPsSegmentor`` and a training pipeline whose only random step is a horizontal
    flip; a student view changes pixels and is refused. The validation set is stored too, unless the CRF, which needs
    the pictures, is on.

    Args:
        dtype: ``'float32'`` or ``'float16'``.
        batch_size: Pictures a batch while filling the store.
        cache: Folder of the store; see :func:`mmseg_primaps.utils.proposal_store.cache_root`.
    """

    priority = 'VERY_HIGH'

    def __init__(self, dtype: str = 'float32', batch_size: int = 16, cache: str | None = None) -> None:
        if dtype not in ('float32', 'float16'):
            raise InputError(f"FeatureStoreHook.dtype={dtype!r}: choose 'float32' or 'float16'")
        self.dtype, self.batch_size, self.cache = dtype, batch_size, cache

    def before_train(self, runner: Runner) -> None:
        """Fill the store and have the loaders read from it."""
        super().before_train(runner)
        model = bare_model(runner)
        if not hasattr(model, 'test_features'):
            raise InputError('FeatureStoreHook needs model.type=PriMaPsSegmentor')
        if getattr(model.data_preprocessor, 'student_view', None) is not None:
            raise InputError('FeatureStoreHook: a student view changes the pictures; remove one of the two')
        model.eval()
        train = runner.train_dataloader.dataset
        check_pipelines(train)
        mirror = any(_name(t) == 'RandomFlip' for leaf in leaf_datasets(train) for t in leaf.pipeline.transforms)
        self._serve(runner.train_dataloader, model, views=2 if mirror else 1, all_views=False)
        restart_iterator(runner)
        test_cfg = model.test_cfg or {}
        if runner.val_loop is not None and not test_cfg.get('crf') and test_cfg.get('mode', 'whole') == 'whole':
            self._serve(runner.val_dataloader, model, views=2 if test_cfg.get('flip') else 1, all_views=True)

    def _serve(self, loader: Any, model: Segmentor, views: int, all_views: bool) -> None:
        pictures = CleanPictures(loader.dataset)
        index = proposal_index(model)
        base = common_folder([pictures.image_path(i) for i in range(len(pictures))])
        store = FeatureStore(
            cache_root(self.cache), features_manifest(model, pictures, index), base, views=views, dtype=self.dtype
        )
        store.fill(model, pictures, index, self.batch_size, loader.num_workers)
        for leaf in leaf_datasets(loader.dataset):
            leaf.feature_store = store
            leaf.picture_pipeline = leaf.pipeline
            leaf.pipeline = Compose([_stored(t, store, all_views) for t in copy.copy(leaf.pipeline.transforms)])


def check_pipelines(dataset: Any) -> None:
    """Refuse pipelines that change pixels at random, other than by a flip."""
    for leaf in leaf_datasets(dataset):
        for transform in leaf.pipeline.transforms:
            if _name(transform) not in MOVES and not is_label_loader(transform):
                raise InputError(
                    f'FeatureStoreHook: {_name(transform)} changes the pictures at random, so their features cannot be '
                    'stored; remove it or the hook'
                )


def _stored(transform: Any, store: FeatureStore, all_views: bool) -> Any:
    """The step that takes a transform's place where features are stored."""
    if _name(transform) in LOADERS:
        return LoadPictureSize()
    if _name(transform) in PACKERS:
        return PackStoredFeatures(store, all_views, meta_keys=transform.meta_keys)
    return transform


def _name(transform: Any) -> str:
    return type(transform).__name__
