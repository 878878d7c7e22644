"""Three changed lines in a stock mmseg config train the head; mmseg's own inference reads the checkpoint."""

from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from PIL import Image

from mmseg_primaps.apis import build_runner, train

STOCK_CONFIG = Path(mmseg.__file__).parent / '.mim/configs/fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'
STOCK = f"""
_base_ = '{STOCK_CONFIG}'
custom_imports = dict(imports=['mmseg_primaps'])
model = dict(
    decode_head=dict(_delete_=True, type='PriMaPsHead', in_channels=512, in_index=3, num_classes=19),
    auxiliary_head=None,
)
custom_hooks = [
    dict(type='MaskProposalHook'), dict(type='PrototypeInitHook'), dict(type='MomentumPrototypeHook', interval=2),
]
"""


@pytest.fixture(scope='module')
def cityscapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four training and two validation pictures in Cityscapes' layout, with train ids as mmseg's own loader wants."""
    root, draw = tmp_path_factory.mktemp('cityscapes'), np.random.default_rng(0)
    for split, count in (('train', 4), ('val', 2)):
        for index in range(count):
            name = f'aachen/aachen_{index:06d}_000019'
            for folder in ('leftImg8bit', 'gtFine'):
                (root / folder / split / 'aachen').mkdir(parents=True, exist_ok=True)
            label = np.zeros((64, 128), np.uint8)
            label[:32] = 10
            image = np.where(label[..., None] == 10, [120, 160, 240], [90, 90, 90]) + draw.normal(0, 8, (64, 128, 3))
            picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
            picture.save(root / f'leftImg8bit/{split}/{name}_leftImg8bit.png')
            Image.fromarray(label).save(root / f'gtFine/{split}/{name}_gtFine_labelTrainIds.png')
    return root


@pytest.fixture
def stock(cityscapes: Path, tmp_path: Path, cache: Path) -> Config:
    """The stock config with the three lines, small enough for a test: ResNet-18, 32 x 64 crops, four iterations."""
    file = tmp_path / 'user.py'
    file.write_text(STOCK)
    cfg = Config.fromfile(file)
    cfg.work_dir = str(tmp_path / 'run')
    cfg.model.pretrained = None
    cfg.model.backbone.update(depth=18, norm_cfg=dict(type='BN'))
    cfg.model.data_preprocessor.size = (32, 64)
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.dataset.data_root = str(cityscapes)
        loader.update(num_workers=0, persistent_workers=False)
        for transform in loader.dataset.pipeline:
            if transform.type == 'RandomCrop':
                transform.crop_size = (32, 64)
            if 'scale' in transform:
                transform.scale = (128, 64)
    cfg.train_cfg.update(max_iters=4, val_interval=4)
    cfg.default_hooks.checkpoint.interval = 4
    return cfg


def test_stock_iteration_loop_with_random_crops_trains_the_head(
    stock: Config, tmp_path: Path, cityscapes: Path
) -> None:
    train(stock)
    state = torch.load(tmp_path / 'run' / 'iter_4.pth', weights_only=False)['state_dict']
    assert bool(state['decode_head.initialized'])
    assert int(state['decode_head.momentum_calls']) == 2
    assert not torch.equal(state['decode_head.running.gain'], torch.ones(19))
    assert 'backbone.stem.0.weight' in state
    model = init_model(stock, str(tmp_path / 'run' / 'iter_4.pth'), device='cpu')
    picture = next((cityscapes / 'leftImg8bit' / 'val').rglob('*.png'))
    result = inference_model(model, str(picture))
    assert result.pred_sem_seg.data.shape == (1, 64, 128)
    assert set(result.pred_sem_seg.data.unique().tolist()) <= set(range(19))


def test_random_crops_move_the_proposals_with_the_picture(stock: Config, cache: Path) -> None:
    stock.train_dataloader.dataset.pipeline = [
        t for t in stock.train_dataloader.dataset.pipeline if t.type != 'PhotoMetricDistortion'
    ]
    runner = build_runner(stock)
    runner.train()
    files = list(cache.rglob('*.png'))
    assert len(files) == 4
    halves = np.repeat(np.array([1, 2], np.uint8), 32)[:, None].repeat(128, axis=1)
    for file in files:
        Image.fromarray(halves).save(file)
    for index in range(4):
        sample = runner.train_dataloader.dataset[index]
        proposals, blue = sample['data_samples'].mask_proposals.data[0], sample['inputs'][0].float()
        assert proposals.shape == (32, 64)
        # the upper half is blue, the lower grey; scaling blurs the border between them
        assert float((blue[proposals == 1] > 165).float().mean() if (proposals == 1).any() else 1) > 0.9
        assert float((blue[proposals == 2] < 165).float().mean() if (proposals == 2).any() else 1) > 0.9


def test_backbone_batch_norm_stays_as_it_was(stock: Config) -> None:
    runner = build_runner(stock)
    runner._init_model_weights()
    before = {key: value.clone() for key, value in runner.model.backbone.state_dict().items()}
    runner.train()
    for key, value in runner.model.backbone.state_dict().items():
        assert torch.equal(value, before[key]), key
