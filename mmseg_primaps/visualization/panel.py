"""A table of pictures with a title for each row, and a legend."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..utils import InputError
from ..utils.proposal_store import write_whole
from .colours import Colour, Picture
from .text import PAPER, as_array, swatch, text_width, write_text

GAP, SIZE = 6, 16
Legend = Sequence[tuple[str, Colour]]


def panel(
    rows: Sequence[Sequence[Picture]],
    titles: Sequence[str],
    captions: Sequence[str] = (),
    legend: Legend = (),
    width: int = 320,
) -> Picture:
    """Put pictures into a table: a row for what is shown, a column for each picture.

    Args:
        rows: RGB pictures ``[h, w, 3]``; every row has the same number of columns.
        titles: One title for each row, written on its left.
        captions: One caption for each column, or none.
        legend: Names and colours explained below the table.
        width: Width of a column in pixels.

    Returns:
        Picture, ``[H, W, 3]`` uint8 RGB.

    Raises:
        InputError: Rows of different lengths, or titles or captions that do not match them.
    """
    columns = len(rows[0]) if rows else 0
    if not columns or any(len(row) != columns for row in rows) or len(titles) != len(rows):
        raise InputError('panel: give one title for each row, and rows of one length, at least one picture')
    if captions and len(captions) != columns:
        raise InputError(f'panel: {len(captions)} captions for {columns} columns')
    cells = [[fit(picture, width) for picture in row] for row in rows]
    heights = [max(cell.shape[0] for cell in row) for row in cells]
    margin = max(text_width(title, SIZE) for title in titles) + 2 * GAP
    header = SIZE + GAP if captions else 0
    size = margin + columns * (width + GAP), header + sum(heights) + GAP * (len(rows) + 1)
    canvas = Image.new('RGB', size, PAPER)
    for column, caption in enumerate(captions):
        write_text(canvas, (margin + column * (width + GAP) + width / 2, GAP + SIZE / 2), caption, SIZE, 'mm')
    top = header + GAP
    for title, row, height in zip(titles, cells, heights, strict=True):
        write_text(canvas, (GAP, top + height / 2), title, SIZE)
        for column, cell in enumerate(row):
            canvas.paste(Image.fromarray(cell), (margin + column * (width + GAP), top))
        top += height + GAP
    table = as_array(canvas)
    return np.concatenate([table, legend_strip(legend, table.shape[1])]) if legend else table


def fit(picture: Picture, width: int) -> Picture:
    """Scale a picture to a width: averaging when it shrinks, whole pixels when it grows."""
    picture = np.ascontiguousarray(picture)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise InputError(f'panel: pictures are [h, w, 3] uint8, not {picture.shape} {picture.dtype}')
    height = max(round(picture.shape[0] * width / picture.shape[1]), 1)
    method = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def legend_strip(legend: Legend, width: int) -> Picture:
    """Names beside their colours, in as many lines as the width needs."""
    lines: list[list[tuple[int, str, Colour]]] = [[]]
    left = GAP
    for name, colour in legend:
        needed = SIZE + GAP + text_width(name, SIZE) + 3 * GAP
        if left + needed > width and lines[-1]:
            lines.append([])
            left = GAP
        lines[-1].append((left, name, colour))
        left += needed
    canvas = Image.new('RGB', (width, len(lines) * (SIZE + GAP) + GAP), PAPER)
    for number, line in enumerate(lines):
        top = number * (SIZE + GAP)
        for left, name, colour in line:
            swatch(canvas, (left, top + 1, left + SIZE, top + SIZE), colour)
            write_text(canvas, (left + SIZE + GAP, top + SIZE / 2), name, SIZE)
    return as_array(canvas)


def save_png(path: str | Path, picture: Picture) -> Path:
    """Write a PNG (``[H, W, 3]`` RGB or ``[H, W]``) so that it appears whole or not at all; folders are made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode('.png', picture[..., ::-1] if picture.ndim == 3 else picture)
    if not done:
        raise RuntimeError(f'{path}: OpenCV cannot encode a picture of shape {picture.shape}')
    write_whole(path, data.tobytes())
    return path
