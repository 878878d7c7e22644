"""STEGO's and HP's training pictures: five crops of every picture, with shifted labels."""

import io
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from mmseg.registry import DATASETS
from numpy.typing import NDArray
from PIL import Image

from ...datasets.five_crop import crop_folder
from .plan import Content, Task

_PARTS = 5


def five_crop_tasks(kind: str, root: str, ratio: float, splits: Iterable[str], **options: Any) -> list[Task]:
    """Cut every picture of a prepared data set.

    Picture ``i`` gives ``img/<split>/<5i + k>.jpg`` and ``label/<split>/<5i + k>.png`` for ``k`` = top left, top right,
    bottom left, bottom right, centre; label maps hold class + 1, 0 is void.

    Args:
        kind: Registered name of the data set.
        root: Where it was prepared.
        ratio: Side of a crop over the side of its picture.
        splits: Splits to cut.
        **options: Further options of the data set.
    """
    folder = crop_folder(kind, ratio)
    pipeline = [{'type': 'LoadCheckedImage'}, {'type': 'LoadMappedAnnotations'}]
    tasks = []
    for split in splits:
        data = DATASETS.build({'type': kind, 'data_root': root, 'split': split, 'pipeline': pipeline, **options})
        for place in range(len(data)):
            numbers = range(_PARTS * place, _PARTS * (place + 1))
            images = [f'{folder}/img/{split}/{number}.jpg' for number in numbers]
            labels = [f'{folder}/label/{split}/{number}.png' for number in numbers]
            tasks.append(Task((*images, *labels), partial(_make, data, place, ratio, images, labels)))
    return tasks


def _make(data: Any, place: int, ratio: float, images: list[str], labels: list[str]) -> Iterable[tuple[str, Content]]:
    """The ten files of one picture."""
    item = data[place]
    shifted = np.where(item['gt_seg_map'] == data.ignore_index, 0, item['gt_seg_map'] + 1).astype(np.uint8)
    yield from zip(images, (_encode(crop, 'JPEG') for crop in crops(item['img'][:, :, ::-1], ratio)), strict=True)
    yield from zip(labels, (_encode(crop, 'PNG') for crop in crops(shifted, ratio)), strict=True)


def crops(array: NDArray[np.uint8], ratio: float) -> Iterator[NDArray[np.uint8]]:
    """Top left, top right, bottom left, bottom right and centre, cut as torchvision's ``five_crop`` cuts."""
    height, width = array.shape[:2]
    high, wide = int(ratio * height), int(ratio * width)
    bottom, right = height - high, width - wide
    for top, left in ((0, 0), (0, right), (bottom, 0), (bottom, right), (round(bottom / 2), round(right / 2))):
        yield array[top : top + high, left : left + wide]


def _encode(array: NDArray[np.uint8], kind: str) -> bytes:
    """A picture as a file's content, JPEG at Pillow's default quality as published."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(buffer, format=kind)
    return buffer.getvalue()
