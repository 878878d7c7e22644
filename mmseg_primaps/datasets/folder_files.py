"""Find the files of a data set, and say in one line what is missing."""

import os
from collections.abc import Iterable
from pathlib import Path

from mmseg_primaps.utils import InputError


def list_stems(folder: str | Path, suffix: str, parts: Iterable[str] = ('',)) -> list[str]:
    """Names of all files below ``folder`` that end in ``suffix``, sorted.

    Args:
        folder: Folder that the names are counted from.
        suffix: End of the wanted files' names, ``_leftImg8bit.png`` for example.
        parts: Sub-folders to look in; ``''`` is the folder itself.

    Returns:
        Paths relative to ``folder``, with ``/``, without ``suffix``. Hidden files are left out.

    Raises:
        InputError: A folder does not exist.
    """
    found = []
    for part in parts:
        start = Path(folder, part)
        if not start.is_dir():
            raise InputError(f"folder {start} does not exist: check data_root and the data set's layout")
        for root, _, files in os.walk(start, followlinks=True):
            inside = Path(root).relative_to(folder).as_posix()
            # Plain strings: COCO has a hundred thousand names.
            start_of_name = '' if inside == '.' else f'{inside}/'
            found += [start_of_name + f[: -len(suffix)] for f in files if f.endswith(suffix) and f[0] != '.']
    return sorted(found)


def read_list(path: str | Path) -> list[str]:
    """Lines of a list file without blank lines and comments (``#``).

    Raises:
        InputError: The file is missing, no text, empty, or names something twice.
    """
    try:
        lines = [line.strip() for line in Path(path).read_text(encoding='utf-8').splitlines()]
    except FileNotFoundError:
        raise InputError(f'list {path} does not exist') from None
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f'list {path} cannot be read as text, one name per line: {error}') from None
    names = [line for line in lines if line and not line.startswith('#')]
    if not names:
        raise InputError(f'list {path} is empty: one name per line is expected')
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise InputError(f'list {path} names {twice} twice')
    return names


def require(names: Iterable[str], existing: Iterable[str], what: str) -> None:
    """Stop where one of ``names`` is not among ``existing``.

    Args:
        names: Wanted names.
        existing: Names that are there.
        what: The sentence's start, with ``{}`` for the first missing name.

    Raises:
        InputError: ``what``, and how many more are missing.
    """
    there = set(existing)
    missing = [name for name in names if name not in there]
    if missing:
        more = f' ({len(missing)} are missing in all)' if len(missing) > 1 else ''
        raise InputError(what.format(missing[0]) + more)
