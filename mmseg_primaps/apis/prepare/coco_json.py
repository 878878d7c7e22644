"""Label maps drawn from COCO's JSON annotations."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...utils import InputError
from .source import SourceFile

_VOID = 255
_LAST_CATEGORY = 182  # category 183 of the stuff annotations is 'other': where things are


class JsonMaps:
    """The annotations of one split, drawn on demand.

    Stuff is drawn first, then things, the larger before the smaller, so that what lies in front stays visible. Where
    things overlap the owners' own pixel maps may differ in a few pixels.

    Args:
        files: ``stuff_*.json`` and ``instances_*.json``, in the order of drawing. Both are large: the training split's
            need several gigabytes of memory.

    Raises:
        InputError: A file is no COCO annotation.
    """

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self.sizes: dict[str, tuple[int, int]] = {}
        self.drawn: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for file in files:
            self._add(file)

    def _add(self, file: SourceFile) -> None:
        """Take one file's annotations, sorted by picture."""
        try:
            content = json.loads(file.read())
            names = {image['id']: f'{image["id"]:012d}' for image in content['images']}
            self.sizes |= {names[image['id']]: (image['height'], image['width']) for image in content['images']}
            for entry in sorted(content['annotations'], key=lambda entry: -entry['area']):
                if entry['category_id'] <= _LAST_CATEGORY:
                    self.drawn[names[entry['image_id']]].append(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f'{file.name} is no COCO annotation file, download it again: {error!r}') from None

    def __contains__(self, name: str) -> bool:
        return name in self.sizes

    def draw(self, name: str) -> NDArray[np.uint8]:
        """The label map ``[H, W]`` of a picture: fine ids 0 to 181, 255 where nothing was annotated."""
        height, width = self.sizes[name]
        label = np.full((height, width), _VOID, dtype=np.uint8)
        for entry in self.drawn[name]:
            label[_region(entry['segmentation'], height, width)] = entry['category_id'] - 1
        return label


def _region(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """Pixels of polygons or of a run-length code, by COCO's own tools."""
    try:
        from pycocotools import mask
    except ImportError:
        raise InputError('drawing label maps from JSON needs pycocotools: pip install pycocotools') from None
    if isinstance(segmentation, list):
        code = mask.merge(mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation['counts'], list):
        code = mask.frPyObjects(segmentation, height, width)
    else:
        code = segmentation
    return mask.decode(code).astype(bool)
