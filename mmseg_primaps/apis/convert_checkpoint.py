"""Turn checkpoints that STEGO's, HP's and PriMaPs' authors released into weights of this package."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..utils import InputError, file_digest
from ..utils.checkpoint import load_checkpoint
from ..utils.released_keys import RULES, finish_head, flat_state, rename, require

KINDS = tuple(RULES)
_BACKBONES = {
    (384, 8, 12): 'dino_vits8',
    (768, 8, 12): 'dino_vitb8',
    (384, 16, 12): 'dino_vits16',
    (768, 16, 12): 'dino_vitb16',
    (384, 14, 12): 'dinov2_vits14',
    (768, 14, 12): 'dinov2_vitb14',
}


def convert_checkpoint(kind: str, src: str | Path, dst: str | Path, stand_ins: Sequence[str] = ()) -> dict[str, Any]:
    """Convert a released checkpoint; nothing that is pickled in it is executed.

    Writes ``dst`` (safetensors where it is called so, otherwise a file for ``torch.load(..., weights_only=True)`` with
    the layout of mmengine's checkpoints, for ``load_from``) and ``dst`` + ``.json``, which says what it holds.

    Args:
        kind: ``'stego'`` (Lightning file), ``'hp'`` (dictionary of state dicts) or ``'primaps'`` (Lightning file of the
            initialisation or the EM stage).
        src: The released file.
        dst: Where to write; folders are made.
        stand_ins: Further pickled globals to replace by empty objects, see
            :func:`mmseg_primaps.utils.checkpoint.load_checkpoint`.

    Returns:
        The content of the JSON file.

    Raises:
        InputError: Unknown kind; a source that is missing, damaged, of another kind, incomplete, or asks for more than
            tensors; a destination that cannot be written.
    """
    if kind not in RULES:
        raise InputError(f'checkpoint kind {kind!r} is unknown: choose from {", ".join(KINDS)}')
    src, dst = Path(src).expanduser(), Path(dst).expanduser()
    if src.resolve() == dst.resolve():
        raise InputError(f'checkpoint {str(src)!r} would be overwritten: give another destination')
    content = load_checkpoint(src, stand_ins)
    try:
        state = rename(kind, flat_state(kind, content))
        stage = finish_head(kind, state) if 'decode_head.running.direction' in state else 'unknown'
        require(state, kind)
        description = describe(kind, stage, state)
    except InputError as error:
        raise InputError(f'checkpoint {str(src)!r} is refused: {error}') from None
    description |= {'source': src.name, 'source_sha256': file_digest(src), 'weights': dst.name}
    state = {key: value.float() if value.is_floating_point() else value for key, value in sorted(state.items())}
    _write(dst, state, description)
    return description


def describe(kind: str, stage: str, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """What converted weights hold, read from the tensors alone.

    Raises:
        InputError: Tensors whose shapes contradict each other.
    """
    clusters, dim = state['decode_head.running.direction'].shape
    classes = state['decode_head.linear.weight'].shape[0]
    description: dict[str, Any] = {
        'method': kind, 'stage': stage, 'classes': classes, 'clusters': clusters, 'dim': dim, 'backbone': None,
    }  # fmt: skip
    shapes = {
        'decode_head.linear.weight': (classes, dim, 1, 1),
        'decode_head.linear.bias': (classes,),
        'decode_head.running.gain': (clusters,),
        'decode_head.momentum.direction': (clusters, dim),
        'decode_head.momentum.gain': (clusters,),
    }
    if 'backbone.vit.norm.weight' in state:
        stem = state['backbone.vit.patch_embed.proj.weight']
        if stem.dim() != 4:
            raise InputError(f'its patch embedding has the shape {tuple(stem.shape)}, no convolution')
        width, _, patch, _ = stem.shape
        depth = len([key for key in state if key.endswith('attn.qkv.weight')])
        backbone = _BACKBONES.get((width, patch, depth))
        description |= {'backbone': backbone, 'patch_size': patch, 'width': width, 'depth': depth}
        # heads are not in the tensors: they follow from the backbone's name, and building it checks them
        shapes |= _vit_shapes(width, patch, depth)
    if kind != 'primaps':
        width = state['neck.projection.linear.weight'].shape[1]
        for layer, rows in (('linear', dim), ('hidden', width), ('output', dim)):
            shapes[f'neck.projection.{layer}.weight'] = (rows, width, 1, 1)
            shapes[f'neck.projection.{layer}.bias'] = (rows,)
        if width != description['width']:
            raise InputError(f'its projection takes {width} channels, its backbone gives {description["width"]}')
    for key, shape in shapes.items():
        if tuple(state[key].shape) != shape:
            raise InputError(f'{key} has the shape {tuple(state[key].shape)}, expected {shape}')
    return description


def _vit_shapes(width: int, patch: int, depth: int) -> dict[str, tuple[int, ...]]:
    """Shapes of a ViT's tensors that follow from its geometry."""
    shapes: dict[str, tuple[int, ...]] = {
        'patch_embed.proj.weight': (width, 3, patch, patch), 'cls_token': (1, 1, width), 'norm.weight': (width,),
    }  # fmt: skip
    for index in range(depth):
        layers = {'attn.qkv': (3 * width, width), 'attn.proj': (width, width), 'norm1': (width,), 'norm2': (width,)}
        shapes |= {f'blocks.{index}.{name}.weight': shape for name, shape in layers.items()}
    return {f'backbone.vit.{key}': shape for key, shape in shapes.items()}


def _write(dst: Path, state: dict[str, Tensor], description: dict[str, Any]) -> None:
    """Write weights and description; each appears whole or not at all."""
    try:
        dst.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=dst.parent, prefix='.convert') as folder:
            weights, text = Path(folder) / 'weights', Path(folder) / 'text'
            if dst.suffix == '.safetensors':
                save_file({key: value.contiguous() for key, value in state.items()}, weights)
            else:
                torch.save({'state_dict': state, 'meta': {'mmseg_primaps': description}}, weights)
            text.write_text(json.dumps(description, indent=2) + '\n')
            weights.replace(dst)
            text.replace(f'{os.fspath(dst)}.json')
    except OSError as error:
        raise InputError(f'destination {str(dst)!r} cannot be written: {error.strerror}') from error
