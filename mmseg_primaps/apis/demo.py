"""Mask proposals, and a trained model's segmentation, of any picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules
from numpy.typing import NDArray

from ..datasets.transforms import CenterCropSeg, LoadCheckedImage, PackProposalInputs, ResizeShortSide
from ..engine.clean_pictures import backbone_features, rgb_pictures
from ..engine.hooks.mask_proposal_hook import proposal_index
from ..models.utils import Segmentor
from ..ops import mask_proposals
from ..utils import InputError, progress
from ..visualization import colour_map, colour_proposals, distinct_palette, overlay, panel, save_png
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


def demo(
    images: Sequence[str],
    out: str,
    config: str | None = None,
    checkpoint: str | None = None,
    size: int = 320,
    device: str = 'cpu',
) -> list[Path]:
    """Write, for every picture, its proposals and a sheet that shows them.

    Without a config the features are hand-crafted (``ColourTexture``), so that nothing is downloaded. With a
    checkpoint the sheet also shows the segmentation.

    Args:
        images: Picture files.
        out: Folder for ``NAME_proposals.png`` (8-bit mask numbers, 255 none), ``NAME_labels.png`` and ``NAME.png``.
        config: Config whose model and proposal settings are used.
        checkpoint: Trained weights of that model.
        size: The shorter side is scaled to this many pixels.
        device: Where to compute.

    Returns:
        The sheets written.
    """
    if not images:
        raise InputError('no picture given')
    cfg = load_config(config) if config else None
    model = build_model(cfg, checkpoint).to(device).eval()
    options = proposal_options(cfg)
    patch = int(getattr(model.backbone, 'patch_size', 8))
    return [_show(model, image, Path(out), size, patch, options, checkpoint is not None) for image in progress(images, 'pictures')]


def build_model(cfg: Config | None, checkpoint: str | None) -> Segmentor:
    """The model of a config, with weights."""
    if checkpoint is not None and cfg is None:
        raise InputError('--checkpoint needs --config: a checkpoint does not say what model it belongs to')
    register_all_modules(init_default_scope=True)
    try:
        model = MODELS.build(cfg.model if cfg else ConfigDict(HAND_CRAFTED))
        model.init_weights()
        if checkpoint is not None:
            load_checkpoint(model, checkpoint, map_location='cpu')
    except Exception as error:
        raise (as_input_error(error) or error) from error
    return model


def proposal_options(cfg: Config | None) -> dict:
    """Settings of the config's ``MaskProposalHook`` that ``mask_proposals`` takes."""
    hooks = [hook for hook in (cfg.get('custom_hooks', []) if cfg else []) if hook['type'] == 'MaskProposalHook']
    ours = ('type', 'in_index', 'batch_size', 'cache', 'priority')
    return {key: value for key, value in hooks[0].items() if key not in ours} if hooks else {}


@torch.no_grad()
def _show(
    model: Segmentor, image: str, out: Path, size: int, patch: int, options: dict, segment: bool
) -> Path:
    batch = _load(image, size, patch)
    rgb = rgb_pictures(batch)
    features = backbone_features(model, batch, proposal_index(model))
    proposals = mask_proposals(features, rgb.to(features.device), **options)[0].cpu().numpy()
    picture = rgb[0].permute(1, 2, 0).numpy()
    stem = Path(image).stem
    save_png(out / f'{stem}_proposals.png', proposals.astype(np.uint8))
    rows, titles = [[picture], [overlay(picture, colour_proposals(proposals))]], ['image', 'proposals']
    if segment:
        labels = _segment(model, batch)
        save_png(out / f'{stem}_labels.png', labels.astype(np.uint8))
        rows.append([overlay(picture, colour_map(labels, distinct_palette(model.decode_head.num_classes)))])
        titles.append('clusters')
    return save_png(out / f'{stem}.png', panel(rows, titles, captions=[stem]))


def _segment(model: Segmentor, batch: dict) -> NDArray:
    data = model.data_preprocessor(batch, False)
    return model.predict(data['inputs'], data['data_samples'])[0].pred_sem_seg.data[0].cpu().numpy()


def _load(image: str, size: int, patch: int) -> dict:
    """A collated batch of one picture: shorter side ``size``, cut to whole patches."""
    results = ResizeShortSide(size // patch * patch)(LoadCheckedImage()({'img_path': image}))
    height, width = (length // patch * patch for length in results['img_shape'])
    return pseudo_collate([PackProposalInputs()(CenterCropSeg((height, width))(results))])
