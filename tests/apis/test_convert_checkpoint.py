"""Released checkpoints become weights of this package, and nothing else gets through."""

import json
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from mmseg_primaps.apis.convert_checkpoint import convert_checkpoint
from mmseg_primaps.models.backbones import TimmViT
from mmseg_primaps.models.necks import HPNeck, STEGONeck
from mmseg_primaps.ops import prototype_logits
from mmseg_primaps.utils import InputError
from mmseg_primaps.utils.checkpoint import load_checkpoint

ROOT = Path(__file__).resolve().parents[2]
TINY = {'embed_dim': 48, 'depth': 3, 'num_heads': 3}
FILES = {'stego': 'stego_tiny.ckpt', 'hp': 'hp_tiny.pth', 'primaps': 'primaps_tiny.ckpt'}


@pytest.fixture
def released(shared: Path) -> Callable[[str], Path]:
    return lambda kind: shared / 'golden' / 'checkpoints' / FILES[kind]


@pytest.fixture(scope='module')
def official(shared: Path) -> dict[str, np.ndarray]:
    return np.load(shared / 'golden' / 'models_official.npz')


def converted(path: Path) -> dict[str, Tensor]:
    if path.suffix == '.safetensors':
        return load_file(path)
    return torch.load(path, weights_only=True)['state_dict']


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def error(actual: Tensor, expected: np.ndarray) -> float:
    return float((actual - torch.from_numpy(expected)).abs().max() / np.abs(expected).max())


@torch.no_grad()
@pytest.mark.parametrize(('kind', 'neck'), [('stego', STEGONeck), ('hp', HPNeck)])
def test_codes_and_logits_are_the_authors(
    kind: str, neck: type, released: Callable, official: dict, tmp_path: Path
) -> None:
    convert_checkpoint(kind, released(kind), tmp_path / 'w.pth')
    state = converted(tmp_path / 'w.pth')
    vit = TimmViT('dino_vits8', checkpoint=str(tmp_path / 'w.pth'), model_kwargs=TINY).eval()
    neck = neck(48, 20, **({'preset': 'fixed'} if kind == 'stego' else {})).eval()
    neck.load_state_dict({key[5:]: value for key, value in state.items() if key.startswith('neck.')})
    features = vit(torch.from_numpy(official['dino_in_320']).float())
    assert error(features[0], official['head_feature_320']) < 1e-4
    code = neck(features)[-1]
    assert error(code, official['head_code_320']) < 1e-4
    clusters, linear = state['decode_head.running.direction'], 'decode_head.linear.'
    assert torch.equal(clusters, torch.from_numpy(official['clusters']))
    assert error(prototype_logits(code, clusters, cosine=True), official['head_cluster_logits_320']) < 1e-4
    logits = F.conv2d(code, state[linear + 'weight'], state[linear + 'bias'])
    assert error(logits, official['head_linear_logits_320']) < 1e-4
    for name in ('running', 'momentum'):
        assert torch.equal(state[f'decode_head.{name}.direction'], clusters)
        assert torch.equal(state[f'decode_head.{name}.gain'], torch.ones(27))


@torch.no_grad()
@pytest.mark.parametrize('name', ['running', 'momentum'])
def test_primaps_logits_are_the_authors(name: str, released: Callable, official: dict, tmp_path: Path) -> None:
    convert_checkpoint('primaps', released('primaps'), tmp_path / 'w.safetensors')
    state = converted(tmp_path / 'w.safetensors')
    vit = TimmViT('dino_vits8', checkpoint=str(tmp_path / 'w.safetensors'), model_kwargs=TINY).eval()
    (features,) = vit(torch.from_numpy(official['dino_in_320']).float())
    head = {part: state[f'decode_head.{name}.{part}'] for part in ('direction', 'gain')}
    assert error(prototype_logits(features, **head), official[f'primaps_{name}_logits_320']) < 1e-4
    assert int(state['decode_head.momentum_calls']) > 0
    assert bool(state['decode_head.initialized'])


@pytest.mark.parametrize('kind', FILES)
def test_the_description_is_read_from_the_tensors(kind: str, released: Callable, tmp_path: Path) -> None:
    description = convert_checkpoint(kind, released(kind), tmp_path / 'new' / 'any name.json')
    assert json.loads((tmp_path / 'new' / 'any name.json.json').read_text()) == description
    dim, stage = (48, 'em') if kind == 'primaps' else (20, 'baseline')
    wanted = {'method': kind, 'classes': 27, 'clusters': 27, 'dim': dim, 'patch_size': 8, 'width': 48, 'depth': 3}
    assert description == {**description, **wanted, 'stage': stage, 'source': FILES[kind]}
    assert len(description['source_sha256']) == 64
    assert names(tmp_path / 'new') == ['any name.json', 'any name.json.json']
    assert converted(tmp_path / 'new' / 'any name.json')


