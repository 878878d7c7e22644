"""Progress bars that stay silent where nobody looks."""

import os
from collections.abc import Generator, Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar('T')


def progress(
    items: Iterable[T], description: str, total: int | None = None, initial: int = 0
) -> Generator[T, None, None]:
    """Iterate over ``items`` behind a progress bar; ranks other than the first show none.

    Args:
        items: What to iterate over.
        description: Text before the bar.
        total: Number of steps, where ``len(items)`` is unknown.
        initial: Steps already done by an earlier, interrupted run.
    """
    yield from tqdm(items, desc=description, total=total, initial=initial, disable=_is_quiet(), dynamic_ncols=True)


def progress_bar(total: int, description: str) -> tqdm:
    """A bar for work in batches, moved on by its ``update``: it shows, and counts the time, from here on."""
    return tqdm(total=total, desc=description, disable=_is_quiet() or not total, dynamic_ncols=True)


def _is_quiet() -> bool:
    return os.environ.get('RANK', '0') != '0'
