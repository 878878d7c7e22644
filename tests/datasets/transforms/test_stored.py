"""Sizes of pictures that nobody loads."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mmseg_primaps.datasets.transforms import LoadCheckedImage, LoadPictureSize, ResizeShortSide
from mmseg_primaps.utils import InputError


def write(path: Path, picture: np.ndarray) -> str:
    if path.suffix == '.mat':
        savemat(path, {'img': picture})
    else:
        Image.fromarray(picture).save(path)
    return str(path)


@pytest.mark.parametrize('name', ['a.png', 'a.jpg', 'patch.mat'])
def test_the_size_is_that_of_the_loaded_picture(tmp_path: Path, picture: Callable, name: str) -> None:
    results = {'img_path': write(tmp_path / name, picture(20, 33))}
    loaded, empty = LoadCheckedImage()(dict(results)), LoadPictureSize()(dict(results))
    assert empty['img'].shape == loaded['img'].shape == (20, 33, 3)
    assert empty['img_shape'] == empty['ori_shape'] == loaded['img_shape']


@pytest.mark.parametrize('orientation', range(1, 9))
def test_the_size_follows_the_cameras_orientation(tmp_path: Path, picture: Callable, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture(20, 33)).save(tmp_path / 'a.jpg', exif=exif)
    results = {'img_path': str(tmp_path / 'a.jpg')}
    assert LoadPictureSize()(dict(results))['img_shape'] == LoadCheckedImage()(dict(results))['img_shape']


@pytest.mark.parametrize(('name', 'message'), [('gone.png', 'does not exist'), ('text.png', 'it is no picture')])
def test_what_is_no_picture_is_named(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / 'text.png').write_text('none')
    with pytest.raises(InputError, match=f'{name}.*{message}'):
        LoadPictureSize()({'img_path': str(tmp_path / name)})


class Sizes:
    """A store that knows one picture."""

    def picture_size(self, image: str) -> tuple[int, int] | None:
        """The size of the one picture."""
        return (7, 5) if image == 'known.png' else None


def test_a_size_that_the_store_knows_is_not_looked_up(tmp_path: Path, picture: Callable) -> None:
    load = LoadPictureSize(Sizes())
    assert load({'img_path': 'known.png'})['img'].shape == (7, 5, 3)
    assert load({'img_path': write(tmp_path / 'a.png', picture(20, 33))})['img_shape'] == (20, 33)


@pytest.mark.parametrize('antialias', [True, False])
def test_an_empty_picture_is_scaled_like_a_full_one(antialias: bool) -> None:
    resize = ResizeShortSide(24, antialias=antialias)
    empty = LoadPictureSize(Sizes())({'img_path': 'known.png'})
    full = {**empty, 'img': np.zeros((7, 5, 3), np.uint8)}
    scaled = [resize(dict(results)) for results in (empty, full)]
    assert scaled[0]['img'].shape == scaled[1]['img'].shape == (33, 24, 3)
    assert all(scaled[0][key] == scaled[1][key] for key in ('img_shape', 'scale_factor'))
