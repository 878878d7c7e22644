"""Backbone features on disk: computed once for every picture, memory-mapped afterwards."""

import hashlib
import json
import os
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dist import barrier, get_dist_info
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ..models.utils import Segmentor, select_feature
from ..utils import progress_bar
from ..utils.proposal_store import write_whole
from .clean_pictures import CleanPictures, backbone_features
from .shares import dealt_out

SHARD = 64
# Maps that are open at once: each holds a file, and systems allow a process about a thousand.
OPEN_SHARDS = 256

Size = tuple[int, int]
Views = Callable[[Segmentor, dict, int], list[Tensor]]
"""The features ``[B, C, h, w]`` of each view that is stored, of a model, a collated batch and an output's number."""


class Row(NamedTuple):
    """A picture that is about to be stored."""

    image: str
    size: Size
    features: Tensor


class FeatureStore:
    """Features ``[V, C, h, w]`` of pictures, ``V`` views each, such as the picture and its mirror image.

    One ``.npy`` file holds up to 64 pictures of one size and appears whole or not at all, with a ``.json`` beside it
    that names them and says how large their files' pictures are; an interrupted run loses at most one file's work.
    Ranks write files of their own.

    Args:
        root: Folder of all stores.
        manifest: Everything that changes a feature; the folder's name is a digest of it.
        base: Folder that the pictures' paths are taken relative to.
        views: Number of views.
        dtype: ``'float32'`` (exact) or ``'float16'`` (half the disk).
    """

    def __init__(
        self, root: Path, manifest: dict[str, Any], base: Path, views: int = 1, dtype: str = 'float32'
    ) -> None:
        settings = {**manifest, 'images': str(base), 'views': views, 'dtype': dtype}
        self._manifest = json.dumps(settings, indent=1, sort_keys=True).encode()
        self.folder = root / 'features' / hashlib.sha256(self._manifest).hexdigest()[:16]
        self.base, self.views, self.dtype = base, views, dtype
        self._maps: OrderedDict[str, NDArray] = OrderedDict()
        self.refresh()

    def refresh(self) -> None:
        """Read anew which pictures are there."""
        self.places: dict[str, tuple[str, int, Size | None]] = {}
        sizes: dict[Size, Size] = {}  # one object for all pictures of a size: there may be millions
        for index in sorted(self.folder.glob('*-*.json')):
            shard = index.stem
            for row, entry in enumerate(json.loads(index.read_text())):
                if isinstance(entry, str):  # older stores name the pictures alone
                    self.places[entry] = (shard, row, None)
                else:
                    image, height, width = entry
                    size = (height, width)
                    self.places[image] = (shard, row, sizes.setdefault(size, size))

    def missing(self, images: Sequence[str]) -> list[int]:
        """Places in ``images`` of the pictures that are not stored."""
        return [i for i, image in enumerate(images) if image not in self]

    def __contains__(self, image: str) -> bool:
        return self._key(image) in self.places

    def _key(self, image: str) -> str:
        return os.path.relpath(os.path.abspath(image), self.base)  # noqa: PTH100

    def picture_size(self, image: str) -> Size | None:
        """Height and width of a picture before anything changed it; None where the store does not know."""
        place = self.places.get(self._key(image))
        return place and place[2]

    def read(self, image: str) -> NDArray:
        """Features ``[V, C, h, w]`` of a picture, memory-mapped."""
        shard, row, _ = self.places[self._key(image)]
        if shard not in self._maps:
            if len(self._maps) == OPEN_SHARDS:
                self._maps.popitem(last=False)
            self._maps[shard] = np.load(self.folder / f'{shard}.npy', mmap_mode='r')
        self._maps.move_to_end(shard)
        return self._maps[shard][row]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_maps': OrderedDict()}

    def fill(
        self, model: Segmentor, pictures: CleanPictures, index: int, batch_size: int, workers: int, views: Views
    ) -> None:
        """Compute and store what is missing of ``pictures``; every rank takes its share."""
        images = [pictures.image_path(i) for i in range(len(pictures))]
        _, mine = dealt_out(lambda: self.missing(images))
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / 'manifest.json', self._manifest)
        if mine:
            batches = pictures.batches(mine, batch_size, workers)
            with progress_bar(len(mine), 'features') as bar:
                self._write(self._compute(batches, lambda batch: views(model, batch, index), bar))
        barrier()
        self.refresh()

    def _compute(self, batches: Iterator[dict], views: Callable[[dict], list[Tensor]], bar: tqdm) -> Iterator[Row]:
        for batch in batches:
            for sample, values in zip(batch['data_samples'], torch.stack(views(batch), dim=1).cpu(), strict=True):
                bar.update()
                yield Row(sample.metainfo['img_path'], sample.metainfo['file_shape'], values)

    def _write(self, stream: Iterator[Row]) -> None:
        waiting: list[Row] = []
        for row in stream:
            if waiting and (len(waiting) == SHARD or row.features.shape != waiting[0].features.shape):
                self._write_shard(waiting)
                waiting = []
            waiting.append(row)
        self._write_shard(waiting)

    def _write_shard(self, rows: list[Row]) -> None:
        # a name that nobody else takes: ranks, and runs at the same time, write into one folder
        name = f'{get_dist_info()[0]}-{uuid.uuid4().hex[:16]}'
        part = self.folder / f'{name}.part.npy'
        np.save(part, torch.stack([row.features for row in rows]).numpy().astype(self.dtype))
        part.replace(self.folder / f'{name}.npy')
        names = json.dumps([(self._key(row.image), *row.size) for row in rows])
        write_whole(self.folder / f'{name}.json', names.encode())


def clean_view(model: Segmentor, batch: dict, index: int) -> list[Tensor]:
    """The pictures as they are."""
    return [backbone_features(model, batch, index)]


def clean_and_mirrored_view(model: Segmentor, batch: dict, index: int) -> list[Tensor]:
    """The pictures as they are, then mirrored left to right."""
    return [backbone_features(model, batch, index), backbone_features(model, mirrored(batch), index)]


def student_views(variants: int, seed: int, mirror: bool) -> Views:
    """``variants`` photometric views, each followed by its mirror image where asked for.

    A picture's draws come from ``seed`` and the name of its file, whatever batch or rank it meets.
    """

    def drawn(model: Segmentor, batch: dict) -> Tensor:
        preprocessor, found = model.data_preprocessor, []
        for picture, sample in zip(preprocessor(batch, False)['inputs'], batch['data_samples'], strict=True):
            name = os.path.basename(sample.metainfo['img_path'])  # noqa: PTH119
            digest = hashlib.sha256(f'{seed} {name}'.encode()).digest()
            draw = torch.Generator().manual_seed(int.from_bytes(digest[:8], 'little') >> 1)
            found.append(preprocessor.student_view.view(picture.expand(variants, -1, -1, -1), generator=draw))
        return torch.stack(found, dim=1)

    @torch.no_grad()
    def views(model: Segmentor, batch: dict, index: int) -> list[Tensor]:
        # mirrored before anything pads, as the teacher's view is; the same draws fall to both sides
        sides = [drawn(model, side) for side in ((batch, mirrored(batch)) if mirror else (batch,))]
        return [select_feature(model.backbone(view), index) for variant in zip(*sides, strict=True) for view in variant]

    return views


def mirrored(batch: dict) -> dict:
    """A collated batch with every picture mirrored left to right."""
    return {**batch, 'inputs': [values.flip(-1) for values in batch['inputs']]}
