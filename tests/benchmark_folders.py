"""Tiny data sets in the layouts that the benchmarks' owners distribute: two training and two validation pictures."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

SIZE = (64, 96)
PATCH = (60, 60)


def make_benchmark(name: str, root: Path) -> Path:
    """Write the folder of ``cityscapes``, ``cocostuff`` or ``potsdam`` and give its path."""
    {'cityscapes': _cityscapes, 'cocostuff': _cocostuff, 'potsdam': _potsdam}[name](root)
    return root


def _scene(seed: int, ids: list[int], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture of four rectangles, each of its own colour, and its label map of the given ids."""
    draw = np.random.default_rng(seed)
    quarter = np.add.outer(2 * (np.arange(size[0]) > size[0] // 2), 1 * (np.arange(size[1]) > size[1] // 3))
    colours = draw.integers(20, 236, (4, 3))
    picture = np.clip(colours[quarter] + draw.normal(0, 8, (*size, 3)), 0, 255).astype(np.uint8)
    label = np.array(draw.permutation(ids)[:4])[quarter]
    return picture, label


def _save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8)).save(path)


def _cityscapes(root: Path) -> None:
    for seed, (split, city) in enumerate([('train', 'aachen'), ('train', 'bochum'), ('val', 'lindau'), ('val', 'ulm')]):
        picture, label = _scene(seed, [0, 7, 8, 11, 21, 23, 26, 33], SIZE)
        _save(root / 'leftImg8bit' / split / city / f'{city}_000000_000019_leftImg8bit.png', picture)
        _save(root / 'gtFine' / split / city / f'{city}_000000_000019_gtFine_labelIds.png', label)


def _cocostuff(root: Path) -> None:
    for split, first in (('train2017', 0), ('val2017', 2)):
        names = [f'{number:012d}' for number in (first, first + 1)]
        for seed, name in enumerate(names, first):
            picture, label = _scene(seed, [0, 17, 61, 105, 124, 181, 255], SIZE)
            _save(root / 'images' / split / f'{name}.jpg', picture)
            _save(root / 'annotations' / split / f'{name}.png', label)
        for kind in ('Coco164kFull_Stuff_Coarse_7.txt', 'Coco164kFull_Stuff_Coarse.txt'):
            (root / 'curated' / split).mkdir(parents=True, exist_ok=True)
            (root / 'curated' / split / kind).write_text('\n'.join(names) + '\n')


def _potsdam(root: Path) -> None:
    for folder in ('imgs', 'gt'):
        (root / folder).mkdir(parents=True)
    for number in range(4):
        picture, label = _scene(number, [-1, 0, 1, 2, 3, 4, 5], PATCH)
        infrared = np.full((*PATCH, 1), 90, np.uint8)
        savemat(root / 'imgs' / f'{number}.mat', {'img': np.concatenate([picture, infrared], axis=2)})
        savemat(root / 'gt' / f'{number}.mat', {'gt': label.astype(np.int32)})
    lists = {'labelled_train': (0, 1), 'labelled_test': (2, 3), 'unlabelled_train': ()}
    for name, numbers in lists.items():
        (root / f'{name}.txt').write_text(''.join(f'{number}\n' for number in numbers))
