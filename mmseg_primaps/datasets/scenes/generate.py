"""One scene from one seed."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import LabelMap, Shape
from .canvas import Canvas
from .landscape import paint_landscape
from .light import photograph
from .mosaic import paint_mosaic
from .street import paint_street

PAINTERS: dict[str, Callable[[np.random.Generator, Shape], Canvas]] = {
    'street': paint_street,
    'landscape': paint_landscape,
    'mosaic': paint_mosaic,
}


class Scene(NamedTuple):
    """A picture and its labels.

    Attributes:
        image: RGB, ``[H, W, 3]`` uint8.
        labels: Cityscapes label ids, ``[H, W]`` uint8; 0 is unlabelled.
    """

    image: NDArray[np.uint8]
    labels: LabelMap


def make_scene(kind: str, seed: int | tuple[int, ...], shape: Shape = (320, 640)) -> Scene:
    """Make one scene; the same arguments give the same scene.

    Args:
        kind: ``'street'``, ``'landscape'`` or ``'mosaic'``.
        seed: Anything that :class:`numpy.random.SeedSequence` takes: one number or several.
        shape: Height and width in pixels.

    Raises:
        KeyError: If there is no such kind of scene.
    """
    painter = PAINTERS[kind]
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    canvas = painter(rng, shape)
    return Scene(photograph(canvas, rng), canvas.labels)