def test_the_initialisation_stage_starts_both_sets_from_the_centres(released: Callable, tmp_path: Path) -> None:
    content = load_checkpoint(released('primaps'))['state_dict']
    state = {key: value for key, value in content.items() if not key.startswith('cluster_probe.')}
    centres = torch.randn(27, 48, 1, 1)
    state['cluster_probe.cluster_centers.weight_v'] = centres
    state['cluster_probe.cluster_centers.weight_g'] = torch.full((27, 1, 1, 1), 3.0)
    torch.save({'state_dict': state}, tmp_path / 'init.ckpt')
    assert convert_checkpoint('primaps', tmp_path / 'init.ckpt', tmp_path / 'w.pth')['stage'] == 'init'
    head = converted(tmp_path / 'w.pth')
    for name in ('running', 'momentum'):
        assert torch.equal(head[f'decode_head.{name}.direction'], centres.flatten(1))
        assert torch.equal(head[f'decode_head.{name}.gain'], torch.ones(27))


def test_a_stacked_primaps_file_has_no_backbone(released: Callable, tmp_path: Path) -> None:
    content = load_checkpoint(released('primaps'))['state_dict']
    torch.save(
        {'state_dict': {k: v for k, v in content.items() if not k.startswith('net.')}}, tmp_path / 'stacked.ckpt'
    )
    assert convert_checkpoint('primaps', tmp_path / 'stacked.ckpt', tmp_path / 'w.pth')['backbone'] is None
    assert all(key.startswith('decode_head.') for key in converted(tmp_path / 'w.pth'))


def full_size(width: int, patch: int, depth: int, d: int = 6) -> OrderedDict:
    """A released STEGO state dict whose tensors are expanded scalars: full shapes without the memory."""

    def zero(*shape: int) -> Tensor:
        return torch.zeros(()).expand(shape)

    state = OrderedDict({
        'net.model.cls_token': zero(1, 1, width), 'net.model.pos_embed': zero(1, 785, width),
        'net.model.patch_embed.proj.weight': zero(width, 3, patch, patch),
        'net.model.patch_embed.proj.bias': zero(width),
        'net.model.norm.weight': zero(width), 'net.model.norm.bias': zero(width),
        'net.cluster1.0.weight': zero(d, width, 1, 1), 'net.cluster1.0.bias': zero(d),
        'net.cluster2.0.weight': zero(width, width, 1, 1), 'net.cluster2.0.bias': zero(width),
        'net.cluster2.2.weight': zero(d, width, 1, 1), 'net.cluster2.2.bias': zero(d),
        'cluster_probe.clusters': zero(5, d), 'train_cluster_probe.clusters': zero(3, d),
        'linear_probe.weight': zero(3, d, 1, 1), 'linear_probe.bias': zero(3),
        'decoder.weight': zero(width, d, 1, 1), 'decoder.bias': zero(width),
    })  # fmt: skip
    rows = {'norm1': 1, 'norm2': 1, 'attn.qkv': 3, 'attn.proj': 1, 'mlp.fc1': 4, 'mlp.fc2': 1}
    for index in range(depth):
        for layer, factor in rows.items():
            columns = () if 'norm' in layer else (4 * width,) if layer == 'mlp.fc2' else (width,)
            state[f'net.model.blocks.{index}.{layer}.weight'] = zero(factor * width, *columns)
            state[f'net.model.blocks.{index}.{layer}.bias'] = zero(factor * width)
    return state


def test_known_backbones_are_named_and_extra_clusters_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / 'a.ckpt').write_bytes(b'')
    for geometry, name in (((384, 8, 12), 'dino_vits8'), ((768, 8, 12), 'dino_vitb8'), ((384, 8, 2), None)):
        content = {'state_dict': full_size(*geometry)}
        monkeypatch.setattr('mmseg_primaps.apis.convert_checkpoint.load_checkpoint', lambda *_, c=content: c)
        monkeypatch.setattr('mmseg_primaps.apis.convert_checkpoint._write', lambda *_: None)
        description = convert_checkpoint('stego', tmp_path / 'a.ckpt', tmp_path / 'b.pth')
        assert (description['backbone'], description['classes'], description['clusters']) == (name, 3, 5)


