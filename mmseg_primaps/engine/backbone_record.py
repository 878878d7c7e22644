"""What is known of a backbone whose features are stored, so that the next run need not build it."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..models.backbones.lazy_backbone import LazyBackbone
from ..utils import file_digest
from ..utils.checkpoint import load_checkpoint
from ..utils.proposal_store import describe, weights_digest, write_whole

# Attributes that say where weights come from; what they are is told by their digest.
SOURCES = ('init_cfg', 'pretrained', 'checkpoint', 'training')
PACKAGES = ('torch', 'torchvision', 'timm', 'mmengine', 'onedl-mmengine', 'mmsegmentation', 'onedl-mmsegmentation')


def encoder_manifest(backbone: nn.Module) -> dict[str, Any]:
    """Everything about a backbone that changes a feature; where its weights lie is no part of it."""
    if isinstance(backbone, LazyBackbone):
        return backbone.manifest or encoder_manifest(backbone.build())
    layers = [f'{name}: {type(part).__name__}({part.extra_repr()})' for name, part in backbone.named_modules()]
    return {
        'backbone': type(backbone).__name__,
        'layers': hashlib.sha256('\n'.join(layers).encode()).hexdigest(),
        'settings': _settings(backbone),
        'weights': weights_digest(backbone),
    }


def _settings(module: nn.Module) -> dict[str, Any]:
    """Plain attributes of a backbone, such as which block or stride: what its weights do not tell."""
    plain = (bool, int, float, str, list, tuple)
    return {
        key: describe(value)
        for key, value in vars(module).items()
        if isinstance(value, plain) and not key.startswith('_') and key not in SOURCES
    }


def record_backbone(cache: Path, config: Mapping[str, Any], load_from: str | None, backbone: nn.Module) -> None:
    """Note a backbone's manifest and weights, if the config or the file ``load_from`` alone gives it these weights.

    Random weights, and those of a checkpoint that a run has gone on from, are not what the next run would begin with.
    """
    if isinstance(backbone, LazyBackbone):
        return
    for files in ((), (load_from,)):
        path = _path(cache, config, *files)
        if None in files or path.is_file():
            continue
        if come_from(backbone, [*_files(config), *map(str, files)]):
            manifest = encoder_manifest(backbone)
            weights = path.parent / f'{manifest["weights"]}.pth'
            path.parent.mkdir(parents=True, exist_ok=True)
            if not weights.is_file():
                _save(backbone.state_dict(), weights)
            write_whole(path, json.dumps({'manifest': manifest, 'weights': weights.name}, indent=1).encode())
            return


def find_backbone(cache: Path, config: Mapping[str, Any], load_from: str | None) -> dict[str, Any] | None:
    """What :func:`record_backbone` noted: arguments for :class:`LazyBackbone`; None where there is no note."""
    for files in ((), (load_from,)):
        path = _path(cache, config, *files)
        if None not in files and path.is_file():
            found = json.loads(path.read_text())
            weights = path.parent / found['weights']
            if weights.is_file():
                return {'manifest': found['manifest'], 'weights': str(weights)}
    return None


def come_from(backbone: nn.Module, files: list[str]) -> bool:
    """Whether every tensor of a backbone is in one of the weights files, or is all one number, as no random one is."""
    state = backbone.state_dict().values()
    unknown = {_digest(value) for value in state if value.numel() and not bool((value == value.flatten()[0]).all())}
    if unknown:
        unknown -= {_digest(value) for file in files for value in _tensors(load_checkpoint(file, ('*',)))}
    return not unknown


def _path(cache: Path, config: Mapping[str, Any], *files: str | None) -> Path:
    """Where the note of a backbone lies: its config, what is in its files, and the packages that build it."""
    known = {'config': _contents(config), 'files': [_contents(file) for file in files], 'packages': _versions()}
    text = json.dumps(known, sort_keys=True, default=str)
    return cache / 'backbones' / f'{hashlib.sha256(text.encode()).hexdigest()[:16]}.json'


def _contents(value: Any) -> Any:
    """A config in which a digest stands for each file that it names."""
    if isinstance(value, Mapping):
        return {str(key): _contents(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_contents(item) for item in value]
    if isinstance(value, str) and _is_file(value):
        return f'sha256:{file_digest(Path(value).expanduser())}'
    return value


def _files(config: Mapping[str, Any]) -> list[str]:
    """The files that a config names."""
    return [value for value in _leaves(config) if isinstance(value, str) and _is_file(value)]


def _is_file(text: str) -> bool:
    return '/' in text and Path(text).expanduser().is_file()


def _tensors(checkpoint: Any) -> Iterator[Tensor]:
    """Every tensor in a checkpoint, however deep."""
    return (value for value in _leaves(checkpoint) if isinstance(value, Tensor))


def _leaves(value: Any) -> Iterator[Any]:
    """What mappings, lists and tuples hold, however deep."""
    if isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(item)
    else:
        yield value


def _digest(value: Tensor) -> tuple[tuple[int, ...], bytes]:
    """Shape and content of a tensor whatever its precision: files often hold halves."""
    return tuple(value.shape), hashlib.sha256(value.detach().cpu().float().contiguous().numpy().tobytes()).digest()


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _save(state: dict[str, Tensor], path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix='.part', delete=False) as file:
        torch.save({name: value.cpu() for name, value in state.items()}, file)
    Path(file.name).replace(path)
