"""One command from pictures to clusters, masks, classes and figures; and both ways to combine it with PriMaPs-EM."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_primaps.apis import over_seeds, train
from mmseg_primaps.apis.lightcluster import lightcluster, with_shared_stages
from mmseg_primaps.models.lightcluster import LightClusterOptions
from mmseg_primaps.utils import InputError
from tests.conftest import tiny_config
from tests.lightcluster_case import FINE, ROOT, TINY_VIT, figure_config, make_figures, stage_arrays

FAST = {'model.method.crf': False, 'model.test_cfg.crf': [False], 'lightcluster.pictures': 0}
CONFIGS = sorted(path.name for path in (ROOT / 'configs').glob('lightcluster_*.py'))


@pytest.fixture(scope='module')
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_figures(tmp_path_factory.mktemp('figures'), train=6, val=3)


@pytest.fixture(scope='module')
def run(figures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp('run')
    return folder, lightcluster(figure_config(figures, folder))


@pytest.mark.parametrize('seed', [0, 1])
def test_binary_masks_of_every_level_follow_the_figures(tmp_path: Path, seed: int) -> None:
    data = make_figures(tmp_path / 'data', train=6, val=3, size=FINE, seed=seed)
    options = {'model.test_cfg.crf': [True], 'lightcluster.pictures': 0}
    report = lightcluster(figure_config(data, tmp_path / 'run', size=FINE, **options))
    for level in ('', 'dataset_', 'category_', 'image_'):
        assert report[f'{level}foreground_IoU'] > 85
        assert report[f'{level}background_IoU'] > 85


def test_each_level_alone_and_all_together_are_reported_with_and_without_crf(run: tuple[Path, dict]) -> None:
    _, report = run
    for level in ('', 'dataset_', 'category_', 'image_'):
        for figure in ('mIoU', 'Acc', 'many_to_one_mIoU', 'foreground_IoU', 'background_IoU'):
            assert 0 <= report[f'{level}{figure}'] <= 100
        assert report[f'{level}foreground_IoU'] > report[f'{level}plain_foreground_IoU'] > 40
    assert report['predictions']['pred_sem_seg']['IoU']['aeroplane'] > 50


def test_the_metrics_file_tells_what_made_the_figures(run: tuple[Path, dict]) -> None:
    folder, report = run
    written = json.loads((folder / 'metrics.json').read_text())
    assert written['mIoU'] == report['mIoU']
    protocol = written['protocol']
    assert protocol['options']['dataset_clusters'] == 6
    assert protocol['saliency'] == 'feature norm'
    assert protocol['fitted_to'] == {'dataset': 'VOC2012Dataset', 'pictures': 6}
    assert protocol['pictures'] == 3
    assert set(protocol['stages']) == {
        'features', 'dataset', 'categories', 'category', 'levels', 'masks', 'regions', 'classes', 'evaluation',
    }  # fmt: skip


def test_pictures_of_every_step_are_drawn(run: tuple[Path, dict]) -> None:
    folder, _ = run
    for name in ('steps.png', 'clusters.png'):
        picture = np.array(Image.open(folder / 'pictures' / name))
        assert picture.shape[2] == 3
        assert picture.std() > 10


@pytest.mark.parametrize('feature', ['query', 'key', 'value'])
def test_vit_features_find_the_figures_too(figures: Path, tmp_path: Path, feature: str) -> None:
    report = lightcluster(figure_config(figures, tmp_path, {**TINY_VIT, 'feature': feature}, **FAST))
    assert report['foreground_IoU'] > 50
    assert report['protocol']['saliency'] == 'CLS attention'
    assert report['protocol']['features'] == [feature]


def test_seeds_share_the_features_and_are_summarised(figures: Path, tmp_path: Path) -> None:
    summary = over_seeds(with_shared_stages(figure_config(figures, tmp_path, **FAST)), [0, 1], lightcluster)
    assert set(summary['seeds']) == {'0', '1'}
    assert summary['summary']['mIoU']['min'] <= summary['summary']['mIoU']['mean']
    folders = sorted(path.name.split('-')[0] for path in (tmp_path / 'stages').iterdir())
    assert folders.count('1_features') == 1
    assert folders.count('2_dataset') == 2


def test_pictures_without_labels_give_clusters_and_pictures(figures: Path, tmp_path: Path) -> None:
    from mmseg_primaps.apis import load_config

    options = {'data_root': str(figures / 'JPEGImages'), 'num_classes': 4}
    cfg = load_config(str(ROOT / 'configs/lightcluster_dino_vits8_unlabeled.py'), options, str(tmp_path))
    cfg.model.backbone = dict(type='ColourTexture')
    cfg.model.method = dict(categories=3, crop_size=64)
    assert cfg.model.num_classes == 4
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        for step in loader.dataset.pipeline:
            if 'size' in step:
                step['size'] = 96
    report = lightcluster(cfg)
    assert 'mIoU' not in report
    assert (tmp_path / 'pictures' / 'clusters.png').is_file()
    assert (tmp_path / 'lightcluster.pth').is_file()


def camvid_masks(camvid: Path, work_dir: Path, background: str) -> Config:
    """`configs/lightcluster_mobilenetv2_camvid.py`, cut down as :func:`tiny_config` does it for PriMaPs-EM."""
    from mmseg_primaps.apis import load_config

    cfg = load_config(
        str(ROOT / 'configs/lightcluster_mobilenetv2_camvid.py'), {'data_root': str(camvid)}, str(work_dir)
    )
    cfg.model.backbone, cfg.model.num_classes = dict(type='ColourTexture'), 3
    cfg.model.method = dict(categories=2, crop_size=32)
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.update(num_workers=0, persistent_workers=False)
        for step in loader.dataset.pipeline:
            if 'size' in step:
                step['size'] = 64
    cfg.merge_from_dict({**FAST, 'lightcluster.proposals': background})
    return cfg


@pytest.mark.parametrize('background', ['ignore', 'whole', 'clusters'])
def test_primaps_em_trains_on_the_masks(camvid: Path, tmp_path: Path, cache: Path, background: str) -> None:
    masks = Path(lightcluster(camvid_masks(camvid, tmp_path / 'masks', background))['proposals'])
    written = [np.array(Image.open(path)) for path in sorted(masks.rglob('*.png'))]
    assert len(written) == 6
    assert all(one.shape == (64, 64) and one.dtype == np.uint8 and one.min() >= 1 for one in written)
    assert background == 'clusters' or any((one == 255).any() for one in written) is (background == 'ignore')
    trained = tiny_config('primaps_lightcluster_mobilenetv2_camvid.py', camvid, tmp_path / 'em')
    for hook in trained.custom_hooks:
        if hook.type == 'StoredProposalHook':
            hook.root = str(masks.parent)
    assert 0 <= train(trained)['mIoU'] <= 100
    assert not list(cache.glob('*/manifest.json'))


def test_missing_masks_are_named_before_training(camvid: Path, tmp_path: Path, cache: Path) -> None:
    cfg = tiny_config('primaps_lightcluster_mobilenetv2_camvid.py', camvid, tmp_path)
    hook = next(hook for hook in cfg.custom_hooks if hook.type == 'StoredProposalHook')
    hook.root = str(tmp_path / 'nothing')
    with pytest.raises(InputError, match=r'no manifest\.json'):
        train(cfg)
    folder = tmp_path / 'some'
    folder.mkdir()
    (folder / 'manifest.json').write_text(json.dumps({'images': str(camvid / 'images' / 'train')}))
    hook.root = str(folder)
    with pytest.raises(InputError, match='6 of 6 are missing'):
        train(cfg)


def test_principal_masks_serve_as_regions(figures: Path, tmp_path: Path) -> None:
    options = {**FAST, 'model.method.regions': 'proposals'}
    report = lightcluster(figure_config(figures, tmp_path, **options))
    assert report['foreground_IoU'] > 50
    regions = [array for name, array in stage_arrays(tmp_path).items() if name.endswith('.regions')]
    assert any(array.any() for array in regions)


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        ({'train_dataloader.dataset.data_root': 'no/such/folder'}, 'no/such/folder'),
        ({'model.type': 'EncoderDecoder'}, 'LightClusterSegmentor'),
        ({'model.backbone': {'type': 'NoSuchNet'}}, 'NoSuchNet'),
        ({'model.method.categories': 7}, 'training set has 6'),
        ({'model.num_classes': 200, 'model.method.categories': 2}, 'too few for 199'),
        ({'lightcluster.colour': 1}, 'lightcluster.colour is unknown'),
        ({'lightcluster.checkpoint': 'half'}, "checkpoint='half'"),
        ({'lightcluster.batch_size': 0}, 'batch_size'),
        ({'lightcluster.proposals': 'all'}, "proposals='all'"),
        ({'test_evaluator': {'type': 'ClusterIoUMetric'}}, 'LightClusterMetric'),
        ({'test_evaluator.foreground': ['bird of prey']}, 'bird of prey'),
    ],
)
def test_mistakes_end_in_one_line(figures: Path, tmp_path: Path, options: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        lightcluster(figure_config(figures, tmp_path, **{**FAST, **options}))


def test_an_unknown_stage_is_refused(figures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='--until training'):
        lightcluster(figure_config(figures, tmp_path), until='training')


@pytest.mark.parametrize('name', CONFIGS)
def test_every_config_is_whole(name: str) -> None:
    cfg = Config.fromfile(ROOT / 'configs' / name)
    assert cfg.model.type == 'LightClusterSegmentor'
    assert LightClusterOptions.parse(cfg.model.method)
    patch = 14 if 'dinov2' in name else 8
    for split in ('train', 'test'):
        steps = cfg[f'{split}_dataloader'].dataset.pipeline
        assert all(step.size % patch == 0 for step in steps if 'size' in step and 'mobilenet' not in name)
        assert all(step.size_divisor == patch for step in steps if 'size_divisor' in step)
    for part in ('dino_vits8', 'dino_vitb8', 'dinov2_vits14', 'dinov2_vitb14'):
        if part in name:
            assert cfg.model.backbone.model_name == part
    for data, classes in (('voc2012', 21), ('coco', 81)):
        assert f'_{data}' not in name.replace('cocostuff', '') or cfg.model.num_classes == classes
    for feature in ('query', 'value', 'token'):
        if name.endswith(f'_{feature}.py'):
            assert cfg.model.backbone.feature == feature


def test_the_comparison_of_features_is_complete() -> None:
    for backbone in ('dino_vits8', 'dinov2_vits14'):
        for data in ('voc2012', 'coco'):
            for feature in ('', '_query', '_value', '_token'):
                assert f'lightcluster_{backbone}_{data}{feature}.py' in CONFIGS
