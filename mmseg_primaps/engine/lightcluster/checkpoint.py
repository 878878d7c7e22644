"""The fitted model as a file."""

import io
from pathlib import Path
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

from ...models.segmentors import LightClusterSegmentor
from ...utils import InputError
from ...utils.proposal_store import weights_digest, write_whole
from ...version import __version__
from ...visualization import distinct_palette

KINDS = ('auto', 'small', 'full')


def save_checkpoint(model: LightClusterSegmentor, backbone: ConfigDict, path: Path, kind: str = 'auto') -> Path:
    """Write the model where mmseg's ``init_model`` and ``tools/test.py`` can load it.

    Clusters have numbers in place of names: which class a cluster is, only labels can tell.

    Args:
        model: The fitted segmentor.
        backbone: Config of its backbone.
        path: File to write.
        kind: ``'full'`` with the backbone, ``'small'`` without, ``'auto'``: small where the backbone's config brings
            back the same weights by itself, which is tried.
    """
    state = model.state_dict()
    if kind == 'small' or (kind == 'auto' and comes_back(model, backbone)):
        state = {name: value for name, value in state.items() if not name.startswith('backbone.')}
    data = io.BytesIO()
    meta = {'dataset_meta': cluster_meta(model.num_classes), 'mmseg_primaps_version': __version__}
    torch.save({'state_dict': {name: value.cpu() for name, value in state.items()}, 'meta': meta}, data)
    write_whole(path, data.getvalue())
    return path


def cluster_meta(num_classes: int) -> dict[str, Any]:
    """Names and colours of background and clusters."""
    palette = distinct_palette(num_classes).tolist()
    return {
        'classes': ['background', *(f'object {k}' for k in range(1, num_classes))],
        'palette': [[0, 0, 0], *palette[1:]],
    }


def comes_back(model: LightClusterSegmentor, backbone: ConfigDict) -> bool:
    """Whether building the backbone anew gives the same weights; random numbers differ from those of before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch.initial_seed() + 1)
        try:
            again = MODELS.build(backbone)
            again.init_weights()
        except InputError:
            return False
    return weights_digest(again) == weights_digest(model.backbone)
