"""From the ids in a label file to class ids, by one lookup per pixel."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_primaps.utils import InputError

_UNKNOWN = -1


class LabelTable:
    """A lookup table from the ids of a data set's label files to class ids.

    Args:
        ids: Class id (0 to 255, 255 for void) of each id that may occur in a file; ids may be negative.

    Example:
        >>> LabelTable({0: 255, 7: 0, 8: 1})(np.array([[7, 8, 0]]), 'a.png')
        array([[  0,   1, 255]], dtype=uint8)
    """

    def __init__(self, ids: Mapping[int, int]) -> None:
        if not ids or not all(0 <= target <= 255 for target in ids.values()):
            raise InputError('label_table needs at least one id, and class ids of 0 to 255')
        self.lowest, self.highest = min(ids), max(ids)
        # One slot more at the end: every id beyond the table lands there and is unknown.
        self.table = np.full(self.highest - self.lowest + 2, _UNKNOWN, dtype=np.int16)
        for source, target in ids.items():
            self.table[source - self.lowest] = target

    def __call__(self, label: NDArray[Any], path: str, unknown: int | None = None) -> NDArray[np.uint8]:
        """Look up every pixel.

        Args:
            label: ``[H, W]`` integers.
            path: Its file, for the error.
            unknown: Class id of ids outside the table; ``None`` makes them an error.

        Returns:
            ``[H, W]`` uint8 class ids.

        Raises:
            InputError: An id is outside the table and ``unknown`` is ``None``.
        """
        slots = label.astype(np.int32) - self.lowest
        slots[(slots < 0) | (slots >= len(self.table))] = len(self.table) - 1
        classes = self.table[slots]
        outside = classes == _UNKNOWN
        if outside.any():
            if unknown is None:
                found = np.unique(label[outside])[:5].tolist()
                raise InputError(f'{path} holds ids that are no class here: {found}; is it the right label map?')
            classes[outside] = unknown
        return classes.astype(np.uint8)
