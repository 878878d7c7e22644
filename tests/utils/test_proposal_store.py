"""Proposals on disk: where they lie, and what names their folder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mmseg_primaps.utils import InputError
from mmseg_primaps.utils.proposal_store import ProposalStore, common_folder, describe, proposal_path, weights_digest


def test_path_keeps_the_suffix_so_that_names_stay_apart() -> None:
    assert proposal_path('cache', 'data', 'data/a/1.jpg') == Path('cache/a/1.jpg.png')
    assert proposal_path('cache', 'data', 'data/a/1.png') == Path('cache/a/1.png.png')


def test_path_with_dots_means_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'work').mkdir()
    monkeypatch.chdir(tmp_path / 'work')
    images = ['../data/train/1.png', '../data/train/2.png']
    assert common_folder(images) == tmp_path / 'data' / 'train'
    assert proposal_path('cache', common_folder(images), images[0]) == Path('cache/1.png.png')


def test_picture_outside_the_base_is_refused() -> None:
    with pytest.raises(InputError, match='does not lie below'):
        proposal_path('cache', 'data/train', 'data/val/1.png')


def test_store_writes_whole_files_and_knows_what_is_missing(tmp_path: Path) -> None:
    store = ProposalStore(tmp_path, {'threshold': 0.4}, Path('data'))
    images = ['data/1.png', 'data/2.png']
    assert store.missing(images) == [0, 1]
    proposals = np.array([[1, 255], [254, 2]])
    store.write(images[0], proposals)
    assert store.missing(images) == [1]
    with Image.open(store.path(images[0])) as file:
        assert file.mode == 'L'
        assert (np.array(file) == proposals).all()
    assert not list(tmp_path.rglob('*.part'))


def test_another_setting_is_another_folder(tmp_path: Path) -> None:
    roots = {ProposalStore(tmp_path, {'threshold': value}, Path('data')).root for value in (0.4, 0.4, 0.35)}
    assert len(roots) == 2


def test_digest_sees_every_weight() -> None:
    layer = nn.Linear(2, 2)
    before = weights_digest(layer)
    assert weights_digest(layer) == before
    with torch.no_grad():
        layer.bias[0] += 1
    assert weights_digest(layer) != before


def test_description_has_no_addresses() -> None:
    class Step:
        def __init__(self) -> None:
            self.size, self._private, self.inner = (1, 2), object(), nn.Identity

    assert describe(Step()) == describe(Step())
    assert describe(Step())['size'] == [1, 2]
