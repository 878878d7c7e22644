"""Fixtures that every test may use."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('OMP_WAIT_POLICY', 'passive')


def shared_folder() -> Path | None:
    """The folder with golden numbers and real pictures, or None where a user does not have it."""
    folder = Path(os.environ.get('PRIMAPS_SHARED', ROOT.parent / 'shared'))
    return folder.resolve() if folder.is_dir() else None


@pytest.fixture(scope='session')
def shared() -> Path:
    folder = shared_folder()
    if folder is None:
        pytest.skip('PRIMAPS_SHARED does not name a folder with golden numbers and real pictures')
    return folder


@pytest.fixture(scope='session')
def golden(shared: Path) -> dict[str, np.ndarray]:
    """Numbers that the authors' code gave (loaded lazily, one array at a time)."""
    return np.load(shared / 'golden' / 'primaps_official.npz')


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """One thread: two busy test processes with spinning OpenMP threads are far slower."""
    torch.set_num_threads(1)
