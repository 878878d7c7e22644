"""Pictures and label maps from files, whole and damaged."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mmseg_primaps.datasets import reading
from mmseg_primaps.datasets.reading import read_image, read_label
from mmseg_primaps.utils import InputError


@pytest.fixture(autouse=True)
def nothing_said_yet() -> None:
    reading._say_once.cache_clear()


def test_colours_come_in_the_order_blue_green_red(tmp_path: Path, save: Callable, picture: Callable) -> None:
    array = picture()
    assert np.array_equal(read_image(str(save(tmp_path / 'a.png', array))), array[:, :, ::-1])


def test_a_jpeg_gives_the_pixels_that_mmcv_gives(tmp_path: Path, save: Callable) -> None:
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8), (9, 9), 4)
    path = save(tmp_path / 'a.jpg', smooth, quality=95)
    assert np.abs(read_image(str(path)).astype(int) - cv2.imread(str(path)).astype(int)).max() <= 2


@pytest.mark.parametrize(('mode', 'word'), [('L', 'grey'), ('P', 'palette'), ('RGBA', 'transparency')])
def test_what_converts_without_loss_is_converted_and_said_once(
    tmp_path: Path, picture: Callable, mode: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(reading, 'print_log', lambda message, **_: said.append(message))
    source = Image.fromarray(picture()).convert(mode)
    source.save(tmp_path / 'a.png')
    image = read_image(str(tmp_path / 'a.png'))
    read_image(str(tmp_path / 'a.png'))
    assert np.array_equal(image[:, :, ::-1], np.asarray(source.convert('RGB')))
    assert len(said) == 1
    assert word in said[0]


def test_a_cmyk_picture_is_an_error(tmp_path: Path, picture: Callable) -> None:
    Image.fromarray(picture()).convert('CMYK').save(tmp_path / 'a.jpg')
    with pytest.raises(InputError, match=r'a\.jpg has colour mode CMYK: convert it to RGB'):
        read_image(str(tmp_path / 'a.jpg'))


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_a_16_bit_picture_is_an_error(tmp_path: Path, channels: int, suffix: str) -> None:
    deep = np.full((8, 8, channels), 4000, dtype=np.uint16).squeeze()
    cv2.imwrite(str(tmp_path / f'a{suffix}'), deep)
    with pytest.raises(InputError, match='is a 16-bit picture'):
        read_image(str(tmp_path / f'a{suffix}'))


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
@pytest.mark.parametrize('kept', [0.5, 0.9])
def test_a_picture_cut_short_is_an_error(
    tmp_path: Path, save: Callable, picture: Callable, suffix: str, kept: float
) -> None:
    path = save(tmp_path / f'a{suffix}', picture(64, 64))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match='cannot be decoded') as caught:
        read_image(str(path))
    assert '\n' not in str(caught.value)


def test_a_file_that_is_no_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_text('hello')
    with pytest.raises(InputError, match=r'a\.png cannot be decoded.*no picture'):
        read_image(str(tmp_path / 'a.png'))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'a\.png does not exist'):
        read_image(str(tmp_path / 'a.png'))


def test_the_orientation_mark_of_a_camera_is_applied(tmp_path: Path, picture: Callable) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rows are columns
    Image.fromarray(picture(8, 16)).save(tmp_path / 'a.jpg', exif=exif)
    assert read_image(str(tmp_path / 'a.jpg')).shape == (16, 8, 3)


def test_matlab_patches_give_their_first_three_channels(tmp_path: Path) -> None:
    patch = np.random.default_rng(0).integers(0, 256, (20, 20, 4), dtype=np.uint8)
    savemat(tmp_path / '7.mat', {'img': patch})
    savemat(tmp_path / '8.mat', {'gt': np.full((20, 20), -1, dtype=np.int32)})
    assert np.array_equal(read_image(str(tmp_path / '7.mat')), patch[:, :, [2, 1, 0]])
    assert read_label(str(tmp_path / '8.mat')).tolist() == [[-1] * 20] * 20


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'other': np.zeros((4, 4, 4), np.uint8)}, "has no variable 'img'"),
        ({'img': np.zeros((4, 4, 4), np.float64)}, 'img is float64'),
        ({'img': np.zeros((4, 4), np.uint8)}, 'expected uint8'),
    ],
)
def test_a_wrong_matlab_variable_is_an_error(tmp_path: Path, content: dict, message: str) -> None:
    savemat(tmp_path / '7.mat', content)
    with pytest.raises(InputError, match=message):
        read_image(str(tmp_path / '7.mat'))


def test_a_damaged_matlab_file_is_an_error(tmp_path: Path) -> None:
    savemat(tmp_path / '7.mat', {'gt': np.zeros((40, 40), np.int32)})
    (tmp_path / '7.mat').write_bytes((tmp_path / '7.mat').read_bytes()[:150])
    with pytest.raises(InputError, match='cannot be read as a MATLAB file'):
        read_label(str(tmp_path / '7.mat'))


def test_label_ids_come_as_they_are(tmp_path: Path, save: Callable) -> None:
    ids = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(read_label(str(save(tmp_path / 'a.png', ids))), ids)
    deep = ids.astype(np.uint16) * 200
    cv2.imwrite(str(tmp_path / 'b.png'), deep)
    assert np.array_equal(read_label(str(tmp_path / 'b.png')), deep)


def test_a_palette_label_map_is_an_error_unless_its_indices_are_ids(tmp_path: Path) -> None:
    label = Image.fromarray(np.array([[0, 1], [2, 3]], dtype=np.uint8))
    label.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    label.save(tmp_path / 'a.png')
    assert read_label(str(tmp_path / 'a.png'), palette=True).tolist() == [[0, 1], [2, 3]]
    with pytest.raises(InputError, match='is a palette picture'):
        read_label(str(tmp_path / 'a.png'))


def test_a_colour_picture_is_no_label_map(tmp_path: Path, save: Callable, picture: Callable) -> None:
    with pytest.raises(InputError, match='a label map has one channel'):
        read_label(str(save(tmp_path / 'a.png', picture())))
