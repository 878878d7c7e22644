"""COCO 2017 with the pixel maps of COCO-Stuff, as their owners distribute them."""

from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ...datasets.cocostuff27 import COARSE_CLASSES, CURATED_LISTS, FIRST_STUFF_CLASS
from ...utils import InputError, progress
from .coco_json import JsonMaps
from .destination import Destination
from .plan import Plan, Task, same_size, take
from .source import SourceFile, SourceTree

DOWNLOAD = (
    'train2017.zip and val2017.zip from COCO (cocodataset.org), and stuffthingmaps_trainval2017.zip from COCO-Stuff '
    "(github.com/nightrome/cocostuff); or, in place of the last, COCO's JSON annotations of things and stuff"
)
LISTS_DOWNLOAD = 'the folder curated/ of PiCIE (github.com/janghyuncho/PiCIE)'
PICTURES = {'train2017': 118287, 'val2017': 5000}
LISTED = {'train2017': 49629, 'val2017': 2175}
_LIST = 7
# The rule behind list 7.
_LEAST_SIDE = 360
_LEAST_STUFF = 0.75
_STUFF_IDS = [i for ids in list(COARSE_CLASSES.values())[FIRST_STUFF_CLASS:] for i in ids]


def plan(source: SourceTree) -> Plan:
    """Pictures and label maps with fine ids, for both COCO-Stuff-27 and COCO-81.

    Raises:
        InputError: There are no pictures, no label maps and no JSON annotations, or a label map has no picture.
    """
    images = source.find(r'(train2017|val2017)/(\d{12})\.jpg')
    if not images:
        raise InputError(f'{source.root} holds no pictures {{train,val}}2017/*.jpg: get {DOWNLOAD}')
    tasks = [take(f'images/{split}/{name}.jpg', file) for (split, name), file in images.items()]
    labels = source.find(r'(train2017|val2017)/(\d{12})\.png')
    tasks += _from_maps(labels, images) if labels else _from_json(source, images)
    counts = {(f'images/{split}', '.jpg'): count for split, count in PICTURES.items()}
    counts |= {(f'annotations/{split}', '.png'): count for split, count in PICTURES.items()}
    return Plan(tasks, counts)


def plan_with_lists(source: SourceTree) -> Plan:
    """The same, and the curated lists of COCO-Stuff-27."""
    whole = plan(source)
    lists = source.find(r'curated/(train2017|val2017)/(Coco164k\w+\.txt)')
    whole.tasks += [take(f'curated/{split}/{name}', file) for (split, name), file in lists.items()]
    whole.finally_.append(partial(_complete_lists, whole.tasks))
    return whole


def _from_maps(labels: dict[tuple[str, ...], SourceFile], images: dict[tuple[str, ...], SourceFile]) -> list[Task]:
    """Take the pixel maps over."""
    stray = sorted(set(labels) - set(images))
    if stray:
        raise InputError(f'{labels[stray[0]].name} has no picture ({len(stray)} in all): get {DOWNLOAD}')
    return [
        take(f'annotations/{split}/{name}.png', file, same_size(images[split, name]))
        for (split, name), file in labels.items()
    ]


def _from_json(source: SourceTree, images: dict[tuple[str, ...], SourceFile]) -> list[Task]:
    """Draw the pixel maps from the annotations of things and stuff."""
    tasks = []
    for split in sorted({split for split, _ in images}):
        files = source.find(rf'(instances|stuff)_{split}\.json')
        if ('instances',) not in files:
            raise InputError(f'{source.root} holds neither label maps nor instances_{split}.json: get {DOWNLOAD}')
        maps = JsonMaps([file for _, file in sorted(files.items(), reverse=True)])
        names = [name for part, name in images if part == split and name in maps]
        tasks += [
            Task((target := f'annotations/{split}/{name}.png',), partial(_draw, target, maps, name)) for name in names
        ]
    return tasks


def _draw(target: str, maps: JsonMaps, name: str) -> list[tuple[str, bytes]]:
    """One drawn label map as PNG."""
    buffer = BytesIO()
    Image.fromarray(maps.draw(name)).save(buffer, format='PNG')
    return [(target, buffer.getvalue())]


def _complete_lists(tasks: list[Task], destination: Destination) -> None:
    """Make list 7 by its rule where it did not come with the source."""
    for split in PICTURES:
        target = f'curated/{split}/{CURATED_LISTS[_LIST]}'
        maps = sorted(t for task in tasks for t in task.targets if t.startswith(f'annotations/{split}/'))
        if destination.has(target) or not maps:
            continue
        names = [name for name in progress(maps, f'list 7 of {split}') if belongs_to_list_7(destination, name)]
        destination.write(target, ''.join(f'{Path(name).stem}\n' for name in names).encode())
        destination.note(
            f'{target} was made by its rule: {len(names)} pictures, the original has {LISTED[split]}; the original and '
            f'the other lists come with {LISTS_DOWNLOAD}'
        )


def belongs_to_list_7(destination: Destination, target: str) -> bool:
    """Whether a label map has at least 360 pixels a side, and stuff on three quarters of them."""
    label = np.asarray(Image.open(destination.root / target))
    return min(label.shape) >= _LEAST_SIDE and bool(np.isin(label, _STUFF_IDS).mean() >= _LEAST_STUFF)
