"""Build a timm ViT and give it weights from a file or from the hub."""

import math
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import timm
from huggingface_hub import constants as hub
from torch import Tensor

from ...utils.checkpoint import load_checkpoint
from ...utils.errors import InputError
from .presets import VIT_PRESETS, find_preset

_WRAPPERS = ('teacher', 'model_ema', 'model', 'state_dict', 'net_model_state_dict', 'module')
_STEM = 'patch_embed.proj.weight'
_NOT_BACKBONE = ('head', 'decoder', 'mask_token', 'masked_embed', 'fc.', 'projectors', 'local_cls_norm', 'attn_pool')


def vit_state(checkpoint: Mapping[str, Any], source: str) -> dict[str, Tensor]:
    """The ViT's own tensors in a checkpoint, whatever wraps them.

    Looks inside the dictionaries that the public codes of DINO, DINOv2, iBOT, MAE, STEGO and HP save, then strips
    what precedes the patch embedding's name (``module.backbone.``, ``net.model.``, ``backbone.vit.``...).

    Raises:
        InputError: No ViT in the file.
    """
    for wrapper in _WRAPPERS:
        if isinstance(checkpoint.get(wrapper), Mapping):
            return vit_state(checkpoint[wrapper], source)
    prefixes = sorted((key.removesuffix(_STEM) for key in checkpoint if key.endswith(_STEM)), key=len)
    if not prefixes:
        raise InputError(f'checkpoint {source!r} holds no ViT (no {_STEM!r}): give the weights of one')
    prefix = prefixes[0]
    state = {key.removeprefix(prefix): value for key, value in checkpoint.items() if key.startswith(prefix)}
    return {key: value for key, value in state.items() if isinstance(value, Tensor)}


def vit_geometry(state: Mapping[str, Tensor]) -> dict[str, int]:
    """Patch, width, depth and, where positions are learned, trained image size, read from the tensors of a ViT."""
    width, _, patch, _ = state[_STEM].shape
    depth = 1 + max(int(key.split('.')[1]) for key in state if key.startswith('blocks.'))
    geometry = {'patch_size': patch, 'embed_dim': width, 'depth': depth}
    if 'pos_embed' in state:
        # whether CLS has an entry is told by which of the two numbers is a square
        count = state['pos_embed'].shape[1]
        side = math.isqrt(count)
        geometry['img_size'] = patch * (side if side * side == count else math.isqrt(count - 1))
    return geometry


def build_vit(model_name: str, model_kwargs: Mapping[str, Any]) -> Any:
    """A timm ViT with random weights, no classifier, and any input size.

    Raises:
        InputError: Unknown name (close ones are listed), or a network that is no plain ViT.
    """
    name = find_preset(model_name).timm_name
    if not timm.is_model(name):
        known = [*VIT_PRESETS, *timm.list_models('*vit*'), *timm.list_pretrained('*vit*')]
        close = ', '.join(get_close_matches(model_name, known, n=4, cutoff=0.5)) or ', '.join(VIT_PRESETS)
        raise InputError(f'backbone model_name={model_name!r} is unknown: timm has, for example, {close}')
    try:
        vit: Any = timm.create_model(name, **{'num_classes': 0, 'dynamic_img_size': True, **model_kwargs})
    except (TypeError, AssertionError, RuntimeError) as error:
        raise InputError(f'backbone model_name={model_name!r} cannot be built as a ViT: {error}') from error
    if not (hasattr(vit, 'blocks') and hasattr(vit, 'num_prefix_tokens') and hasattr(vit.blocks[0], 'attn')):
        raise InputError(f'backbone model_name={model_name!r} is no plain ViT: name a timm vit_* model')
    return vit


def load_vit(vit: Any, state: dict[str, Tensor], model_name: str, source: str) -> None:
    """Load weights in timm's or the original authors' key names, completely or not at all.

    Raises:
        InputError: Another geometry, or keys missing or left over.
    """
    stated = vit_geometry(state)
    built = {'patch_size': vit.patch_embed.patch_size[0], 'embed_dim': vit.embed_dim, 'depth': len(vit.blocks)}
    if any(stated[key] != value for key, value in built.items()):
        raise InputError(
            f'checkpoint {source!r} is of another backbone ({_list(stated)}) than model_name={model_name!r} '
            f'({_list(built)}): change model_name or model_kwargs'
        )
    # timm keeps the mapping from the original authors' names beside each of its model classes
    mapped = sys.modules[type(vit).__module__].checkpoint_filter_fn(dict(state), vit)
    mapped = {key: value.float() for key, value in mapped.items() if not key.startswith(_NOT_BACKBONE)}
    own = vit.state_dict()
    wrong = [key for key in own.keys() ^ mapped.keys() if not key.startswith(_NOT_BACKBONE)]
    wrong += [key for key in own.keys() & mapped.keys() if own[key].shape != mapped[key].shape]
    if wrong:
        raise InputError(
            f'checkpoint {source!r} does not fit model_name={model_name!r}: {len(wrong)} keys are missing, left over '
            f'or of another shape, first {min(wrong)!r}; name the model it was saved from'
        )
    vit.load_state_dict(mapped, strict=False)


def _list(geometry: Mapping[str, int]) -> str:
    return ', '.join(f'{key} {value}' for key, value in geometry.items() if key != 'img_size')


def read_vit(path: str | Path) -> dict[str, Tensor]:
    """The ViT's tensors of a weights file, see :func:`vit_state`."""
    checkpoint = load_checkpoint(path)
    if not isinstance(checkpoint, Mapping):
        raise InputError(f'checkpoint {str(path)!r} holds no dictionary of weights: give the weights of a ViT')
    return vit_state(checkpoint, str(path))


@contextmanager
def _offline_hub() -> Iterator[None]:
    """Let the hub's client look into its cache alone."""
    before = hub.HF_HUB_OFFLINE
    hub.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        hub.HF_HUB_OFFLINE = before


def hub_reachable(timeout: float = 5.0) -> bool:
    """Whether the weights' hub answers at all; the client itself would retry for most of a minute."""
    try:
        with urllib.request.urlopen(urllib.request.Request(hub.ENDPOINT, method='HEAD'), timeout=timeout):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def build_pretrained_vit(model_name: str, model_kwargs: Mapping[str, Any]) -> Any:
    """A timm ViT with the hub's weights: from the local cache where they are there, else downloaded.

    Raises:
        InputError: No such weights, or they cannot be downloaded (``checkpoint=`` is the mend).
    """
    mend = 'fetch the file elsewhere and name it with checkpoint='
    if not find_preset(model_name).on_hub:
        raise InputError(f'timm has no weights for model_name={model_name!r}: {mend}')
    options = {**model_kwargs, 'pretrained': True}
    try:
        with _offline_hub():
            return build_vit(model_name, options)
    except OSError:
        if not hub_reachable():
            raise InputError(
                f'weights of {model_name!r} cannot be downloaded ({hub.ENDPOINT} is out of reach): {mend}'
            ) from None
    try:
        return build_vit(model_name, options)
    except OSError as error:
        raise InputError(f'weights of {model_name!r} cannot be downloaded ({type(error).__name__}): {mend}') from error
