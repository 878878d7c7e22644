"""Read pictures and label maps from files, and say in one line what is wrong with a file that cannot be used."""

import io
import logging
from functools import cache
from typing import Any

import mmengine.fileio as fileio
import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy.io import loadmat

from mmseg_primaps.utils import InputError

# What Pillow raises for a file that is cut short or is no picture at all.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
# Modes that turn into RGB without loss of colour; the text is what the log says about it.
_LOSSLESS = {
    '1': 'a black-and-white picture: the one channel is used for red, green and blue',
    'L': 'a grey picture: the one channel is used for red, green and blue',
    'LA': 'a grey picture with transparency: the grey is used for red, green and blue, the transparency is dropped',
    'P': 'a palette picture: its colours are looked up, transparency is dropped',
    'PA': 'a palette picture: its colours are looked up, transparency is dropped',
    'RGBA': 'a picture with transparency, which is dropped',
}
_LABEL_MODES = ('1', 'L', 'I', 'I;16', 'I;16B')


@cache
def _say_once(kind: str, message: str) -> None:
    """Log ``message`` for the first picture of its ``kind`` only (a whole data set may be of that kind)."""
    print_log(f'{message} (said once for this kind of picture)', logger='current', level=logging.WARNING)


def read_image(path: str, backend_args: dict | None = None) -> NDArray[np.uint8]:
    """Read a colour picture.

    Grey, palette and transparent pictures are converted (nothing is lost) and the first of each kind is logged. 16-bit
    and CMYK pictures stop: their conversion needs a choice (value range, ink profile) that is the user's.

    Args:
        path: A picture file, or a MATLAB file (``.mat``) whose variable ``img`` is ``[H, W, >=3]`` uint8 RGB(+).
        backend_args: Where the bytes come from, as in mmengine's ``fileio.get``.

    Returns:
        ``[H, W, 3]`` uint8, channels in mmseg's order blue, green, red. A camera's orientation mark is applied.

    Raises:
        InputError: The file is missing, damaged, 16-bit or CMYK.
    """
    if path.endswith('.mat'):
        return _matlab_image(path, backend_args)
    picture, deep = _open(path, backend_args)
    if deep:
        raise InputError(f'{path} is a 16-bit picture: convert it to 8 bits per channel first')
    if picture.mode != 'RGB':
        if picture.mode not in _LOSSLESS:
            raise InputError(f'{path} has colour mode {picture.mode}: convert it to RGB first')
        _say_once(picture.mode, f'{path} is {_LOSSLESS[picture.mode]}')
        picture = picture.convert('RGB')
    return np.ascontiguousarray(np.asarray(ImageOps.exif_transpose(picture))[:, :, ::-1])


def read_label(path: str, palette: bool = False, backend_args: dict | None = None) -> NDArray[Any]:
    """Read a label map: one integer id per pixel.

    Args:
        path: A one-channel picture, or a MATLAB file (``.mat``) with the variable ``gt``.
        palette: Whether a palette picture's indices are the ids (Pascal VOC). Elsewhere a palette is a mistake: an
            image editor numbers its colours as it likes.
        backend_args: Where the bytes come from, as in mmengine's ``fileio.get``.

    Returns:
        ``[H, W]`` integers as they are in the file.

    Raises:
        InputError: The file is missing, damaged, a colour picture, or an unexpected palette picture.
    """
    if path.endswith('.mat'):
        return _matlab_label(path, backend_args)
    picture, _ = _open(path, backend_args)
    if picture.mode == 'P' and not palette:
        raise InputError(f'{path} is a palette picture: save the label map as one grey channel of ids')
    if picture.mode not in (*_LABEL_MODES, 'P'):
        raise InputError(f'{path} has colour mode {picture.mode}: a label map has one channel of integer ids')
    label = np.array(picture)
    return label.astype(np.uint8) if picture.mode == '1' else label


def _bytes(path: str, backend_args: dict | None) -> bytes:
    """The content of a file, or one clear line."""
    try:
        return fileio.get(path, backend_args=backend_args)
    except FileNotFoundError:
        raise InputError(f'{path} does not exist') from None
    except OSError as error:
        raise InputError(f'{path} cannot be read: {error.strerror or error}') from None


def _open(path: str, backend_args: dict | None) -> tuple[Image.Image, bool]:
    """Open and decode a picture completely, so that a file cut short is noticed here.

    Returns:
        The picture, and whether the file has more than 8 bits per channel: Pillow opens a 16-bit colour picture as
        plain RGB, so this is read off the decoder's settings before they are used up.
    """
    content = _bytes(path, backend_args)
    try:
        picture = Image.open(io.BytesIO(content))
        deep = picture.mode.startswith(('I', 'F')) or ';16' in str(picture.tile)
        picture.load()
    except _DAMAGE as error:
        reason = 'it is no picture' if isinstance(error, UnidentifiedImageError) else error
        raise InputError(f'{path} cannot be decoded, get the file again: {reason}') from None
    return picture, deep


def _matlab(path: str, variable: str, backend_args: dict | None) -> NDArray[Any]:
    """One variable of a MATLAB file."""
    content = _bytes(path, backend_args)
    try:
        return loadmat(io.BytesIO(content), variable_names=[variable])[variable]
    except KeyError:
        raise InputError(f'{path} has no variable {variable!r}') from None
    except Exception as error:  # scipy raises many kinds for a damaged file
        raise InputError(f'{path} cannot be read as a MATLAB file, get it again: {error}') from None


def _matlab_image(path: str, backend_args: dict | None) -> NDArray[np.uint8]:
    picture = _matlab(path, 'img', backend_args)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] < 3:
        raise InputError(f'{path}: img is {picture.dtype} of shape {picture.shape}, expected uint8 [H, W, 3 or more]')
    return np.ascontiguousarray(picture[:, :, 2::-1])


def _matlab_label(path: str, backend_args: dict | None) -> NDArray[Any]:
    label = _matlab(path, 'gt', backend_args)
    if label.ndim != 2 or label.dtype.kind not in 'iu':
        raise InputError(f'{path}: gt is {label.dtype} of shape {label.shape}, expected integers [H, W]')
    return label
