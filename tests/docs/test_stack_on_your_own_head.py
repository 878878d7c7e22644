"""The worked example of the documentation runs as it stands."""

import re
from pathlib import Path

import torch
from mmengine.config import Config

from mmseg_primaps.apis import train
from tests.conftest import ROOT, tiny_config


def code_blocks() -> list[str]:
    return re.findall(r'```python\n(.*?)```', (ROOT / 'docs' / 'stack_on_your_own_head.md').read_text(), re.DOTALL)


def test_the_example_trains_from_a_methods_weights_and_clusters(camvid: Path, tmp_path: Path, cache: Path) -> None:
    code, config = code_blocks()
    assert len(code.splitlines()) <= 27
    names: dict = {}
    exec(compile(code, 'stack_on_your_own_head.md', 'exec'), names)
    clusters, weight = torch.randn(11, 64), torch.randn(64, 30, 1, 1)
    names['convert'](weight, torch.zeros(64), clusters, tmp_path / 'mine.pth')
    cfg = tiny_config('primaps_mobilenetv2_camvid.py', camvid, tmp_path / 'run')
    cfg.merge_from_dict(dict(Config.fromstring(config, '.py')))
    cfg.model.neck.in_channels = 30
    cfg.load_from = str(tmp_path / 'mine.pth')
    report = train(cfg)
    assert 0 <= report['mIoU'] <= 100
    state = torch.load(tmp_path / 'run' / 'epoch_2.pth', weights_only=False)['state_dict']
    assert torch.equal(state['neck.projection.weight'], weight)
    moved = (state['decode_head.running.direction'] - clusters).abs().max()
    assert 0 < moved < 0.1
