"""A user's own pictures: a folder, a glob, a list or one file."""

import glob
import os
from pathlib import Path

from mmseg_primaps.utils import InputError

from .folder_files import read_list

PICTURE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm')


def find_pictures(source: str) -> tuple[Path, list[Path]]:
    """Find the pictures that a user means.

    Args:
        source: A folder (searched with its sub-folders), a glob (``**`` for sub-folders), one picture, or a text file
            with one picture per line (relative paths count from the list's folder).

    Returns:
        A folder above all pictures, and the pictures' paths, sorted (in the list's order for a list).

    Raises:
        InputError: Nothing is there, a listed picture does not exist, or two pictures differ in their suffix alone.
    """
    path = Path(source)
    if path.is_dir():
        base, pictures = path, _walk(path)
    elif path.is_file():
        base, pictures = _from_file(path)
    elif glob.has_magic(source):
        pictures = sorted(Path(p) for p in glob.glob(source, recursive=True) if _is_picture(p))  # noqa: PTH207
        base = _plain_start(path)
    else:
        raise InputError(f'{source} is no folder, picture, list or glob: check data_root')
    if not pictures:
        raise InputError(f'no pictures in {source}: wanted are files that end in {", ".join(PICTURE_SUFFIXES)}')
    _one_of_each_name(pictures)
    return base, pictures


def _is_picture(path: str | Path) -> bool:
    """Whether a file's name is a picture's."""
    return Path(path).suffix.lower() in PICTURE_SUFFIXES and not Path(path).name.startswith('.')


def _walk(folder: Path) -> list[Path]:
    """All pictures below a folder."""
    return sorted(
        Path(root, name) for root, _, files in os.walk(folder, followlinks=True) for name in files if _is_picture(name)
    )


def _from_file(path: Path) -> tuple[Path, list[Path]]:
    """One picture, or what a list names."""
    if _is_picture(path):
        return path.parent, [path]
    pictures = [path.parent / name for name in read_list(path)]
    missing = [picture for picture in pictures if not picture.is_file()]
    if missing:
        raise InputError(f'list {path} names {missing[0]}, which does not exist ({len(missing)} of {len(pictures)})')
    return Path(os.path.commonpath([picture.absolute().parent for picture in pictures])), pictures


def _plain_start(pattern: Path) -> Path:
    """The folders of a glob before its first wildcard."""
    plain = Path(pattern.anchor)
    for part in pattern.parts[len(plain.parts) : -1]:
        if glob.has_magic(part):
            break
        plain /= part
    return plain


def _one_of_each_name(pictures: list[Path]) -> None:
    """Stop at ``a.jpg`` beside ``a.png``: labels, proposals and predictions are filed by the name without suffix."""
    seen: dict[Path, Path] = {}
    for picture in pictures:
        other = seen.setdefault(picture.with_suffix(''), picture)
        if other != picture:
            raise InputError(f'{other} and {picture} have one name: rename one, results are filed by name')
