"""Features of the clean training pictures, in any order, kept in memory where they fit."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..models.utils import Segmentor
from .clean_pictures import CleanPictures, head_features, stored_head_features


class CleanFeatures:
    """The decode head's features of every training picture, batch by batch.

    Where the features of all pictures fit into ``memory`` bytes they are kept, and no picture is computed twice.

    Args:
        model: The segmentor, in evaluation mode.
        dataset: The training set.
        batch_size: Pictures a batch.
        workers: Processes that load pictures.
        memory: Bytes of features to keep.
    """

    def __init__(
        self, model: Segmentor, dataset: Any, batch_size: int, workers: int = 0, memory: int = 4 * 2**30
    ) -> None:
        self.model, self.pictures = model, CleanPictures(dataset)
        self.batch_size, self.workers, self.memory = batch_size, workers, memory
        self.kept: dict[int, Tensor] = {}
        self.store: Any = getattr(self.pictures.leaves[0], 'feature_store', None)

    @property
    def device(self) -> torch.device:
        """Where the features are computed."""
        return next(self.model.parameters()).device

    def epoch(self, generator: torch.Generator, drop_last: bool = False, limit: int | None = None) -> Iterator[Tensor]:
        """Batches ``[B, C, h, w]`` of all pictures in an order drawn from ``generator``.

        Args:
            generator: Where the order comes from.
            drop_last: Leave out a last batch that is not full (kept where it is the only one).
            limit: Stop after so many batches.
        """
        order = torch.randperm(len(self.pictures), generator=generator).tolist()
        if drop_last and len(order) > self.batch_size:
            order = order[: len(order) // self.batch_size * self.batch_size]
        if limit is not None:
            order = order[: limit * self.batch_size]
        if not all(index in self.kept or self._stored(index) for index in order):
            yield from self._compute(order)
            return
        for start in range(0, len(order), self.batch_size):
            yield from _stack_by_size([self._at_hand(i) for i in order[start : start + self.batch_size]], self.device)

    def pictures_in_order(self) -> Iterator[Tensor]:
        """Features ``[1, C, h, w]`` of every picture, in the order of the data set."""
        order = list(range(len(self.pictures)))
        if all(index in self.kept or self._stored(index) for index in order):
            yield from (self._at_hand(index)[None].to(self.device) for index in order)
        else:
            yield from (one[None] for batch in self._compute(order) for one in batch)

    def _stored(self, index: int) -> bool:
        return self.store is not None and self.pictures.image_path(index) in self.store

    def _at_hand(self, index: int) -> Tensor:
        """Features ``[C, h, w]`` that were computed before."""
        if index in self.kept:
            return self.kept[index]
        view = np.array(self.store.read(self.pictures.image_path(index))[0], dtype=np.float32)
        return stored_head_features(self.model, torch.from_numpy(view)[None].to(self.device))[0].cpu()

    def _compute(self, order: list[int]) -> Iterator[Tensor]:
        done = 0
        for batch in self.pictures.batches(order, self.batch_size, self.workers):
            features = head_features(self.model, batch)
            if features[0].numel() * features.element_size() * len(self.pictures) <= self.memory:
                self.kept.update(zip(order[done:], features.cpu(), strict=False))
            done += len(features)
            yield features


def _stack_by_size(maps: list[Tensor], device: torch.device) -> Iterator[Tensor]:
    """One batch for each size of feature map among ``maps``."""
    sizes = dict.fromkeys(values.shape for values in maps)
    for size in sizes:
        yield torch.stack([values for values in maps if values.shape == size]).to(device)
