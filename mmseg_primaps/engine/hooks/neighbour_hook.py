"""Find every training picture's nearest neighbours once, and give the model one of them as second view."""

import hashlib
import io
import json
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from numpy.typing import NDArray
from torch import nn

from ...datasets.transforms import AddNeighbour
from ...ops.neighbours import nearest_neighbours, pooled_features
from ...utils import InputError, progress_bar
from ...utils.proposal_store import cache_root, write_whole
from ..clean_pictures import CleanPictures, features_manifest, leaf_datasets
from .frozen_encoder_hook import FrozenEncoderHook, bare_model
from .mask_proposal_hook import proposal_index, restart_iterator


@HOOKS.register_module()
class NeighbourHook(FrozenEncoderHook):
    """STEGO's positives: the nearest pictures by backbone features averaged over the grid.

    The table is computed on the clean pictures, in evaluation mode (the public code leaves dropout on there, so that
    its tables differ from run to run), and kept under a digest of everything that changes it.

    Args:
        num_neighbours: A picture's positives are drawn from so many nearest ones (7 as published).
        table_size: Columns of the table, the picture itself included (30 as published).
        batch_size: Pictures a batch.
        cache: Folder of the table; see :func:`mmseg_primaps.utils.proposal_store.cache_root`.
    """

    def __init__(
        self, num_neighbours: int = 7, table_size: int = 30, batch_size: int = 16, cache: str | None = None
    ) -> None:
        if not 1 <= num_neighbours < table_size:
            raise InputError(
                f'NeighbourHook.num_neighbours={num_neighbours} must be at least 1 and below table_size={table_size}'
            )
        self.num_neighbours, self.table_size = num_neighbours, table_size
        self.batch_size, self.cache = batch_size, cache

    def before_train(self, runner: Runner) -> None:
        """Compute the table where it is not there and have the training pipeline draw from it."""
        super().before_train(runner)
        loader = runner.train_dataloader
        pictures = CleanPictures(loader.dataset)
        if len(pictures) < 2:  # noqa: PLR2004
            raise InputError('NeighbourHook needs two or more training pictures: check data_root')
        table = self.table(bare_model(runner), pictures, loader.num_workers)
        images = [pictures.image_path(i) for i in range(len(pictures))]
        for leaf in leaf_datasets(loader.dataset):
            store = getattr(leaf, 'feature_store', None)
            read = store.read if store is not None else None
            step = AddNeighbour(images, table, pictures.__getitem__, read, self.num_neighbours)
            leaf.pipeline.transforms = [t for t in leaf.pipeline.transforms if not isinstance(t, AddNeighbour)] + [step]
        restart_iterator(runner)

    def table(self, model: nn.Module, pictures: CleanPictures, workers: int = 0) -> NDArray[np.int64]:
        """Numbers of the nearest pictures, ``[N, table_size]``, from the cache where they are there."""
        index = proposal_index(model)
        images = [pictures.image_path(i) for i in range(len(pictures))]
        manifest = {**features_manifest(model, pictures, index), 'images': images, 'table_size': self.table_size}
        text = json.dumps(manifest, indent=1, sort_keys=True)
        folder = cache_root(self.cache) / 'neighbours' / hashlib.sha256(text.encode()).hexdigest()[:16]
        if is_main_process() and not (folder / 'table.npy').is_file():
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / 'manifest.json', text.encode())
            data = io.BytesIO()
            np.save(data, self._compute(model, pictures, index, workers))
            write_whole(folder / 'table.npy', data.getvalue())
        barrier()
        return np.load(folder / 'table.npy')

    @torch.no_grad()
    def _compute(self, model: nn.Module, pictures: CleanPictures, index: int, workers: int) -> Any:
        model.eval()
        vectors = []
        with progress_bar(len(pictures), 'neighbours') as bar:
            for batch in pictures.batches(range(len(pictures)), self.batch_size, workers):
                vectors.append(pooled_features(pictures.features(model, batch, index)))
                bar.update(len(vectors[-1]))
        return nearest_neighbours(torch.cat(vectors), self.table_size).cpu().numpy()
