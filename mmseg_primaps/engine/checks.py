"""Find what cannot work before hours of it."""

from typing import Any

from mmengine.runner import EpochBasedTrainLoop, Runner

from ..evaluation.metrics import ClusterIoUMetric
from ..models.backbones.lazy_backbone import LazyBackbone
from ..models.utils import Segmentor
from ..utils import InputError
from .clean_pictures import CleanPictures, head_features

SAMPLE = 16


def check_run(runner: Runner, model: Segmentor) -> None:
    """Check that the data sets hold something readable and that the numbers of classes agree.

    Raises:
        InputError: Training or validation set are empty, pictures fill no batch, a validation label lies outside the
            classes, or ``num_classes`` of head, metric and data set disagree.
    """
    if not len(runner.train_dataloader.dataset):
        raise InputError('train_dataloader.dataset is empty: check data_root and the picture suffix')
    pictures, batch = len(runner.train_dataloader.dataset), runner.train_dataloader.batch_size
    if isinstance(runner.train_loop, EpochBasedTrainLoop) and not len(runner.train_dataloader):
        raise InputError(
            f'{pictures} training pictures fill no batch of {batch}: set train_dataloader.batch_size={pictures}, or '
            'train_dataloader.drop_last=False'
        )
    check_features(model, runner.train_dataloader.dataset)
    if runner.val_loop is None:
        return
    dataset = runner.val_dataloader.dataset
    if not len(dataset):
        raise InputError('val_dataloader.dataset is empty: check data_root and the picture suffix')
    for metric in runner.val_loop.evaluator.metrics:
        if isinstance(metric, ClusterIoUMetric):
            check_classes(model.decode_head.num_classes, metric, dataset.metainfo)
            check_labels(dataset, len(dataset.metainfo['classes']), metric.ignore_index)


def check_features(model: Segmentor, dataset: Any) -> None:
    """Send one picture through backbone, neck and head: sizes and channels must fit."""
    lazy = isinstance(model.backbone, LazyBackbone) and not model.backbone.is_built  # the run that stored it looked
    if hasattr(model.decode_head, 'features') and not lazy:
        model.eval()
        head_features(model, next(CleanPictures(dataset).batches([0], batch_size=1)))


def check_classes(num_clusters: int, metric: ClusterIoUMetric, metainfo: dict[str, Any]) -> None:
    """Head and metric must count the same clusters; more clusters than classes must be asked for by name."""
    classes = len(metainfo.get('classes') or ())
    expected = metric.num_clusters or classes
    if num_clusters != expected:
        where = 'val_evaluator.num_clusters' if metric.num_clusters else 'the classes of the validation set'
        raise InputError(
            f'decode_head.num_classes={num_clusters}, but {where} are {expected}; set num_classes={expected}, or '
            f'val_evaluator.num_clusters={num_clusters} to match clusters to fewer or more classes'
        )


def check_labels(dataset: Any, num_classes: int, ignore_index: int) -> None:
    """Load a few pictures, spread over the set, and look at their labels."""
    for index in range(0, len(dataset), max(1, len(dataset) // SAMPLE)):
        sample = dataset[index]['data_samples']
        if 'gt_sem_seg' not in sample:
            raise InputError(
                f'{sample.metainfo.get("img_path")}: no label loaded; evaluation needs LoadMappedAnnotations'
            )
        label = sample.gt_sem_seg.data
        valid = label[label != ignore_index]
        if valid.numel() and (int(valid.max()) >= num_classes or int(valid.min()) < 0):
            path = sample.metainfo.get('seg_map_path') or sample.metainfo.get('img_path')
            raise InputError(
                f'{path}: label {int(valid.max())} is outside the {num_classes} classes; check num_classes and '
                'reduce_zero_label, or map the ids'
            )
