"""Figures of a background and clusters of objects."""

import math

import pytest
import torch

from mmseg_primaps.evaluation.metrics import LightClusterMetric
from mmseg_primaps.evaluation.metrics.lightcluster_metric import binary_scores
from mmseg_primaps.utils import InputError

CLASSES = ('background', 'cat', 'dog')


def metric(classes: tuple[str, ...] = CLASSES, **options: object) -> LightClusterMetric:
    made = LightClusterMetric(**options)
    made.dataset_meta = {'classes': classes}
    return made


def sample(pred: list[int], label: list[int]) -> dict:
    return {'pred_sem_seg': {'data': torch.tensor([[pred]])}, 'gt_sem_seg': {'data': torch.tensor([[label]])}}


def figures(pred: list[int], label: list[int], **options: object) -> tuple[dict, LightClusterMetric]:
    made = metric(**options)
    made.process(None, [sample(pred, label)])
    return made.compute_metrics(made.results), made


def test_the_background_is_class_0_whatever_would_agree_better() -> None:
    flat, made = figures([0, 0, 0, 1, 2, 2], [1, 1, 1, 1, 2, 0])
    assert made.details['pred_sem_seg']['assignment'] == [0, 1, 2]
    assert flat['Acc'] == pytest.approx(100 * 2 / 6)


def test_objects_are_matched_one_to_one_and_many_to_one() -> None:
    pred, label = [0, 0, 1, 1, 2, 2, 2], [0, 0, 2, 2, 2, 2, 1]
    flat, made = figures(pred, label)
    assert made.details['pred_sem_seg']['assignment'] in ([0, 2, 1], [0, 1, 2])
    assert flat['many_to_one_Acc'] == pytest.approx(100 * 6 / 7)
    assert flat['many_to_one_Acc'] >= flat['Acc']


def test_without_a_background_class_cluster_0_is_matched_like_any_other() -> None:
    _, made = figures([0, 0, 1, 2], [2, 2, 0, 1], classes=('sky', 'road', 'car'))
    assert made.details['pred_sem_seg']['assignment'] == [2, 0, 1]


def test_more_clusters_than_classes() -> None:
    flat, made = figures([0, 1, 2, 3, 3], [0, 1, 2, 2, 2], num_clusters=4)
    assert made.details['pred_sem_seg']['assignment'] == [0, 1, -1, 2]
    assert flat['many_to_one_mIoU'] == 100


def test_binary_masks_are_counted_by_name() -> None:
    flat, _ = figures([0, 0, 1, 1, 2], [0, 1, 1, 2, 0], foreground=['cat'])
    assert flat['foreground_IoU'] == pytest.approx(100 * 1 / 4)
    assert flat['background_IoU'] == pytest.approx(100 * 1 / 4)
    default, _ = figures([0, 0, 1, 1, 2], [0, 1, 1, 2, 0])
    assert default['foreground_IoU'] == pytest.approx(100 * 2 / 4)


def test_nothing_is_said_of_masks_where_every_class_is_foreground() -> None:
    flat, _ = figures([0, 1], [0, 1], classes=('sky', 'road'))
    assert 'foreground_IoU' not in flat
    assert binary_scores(torch.ones(2, 2), torch.tensor([False, False])) == {}


def test_a_set_without_foreground_has_no_number_for_it() -> None:
    scores = binary_scores(torch.tensor([[4, 0], [0, 0]]), torch.tensor([False, True]))
    assert scores == {'background_IoU': 100.0}
    assert not any(math.isnan(value) for value in scores.values())


def test_an_unknown_foreground_class_is_refused() -> None:
    with pytest.raises(InputError, match='bird'):
        figures([0, 1], [0, 1], foreground=['bird'])


def test_many_to_one_can_be_the_main_figure() -> None:
    flat, _ = figures([0, 1, 2, 2], [0, 2, 2, 1], matching='many_to_one')
    assert flat['Acc'] == flat['many_to_one_Acc']
