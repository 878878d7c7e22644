"""A fitted model as mmseg uses it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import load_checkpoint
from mmseg.apis import inference_model, init_model
from mmseg.registry import MODELS

from mmseg_primaps.apis import evaluate
from mmseg_primaps.apis.lightcluster import lightcluster
from mmseg_primaps.utils import InputError
from tests.lightcluster_case import TINY_VIT, figure_config, make_figures

EVERYTHING = {'levels': ['consistent', 'dataset', 'category', 'image'], 'crf': [True, False]}


@pytest.fixture(scope='module')
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_figures(tmp_path_factory.mktemp('figures'), train=6, val=2)


@pytest.fixture(scope='module')
def fitted(figures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """Work folder and report of a run on hand-crafted features."""
    folder = tmp_path_factory.mktemp('fitted')
    cfg = figure_config(figures, folder, **{'lightcluster.pictures': 0})
    return folder, lightcluster(cfg)


def segmentor(**options: object) -> torch.nn.Module:
    cfg = dict(type='LightClusterSegmentor', backbone=dict(TINY_VIT), num_classes=4, **options)
    return MODELS.build(Config(dict(model=cfg)).model)


def test_init_model_and_inference_model_segment_a_picture_at_its_own_size(
    figures: Path, fitted: tuple[Path, dict]
) -> None:
    folder, _ = fitted
    model = init_model(str(folder / 'config.py'), str(folder / 'lightcluster.pth'), device='cpu')
    picture = np.zeros((70, 90, 3), np.uint8) + 120
    picture[20:50, 30:60] = (30, 40, 200)
    result = inference_model(model, picture)
    labels = result.pred_sem_seg.data[0]
    assert labels.shape == (70, 90)
    assert labels[35, 45] > 0
    assert labels[5, 5] == 0
    assert result.seg_logits.data.shape == (4, 70, 90)
    assert model.dataset_meta['classes'] == ['background', 'object 1', 'object 2', 'object 3']


def test_the_test_tool_repeats_the_figures(figures: Path, fitted: tuple[Path, dict], tmp_path: Path) -> None:
    folder, report = fitted
    cfg = figure_config(figures, tmp_path)
    again = evaluate(cfg, str(folder / 'lightcluster.pth'), str(tmp_path / 'figures.json'))
    for name in ('Acc', 'mIoU', 'plain_mIoU', 'dataset_mIoU', 'category_plain_mIoU', 'image_Acc'):
        assert again[name] == pytest.approx(report[name], abs=1e-6)


def test_the_checkpoint_is_small_where_the_backbone_comes_back_by_itself(fitted: tuple[Path, dict]) -> None:
    folder, _ = fitted
    state = torch.load(folder / 'lightcluster.pth', weights_only=True)['state_dict']
    assert state
    assert all(name.startswith('fitted.') for name in state)


def test_random_weights_are_kept_in_the_checkpoint_and_predict_the_same(figures: Path, tmp_path: Path) -> None:
    cfg = figure_config(figures, tmp_path / 'run', dict(TINY_VIT), **{'lightcluster.pictures': 0})
    report = lightcluster(cfg)
    state = torch.load(tmp_path / 'run' / 'lightcluster.pth', weights_only=True)['state_dict']
    assert any(name.startswith('backbone.') for name in state)
    torch.manual_seed(99)
    again = evaluate(figure_config(figures, tmp_path / 'again', dict(TINY_VIT)), str(tmp_path / 'run/lightcluster.pth'))
    assert again['mIoU'] == pytest.approx(report['mIoU'], abs=1e-6)


def test_a_small_checkpoint_refuses_another_backbone(figures: Path, tmp_path: Path) -> None:
    cfg = figure_config(figures, tmp_path, dict(TINY_VIT), **{'lightcluster.checkpoint': 'small'})
    cfg.lightcluster.pictures = 0
    lightcluster(cfg)
    torch.manual_seed(99)
    with pytest.raises(InputError, match='other backbone weights'):
        load_checkpoint(segmentor(), str(tmp_path / 'lightcluster.pth'))


def test_pretrained_weights_are_brought_back_by_a_small_checkpoint(
    figures: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {'type': 'Pretrained', 'checkpoint': str(shared / 'weights/mobilenet_v2_mmseg_fp16.pth')}
    backbone = dict(type='MobileNetV2', out_indices=(4,), norm_cfg=dict(type='BN'), norm_eval=True, init_cfg=weights)
    cfg = figure_config(figures, tmp_path, backbone, **{'lightcluster.pictures': 0, 'model.method.crf': False})
    lightcluster(cfg, until='classes')
    lightcluster(cfg)
    model = init_model(str(tmp_path / 'config.py'), str(tmp_path / 'lightcluster.pth'), device='cpu')
    assert all(
        name.startswith('fitted.')
        for name in torch.load(tmp_path / 'lightcluster.pth', weights_only=True)['state_dict']
    )
    kept = torch.load(shared / 'weights/mobilenet_v2_mmseg_fp16.pth', weights_only=True)['state_dict']
    name = next(name for name in kept if name.endswith('conv1.conv.weight'))
    assert torch.equal(model.backbone.state_dict()[name.removeprefix('backbone.')], kept[name].float())


def test_combinations_of_level_and_refinement_have_names() -> None:
    assert segmentor(test_cfg=EVERYTHING).names == [
        'sem_seg', 'plain', 'dataset', 'dataset_plain', 'category', 'category_plain', 'image', 'image_plain',
    ]  # fmt: skip
    assert segmentor(test_cfg=EVERYTHING, method=dict(crf=False)).names[:3] == ['sem_seg', 'crf', 'dataset']
    assert segmentor(test_cfg=dict(levels=['image'])).names == ['sem_seg']
    assert segmentor().variants == {'sem_seg': ('consistent', True)}


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(test_cfg=dict(levels=['scene'])), "'scene' is unknown"),
        (dict(method=dict(colour=1)), r'model\.method\.colour is unknown'),
        (dict(method=dict(cue='colour')), "cue='colour'"),
        (dict(method=dict(image_clusters=0)), 'image_clusters=0'),
        (dict(method=dict(minimum_area=2.0)), 'minimum_area'),
        (dict(method=dict(categories=0)), 'categories=0'),
        (dict(method=dict(passes=-1)), 'passes=-1'),
    ],
)
def test_bad_options_end_in_one_line(options: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        segmentor(**options)


@pytest.mark.parametrize('number', [1, 256])
def test_impossible_numbers_of_classes_are_refused(number: int) -> None:
    with pytest.raises(InputError, match='num_classes'):
        MODELS.build(dict(type='LightClusterSegmentor', backbone=dict(TINY_VIT), num_classes=number))


def test_nothing_is_trained_and_nothing_predicted_before_fitting() -> None:
    model = segmentor().train()
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    with pytest.raises(InputError, match='not trained'):
        model(torch.zeros(1, 3, 96, 96), [], mode='loss')
    with pytest.raises(InputError, match='no clusters'):
        model(torch.zeros(1, 3, 96, 96), mode='predict')


def test_a_bare_batch_is_segmented_alike_in_every_mode(fitted: tuple[Path, dict]) -> None:
    folder, _ = fitted
    model = init_model(str(folder / 'config.py'), str(folder / 'lightcluster.pth'), device='cpu')
    inputs = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    logits = model(inputs, mode='tensor')
    assert logits.shape == (2, 4, 96, 96)
    assert torch.equal(logits.sum(dim=1), torch.ones(2, 96, 96))
    predicted = model(inputs, mode='predict')
    assert torch.equal(logits.argmax(dim=1), torch.stack([sample.pred_sem_seg.data[0] for sample in predicted]))
    assert model.extract_feat(inputs).shape[:2] == (2, 30)
