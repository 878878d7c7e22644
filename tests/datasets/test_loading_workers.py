"""Loading in worker processes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmseg_primaps.utils import InputError


def test_a_bad_picture_met_by_a_worker_is_still_a_users_mistake(
    tmp_path: Path, build: Callable, save: Callable, picture: Callable
) -> None:
    save(tmp_path / 'images' / 'train' / '0.png', picture())
    (tmp_path / 'images' / 'train' / '1.png').write_text('no picture')
    pipeline = [{'type': 'LoadCheckedImage'}, {'type': 'PackProposalInputs'}]
    data = build('CamVidDataset', data_root=str(tmp_path), pipeline=pipeline)
    loader = DataLoader(data, batch_size=1, num_workers=2, collate_fn=pseudo_collate)
    with pytest.raises(InputError, match=r'1\.png cannot be decoded'):
        list(loader)
