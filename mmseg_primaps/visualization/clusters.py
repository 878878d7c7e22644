"""What a cluster has found: example crops for people who have no labels."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .colours import Colour, Picture, distinct_palette
from .panel import GAP, SIZE, fit
from .text import PAPER, as_array, swatch, text_width, write_text


def cluster_sheet(
    images: Sequence[Picture],
    clusters: Sequence[NDArray[np.integer]],
    num_clusters: int,
    palette: Sequence[Colour] | Picture | None = None,
    names: Sequence[str] | None = None,
    examples: int = 6,
    crop: int = 96,
) -> Picture:
    """A legend of clusters: colour, share of all pixels, and the places where each is most at home.

    Args:
        images: RGB pictures, ``[H, W, 3]`` uint8.
        clusters: Their cluster maps, ``[H, W]``; values outside ``0 .. num_clusters - 1`` are ignored.
        num_clusters: Number of clusters; the largest stand on top.
        palette: RGB of every cluster; distinct colours by default.
        names: What to call them; ``cluster 0``, ``cluster 1``, ... by default.
        examples: Crops for each cluster, each from another picture.
        crop: Side of a crop in pixels.

    Returns:
        Picture, ``[H, W, 3]`` uint8 RGB. Clusters without a pixel have no row.
    """
    colours = distinct_palette(num_clusters) if palette is None else np.asarray(palette, np.uint8)
    counts = np.stack([_count(labels, num_clusters) for labels in clusters])
    share = 100 * counts.sum(0) / max(counts.sum(), 1)
    order = [int(k) for k in np.argsort(-share, kind='stable') if share[k] > 0]
    titles = [f'{names[k] if names else f"cluster {k}"}, {share[k]:.1f} %' for k in order]
    margin = SIZE + 3 * GAP + max(text_width(title, SIZE) for title in titles) + GAP
    canvas = Image.new('RGB', (margin + examples * (crop + GAP), len(order) * (crop + GAP) + GAP), PAPER)
    for row, (cluster, title) in enumerate(zip(order, titles, strict=True)):
        top = GAP + row * (crop + GAP)
        middle = top + crop // 2
        swatch(canvas, (GAP, middle - SIZE // 2, GAP + SIZE, middle + SIZE // 2), colours[cluster])
        write_text(canvas, (SIZE + 3 * GAP, middle), title, SIZE)
        best = np.argsort(-counts[:, cluster], kind='stable')[:examples]
        for place, index in enumerate(i for i in best if counts[i, cluster]):
            example = example_crop(images[index], np.asarray(clusters[index]) == cluster, crop)
            canvas.paste(Image.fromarray(fit(example, crop)), (margin + place * (crop + GAP), top))
    return as_array(canvas)


def _count(labels: NDArray[np.integer], num_clusters: int) -> NDArray[np.integer]:
    values = np.asarray(labels).ravel()
    valid = values[(values >= 0) & (values < num_clusters)]
    return np.bincount(valid, minlength=num_clusters)


def example_crop(image: Picture, mask: NDArray[np.bool_], side: int) -> Picture:
    """The square of a picture that holds most of a mask; what is outside the mask is dimmed.

    Args:
        image: RGB picture, ``[H, W, 3]``.
        mask: Pixels of the cluster, ``[H, W]``.
        side: Side of the square in pixels, or the picture's shorter side if that is less.

    Returns:
        Picture, ``[side, side, 3]`` uint8 RGB.
    """
    side = min(side, *mask.shape)
    density = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), side / 4, borderType=cv2.BORDER_CONSTANT)
    centre = np.unravel_index(int(density.argmax()), mask.shape)
    top, left = (int(np.clip(c - side // 2, 0, size - side)) for c, size in zip(centre, mask.shape, strict=True))
    window = slice(top, top + side), slice(left, left + side)
    dimmed = image[window] // 4 + 150
    return np.where(mask[window][..., None], image[window], dimmed).astype(np.uint8)
