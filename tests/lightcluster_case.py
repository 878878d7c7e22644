"""A tiny set of pictures with a known foreground, in Pascal VOC's layout, and a config for it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SIZE = 96
# Half as large again: discs then span several windows of the hand-crafted features, which are up to 32 pixels wide.
FINE = 144
OBJECTS = ((200, 40, 30), (40, 170, 60), (230, 200, 40))
GROUNDS = ((120, 130, 150), (90, 90, 95))


def figure(draw: np.random.Generator, kind: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """One picture, uint8 `[size, size, 3]`, and its labels: a disc of one of three colours, class `kind + 1`."""
    y, x = np.mgrid[:size, :size]
    centre = size / 2 + draw.integers(-size // 10, size // 10 + 1, 2)
    disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= (size * draw.uniform(0.22, 0.3)) ** 2
    colours = np.array(GROUNDS)[(y > size // 2).astype(int)]
    colours[disc] = OBJECTS[kind]
    image = np.clip(colours + draw.normal(0, 8, (size, size, 3)), 0, 255).astype(np.uint8)
    return image, disc.astype(np.uint8) * (kind + 1)


def make_figures(root: Path, train: int = 9, val: int = 4, size: int = SIZE, seed: int = 0) -> Path:
    """Write the pictures, `size` pixels wide and high."""
    draw = np.random.default_rng(seed)
    for folder in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for split, count in (('train', train), ('val', val)):
        names = [f'{split}_{index}' for index in range(count)]
        (root / 'ImageSets/Segmentation' / f'{split}.txt').write_text('\n'.join(names) + '\n')
        for index, name in enumerate(names):
            image, label = figure(draw, index % len(OBJECTS), size)
            Image.fromarray(image).save(root / 'JPEGImages' / f'{name}.jpg', quality=95)
            marked = Image.fromarray(label)
            marked.putpalette([value for i in range(256) for value in (i, 255 - i, i)])
            marked.save(root / 'SegmentationClass' / f'{name}.png')
    return root


def crop_figures(root: Path, shapes: Sequence[tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Cut the pictures around their middle to these heights and widths in turn; returns the size of each."""
    sizes = {}
    for index, path in enumerate(sorted((root / 'JPEGImages').glob('*.jpg'))):
        height, width = sizes[path.stem] = shapes[index % len(shapes)]
        for file in (path, root / 'SegmentationClass' / f'{path.stem}.png'):
            with Image.open(file) as whole:
                left, top = (whole.width - width) // 2, (whole.height - height) // 2
                part = whole.crop((left, top, left + width, top + height))
            part.save(file, **({'quality': 95} if file == path else {}))
    return sizes


def figure_config(
    data: Path, work_dir: Path, backbone: dict | None = None, size: int = SIZE, **options: object
) -> Config:
    """`configs/lightcluster_dino_vits8_voc2012.py` cut down to the tiny set and hand-crafted features."""
    from mmseg_primaps.apis import load_config

    cfg = load_config(str(ROOT / 'configs/lightcluster_dino_vits8_voc2012.py'), {'data_root': str(data)}, str(work_dir))
    cfg.model.backbone = backbone or dict(type='ColourTexture')
    cfg.model.num_classes = 1 + len(OBJECTS)
    cfg.model.method = dict(dataset_clusters=6, categories=3, category_clusters=4, crop_size=64)
    cfg.lightcluster.update(batch_size=2, block_size=4, pictures=2)
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.update(num_workers=0, persistent_workers=False)
        for transform in loader.dataset.pipeline:
            if 'size' in transform:
                transform['size'] = size
    cfg.merge_from_dict(options)
    return cfg


TINY_VIT = dict(
    type='TimmViT',
    model_name='vit_tiny_patch16_224',
    feature='key',
    model_kwargs=dict(depth=2, embed_dim=48, num_heads=3, img_size=96),
)


def stage_arrays(work_dir: Path) -> dict[str, np.ndarray]:
    """Every array that the stages left."""
    found = {}
    for path in sorted((work_dir / 'stages').rglob('*.npz')):
        with np.load(path) as arrays:
            found |= {f'{path.parent.name}/{path.stem}/{name}': arrays[name] for name in arrays.files}
    return found


def assert_same_stages(left: Path, right: Path) -> None:
    """Whether two runs left the same, to the bit."""
    first, second = stage_arrays(left), stage_arrays(right)
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], name)
    states = [torch.load(folder / 'lightcluster.pth', weights_only=True)['state_dict'] for folder in (left, right)]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name
