"""Compute backbone features once, and train and evaluate from what is stored."""

from typing import Any

from mmengine.dataset import Compose
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...datasets.transforms import LoadPictureSize, PackStoredFeatures
from ...models.utils import Segmentor
from ...utils import InputError
from ...utils.proposal_store import cache_root, common_folder, describe
from ..backbone_record import record_backbone
from ..clean_pictures import DETERMINISTIC, VALUES, CleanPictures, features_manifest, is_label_loader, leaf_datasets
from ..feature_store import FeatureStore, Views, clean_and_mirrored_view, clean_view, student_views
from .frozen_encoder_hook import FrozenEncoderHook, bare_model
from .mask_proposal_hook import proposal_index, restart_iterator

LOADERS = ('LoadImageFromFile', 'LoadCheckedImage')
PACKERS = ('PackSegInputs', 'PackProposalInputs')
MOVES = (*DETERMINISTIC, 'LoadMaskProposals', 'RandomFlip', *PACKERS)


@HOOKS.register_module()
class FeatureStoreHook(FrozenEncoderHook):
    """Store the features of the clean pictures (and their mirror images) and never run the backbone again.

    Once they are there, the runs that follow do not even build it (see
    :class:`mmseg_primaps.models.backbones.lazy_backbone.LazyBackbone`), if its weights come from a file.

    A frozen backbone gives the same features every epoch, so a run from the store gives the same result as one that
    recomputes them. It needs a ``PriMaPsSegmentor`` and a training pipeline whose only random step is a horizontal
    flip. The validation set is stored too, unless the CRF, which needs the pictures, is on.

    A student view changes pixels. Published is a new one in every step, for which the backbone has to run;
    with ``student_variants`` every step draws one of so many that are stored.

    Args:
        dtype: ``'float32'`` or ``'float16'``.
        batch_size: Pictures a batch while filling the store.
        student_variants: Stored photometric views of each picture; 0 refuses a model with a student view.
        student_seed: What these views are drawn from; the same for every seed of training, which then share them.
        cache: Folder of the store; see :func:`mmseg_primaps.utils.proposal_store.cache_root`.
    """

    priority = 'VERY_HIGH'

    def __init__(
        self,
        dtype: str = 'float32',
        batch_size: int = 16,
        cache: str | None = None,
        student_variants: int = 0,
        student_seed: int = 0,
    ) -> None:
        if dtype not in ('float32', 'float16'):
            raise InputError(f"FeatureStoreHook.dtype={dtype!r}: choose 'float32' or 'float16'")
        if student_variants < 0:
            raise InputError(f'FeatureStoreHook.student_variants={student_variants}: give a number of views, or 0')
        self.dtype, self.batch_size, self.cache = dtype, batch_size, cache
        self.student_variants, self.student_seed = student_variants, student_seed

    def before_train(self, runner: Runner) -> None:
        """Fill the store and have the loaders read from it."""
        super().before_train(runner)
        model = bare_model(runner)
        if not hasattr(model, 'test_features'):
            raise InputError('FeatureStoreHook needs model.type=PriMaPsSegmentor')
        has_student = getattr(model.data_preprocessor, 'student_view', None) is not None
        if has_student and not self.student_variants:
            raise InputError(
                'FeatureStoreHook: model.data_preprocessor.student_view changes the pictures: to draw from n stored '
                'views set student_variants=n, to make new ones in every step remove the hook'
            )
        if self.student_variants and not has_student:
            raise InputError('FeatureStoreHook.student_variants needs model.data_preprocessor.student_view')
        model.eval()
        train = runner.train_dataloader.dataset
        check_pipelines(train)
        mirror = any(_name(t) == 'RandomFlip' for leaf in leaf_datasets(train) for t in leaf.pipeline.transforms)
        self._serve(runner.train_dataloader, model, mirror, training=True)
        restart_iterator(runner)
        test_cfg = model.test_cfg or {}
        if runner.val_loop is not None and not test_cfg.get('crf') and test_cfg.get('mode', 'whole') == 'whole':
            self._serve(runner.val_dataloader, model, bool(test_cfg.get('flip')), training=False)
        if is_main_process():
            record_backbone(
                cache_root(self.cache), runner.cfg.model.backbone, runner.cfg.get('load_from'), model.backbone
            )

    def before_test(self, runner: Runner) -> None:
        """Have the loader read from the store if all of the test set is there; nothing is added to it."""
        model, dataset = bare_model(runner), runner.test_dataloader.dataset
        test_cfg = getattr(model, 'test_cfg', None) or {}
        if not hasattr(model, 'test_features') or test_cfg.get('crf') or test_cfg.get('mode', 'whole') != 'whole':
            return
        if not all(_is_known(t) for leaf in leaf_datasets(dataset) for t in leaf.pipeline.transforms):
            return
        pictures, mirror = CleanPictures(dataset), bool(test_cfg.get('flip'))
        images = [pictures.image_path(i) for i in range(len(pictures))]
        store = self._store(pictures, features_manifest(model, pictures, proposal_index(model)), 1 + mirror)
        if images and not store.missing(images):
            self._serve(runner.test_dataloader, model, mirror, training=False)

    def _store(self, pictures: CleanPictures, manifest: dict[str, Any], views: int) -> FeatureStore:
        base = common_folder([pictures.image_path(i) for i in range(len(pictures))])
        return FeatureStore(cache_root(self.cache), manifest, base, views=views, dtype=self.dtype)

    def _serve(self, loader: Any, model: Segmentor, mirror: bool, training: bool) -> None:
        pictures = CleanPictures(loader.dataset)
        index = proposal_index(model)
        manifest = features_manifest(model, pictures, index)

        def filled(manifest: dict[str, Any], count: int, views: Views) -> FeatureStore:
            store = self._store(pictures, manifest, count)
            store.fill(model, pictures, index, self.batch_size, loader.num_workers, views)
            return store

        sides = 2 if mirror else 1
        store, student = filled(manifest, sides, clean_and_mirrored_view if mirror else clean_view), None
        if training and self.student_variants:
            view = {'student_view': describe([model.data_preprocessor.student_view]), 'seed': self.student_seed}
            variants = self.student_variants
            student = filled({**manifest, **view}, variants * sides, student_views(variants, self.student_seed, mirror))
        for leaf in leaf_datasets(loader.dataset):
            leaf.feature_store = store
            leaf.picture_pipeline = leaf.pipeline
            # where features are stored only geometry is left to follow
            steps = [t for t in leaf.pipeline.transforms if _name(t) not in VALUES]
            leaf.pipeline = Compose([_stored(t, store, student, all_views=not training) for t in steps])


def check_pipelines(dataset: Any) -> None:
    """Refuse pipelines that change pixels at random, other than by a flip."""
    for leaf in leaf_datasets(dataset):
        for transform in leaf.pipeline.transforms:
            if not _is_known(transform):
                raise InputError(
                    f'FeatureStoreHook: {_name(transform)} changes the pictures at random, so their features cannot be '
                    'stored; remove it or the hook'
                )


def _is_known(transform: Any) -> bool:
    """Whether a step changes no pixels at random, other than by a flip."""
    return _name(transform) in MOVES or is_label_loader(transform)


def _stored(transform: Any, store: FeatureStore, student: FeatureStore | None, all_views: bool) -> Any:
    """The step that takes a transform's place where features are stored."""
    if _name(transform) in LOADERS:
        return LoadPictureSize(store)
    if _name(transform) in PACKERS:
        return PackStoredFeatures(store, all_views, student, meta_keys=transform.meta_keys)
    return transform


def _name(transform: Any) -> str:
    return type(transform).__name__
