"""Array types shared by the scene generator."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
LabelMap = NDArray[np.uint8]
Shape = tuple[int, int]


def single(values: ArrayLike) -> Array:
    """The values as a float32 array."""
    return np.asarray(values, np.float32)
