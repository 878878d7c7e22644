"""Show what the clusters have found, for people who have no labels and must name them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import DATASETS, HOOKS
from numpy.typing import NDArray

from ...datasets import UnlabeledDataset
from ...models.utils import Segmentor
from ...utils import InputError, progress
from ...utils.proposal_store import common_folder, proposal_path
from ...visualization import cluster_sheet, colour_map, distinct_palette, overlay, save_png
from ..clean_pictures import CleanPictures, leaf_datasets, rgb_pictures
from .frozen_encoder_hook import bare_model

Found = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@HOOKS.register_module()
class ClusterSheetHook(Hook):
    """After training, write a legend of the clusters and coloured predictions into the work folder.

    ``clusters.png`` has a row for each cluster: its colour, its share of the pixels, and crops of the pictures that
    have most of it. ``predictions/<picture>.png`` shows a picture beside its clusters. Both are made of the test set
    where the config has one, else of the training set, in the size to which its pipeline scales the pictures. Colours
    and names are those of an ``UnlabeledDataset``; a data set whose classes have names of their own gets neither,
    because a cluster is no class.

    Args:
        pictures: How many pictures, spread evenly over the set; None for all.
        examples: Crops for each cluster.
    """

    priority = 'LOW'

    def __init__(self, pictures: int | None = 100, examples: int = 6) -> None:
        if (pictures is not None and pictures < 1) or examples < 1:
            raise InputError(f'ClusterSheetHook: pictures={pictures} and examples={examples} must be at least 1')
        self.pictures, self.examples = pictures, examples

    def after_train(self, runner: Runner) -> None:
        """Segment, paint and write; one process does it."""
        if not is_main_process():
            return
        model, dataset, folder = bare_model(runner), _dataset(runner), Path(runner.work_dir)
        clean = CleanPictures(dataset)
        count = len(clean) if self.pictures is None else min(self.pictures, len(clean))
        chosen = np.linspace(0, len(clean) - 1, count).astype(int).tolist()
        base = common_folder([clean.image_path(index) for index in range(len(clean))])
        palette, names = _legend(leaf_datasets(dataset)[0], model.decode_head.num_classes)
        images, clusters = [], []
        segmented = progress(_segment(model, clean, chosen), 'clusters', count)
        for index, (image, found) in zip(chosen, segmented, strict=True):
            images.append(image)
            clusters.append(found)
            shown = np.concatenate([image, overlay(image, colour_map(found, palette))], axis=1)
            save_png(proposal_path(folder / 'predictions', base, clean.image_path(index)), shown)
        sheet = cluster_sheet(images, clusters, len(palette), palette, names, self.examples)
        path = save_png(folder / 'clusters.png', sheet)
        print_log(f'clusters: {path}; {count} of {len(clean)} pictures: {folder / "predictions"}', 'current')


def _dataset(runner: Runner) -> Any:
    """The test set, else the training set."""
    loader = runner.cfg.get('test_dataloader')
    return DATASETS.build(loader.dataset) if loader else runner.train_dataloader.dataset


def _legend(dataset: Any, num_clusters: int) -> tuple[NDArray[np.uint8], list[str] | None]:
    """Colours, and names where the data set's classes are the clusters themselves."""
    info = dataset.metainfo
    if isinstance(dataset, UnlabeledDataset) and len(info['classes']) == num_clusters:
        return np.array(info['palette'], np.uint8), list(info['classes'])
    return distinct_palette(num_clusters), None


@torch.no_grad()
def _segment(model: Segmentor, pictures: CleanPictures, chosen: list[int]) -> Iterator[Found]:
    """Picture ``[H, W, 3]`` and clusters ``[H, W]``, in the size that the pipeline gives them."""
    model.eval()
    for batch in pictures.batches(chosen, batch_size=1):
        for sample in batch['data_samples']:
            sample.set_metainfo({'ori_shape': sample.img_shape})  # or every map is enlarged to the file's size
        (found,) = model.test_step(batch)
        image = rgb_pictures(batch)[0].permute(1, 2, 0).numpy()
        yield image, found.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
