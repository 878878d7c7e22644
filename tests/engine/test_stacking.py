"""Train STEGO and HP, stack PriMaPs-EM on them, and start from the released files."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmseg_primaps.apis import build_runner, evaluate, train
from mmseg_primaps.apis.convert_checkpoint import convert_checkpoint
from mmseg_primaps.utils import InputError
from tests.conftest import ROOT, tiny_config

TINY = {'embed_dim': 48, 'depth': 3, 'num_heads': 3}
RELEASED = {'stego': 'stego_tiny.ckpt', 'hp': 'hp_tiny.pth'}


def method_config(method: str, camvid: Path, work_dir: Path, stacked: bool = False, **options: object) -> Config:
    """A CamVid config of STEGO or HP, or of PriMaPs-EM on top, cut down to hand-crafted features."""
    name = f'{"primaps_" if stacked else ""}{method}_mobilenetv2_camvid.py'
    cfg = tiny_config(name, camvid, work_dir)
    cfg.model.neck.update(in_channels=30, dim=8)
    cfg.model.decode_head.in_channels = 8
    if not stacked and method == 'hp':
        cfg.model.decode_head.update(feature_channels=30, pool_size=10)
    cfg.merge_from_dict(options)
    return cfg


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=False)['state_dict']


@pytest.mark.parametrize(('method', 'stored'), [('stego', True), ('stego', False), ('hp', True)])
def test_a_method_trains_evaluates_and_carries_primaps(
    method: str, stored: bool, camvid: Path, tmp_path: Path, cache: Path
) -> None:
    cfg = method_config(method, camvid, tmp_path / 'method')
    if not stored:
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook['type'] != 'FeatureStoreHook']
    report = train(cfg)
    assert 0 <= report['Acc'] <= 100
    first, last = (weights(tmp_path / 'method' / f'epoch_{epoch}.pth') for epoch in (1, 2))
    assert not torch.equal(first['neck.projection.linear.weight'], last['neck.projection.linear.weight'])
    stacked = method_config(method, camvid, tmp_path / 'stacked', stacked=True)
    stacked.load_from = str(tmp_path / 'method' / 'epoch_2.pth')
    report = train(stacked)
    assert {'Acc', 'mIoU', 'running_Acc', 'running_mIoU'} <= report.keys()
    final = weights(tmp_path / 'stacked' / 'epoch_2.pth')
    for key, value in last.items():
        if key.startswith('neck.projection.'):
            assert torch.equal(value, final[key]), key
    assert not torch.equal(final['decode_head.running.direction'], last['decode_head.running.direction'])


def test_the_neighbour_table_is_computed_once_and_anew_for_other_features(
    camvid: Path, tmp_path: Path, cache: Path
) -> None:
    short = {'train_cfg.max_epochs': 1}
    train(method_config('stego', camvid, tmp_path / 'a', **short))
    (table,) = cache.glob('neighbours/*/table.npy')
    before = table.stat().st_mtime_ns
    assert np.array_equal(np.load(table)[:, 0], np.arange(6))
    train(method_config('stego', camvid, tmp_path / 'b', **short))
    assert table.stat().st_mtime_ns == before
    train(method_config('stego', camvid, tmp_path / 'c', **short, **{'model.backbone.stride': 16}))
    assert len(list(cache.glob('neighbours/*/table.npy'))) == 2


def test_same_seed_trains_the_same_method(camvid: Path, tmp_path: Path, cache: Path) -> None:
    short = {'train_cfg.max_epochs': 1}
    for method in RELEASED:
        for name in ('a', 'b'):
            train(method_config(method, camvid, tmp_path / method / name, **short))
        left, right = (weights(tmp_path / method / name / 'epoch_1.pth') for name in ('a', 'b'))
        assert all(torch.equal(value, right[key]) for key, value in left.items())


def test_pools_are_renewed_but_for_the_task_agnostic_one(camvid: Path, tmp_path: Path, cache: Path) -> None:
    cfg = method_config('hp', camvid, tmp_path / 'run')
    cfg.custom_hooks[-1].update(renew_interval=1, warmup=1)
    train(cfg)
    first, last = (weights(tmp_path / 'run' / f'epoch_{epoch}.pth') for epoch in (1, 2))
    assert torch.equal(first['decode_head.agnostic_pool'], last['decode_head.agnostic_pool'])
    assert not torch.equal(first['decode_head.specific_pool'], last['decode_head.specific_pool'])
    norms = last['decode_head.agnostic_pool'].norm(dim=1)
    assert torch.allclose(norms, torch.ones_like(norms), atol=1e-5)


@pytest.mark.parametrize(
    ('method', 'options', 'match'),
    [
        ('stego', {'train_dataloader.batch_size': 1}, 'two or more'),
        ('hp', {'model.neck.trainable': False}, 'trainable=True'),
    ],
)
def test_mistakes_in_training_a_method_end_in_one_line(
    method: str, options: dict, match: str, camvid: Path, tmp_path: Path, cache: Path
) -> None:
    with pytest.raises(InputError, match=match):
        train(method_config(method, camvid, tmp_path / 'run', **options))


def test_stacking_without_the_methods_weights_ends_in_one_line(camvid: Path, tmp_path: Path, cache: Path) -> None:
    cfg = method_config('stego', camvid, tmp_path / 'run', stacked=True)
    cfg.load_from = str(tmp_path / 'none.pth')
    with pytest.raises(InputError, match=r'none\.pth'):
        train(cfg)
    cfg.load_from = None
    with pytest.raises(InputError, match='load_from'):
        train(cfg)


@pytest.fixture
def converted(shared: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    def convert(method: str, name: str = 'converted.pth') -> Path:
        convert_checkpoint(method, shared / 'golden' / 'checkpoints' / RELEASED[method], tmp_path / name)
        return tmp_path / name

    return convert


def full_config(name: str) -> Config:
    cfg = Config.fromfile(ROOT / 'configs' / name)
    cfg.model.backbone.update(model_name='dino_vits8', pretrained=False, model_kwargs=TINY)
    cfg.model.neck.update(in_channels=48, dim=20)
    cfg.model.decode_head.in_channels = 20
    return cfg


@torch.no_grad()
@pytest.mark.parametrize(
    ('method', 'name'), [('stego', 'w.pth'), ('stego', 'w.safetensors'), ('hp', 'w.pth'), ('hp', 'any name')]
)
def test_before_the_first_step_the_stack_predicts_what_the_method_does(
    method: str, name: str, converted: Callable, tmp_path: Path
) -> None:
    """Bit for bit, with dropout off."""
    from mmengine.runner import load_checkpoint

    path = str(converted(method, name))
    labels = []
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    for file in (f'{method}_cityscapes.py', f'primaps_{method}_cityscapes.py'):
        cfg = full_config(file)
        cfg.model.test_cfg.flip = True
        if method == 'stego':
            cfg.model.neck.preset = 'fixed'
        else:
            cfg.model.decode_head.pop('feature_channels', None)
            if cfg.model.decode_head.type == 'HPHead':
                cfg.model.decode_head.feature_channels = 48
        model = MODELS.build(cfg.model)
        load_checkpoint(model, path, map_location='cpu')
        results = model.eval().predict(images)
        labels.append(torch.stack([result.pred_sem_seg.data for result in results]))
    assert torch.equal(labels[0], labels[1])
    assert len(labels[0].unique()) > 3


def make_cityscapes(root: Path) -> Path:
    """Two training and one validation frame in Cityscapes' layout."""
    draw = np.random.default_rng(0)
    for split, city, count in (('train', 'aachen', 2), ('val', 'ulm', 1)):
        for index in range(count):
            stem = f'{city}_{index:06d}_000019'
            label = np.full((96, 192), 7, np.uint8)
            label[:48] = 23
            image = np.where(label[..., None] == 7, 90, 200) + draw.normal(0, 12, (96, 192, 3))
            files = {
                root / 'leftImg8bit' / split / city / f'{stem}_leftImg8bit.png': image.clip(0, 255).astype(np.uint8),
                root / 'gtFine' / split / city / f'{stem}_gtFine_labelIds.png': label,
            }
            for path, content in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(content).save(path)
    return root


