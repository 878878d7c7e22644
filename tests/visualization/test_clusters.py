"""Example crops of clusters."""

import numpy as np

from mmseg_primaps.visualization import cluster_sheet, distinct_palette, example_crop


def scene_with_a_block(top: int, left: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture with a green block of 20 x 20 pixels, which is cluster 1."""
    image = np.full((80, 120, 3), 90, np.uint8)
    clusters = np.zeros((80, 120), int)
    image[top : top + 20, left : left + 20] = (0, 200, 0)
    clusters[top : top + 20, left : left + 20] = 1
    return image, clusters


def green(picture: np.ndarray) -> int:
    return int((picture == (0, 200, 0)).all(-1).sum())


def test_a_crop_shows_the_whole_of_a_small_mask_in_its_middle() -> None:
    image, clusters = scene_with_a_block(30, 70)
    crop = example_crop(image, clusters == 1, side=40)
    assert crop.shape == (40, 40, 3)
    assert green(crop) == 400
    rows, columns = np.nonzero((crop == (0, 200, 0)).all(-1))
    assert abs(rows.mean() - 19.5) <= 1.5
    assert abs(columns.mean() - 19.5) <= 1.5


def test_a_crop_dims_what_is_outside_the_mask() -> None:
    image, clusters = scene_with_a_block(0, 0)
    crop = example_crop(image, clusters == 1, side=40)
    outside = crop[(crop != (0, 200, 0)).any(-1)]
    assert outside.min() > 150


def test_a_crop_larger_than_the_picture_is_the_largest_square() -> None:
    image, clusters = scene_with_a_block(5, 5)
    assert example_crop(image, clusters == 0, side=500).shape == (80, 80, 3)


def test_a_sheet_has_one_row_for_each_cluster_that_occurs() -> None:
    images, clusters = zip(*(scene_with_a_block(10 * i, 10 * i) for i in range(3)), strict=True)
    sheet = cluster_sheet(images, clusters, num_clusters=5, examples=4, crop=40)
    palette = distinct_palette(5)
    shown = [(sheet == colour).all(-1).any() for colour in palette]
    assert shown == [True, True, False, False, False]
    assert green(sheet) == 3 * 400
    rows = [np.nonzero((sheet == palette[k]).all(-1))[0].mean() for k in (0, 1)]
    assert rows[0] < rows[1]  # the larger cluster stands on top


def test_ignored_pixels_belong_to_no_cluster() -> None:
    image, clusters = scene_with_a_block(10, 10)
    clusters[clusters == 0] = 255
    sheet = cluster_sheet([image], [clusters], num_clusters=2)
    assert not (sheet == distinct_palette(1)[0]).all(-1).any()
