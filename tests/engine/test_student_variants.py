"""Student views that are drawn from a few stored ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmseg_primaps.apis import build_runner, train
from mmseg_primaps.datasets.transforms import PackStoredFeatures
from mmseg_primaps.engine.feature_store import FeatureStore
from mmseg_primaps.utils import InputError
from tests.conftest import tiny_config

VARIANTS = 3


def config(camvid: Path, work_dir: Path, variants: int = VARIANTS, **view: object) -> Config:
    cfg = tiny_config('primaps_mobilenetv2_camvid.py', camvid, work_dir)
    cfg.model.data_preprocessor.student_view = dict(view)
    cfg.custom_hooks[0].student_variants = variants
    return cfg


def packer(cfg: Config) -> tuple[PackStoredFeatures, str]:
    """The training pipeline's last step once the store is filled, and the first picture's path."""
    runner = build_runner(cfg)
    dataset = runner.train_loop.dataloader.dataset
    runner.call_hook('before_run')
    hook = next(hook for hook in runner.hooks if type(hook).__name__ == 'FeatureStoreHook')
    hook.before_train(runner)
    return dataset.pipeline.transforms[-1], dataset.get_data_info(0)['img_path']


def pack(step: PackStoredFeatures, path: str, flip: bool) -> dict[str, torch.Tensor]:
    size = (64, 64)
    results = {'img_path': path, 'ori_shape': size, 'img_shape': size, 'flip': flip, 'flip_direction': 'horizontal'}
    return step.transform({**results, 'img': np.zeros((*size, 3), np.uint8)})


def test_one_of_the_stored_views_is_drawn_and_turned_with_the_picture(
    camvid: Path, tmp_path: Path, cache: Path
) -> None:
    step, path = packer(config(camvid, tmp_path, jitter_branch=1.0, jitter=1.0, strength=0.5))
    stored = torch.from_numpy(np.array(step.student.read(path)))
    assert len(stored) == 2 * VARIANTS
    for flip in (False, True):
        drawn = [pack(step, path, flip) for _ in range(40)]
        mine = stored[int(flip) :: 2]
        seen = {int((mine == one['student_features']).flatten(1).all(1).nonzero().item()) for one in drawn}
        assert seen == set(range(VARIANTS))
        clean = torch.from_numpy(np.array(step.store.read(path)))[int(flip)]
        assert all(torch.equal(one['features'][0], clean) for one in drawn)
        assert all(not torch.equal(view, clean) for view in mine)


def test_a_view_that_changes_nothing_has_the_clean_features(camvid: Path, tmp_path: Path, cache: Path) -> None:
    step, path = packer(config(camvid, tmp_path, sigma=(1e-3, 1e-3), jitter=0.0, grey=0.0))
    clean = np.array(step.store.read(path))
    for view in np.array(step.student.read(path)).reshape(VARIANTS, *clean.shape):
        np.testing.assert_allclose(view, clean, atol=1e-4)


def test_a_picture_gets_the_same_views_in_any_batch_and_others_from_another_seed(
    camvid: Path, tmp_path: Path, cache: Path
) -> None:
    found = []
    for batch_size, seed in ((16, 0), (1, 0), (16, 1)):
        cfg = config(camvid, tmp_path / f'{batch_size}_{seed}')
        cfg.custom_hooks[0].update(
            batch_size=batch_size, student_seed=seed, cache=str(tmp_path / f'cache_{batch_size}_{seed}')
        )
        step, path = packer(cfg)
        found.append(np.array(step.student.read(path)))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    assert not np.allclose(found[0], found[2], atol=1e-3)


def test_training_reads_them_and_a_second_run_computes_none(
    camvid: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(config(camvid, tmp_path / 'first'))
    computed = []
    monkeypatch.setattr(FeatureStore, '_write', lambda self, stream, rank: computed.append(list(stream)))
    second = train(config(camvid, tmp_path / 'second'))
    assert not computed
    assert first['mIoU'] == second['mIoU']


@pytest.mark.parametrize(('variants', 'view', 'message'), [(0, {}, 'set student_variants=n'), (2, None, 'needs model')])
def test_a_hook_and_a_model_that_disagree_are_refused(
    camvid: Path, tmp_path: Path, cache: Path, variants: int, view: dict | None, message: str
) -> None:
    cfg = config(camvid, tmp_path, variants)
    cfg.model.data_preprocessor.student_view = view
    with pytest.raises(InputError, match=message):
        train(cfg)


def test_a_negative_number_is_refused() -> None:
    from mmseg_primaps.engine.hooks import FeatureStoreHook

    with pytest.raises(InputError, match='student_variants=-1'):
        FeatureStoreHook(student_variants=-1)
