"""What all stages work on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch
from mmengine.dist import barrier, get_dist_info
from numpy.typing import NDArray
from torch import Tensor

from ...models.lightcluster import LightClusterOptions
from ...models.segmentors import LightClusterSegmentor
from ...utils import progress_bar
from ..clean_pictures import CleanPictures
from .blocks import Blocks
from .stage import Arrays, StageFolder


@dataclass
class Fit(Blocks):
    """The model that is fitted, and the pictures that it is fitted to (:class:`CleanPictures`)."""

    model: LightClusterSegmentor = field(kw_only=True)
    pictures: CleanPictures

    @property
    def options(self) -> LightClusterOptions:
        """The method's options."""
        return self.model.options

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.fitted.seed.device

    def mine(self) -> list[int]:
        """Numbers of the pictures that this process streams when all pictures are needed."""
        rank, world = get_dist_info()
        return [index for block in range(rank, self.blocks, world) for index in self.members(block)]

    def inputs(self, indices: Sequence[int]) -> Iterator[Tensor]:
        """Normalised batches `[B, 3, H, W]` of pictures of one size, in order."""
        for batch in self.pictures.batches(indices, self.batch, self.workers):
            yield self.model.data_preprocessor(batch, False)['inputs']

    def images(self, indices: Sequence[int]) -> Iterator[Tensor]:
        """Normalised pictures `[3, H, W]`, in order."""
        for batch in self.inputs(indices):
            yield from batch

    def stored(self, folder: StageFolder, indices: Iterable[int], *names: str) -> Iterator[list[NDArray[Any]]]:
        """Arrays that a stage left for each of the pictures (ascending numbers)."""
        for block, members in groupby(indices, lambda index: index // self.block):
            yield from folder.read_pictures(block, list(members), names)

    def run(self, folder: StageFolder, title: str, compute: Callable[[list[int]], Iterable[Arrays]]) -> None:
        """Do the blocks of a stage that are missing; every process takes its share.

        Args:
            folder: Where they go.
            title: Text before the progress bar.
            compute: Gives the arrays of each picture, in the order of the numbers it gets.
        """
        blocks = self.missing(folder)
        indices = [index for block in blocks for index in self.members(block)]
        stream = iter(compute(indices)) if indices else iter(())
        with progress_bar(len(indices), title) as bar:
            for block in blocks:
                arrays: dict[str, NDArray[Any]] = {}
                for index in self.members(block):
                    arrays |= {f'{index}.{name}': value for name, value in next(stream).items()}
                    bar.update()
                folder.write(block, arrays)
        barrier()
