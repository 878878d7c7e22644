"""Mask proposals on disk: one 8-bit PNG a picture, in a folder named by everything that made them."""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from .errors import InputError


def cache_root(folder: str | None = None) -> Path:
    """Where caches lie: ``folder``, else ``$PRIMAPS_CACHE``, else ``work_dirs/proposals``; never beside the data."""
    return Path(folder or os.environ.get('PRIMAPS_CACHE') or Path('work_dirs') / 'proposals')


def common_folder(paths: Sequence[str]) -> Path:
    """The deepest folder that holds every file of ``paths``."""
    return Path(os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths]))  # noqa: PTH100, PTH120


def proposal_path(root: str | Path, base: str | Path, img_path: str | Path) -> Path:
    """Where the proposals of a picture lie: ``<root>/<path of the picture below base>.png``.

    The suffix is added, not replaced, so that ``a.jpg`` and ``a.png`` of one folder stay apart.

    Args:
        root: Folder of one proposal cache, fingerprint included.
        base: Folder that the pictures' paths are counted from.
        img_path: The picture; it lies somewhere below ``base``.

    Raises:
        InputError: The picture does not lie below ``base``.
    """
    # abspath and not Path.absolute: '..' must go, or the same folder written in two ways would not match
    picture, folder = (Path(os.path.abspath(path)) for path in (img_path, base))  # noqa: PTH100
    if not picture.is_relative_to(folder):
        raise InputError(f'{img_path} does not lie below {base}, the folder that proposals are filed by')
    return Path(root) / f'{picture.relative_to(folder)}.png'


def weights_digest(module: nn.Module) -> str:
    """SHA-256 of every parameter and buffer of a module, names included."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def describe(thing: Any) -> Any:
    """A JSON value that says how an object is set: its class and its attributes."""
    if isinstance(thing, dict):
        return {str(key): describe(value) for key, value in sorted(thing.items(), key=lambda item: str(item[0]))}
    if isinstance(thing, (list, tuple, set, frozenset)):
        return [describe(value) for value in (thing if isinstance(thing, (list, tuple)) else sorted(thing))]
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    public = {key: value for key, value in getattr(thing, '__dict__', {}).items() if not key.startswith('_')}
    return {'type': getattr(thing, '__name__', type(thing).__name__), **describe(public)}


class ProposalStore:
    """Reads and writes the proposals of one manifest.

    Args:
        cache: Folder of all caches.
        manifest: Every setting that changes a mask; the folder's name is a digest of it, so that proposals of other
            settings can never be read by mistake.
        base: Folder that the pictures' paths are taken relative to.
    """

    def __init__(self, cache: Path, manifest: dict[str, Any], base: Path) -> None:
        text = json.dumps({**manifest, 'images': str(base)}, indent=1, sort_keys=True)
        self.base = base
        self.root = cache / hashlib.sha256(text.encode()).hexdigest()[:16]
        self.root.mkdir(parents=True, exist_ok=True)
        write_whole(self.root / 'manifest.json', text.encode())

    def path(self, image: str) -> Path:
        """File of a picture's proposals."""
        return proposal_path(self.root, self.base, image)

    def missing(self, images: Sequence[str]) -> list[int]:
        """Places in ``images`` of the pictures that have no proposals yet."""
        return [i for i, image in enumerate(images) if not self.path(image).is_file()]

    def write(self, image: str, proposals: np.ndarray) -> None:
        """Write proposals ``[H, W]`` (1 to 254, 255 where there is none); the file appears whole or not at all."""
        path = self.path(image)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix='.part', delete=False) as file:
            Image.fromarray(proposals.astype(np.uint8)).save(file, format='PNG')
        Path(file.name).replace(path)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix='.part', delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)
