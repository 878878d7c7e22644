"""Loading beside a small frozen backbone, in processor time so that other work on the machine does not matter."""

from pathlib import Path
from time import process_time

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS

BASES = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
PICTURES = 12


@pytest.mark.parametrize('name', ['camvid', 'cocostuff27_sample'])
@pytest.mark.parametrize('part', ['train', 'val'])
def test_a_picture_costs_less_to_load_than_to_look_at(
    shared: Path, monkeypatch: pytest.MonkeyPatch, name: str, part: str
) -> None:
    monkeypatch.setenv('PRIMAPS_SHARED', str(shared))
    data = DATASETS.build(Config.fromfile(BASES / f'{name}.py')[f'{part}_dataloader'].dataset)
    backbone = MODELS.build({'type': 'MobileNetV2', 'out_indices': (4,)})
    backbone.train(False)
    start = process_time()
    pictures = [data[i]['inputs'] for i in range(PICTURES)]
    loading = process_time() - start
    with torch.no_grad():
        start = process_time()
        backbone(torch.stack(pictures).float())
    assert loading < process_time() - start
