"""Scenes as files, in the folders that Cityscapes has."""

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...utils import InputError, progress
from .arrays import Shape
from .generate import make_scene

KINDS = ('street', 'street', 'landscape', 'mosaic')  # the mixture, as cities in turn
SPLITS = ('train', 'val')
GENERATOR_VERSION = 1


def write_scenes(root: str | Path, train: int = 64, val: int = 24, seed: int = 0, shape: Shape = (320, 640)) -> Path:
    """Write scenes with their labels as ``leftImg8bit/{train,val}/<kind>/*`` and ``gtFine/{train,val}/<kind>/*``.

    Files that are already there are kept, so an interrupted call continues where it stopped and a second call does
    nothing. A picture depends on the seed, the split and its number alone: asking for more adds pictures and
    changes none.

    Args:
        root: Folder to write to; made if missing.
        train: Number of training scenes.
        val: Number of validation scenes.
        seed: Seed of all scenes.
        shape: Height and width in pixels.

    Returns:
        ``root`` as a path.

    Raises:
        InputError: If the folder holds scenes made with other settings.
    """
    root = Path(root)
    _claim(root, {'version': GENERATOR_VERSION, 'seed': seed, 'shape': list(shape)})
    jobs = [(split, number) for split, count in zip(SPLITS, (train, val), strict=True) for number in range(count)]
    missing = [job for job in jobs if not all(path.exists() for path in scene_paths(root, *job))]
    for split, number in progress(missing, 'making scenes', initial=0) if missing else ():
        scene = make_scene(KINDS[number % len(KINDS)], (seed, SPLITS.index(split), number), shape)
        for path, array in zip(scene_paths(root, split, number), scene, strict=True):
            _write_whole(path, array)
    return root


def scene_paths(root: Path, split: str, number: int) -> tuple[Path, Path]:
    """Files of the picture and of the labels of one scene."""
    kind = KINDS[number % len(KINDS)]
    name = f'{kind}_{number:06d}_000000'
    image = root / 'leftImg8bit' / split / kind / f'{name}_leftImg8bit.png'
    return image, root / 'gtFine' / split / kind / f'{name}_gtFine_labelIds.png'


def _claim(root: Path, settings: dict[str, object]) -> None:
    """Note the settings in the folder, or refuse a folder that was made with others."""
    note = root / 'scenes.json'
    if note.exists():
        if json.loads(note.read_text()) != settings:
            raise InputError(f'{note}: the folder holds scenes made with other settings; name another one or delete it')
        return
    root.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(settings) + '\n')


def _write_whole(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a PNG under a temporary name, then rename it: a file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.part')
    Image.fromarray(array).save(temporary, format='PNG', compress_level=3)
    temporary.replace(path)