CHANGES = {
    'missing projection': (lambda s: s.pop('net.cluster2.2.bias'), 'net.cluster2.2.bias'),
    'missing clusters': (lambda s: s.pop('cluster_probe.clusters'), 'cluster_probe.clusters'),
    'missing probe': (lambda s: s.pop('linear_probe.bias'), 'linear_probe.bias'),
    'missing block': (lambda s: s.pop('net.model.blocks.1.attn.qkv.bias'), 'net.model.blocks.1.attn.qkv.bias'),
    'missing whole block': (lambda s: [s.pop(k) for k in list(s) if '.blocks.0.' in k], 'net.model.blocks.0.'),
    'extra key': (lambda s: s.update({'net.cluster3.0.weight': torch.zeros(1)}), 'net.cluster3.0.weight'),
    'extra key in the ViT': (lambda s: s.update({'net.model.blocks.1.gate.weight': torch.zeros(1)}), 'blocks.1.gate'),
    'extra probe': (lambda s: s.update({'probe.weight': torch.zeros(1)}), 'probe.weight'),
    'no tensor': (lambda s: s.update({'linear_probe.bias': 'text'}), 'state_dict'),
    'other width': (lambda s: s.update({'net.cluster1.0.weight': torch.zeros(6, 12, 1, 1)}), '12 channels'),
    'other dim': (lambda s: s.update({'net.cluster2.2.weight': torch.zeros(7, 16, 1, 1)}), 'projection.output'),
    'other qkv': (lambda s: s.update({'net.model.blocks.0.attn.qkv.weight': torch.zeros(9, 16)}), 'attn.qkv'),
    'flat stem': (lambda s: s.update({'net.model.patch_embed.proj.weight': torch.zeros(16, 192)}), 'patch embedding'),
}


@pytest.mark.parametrize('change', CHANGES)
def test_missing_extra_and_contradicting_keys_are_refused_with_one_line(change: str, tmp_path: Path) -> None:
    state = full_size(16, 8, 2)
    edit, reason = CHANGES[change]
    edit(state)
    torch.save({'state_dict': state}, tmp_path / 'a.ckpt')
    with pytest.raises(InputError, match=reason) as caught:
        convert_checkpoint('stego', tmp_path / 'a.ckpt', tmp_path / 'b.pth')
    assert '\n' not in str(caught.value)
    assert 'a.ckpt' in str(caught.value)
    assert names(tmp_path) == ['a.ckpt']


@pytest.mark.parametrize(
    ('kind', 'file'), [('stego', 'hp'), ('hp', 'stego'), ('primaps', 'stego'), ('stego', 'primaps')]
)
def test_a_file_of_another_method_is_refused(kind: str, file: str, released: Callable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='check the first argument'):
        convert_checkpoint(kind, released(file), tmp_path / 'b.pth')


def test_wrong_arguments_are_named(released: Callable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='kind'):
        convert_checkpoint('eagle', released('stego'), tmp_path / 'b.pth')
    with pytest.raises(InputError, match='overwritten'):
        convert_checkpoint('stego', tmp_path / 'a.ckpt', tmp_path / 'a.ckpt')
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot be written'):
        convert_checkpoint('stego', released('stego'), tmp_path / 'file' / 'b.pth')


class Malice:
    """Runs a command when it is un-pickled in the ordinary way."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {self.target}',)


def run_tool(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / 'tools' / 'convert_checkpoint.py'), *map(str, arguments)]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_tool_prints_one_line_and_runs_nothing_of_a_malicious_file(tmp_path: Path) -> None:
    source, trace = tmp_path / 'evil.ckpt', tmp_path / 'trace'
    torch.save({'state_dict': {**full_size(16, 8, 1)}, 'callbacks': Malice(trace)}, source)
    done = run_tool('stego', source, tmp_path / 'out.pth')
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if 'error:' in line]
    assert len(lines) == 1
    assert 'system' in lines[0]
    assert 'Traceback' not in done.stderr
    assert names(tmp_path) == ['evil.ckpt']


def test_the_tool_refuses_a_truncated_file(released: Callable, tmp_path: Path) -> None:
    whole = released('stego').read_bytes()
    for share in (0.2, 0.98):
        (tmp_path / 'a.ckpt').write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match='truncated'):
            convert_checkpoint('stego', tmp_path / 'a.ckpt', tmp_path / 'b.pth')
