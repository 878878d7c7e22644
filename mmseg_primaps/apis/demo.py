"""Mask proposals, and a trained model's segmentation, of any picture."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules
from numpy.typing import NDArray

from ..datasets.palettes import cluster_palette
from ..datasets.transforms import CenterCropSeg, LoadCheckedImage, PackProposalInputs, ResizeShortSide
from ..engine.clean_pictures import backbone_features, rgb_pictures
from ..engine.hooks.mask_proposal_hook import proposal_index
from ..models.utils import Segmentor
from ..ops import mask_proposals
from ..utils import InputError, progress
from ..utils.checkpoint import load_checkpoint
from ..visualization import colour_map, colour_proposals, overlay, panel, save_png
from .cli import as_input_error
from .config import load_config

HAND_CRAFTED = {
    'type': 'PriMaPsSegmentor',
    'data_preprocessor': {
        'type': 'TwoViewDataPreProcessor',
        'mean': [123.675, 116.28, 103.53],
        'std': [58.395, 57.12, 57.375],
        'bgr_to_rgb': True,
    },
    'backbone': {'type': 'ColourTexture'},
    'decode_head': {'type': 'PriMaPsHead', 'in_channels': 30, 'num_classes': 2},
    'test_cfg': {'mode': 'whole'},
}
# What mmengine saves beside the weights, and nothing here needs.
LOG_TYPES = ('mmengine.*', 'numpy*', 'builtins.getattr', '__builtin__.getattr')


def demo(
    images: Sequence[str],
    out: str,
    config: str | None = None,
    checkpoint: str | None = None,
    size: int = 320,
    device: str = 'cpu',
    config_options: dict[str, Any] | None = None,
) -> list[Path]:
    """Write, for every picture, its proposals and a sheet that shows them.

    Without a config the features are hand-crafted (``ColourTexture``), so that nothing is downloaded. With a
    checkpoint the sheet also shows the segmentation.

    Args:
        images: Picture files.
        out: Folder for ``NAME_proposals.png`` (8-bit mask numbers, 255 none), ``NAME_labels.png`` and ``NAME.png``, all
            in the size that the picture was scaled to. A second picture of one name becomes ``NAME_2``.
        config: Config whose model and proposal settings are used.
        checkpoint: Trained weights of that model.
        size: The shorter side is scaled to this many pixels.
        device: Where to compute.
        config_options: Settings that override the config's, such as ``num_classes`` of the training run.

    Returns:
        The sheets written.

    Raises:
        InputError: No picture, one that cannot be read, or a config, checkpoint, size or device that cannot be used.
    """
    if not images:
        raise InputError('no picture given')
    if missing := [image for image in images if not Path(image).is_file()]:
        raise InputError(f'{missing[0]} is no file ({len(missing)} of {len(images)} pictures)')
    cfg = load_config(config, config_options) if config else None
    model = _on(device, build_model(cfg, checkpoint))
    patch = int(getattr(model.backbone, 'patch_size', 8))
    if size < patch:
        raise InputError(f'--size {size} is less than a patch of {patch} pixels; 320 is usual')
    options = proposal_options(cfg)
    segment = checkpoint is not None
    with closing(progress(images, 'pictures')) as bar:  # an error's line comes after the bar, not into it
        named = zip(result_names(images), bar, strict=True)
        return [_show(model, _load(image, size, patch), Path(out), name, options, segment) for name, image in named]


def result_names(images: Sequence[str]) -> list[str]:
    """A name for the results of each picture: its own, and a number where another picture has it already."""
    names: list[str] = []
    for image in images:
        stem, number = Path(image).stem, 1
        name = stem
        while name in names:
            number += 1
            name = f'{stem}_{number}'
        names.append(name)
    return names


def build_model(cfg: Config | None, checkpoint: str | None) -> Segmentor:
    """The model of a config, with the weights of a checkpoint, else those that the config names.

    Raises:
        InputError: The config has no such model, or the checkpoint is not of it.
    """
    if checkpoint is not None and cfg is None:
        raise InputError('--checkpoint needs --config: a checkpoint does not say what model it belongs to')
    register_all_modules(init_default_scope=True)
    try:
        model = MODELS.build(cfg.model if cfg else ConfigDict(HAND_CRAFTED))
        if checkpoint is not None:
            _load_weights(model, checkpoint)
        else:
            model.init_weights()
    except Exception as error:
        raise (as_input_error(error) or error) from error
    if not hasattr(model, 'backbone') or not hasattr(model, 'decode_head'):
        raise InputError(f'{type(model).__name__} is no encoder with a decode head: give a config of such a model')
    return model


def _load_weights(model: Segmentor, checkpoint: str) -> None:
    """Load all weights or none; nothing that is pickled in the file is run."""
    loaded = load_checkpoint(checkpoint, LOG_TYPES)
    try:
        missing = model.load_state_dict(loaded.get('state_dict', loaded), strict=False).missing_keys
    except RuntimeError as error:
        raise InputError(
            f'checkpoint {checkpoint} is not of this model: {str(error).splitlines()[-1].strip()}'
        ) from None
    if missing:
        raise InputError(
            f'checkpoint {checkpoint} is not of this model: it lacks {len(missing)} keys, first {missing[0]}'
        )


def _on(device: str, model: Segmentor) -> Segmentor:
    """The model on a device, in evaluation mode."""
    try:
        return model.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise InputError(f'--device {device} cannot be used: {str(error).splitlines()[0]}') from None


def proposal_options(cfg: Config | None) -> dict:
    """Settings of the config's ``MaskProposalHook`` that ``mask_proposals`` takes."""
    hooks = [hook for hook in (cfg.get('custom_hooks', []) if cfg else []) if hook['type'] == 'MaskProposalHook']
    ours = ('type', 'in_index', 'batch_size', 'cache', 'priority')
    return {key: value for key, value in hooks[0].items() if key not in ours} if hooks else {}


@torch.no_grad()
def _show(model: Segmentor, batch: dict, out: Path, name: str, options: dict, segment: bool) -> Path:
    rgb = rgb_pictures(batch)
    features = backbone_features(model, batch, proposal_index(model))
    proposals = mask_proposals(features, rgb.to(features.device), **options)[0].cpu().numpy()
    picture = rgb[0].permute(1, 2, 0).numpy()
    save_png(out / f'{name}_proposals.png', proposals.astype(np.uint8))
    rows, titles = [[picture], [overlay(picture, colour_proposals(proposals))]], ['image', 'proposals']
    if segment:
        labels = _segment(model, batch)
        save_png(out / f'{name}_labels.png', labels.astype(np.uint8))
        palette = np.array(cluster_palette(model.decode_head.num_classes), np.uint8)  # the colours of UnlabeledDataset
        rows.append([overlay(picture, colour_map(labels, palette))])
        titles.append('clusters')
    return save_png(out / f'{name}.png', panel(rows, titles, captions=[name]))


def _segment(model: Segmentor, batch: dict) -> NDArray:
    """Clusters ``[H, W]``."""
    (found,) = model.test_step(batch)
    return found.pred_sem_seg.data[0].cpu().numpy()


def _load(image: str, size: int, patch: int) -> dict:
    """A collated batch of one picture: shorter side ``size``, cut to whole patches."""
    results = ResizeShortSide(size // patch * patch)(LoadCheckedImage()({'img_path': image}))
    height, width = (length // patch * patch for length in results['img_shape'])
    return pseudo_collate([PackProposalInputs()(CenterCropSeg((height, width))(results))])
