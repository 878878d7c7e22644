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


class WeightsUnavailable(InputError):
    """Weights that were asked for are not here now; a checkpoint of the whole model may still bring them."""


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


def load_vit(model_name: str, path: str | Path, model_kwargs: Mapping[str, Any]) -> Any:
    """A timm ViT with the weights of a file, in timm's or the original authors' key names, complete or not at all.

    Raises:
        WeightsUnavailable: No such file.
        InputError: No weights file, no ViT in it, another geometry, or keys missing or left over.
    """
    if not Path(path).expanduser().is_file():
        raise WeightsUnavailable(f'backbone checkpoint={str(path)!r} does not exist: give the path of a weights file')
    state = read_vit(path)
    # the trained grid, so that loading never resamples positions: interpolation belongs to the forward pass
    trained = {key: value for key, value in vit_geometry(state).items() if key == 'img_size'}
    vit = build_vit(model_name, {**trained, **model_kwargs})
    _check_geometry(vit, vit_geometry(state), model_name, str(path))
    # timm keeps the mapping from the original authors' names beside each of its model classes
    mapped = sys.modules[type(vit).__module__].checkpoint_filter_fn(dict(state), vit)
    mapped = {key: value.float() for key, value in mapped.items() if not key.startswith(_NOT_BACKBONE)}
    _check_keys(vit, mapped, model_name, str(path))
    vit.load_state_dict(mapped, strict=False)
    return vit


def _check_geometry(vit: Any, stated: Mapping[str, int], model_name: str, source: str) -> None:
    built = {'patch_size': vit.patch_embed.patch_size[0], 'embed_dim': vit.embed_dim, 'depth': len(vit.blocks)}
    if any(stated[key] != value for key, value in built.items()):
        raise InputError(
            f'checkpoint {source!r} is of another backbone ({_list(stated)}) than model_name={model_name!r} '
            f'({_list(built)}): change model_name or model_kwargs'
        )


def _check_keys(vit: Any, state: Mapping[str, Tensor], model_name: str, source: str) -> None:
    own = vit.state_dict()
    wrong = [key for key in own.keys() ^ state.keys() if not key.startswith(_NOT_BACKBONE)]
    wrong += [key for key in own.keys() & state.keys() if own[key].shape != state[key].shape]
    if wrong:
        raise InputError(
            f'checkpoint {source!r} does not fit model_name={model_name!r}: {len(wrong)} keys are missing, left over '
            f'or of another shape, first {min(wrong)!r}; name the model it was saved from'
        )


def check_whole_vit(vit: Any, state_dict: Mapping[str, Tensor], prefix: str, model_name: str) -> bool:
    """Whether a state dict of a whole model brings this ViT's weights; it brings all of them or none.

    Raises:
        InputError: The weights are of another ViT.
    """
    state = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
    if not state:
        return False
    if _STEM in state:
        _check_geometry(vit, vit_geometry(state), model_name, 'of the whole model')
    _check_keys(vit, state, model_name, 'of the whole model')
    return True


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
        WeightsUnavailable: They cannot be downloaded (``checkpoint=`` is the mend).
        InputError: The hub has no such weights.
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
            raise WeightsUnavailable(
                f'weights of {model_name!r} cannot be downloaded ({hub.ENDPOINT} is out of reach): {mend}'
            ) from None
    try:
        return build_vit(model_name, options)
    except OSError as error:
        raise WeightsUnavailable(
            f'weights of {model_name!r} cannot be downloaded ({type(error).__name__}): {mend}'
        ) from error
