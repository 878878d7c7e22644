"""A neighbouring picture as second view."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray


@TRANSFORMS.register_module()
class AddNeighbour(BaseTransform):
    """Add one of a picture's nearest neighbours, drawn anew each time; the last step of a pipeline, after packing.

    ``NeighbourHook`` puts it there. Added: ``student_inputs`` ``[3, H, W]``, or ``student_features`` ``[1, C, h, w]``
    where the pipeline packs stored features.

    Args:
        images: Path of every picture.
        table: Rows of picture numbers, nearest first, the picture itself in column 0: ``[N, k]``.
        load: Gives the packed picture with a number.
        read: Gives the stored features ``[V, C, h, w]`` of a path, where features are stored.
        num_neighbours: Columns to draw from: 1 to this one.
    """

    def __init__(
        self,
        images: Sequence[str],
        table: NDArray[np.int64],
        load: Callable[[int], dict[str, Any]],
        read: Callable[[str], Any] | None = None,
        num_neighbours: int = 7,
    ) -> None:
        self.images, self.table, self.load, self.read = list(images), table, load, read
        self.num_neighbours = min(num_neighbours, table.shape[1] - 1)
        self.places = {image: place for place, image in enumerate(self.images)}

    def transform(self, results: dict) -> dict:
        """Draw a neighbour of the packed picture and add it."""
        place = self.places[results['data_samples'].metainfo['img_path']]
        neighbour = int(self.table[place, np.random.randint(1, self.num_neighbours + 1)])
        if 'features' in results:
            stored = self.read(self.images[neighbour]) if self.read else None
            results['student_features'] = results['features'].new_tensor(np.asarray(stored, dtype=np.float32)[:1])
        else:
            results['student_inputs'] = self.load(neighbour)['inputs']
        return results
