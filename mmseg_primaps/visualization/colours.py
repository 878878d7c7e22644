"""Colours for label maps, clusters and proposals."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab

from ..utils import InputError

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

BLACK: Colour = (0, 0, 0)
MAX_COLOURS = 255


@lru_cache(maxsize=1)
def _all_colours() -> NDArray[np.uint8]:
    """Every colour of the palette, each as far as can be from all before it and from black, in CIE Lab."""
    levels = np.linspace(0, 255, 12)
    candidates = np.stack(np.meshgrid(levels, levels, levels, indexing='ij'), -1).reshape(-1, 3).round()
    lab = rgb2lab(candidates[None] / 255)[0]
    distance = np.linalg.norm(lab - lab[0], axis=1)
    chosen = []
    for _ in range(MAX_COLOURS):
        best = int(distance.argmax())
        chosen.append(best)
        distance = np.minimum(distance, np.linalg.norm(lab - lab[best], axis=1))
    return candidates[chosen].astype(np.uint8)


def distinct_palette(count: int) -> Picture:
    """Colours that are easy to tell apart and none of them black: ``[count, 3]`` uint8 RGB.

    A palette of fewer colours is the beginning of a longer one, so a cluster keeps its colour.

    Raises:
        InputError: More than 255 colours, or fewer than none.
    """
    if not 0 <= count <= MAX_COLOURS:
        raise InputError(f'distinct_palette: {count} colours asked for; it has 0 to {MAX_COLOURS}')
    return _all_colours()[:count].copy()


def colour_map(
    labels: NDArray[np.integer],
    palette: Sequence[Colour] | Picture,
    ignore_index: int = 255,
    ignore_colour: Colour = BLACK,
) -> Picture:
    """Paint a label map.

    Args:
        labels: Label ids, ``[H, W]``: ``0`` to ``len(palette) - 1``, or ``ignore_index``.
        palette: RGB of every label, 0..255.
        ignore_index: Label of pixels without a class.
        ignore_colour: Their colour.

    Returns:
        Picture, ``[H, W, 3]`` uint8 RGB.

    Raises:
        InputError: A label has no colour.
    """
    labels = np.asarray(labels)
    colours = np.asarray(palette, np.uint8).reshape(-1, 3)
    valid = labels != ignore_index
    if valid.any() and not 0 <= int(labels[valid].min()) <= int(labels[valid].max()) < len(colours):
        low, high = int(labels[valid].min()), int(labels[valid].max())
        raise InputError(f'colour_map: labels reach from {low} to {high}, the palette has {len(colours)} colours')
    table = np.concatenate([colours, np.array([ignore_colour], np.uint8)])  # the last entry is for ignored pixels
    return table[np.where(valid, labels, len(colours))]


def colour_proposals(proposals: NDArray[np.integer], ignore_index: int = 255) -> Picture:
    """Paint mask proposals in distinct colours; pixels of no mask are black.

    Args:
        proposals: Mask numbers from 1, ``[H, W]``; ``ignore_index`` where there is none.
        ignore_index: Value of pixels of no mask.

    Returns:
        Picture, ``[H, W, 3]`` uint8 RGB.
    """
    return colour_map(proposals, np.concatenate([np.array([BLACK], np.uint8), distinct_palette(254)]), ignore_index)


def overlay(image: Picture, colours: Picture, opacity: float = 0.6) -> Picture:
    """Lay a painted map over the picture it belongs to; black stays transparent.

    Args:
        image: RGB picture, ``[H, W, 3]``.
        colours: Painted map of the same size.
        opacity: Share of the map's colour, 0..1.
    """
    painted = (colours != 0).any(axis=-1, keepdims=True)
    mixed = (1 - opacity) * image.astype(np.float32) + opacity * colours
    return np.where(painted, mixed.round(), image).astype(np.uint8)
