"""Key names of the checkpoints that STEGO's, HP's and PriMaPs' authors released, and what they are called here."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .errors import InputError

_HEADS = {
    'net.model.': 'backbone.vit.',
    'net.cluster1.0.': 'neck.projection.linear.',
    'net.cluster2.0.': 'neck.projection.hidden.',
    'net.cluster2.2.': 'neck.projection.output.',
    'cluster_probe.clusters': 'decode_head.running.direction',
    'linear_probe.': 'decode_head.linear.',
}
# None: known to be there, not needed here
RULES: dict[str, dict[str, str | None]] = {
    'stego': {**_HEADS, 'train_cluster_probe.clusters': None, 'decoder.weight': None, 'decoder.bias': None},
    'hp': {**_HEADS, 'net.ema_model1.0.': None, 'net.ema_model2.0.': None, 'net.ema_model2.2.': None},
    'primaps': {
        'net.model.mask_token': None,
        'net.model.': 'backbone.vit.',
        'seghead.weight_v': 'decode_head.running.direction',
        'seghead.weight_g': 'decode_head.running.gain',
        'cluster_probe.ema_model.weight_v': 'decode_head.momentum.direction',
        'cluster_probe.ema_model.weight_g': 'decode_head.momentum.gain',
        'cluster_probe.cluster_centers.weight_v': 'decode_head.centers.direction',
        'cluster_probe.cluster_centers.weight_g': 'decode_head.centers.gain',
        'cluster_probe.step': 'decode_head.momentum_calls',
        'cluster_probe.initted': None,
        'cluster_probe.online_model.weight_v': None,
        'cluster_probe.online_model.weight_g': None,
        'linear_probe.': 'decode_head.linear.',
    },
}
_PARTS = {
    'hp': {'net_model_state_dict': 'net.', 'linear_model_state_dict': 'linear_probe.',
           'cluster_model_state_dict': 'cluster_probe.'},
}  # fmt: skip
_BLOCK = ('norm1', 'attn.qkv', 'attn.proj', 'norm2', 'mlp.fc1', 'mlp.fc2')


def flat_state(kind: str, checkpoint: Any) -> dict[str, Tensor]:
    """The tensors of a released checkpoint under STEGO's kind of names.

    Raises:
        InputError: The file has another layout.
    """
    parts = _PARTS.get(kind, {'state_dict': ''})
    state: dict[str, Tensor] = {}
    for part, prefix in parts.items():
        inner = checkpoint.get(part) if isinstance(checkpoint, Mapping) else None
        if not isinstance(inner, Mapping) or not all(isinstance(value, Tensor) for value in inner.values()):
            raise InputError(f'it has no {part!r} of tensors, so it is no {kind} checkpoint; check the first argument')
        state.update({f'{prefix}{key}': value for key, value in inner.items()})
    return state


def rename(kind: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """This package's names for the tensors of a released checkpoint; what is not needed here is left out.

    Raises:
        InputError: A key that no released file of this kind has.
    """
    renamed = {}
    for key, value in state.items():
        rule = next((old for old in RULES[kind] if key == old or (old.endswith('.') and key.startswith(old))), None)
        if rule is None:
            raise InputError(f'it has the key {key!r}, which no {kind} checkpoint has; check the first argument')
        new = RULES[kind][rule]
        if new is not None:
            renamed[new + key.removeprefix(rule)] = value
    return renamed


def require(state: Mapping[str, Tensor], kind: str) -> None:
    """Check that nothing is missing and that nothing is left over in the ViT.

    Raises:
        InputError: A key is missing, or the ViT has one that no ViT of DINO or DINOv2 has.
    """
    vit = {key.removeprefix('backbone.vit.') for key in state if key.startswith('backbone.vit.')}
    expected = _vit_keys(vit) if vit or kind != 'primaps' else set()
    needed = {f'backbone.vit.{key}' for key in expected} | {f'decode_head.linear.{part}' for part in ('weight', 'bias')}
    needed.add('decode_head.running.direction')
    if kind != 'primaps':
        layers = ('linear', 'hidden', 'output')
        needed |= {f'neck.projection.{layer}.{part}' for layer in layers for part in ('weight', 'bias')}
    if missing := sorted(needed - state.keys()):
        raise InputError(f'{len(missing)} keys of a {kind} checkpoint are missing, first {_old(kind, missing[0])!r}')
    if left_over := sorted(vit - expected):
        raise InputError(f'its ViT has the key {left_over[0]!r}, which no ViT of DINO or DINOv2 has')


def _old(kind: str, key: str) -> str:
    """The released name of one of this package's keys."""
    for old, new in RULES[kind].items():
        if new and key.startswith(new):
            return old + key.removeprefix(new)
    return key


def _vit_keys(found: set[str]) -> set[str]:
    """Every key of a ViT with the depth, and the layer scale, that ``found`` shows."""
    blocks = {int(match[1]) for key in found if (match := re.match(r'blocks\.(\d+)\.', key))}
    keys = {'cls_token', 'pos_embed', 'patch_embed.proj.weight', 'patch_embed.proj.bias', 'norm.weight', 'norm.bias'}
    scales = {'ls1.gamma', 'ls2.gamma'} if any(key.endswith('.gamma') for key in found) else set()
    for index in range(max(blocks, default=0) + 1):
        keys |= {f'blocks.{index}.{layer}.{part}' for layer in _BLOCK for part in ('weight', 'bias')}
        keys |= {f'blocks.{index}.{scale}' for scale in scales}
    return keys


def finish_head(kind: str, state: dict[str, Tensor]) -> str:
    """Bring prototypes into this package's shapes and give every set its start; returns the stage of the file.

    STEGO's and HP's clusters become running and momentum prototypes, raw and with gain one. A PriMaPs file of the
    initialisation stage holds the k-means centres, whose gain is one at every use, so both sets start from them.
    """
    stage = 'baseline' if kind != 'primaps' else 'em' if 'decode_head.momentum.direction' in state else 'init'
    centers = state.pop('decode_head.centers.direction', None)
    state.pop('decode_head.centers.gain', None)
    if stage == 'init':
        if centers is None:
            raise InputError('it has neither momentum prototypes nor cluster centres')
        state['decode_head.running.direction'] = centers
        state.pop('decode_head.running.gain', None)
    for name in ('running', 'momentum'):
        start = state['decode_head.running.direction'] if stage != 'em' else state[f'decode_head.{name}.direction']
        direction = start.flatten(1)
        gain = state.get(f'decode_head.{name}.gain', torch.ones(len(direction)))
        state[f'decode_head.{name}.direction'] = direction.clone()
        state[f'decode_head.{name}.gain'] = gain.flatten().clone()
    state['decode_head.momentum_calls'] = state.get('decode_head.momentum_calls', torch.tensor(0)).reshape(())
    state['decode_head.initialized'] = torch.tensor(True)
    return stage
