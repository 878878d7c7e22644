"""Text on pictures."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .colours import Colour, Picture

INK: Colour = (32, 32, 32)
PAPER: Colour = (255, 255, 255)


@lru_cache(maxsize=8)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, which needs no font on the machine."""
    return ImageFont.load_default(size)


def text_width(text: str, size: int) -> int:
    """Width of a line of text in pixels."""
    return int(np.ceil(font(size).getlength(text)))


def write_text(canvas: Image.Image, place: tuple[float, float], text: str, size: int, anchor: str = 'lm') -> None:
    """Write a line of text; ``anchor`` as in Pillow: ``'lm'`` is left and middle, ``'mm'`` is centred."""
    ImageDraw.Draw(canvas).text(place, text, fill=INK, font=font(size), anchor=anchor)


def swatch(canvas: Image.Image, box: tuple[int, int, int, int], colour: Colour) -> None:
    """A small field of colour with a thin frame: (left, top, right, bottom)."""
    ImageDraw.Draw(canvas).rectangle(box, fill=tuple(int(c) for c in colour), outline=(120, 120, 120))


def as_array(canvas: Image.Image) -> Picture:
    """The canvas as ``[H, W, 3]`` uint8 RGB."""
    return np.array(canvas.convert('RGB'))
