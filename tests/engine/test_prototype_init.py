"""Starts of the prototypes: the published one, k-means++, and the choice between them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_primaps.apis import build_runner, train
from mmseg_primaps.engine.hooks import PrototypeInitHook
from mmseg_primaps.engine.hooks.frozen_encoder_hook import bare_model
from mmseg_primaps.models.decode_heads import PriMaPsHead
from mmseg_primaps.ops import cosine_kmeans_loss
from mmseg_primaps.utils import InputError
from tests.conftest import tiny_config

PRIMAPS, BEST = 'primaps_mobilenetv2_camvid.py', 'primaps_best_mobilenetv2_camvid.py'


def start(config: str, camvid: Path, folder: Path, seed: int = 0, **init: object) -> torch.Tensor:
    """Directions that a run of no epoch starts from."""
    cfg = tiny_config(config, camvid, folder, **{'randomness.seed': seed, 'train_cfg.max_epochs': 0})
    for hook in cfg.custom_hooks:
        if hook['type'] == 'PrototypeInitHook':
            hook.update(init)
    runner = build_runner(cfg)
    runner.train()
    return bare_model(runner).decode_head.momentum.direction.clone()


@pytest.mark.parametrize('options', [{'preset': 'worst'}, {'init': 'random'}, {'restarts': 0}, {'epochs': -1}])
def test_wrong_options_are_named(options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        PrototypeInitHook(**options)


def test_presets_are_shorthands() -> None:
    paper, best = (PriMaPsHead(8, 3, preset=preset) for preset in ('paper', 'best'))
    assert PrototypeInitHook().start_of(PriMaPsHead(8, 3)) == PrototypeInitHook().start_of(paper) == 'pca'
    assert PrototypeInitHook().start_of(best) == PrototypeInitHook(preset='best').start_of(paper) == 'auto'
    assert PrototypeInitHook(preset='paper').start_of(best) == 'pca'
    assert PrototypeInitHook(preset='best', init='kmeans++').start_of(best) == 'kmeans++'
    with pytest.raises(InputError, match='preset'):
        PriMaPsHead(8, 3, preset='worst')


def test_clusters_are_the_same_for_every_seed_and_the_published_start_is_not(
    camvid: Path, tmp_path: Path, cache: Path
) -> None:
    found = [start(PRIMAPS, camvid, tmp_path / str(seed), seed, init='kmeans++') for seed in (0, 1)]
    assert torch.equal(*found)
    published = [start(PRIMAPS, camvid, tmp_path / f'p{seed}', seed) for seed in (0, 1)]
    assert not torch.equal(*published)


def test_clusters_fit_the_features_better_than_the_published_start(camvid: Path, tmp_path: Path, cache: Path) -> None:
    clusters = start(PRIMAPS, camvid, tmp_path / 'clusters', init='kmeans++')
    published = start(PRIMAPS, camvid, tmp_path / 'published')
    stored = [torch.from_numpy(values)[:, 0] for values in load_features(cache)]
    losses = [sum(float(cosine_kmeans_loss(f, v)) for f in stored) for v in (clusters, published)]
    assert losses[0] < losses[1]


def load_features(cache: Path) -> list:
    found = [np.load(path) for path in sorted(cache.glob('features/*/*.npy'))]
    return [values for values in found if values.shape[1] == 2 and len(values) == 6]


def test_auto_takes_a_start_that_exists_and_needs_proposals(camvid: Path, tmp_path: Path, cache: Path) -> None:
    chosen = start(BEST, camvid, tmp_path / 'auto')
    one_of = [start(PRIMAPS, camvid, tmp_path / name, init=name) for name in ('pca', 'kmeans++')]
    assert any(torch.equal(chosen, other) for other in one_of)
    cfg = tiny_config(BEST, camvid, tmp_path / 'none')
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook['type'] != 'MaskProposalHook']
    with pytest.raises(InputError, match='MaskProposalHook'):
        train(cfg)


def test_more_clusters_than_channels_start_from_clusters(camvid: Path, tmp_path: Path, cache: Path) -> None:
    many = {'model.decode_head.num_classes': 31, 'val_evaluator.num_clusters': 31, 'train_cfg.max_epochs': 1}
    with pytest.raises(InputError, match='more than in_channels=30'):
        train(tiny_config(PRIMAPS, camvid, tmp_path / 'pca', **many))
    report = train(tiny_config(BEST, camvid, tmp_path / 'best', **many, **{'train_cfg.val_interval': 1}))
    assert 0 <= report['mIoU'] <= 100
