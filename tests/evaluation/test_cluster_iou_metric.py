"""Matched scores of whole sets, for every prediction a model gives."""

import pytest
import torch

from mmseg_primaps.evaluation.metrics import ClusterIoUMetric
from mmseg_primaps.utils import InputError


def metric(**kwargs: object) -> ClusterIoUMetric:
    result = ClusterIoUMetric(**kwargs)
    result.dataset_meta = {'classes': ('a', 'b', 'c')}
    return result


def sample(label: torch.Tensor, **predictions: torch.Tensor) -> dict:
    maps = {'gt_sem_seg': {'data': label[None]}, 'img_path': 'x.png'}
    return maps | {key: {'data': value[None]} for key, value in predictions.items()}


def evaluate(one: ClusterIoUMetric, samples: list[dict]) -> dict[str, float]:
    one.process({}, samples)
    return one.evaluate(len(samples))


def test_clusters_are_matched_over_the_whole_set_and_void_is_left_out() -> None:
    label = torch.tensor([[0, 0, 1, 1], [2, 2, 255, 255]])
    renamed = torch.tensor([[2, 2, 0, 0], [1, 1, 0, 2]])
    scores = evaluate(metric(), [sample(label, pred_sem_seg=renamed), sample(label, pred_sem_seg=renamed)])
    assert scores == {'Acc': 100.0, 'mIoU': 100.0}


def test_every_prediction_gets_flat_figures_of_its_own() -> None:
    label = torch.tensor([[0, 1], [2, 2]])
    other = torch.tensor([[0, 1], [2, 1]])
    one = metric()
    scores = evaluate(one, [sample(label, pred_sem_seg=label, pred_running=other, pred_running_crf=other)])
    assert scores['Acc'] == 100
    assert scores['running_Acc'] == scores['running_crf_Acc'] == 75
    assert one.details['pred_running']['IoU']['a'] == 100
    assert one.details['pred_sem_seg']['assignment'] == [0, 1, 2]


def test_class_that_is_nowhere_is_dropped_from_the_mean() -> None:
    label = torch.tensor([[0, 1]])
    one = metric(num_clusters=2)
    assert evaluate(one, [sample(label, pred_sem_seg=label)])['mIoU'] == 100
    assert one.details['pred_sem_seg']['IoU']['c'] is None


def test_matching_can_be_many_to_one_or_identity() -> None:
    label = torch.tensor([[0, 0, 0, 0]])
    pred = torch.tensor([[1, 1, 2, 2]])
    assert evaluate(metric(), [sample(label, pred_sem_seg=pred)])['Acc'] == 50
    assert evaluate(metric(matching='many_to_one'), [sample(label, pred_sem_seg=pred)])['Acc'] == 100
    assert evaluate(metric(matching='identity'), [sample(label, pred_sem_seg=pred)])['Acc'] == 0


@pytest.mark.parametrize(
    ('values', 'match'),
    [
        ({'gt_sem_seg': {'data': torch.tensor([[[7]]])}, 'pred_sem_seg': {'data': torch.tensor([[[0]]])}}, 'labels'),
        ({'gt_sem_seg': {'data': torch.zeros(1, 2, 2)}, 'pred_sem_seg': {'data': torch.zeros(1, 1, 1)}}, 'differ'),
        ({'pred_sem_seg': {'data': torch.zeros(1, 1, 1)}}, 'no label'),
    ],
)
def test_bad_samples_are_named(values: dict, match: str) -> None:
    with pytest.raises(InputError, match=f'x.png.*{match}'):
        metric().process({}, [{'img_path': 'x.png', **values}])


def test_unknown_matching_is_refused() -> None:
    with pytest.raises(InputError, match='matching'):
        metric(matching='greedy')
