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
    quiet = os.environ.get('RANK', '0') != '0'
    yield from tqdm(items, desc=description, total=total, initial=initial, disable=quiet, dynamic_ncols=True)
