"""What a trained model does to a few pictures, for looking at."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.apis import init_model
from mmseg.registry import DATASETS
from numpy.typing import NDArray

from .. import ops
from ..engine.clean_pictures import CleanPictures, rgb_pictures
from ..engine.hooks.mask_proposal_hook import proposal_index

Labels = NDArray[np.integer]


class Example(NamedTuple):
    """One picture of a labelled set and what was made of it.

    Attributes:
        image: RGB, ``[H, W, 3]`` uint8, as the test pipeline cuts it.
        clusters: Predicted cluster of every pixel, ``[H, W]``.
        labels: Class of every pixel, ``[H, W]``; 255 where it has none.
    """

    image: NDArray[np.uint8]
    clusters: Labels
    labels: Labels


def device() -> str:
    """Where to compute: the first GPU, if there is one."""
    return 'cuda:0' if torch.cuda.is_available() else 'cpu'


@torch.no_grad()
def predict_examples(cfg: Config, checkpoint: str | Path, indices: Sequence[int]) -> list[Example]:
    """Segment pictures of the validation set of ``cfg`` with a checkpoint.

    Args:
        cfg: Config of the model and of the validation set.
        checkpoint: File of its weights.
        indices: Numbers of the pictures in the validation set.
    """
    model = init_model(cfg, str(checkpoint), device=device())
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    found = []
    for index in indices:
        batch = pseudo_collate([dataset[index]])
        image = rgb_pictures(batch)[0].permute(1, 2, 0).numpy()
        (sample,) = model.test_step(batch)
        clusters, labels = (field.data[0].cpu().numpy() for field in (sample.pred_sem_seg, sample.gt_sem_seg))
        found.append(Example(image, clusters, labels))
    return found


@torch.no_grad()
def propose_examples(cfg: Config, checkpoint: str | Path, indices: Sequence[int]) -> list[Labels]:
    """Mask proposals ``[H, W]`` (255 where there is none) of pictures of the validation set.

    They are made with the options of the config's ``MaskProposalHook``, on the pictures as the test pipeline cuts them.
    """
    model = init_model(cfg, str(checkpoint), device=device())
    hook = next(hook for hook in cfg.custom_hooks if hook['type'] == 'MaskProposalHook')
    options = {key: value for key, value in hook.items() if key not in ('type', 'cache', 'in_index', 'batch_size')}
    pictures = CleanPictures(DATASETS.build(cfg.val_dataloader.dataset))
    index = hook.get('in_index')
    index = proposal_index(model) if index is None else index
    found: list[Labels] = []
    for batch in pictures.batches(indices, batch_size=1):
        features = pictures.features(model, batch, index)
        found.append(ops.mask_proposals(features, rgb_pictures(batch).to(features.device), **options)[0].cpu().numpy())
    return found
