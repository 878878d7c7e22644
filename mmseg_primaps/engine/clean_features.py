"""Features of the clean training pictures, in any order, kept in memory where they fit."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from torch import Tensor

from ..models.utils import Segmentor
from .clean_pictures import CleanPictures, head_features, stored_head_features

Maps = list[tuple[Tensor, Tensor]]
"""Features ``[b, C, h, w]`` and the places of their pictures in the order, ``[b]``; one pair for each size."""


class CleanFeatures:
    """The decode head's features of every training picture, batch by batch.

    Where the features of all pictures fit into ``memory`` bytes they are kept, and no picture is computed twice. Every
    process has pictures of its own, the same in every epoch, and gives its part of each batch.

    Args:
        model: The segmentor, in evaluation mode.
        dataset: The training set.
        batch_size: Pictures a batch and process.
        workers: Processes that load pictures.
        memory: Bytes of features to keep, for each process.
    """

    def __init__(
        self, model: Segmentor, dataset: Any, batch_size: int, workers: int = 0, memory: int = 4 * 2**30
    ) -> None:
        self.model, self.pictures = model, CleanPictures(dataset)
        self.batch_size, self.workers, self.memory = batch_size, workers, memory
        self.rank, self.processes = get_dist_info()
        self.kept: dict[int, Tensor] = {}
        self.store: Any = getattr(self.pictures.leaves[0], 'feature_store', None)

    @property
    def device(self) -> torch.device:
        """Where the features are computed."""
        return next(self.model.parameters()).device

    def epoch(self, generator: torch.Generator, drop_last: bool = False, limit: int | None = None) -> Iterator[Maps]:
        """This process's part of each global batch; the batches hold all pictures in an order from ``generator``.

        A part may be empty, but every process gets as many.

        Args:
            generator: Where the order comes from; in the same state on all processes.
            drop_last: Leave out a last batch that is not full (kept where it is the only one).
            limit: Stop after so many batches.
        """
        order = torch.randperm(len(self.pictures), generator=generator).tolist()
        size = self.batch_size * self.processes
        if drop_last and len(order) > size:
            order = order[: len(order) // size * size]
        if limit is not None:
            order = order[: limit * size]
        places = range(len(order))
        parts = [
            [place for place in places[start : start + size] if self._is_mine(order[place])]
            for start in range(0, len(order), size)
        ]
        ones = self._one_by_one([order[place] for part in parts for place in part])
        for part in parts:
            yield _stack_by_size(list(islice(ones, len(part))), part, self.device)

    def pictures_in_order(self) -> Iterator[tuple[int, Tensor]]:
        """Number and features ``[1, C, h, w]`` of every picture of this process, in the order of the data set."""
        mine = [index for index in range(len(self.pictures)) if self._is_mine(index)]
        for index, one in zip(mine, self._one_by_one(mine), strict=True):
            yield index, one[None].to(self.device)

    def _is_mine(self, index: int) -> bool:
        return index % self.processes == self.rank

    def _one_by_one(self, order: list[int]) -> Iterator[Tensor]:
        if all(index in self.kept or self._stored(index) for index in order):
            return (self._at_hand(index) for index in order)
        return self._compute(order)

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
            all_mine = features[0].numel() * features.element_size() * len(self.pictures) / self.processes
            if all_mine <= self.memory:
                self.kept.update(zip(order[done:], features.cpu(), strict=False))
            done += len(features)
            yield from features


def _stack_by_size(maps: list[Tensor], places: list[int], device: torch.device) -> Maps:
    """One batch for each size of feature map among ``maps``."""
    found: Maps = []
    for size in dict.fromkeys(values.shape for values in maps):
        chosen = [number for number, values in enumerate(maps) if values.shape == size]
        stacked = torch.stack([maps[number] for number in chosen]).to(device)
        found.append((stacked, torch.tensor([places[number] for number in chosen])))
    return found