def test_the_command_that_this_project_is_known_by(converted: Callable, tmp_path: Path) -> None:
    data = make_cityscapes(tmp_path / 'cityscapes')
    options = {
        'data_root': data, 'load_from': converted('stego'), 'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1,
        'train_dataloader.batch_size': 2, 'train_dataloader.num_workers': 0, 'val_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False, 'val_dataloader.persistent_workers': False,
        'model.backbone.model_name': 'dino_vits8', 'model.backbone.model_kwargs.embed_dim': 48,
        'model.backbone.model_kwargs.depth': 3, 'model.backbone.model_kwargs.num_heads': 3,
        'model.neck.in_channels': 48, 'model.neck.dim': 20, 'model.decode_head.in_channels': 20,
    }  # fmt: skip
    command = [sys.executable, 'tools/train.py', 'configs/primaps_stego_cityscapes.py', '--work-dir', tmp_path / 'run']
    command += ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]
    environment = {
        **os.environ,
        'PYTHONPATH': str(ROOT),
        'PRIMAPS_CACHE': str(tmp_path / 'cache'),
        'OMP_NUM_THREADS': '1',
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / 'run' / 'metrics.json').read_text())
    assert 0 <= report['mIoU'] <= 100
    assert len(list((tmp_path / 'cache').rglob('*.png'))) == 2


@pytest.mark.parametrize('method', RELEASED)
def test_a_converted_file_evaluates_as_the_method_itself(method: str, converted: Callable, tmp_path: Path) -> None:
    from mmseg_primaps.apis.test import use_protocol

    data = make_cityscapes(tmp_path / 'cityscapes')
    cfg = full_config(f'{method}_cityscapes.py')
    cfg.work_dir, cfg.launcher = str(tmp_path / 'test'), 'none'
    if method == 'hp':
        cfg.model.decode_head.feature_channels = 48
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(data)
        loader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    cfg.custom_hooks = []
    use_protocol(cfg, method)
    cfg.model.test_cfg.crf = method == 'stego'  # once is enough for the slowest step
    report = evaluate(cfg, str(converted(method)))
    assert {'Acc', 'mIoU', 'linear_Acc'} <= report.keys()
    assert ({'crf_Acc', 'linear_crf_mIoU'} <= report.keys()) == (method == 'stego')
    assert report['protocol']['name'] == method
    assert report['protocol']['crf_scale'] == 2


def test_another_backbone_than_the_checkpoints_is_refused(converted: Callable, tmp_path: Path) -> None:
    cfg = full_config('primaps_stego_cityscapes.py')
    cfg.model.backbone.model_kwargs.depth = 2
    cfg.load_from = str(converted('stego'))
    cfg.work_dir, cfg.launcher = str(tmp_path / 'run'), 'none'
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.custom_hooks = []
    with pytest.raises(InputError, match='another backbone'):
        build_runner(cfg).load_or_resume()
