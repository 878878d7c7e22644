"""A user's own pictures, of mixed sizes and without labels."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_primaps.apis import evaluate, load_config, train
from mmseg_primaps.apis.test import save_predictions
from mmseg_primaps.models.backbones import vit_weights
from mmseg_primaps.utils import InputError
from tests.conftest import ROOT, tiny_config

SIZES = {'beach': (70, 100), 'trip/tower': (110, 72), 'trip/Plaza': (64, 64), 'small': (40, 61), 'wide': (66, 190)}


@pytest.fixture(scope='module')
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs of mixed sizes: a blue upper half and a noisy green lower one."""
    folder, draw = tmp_path_factory.mktemp('pictures'), np.random.default_rng(0)
    for name, (height, width) in SIZES.items():
        picture = np.full((height, width, 3), (90, 150, 230), np.uint8)
        ground = picture[height // 2 :]
        ground[:] = np.clip(draw.normal((60, 120, 40), 25, ground.shape), 0, 255)
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / f'{name}.jpg', quality=95)
    return folder


def small(pictures: Path, work_dir: Path, config: str = 'primaps_unlabeled.py') -> Config:
    """The user's command, with smaller pictures and fewer steps."""
    cfg = load_config(str(ROOT / 'configs' / config), {'data_root': str(pictures), 'num_classes': 4}, str(work_dir))
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        for step in loader.dataset.pipeline:
            if 'size' in step:
                step.size = 64
    cfg.train_cfg.max_iters = 4
    return cfg


def test_one_command_gives_model_predictions_and_legend(pictures: Path, tmp_path: Path, cache: Path) -> None:
    cfg = small(pictures, tmp_path / 'run')
    assert train(cfg) == {}
    assert (tmp_path / 'run' / 'iter_4.pth').is_file()
    shown = {path.relative_to(tmp_path / 'run' / 'predictions') for path in (tmp_path / 'run').rglob('*.jpg.png')}
    assert shown == {Path(f'{name}.jpg.png') for name in SIZES}
    for name, (height, width) in SIZES.items():
        found = Image.open(tmp_path / 'run' / 'predictions' / f'{name}.jpg.png')
        assert min(found.width / 2, found.height) == 64
        # the whole picture beside its clusters, up to the rounding to whole patches
        assert found.width / 2 / found.height == pytest.approx(width / height, rel=0.1)
    sheet = np.array(Image.open(tmp_path / 'run' / 'clusters.png'))
    palette = DATASETS.build(cfg.test_dataloader.dataset).metainfo['palette']
    rows = [colour for colour in palette if (sheet[:, :40] == colour).all(-1).sum() > 50]
    assert 2 <= len(rows) <= 4


def test_label_maps_of_the_pictures_own_sizes_come_from_the_checkpoint(
    pictures: Path, tmp_path: Path, cache: Path
) -> None:
    train(small(pictures, tmp_path / 'run'))
    cfg = small(pictures, tmp_path / 'test')
    save_predictions(cfg, str(tmp_path / 'labels'), None)
    evaluate(cfg, str(tmp_path / 'run' / 'iter_4.pth'))
    label = np.array(Image.open(tmp_path / 'labels' / 'wide.png'))
    assert label.shape == SIZES['wide']
    assert label.max() < 4


def test_fewer_pictures_than_a_batch_train(pictures: Path, tmp_path: Path, cache: Path) -> None:
    cfg = small(pictures / 'beach.jpg', tmp_path / 'run')
    train(cfg)
    assert (tmp_path / 'run' / 'clusters.png').is_file()


def test_no_more_pictures_are_shown_than_asked_for(pictures: Path, tmp_path: Path, cache: Path) -> None:
    cfg = small(pictures, tmp_path / 'run')
    cfg.custom_hooks[-1].pictures = 2
    train(cfg)
    assert len(list((tmp_path / 'run' / 'predictions').rglob('*.png'))) == 2


def test_clusters_of_a_labelled_set_are_shown_from_its_training_pictures(
    camvid: Path, tmp_path: Path, cache: Path
) -> None:
    cfg = tiny_config('primaps_mobilenetv2_camvid.py', camvid, tmp_path / 'run')
    cfg.train_cfg.max_epochs = 1
    cfg.custom_hooks.append(dict(type='ClusterSheetHook'))
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        cfg[key] = None
    train(cfg)
    assert len(list((tmp_path / 'run' / 'predictions').glob('*.png.png'))) == 6
    assert (tmp_path / 'run' / 'clusters.png').is_file()


def test_epochs_without_a_whole_batch_are_named(camvid: Path, tmp_path: Path, cache: Path) -> None:
    cfg = tiny_config('primaps_mobilenetv2_camvid.py', camvid, tmp_path / 'run')
    cfg.train_dataloader.batch_size = 7
    with pytest.raises(InputError, match='6 training pictures fill no batch of 7'):
        train(cfg)


def test_dino_without_its_weights_says_what_to_set(
    pictures: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach(*_: object, **__: object) -> None:
        raise OSError('no network')

    monkeypatch.setattr(vit_weights.timm, 'create_model', refuse(vit_weights.timm.create_model, out_of_reach))
    monkeypatch.setattr(vit_weights, 'hub_reachable', lambda: False)
    with pytest.raises(InputError, match=r"weights of 'dino_vits8' cannot be downloaded .* name it with checkpoint="):
        train(small(pictures, tmp_path / 'run', 'primaps_dino_vits8_unlabeled.py'))


def refuse(build: object, otherwise: object) -> object:
    """``timm.create_model`` on a machine without a network and with an empty cache."""
    return lambda *args, pretrained=False, **options: (otherwise if pretrained else build)(*args, **options)


@pytest.mark.parametrize('options', [{'pictures': 0}, {'examples': 0}])
def test_a_sheet_of_nothing_is_refused(pictures: Path, tmp_path: Path, options: dict) -> None:
    cfg = small(pictures, tmp_path / 'run')
    cfg.custom_hooks[-1].update(options)
    with pytest.raises(InputError, match='must be at least 1'):
        train(cfg)
