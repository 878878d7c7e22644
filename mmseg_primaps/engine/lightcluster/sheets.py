"""Pictures of what every step made of a few images, and of what each cluster has found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from numpy.typing import NDArray
from torch import Tensor

from ...models.lightcluster import CONSISTENT, LEVELS, level_mask, patch_levels, pixel_mask
from ...models.segmentors import LightClusterSegmentor
from ...ops import upsample
from ...visualization import cluster_sheet, colour_map, overlay, panel, save_png
from .checkpoint import cluster_meta

Picture = NDArray[np.uint8]
MASK_COLOUR = (255, 80, 0)


def draw_panel(
    model: LightClusterSegmentor, dataset: Any, folder: Path, pictures: int = 6, assignment: Sequence[int] | None = None
) -> list[Path]:
    """Write ``steps.png`` (what each step says of a few images) and ``clusters.png`` (examples of each cluster).

    Args:
        model: The fitted segmentor.
        dataset: Where the images come from, in its own pipeline.
        folder: Where to write.
        pictures: Number of images in the table; four times as many are looked through for examples.
        assignment: Class of every cluster, where one is known: clusters then have the colours and names of classes.
    """
    palette, names = _colours(model, dataset, assignment)
    columns, images, maps = [], [], []
    chosen = np.linspace(0, len(dataset) - 1, min(4 * pictures, len(dataset))).astype(int)
    shown = set(chosen[:: max(1, len(chosen) // pictures)][:pictures].tolist())
    for index in chosen.tolist():
        inputs = model.data_preprocessor(pseudo_collate([dataset[index]]), False)
        image = _as_picture(model.pictures(inputs['inputs'])[0])
        classes = model.segment(inputs['inputs'], [(CONSISTENT, model.options.crf)])[0][0].cpu().numpy()
        images.append(image)
        maps.append(classes)
        if index in shown:
            columns.append(_column(model, inputs, image, overlay(image, colour_map(classes, palette))))
            columns[-1] += _label(inputs['data_samples'], dataset, image)
    rows = min(len(column) for column in columns)
    titles = ['image', *(f'{level} level' for level in LEVELS), 'levels agree', 'refined', 'classes', 'labels'][:rows]
    table = panel([list(row) for row in zip(*(column[:rows] for column in columns), strict=True)], titles, width=240)
    sheet = cluster_sheet(images, maps, model.num_classes, palette, names)
    return [save_png(folder / 'steps.png', table), save_png(folder / 'clusters.png', sheet)]


def _colours(model: LightClusterSegmentor, dataset: Any, assignment: Sequence[int] | None) -> tuple[Picture, list[str]]:
    """Colour and name of each cluster; the background is black, so that the image shows through."""
    meta = cluster_meta(model.num_classes)
    palette, names = np.array(meta['palette'], np.uint8), list(meta['classes'])
    if assignment is not None:
        classes, colours = dataset.metainfo['classes'], dataset.metainfo['palette']
        for cluster, found in enumerate(assignment):
            if found >= 0:
                palette[cluster] = colours[found]
                names[cluster] += f' ({classes[found]})'
    palette[0] = 0
    return palette, names


def _column(model: LightClusterSegmentor, inputs: dict, image: Picture, classes: Picture) -> list[Picture]:
    patches = model.patches(inputs['inputs'])
    levels = patch_levels(patches, model.fitted, model.options)
    picture = model.pictures(inputs['inputs'])[0]
    together = level_mask(levels, CONSISTENT, model.options)
    masks = [level_mask(levels, level, model.options) for level in LEVELS] + [together]
    shown = [_over(image, upsample(mask[None].float(), image.shape[:2])[0, 0] > 0.5) for mask in masks]
    refined = pixel_mask(together[0], picture, model.options, model.options.crf)
    return [image, *shown, _over(image, refined), classes]


def _over(image: Picture, mask: Tensor) -> Picture:
    colours = np.where(mask.cpu().numpy()[..., None], np.array(MASK_COLOUR, np.uint8), np.uint8(0))
    return overlay(image, colours.astype(np.uint8), 0.5)


def _label(samples: Sequence[Any], dataset: Any, image: Picture) -> list[Picture]:
    """The labels over the image, where there are any; they have the picture's own size."""
    if 'gt_sem_seg' not in samples[0]:
        return []
    label = samples[0].gt_sem_seg.data[0].cpu()
    size = image.shape[:2]
    if tuple(label.shape) != size:
        label = torch.nn.functional.interpolate(label[None, None].float(), size)[0, 0]
    colours = colour_map(label.numpy().astype(np.int64), dataset.metainfo['palette'])
    return [overlay(image, colours)]


def _as_picture(image: Tensor) -> Picture:
    return np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())
