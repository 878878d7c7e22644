"""Tables of pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_primaps.utils import InputError
from mmseg_primaps.visualization import legend_strip, panel, save_png

RED, BLUE = (np.full((20, 40, 3), 0, np.uint8) + np.uint8(colour) for colour in ([255, 0, 0], [0, 0, 255]))


def test_every_picture_is_in_its_place() -> None:
    table = panel([[RED, BLUE], [BLUE, RED]], ['first', 'second'], width=80)
    red, blue = ((table == colour).all(-1) for colour in ([255, 0, 0], [0, 0, 255]))
    assert red.sum() == blue.sum() == 2 * 80 * 40
    rows, columns = np.nonzero(red)
    middle = rows < table.shape[0] / 2
    assert columns[middle].max() < columns[~middle].min()


def test_titles_and_captions_are_written() -> None:
    plain, titled = (panel([[RED]], [title], width=40) for title in ('', 'labels'))
    assert titled.shape[1] > plain.shape[1]
    margin = titled[:, : titled.shape[1] - plain.shape[1]]
    assert (margin < 128).any()
    captioned = panel([[RED]], ['labels'], ['street'], width=40)
    assert captioned.shape[0] > titled.shape[0]


def test_a_legend_takes_more_lines_where_it_is_narrow() -> None:
    legend = [(f'class {i}', (i, 200, 100)) for i in range(10)]
    wide, narrow = legend_strip(legend, 2000), legend_strip(legend, 200)
    assert narrow.shape[0] > wide.shape[0]
    for strip in (wide, narrow):
        assert {tuple(colour) for colour in strip.reshape(-1, 3)} >= {colour for _, colour in legend}
    table = panel([[RED]], ['image'], legend=legend, width=300)
    assert ((table == (5, 200, 100)).all(-1)).any()


def test_pictures_of_different_heights_do_not_overlap() -> None:
    tall = np.full((60, 40, 3), 7, np.uint8)
    table = panel([[tall, RED], [RED, RED]], ['a', 'b'], width=40)
    assert (table == 7).all(-1).sum() == 60 * 40
    assert (table == (255, 0, 0)).all(-1).sum() == 3 * 20 * 40


@pytest.mark.parametrize(
    ('rows', 'titles', 'captions'),
    [([], [], []), ([[RED], [RED, RED]], ['a', 'b'], []), ([[RED]], [], []), ([[RED]], ['a'], ['x', 'y'])],
)
def test_rows_that_do_not_fit_are_an_error(rows: list, titles: list[str], captions: list[str]) -> None:
    with pytest.raises(InputError, match='panel'):
        panel(rows, titles, captions)


def test_a_label_map_in_place_of_a_picture_is_an_error() -> None:
    with pytest.raises(InputError, match='uint8'):
        panel([[RED[..., 0]]], ['labels'])


def test_a_saved_picture_reads_back_the_same(tmp_path: Path) -> None:
    path = save_png(tmp_path / 'new' / 'folder' / 'a.png', panel([[RED]], ['image']))
    np.testing.assert_array_equal(np.array(Image.open(path)), panel([[RED]], ['image']))
    assert [file.name for file in path.parent.iterdir()] == ['a.png']
