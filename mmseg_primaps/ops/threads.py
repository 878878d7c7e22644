"""One image per thread, for work that a single thread does best."""

import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar('Item')
Result = TypeVar('Result')


def over_threads(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> list[Result]:
    """Do the work in the calling thread, or in several that compute with one thread each.

    Gradient, inference and autocast modes belong to a thread: `work` sets those that it needs.
    """
    if min(workers, len(items)) > 1:
        return list(_pool(workers).map(work, items))
    return [work(item) for item in items]


def _compute_alone() -> None:
    """Have this thread compute without helpers, whatever the others are set to later."""
    torch.set_num_threads(1)
    # A thread adopts the process-wide number at its first question: ask while that is still one.
    torch.get_num_threads()


@functools.lru_cache(maxsize=1)
def _pool(workers: int) -> ThreadPoolExecutor:
    """Threads that are kept: new ones would have to ask the system for all their memory again."""
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, initializer=_compute_alone)
    everybody = threading.Barrier(workers)
    list(pool.map(lambda _: everybody.wait(), range(workers)))  # all have started, none sets the number later
    torch.set_num_threads(threads)
    return pool


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child process has none of its parent's threads
