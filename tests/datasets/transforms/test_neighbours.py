"""A neighbouring picture, or a photometric view, as second view."""

import numpy as np
import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_primaps.datasets.transforms import AddNeighbour, HPView
from mmseg_primaps.utils import InputError

TABLE = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])
IMAGES = ['a.png', 'b.png', 'c.png']


def packed(image: str, **more: object) -> dict:
    return {'data_samples': SegDataSample(metainfo={'img_path': image}), **more}


def add_neighbour(count: int, **options: object) -> AddNeighbour:
    return AddNeighbour(IMAGES, TABLE, lambda i: {'inputs': torch.full((3, 2, 2), i)}, num_neighbours=count, **options)


def test_a_neighbour_is_drawn_from_the_nearest_and_never_the_picture_itself() -> None:
    np.random.seed(0)
    drawn = {int(add_neighbour(2).transform(packed('b.png'))['student_inputs'][0, 0, 0]) for _ in range(40)}
    assert drawn == {2, 0}
    nearest = {int(add_neighbour(1).transform(packed('b.png'))['student_inputs'][0, 0, 0]) for _ in range(10)}
    assert nearest == {2}
    assert add_neighbour(7).num_neighbours == 2


def test_stored_features_get_the_neighbours_first_view() -> None:
    step = add_neighbour(1, read=lambda path: np.full((2, 4, 3, 3), IMAGES.index(path), np.float16))
    result = step.transform(packed('c.png', features=torch.zeros(1, 4, 3, 3)))
    assert torch.equal(result['student_features'], torch.zeros(1, 4, 3, 3))
    assert result['student_features'].dtype == torch.float32
    assert 'student_inputs' not in result


@pytest.mark.parametrize('preset', ['paper', 'fixed'])
@pytest.mark.parametrize('normalised', [True, False])
def test_hps_view_keeps_shape_and_scale_and_draws_for_each_picture(preset: str, normalised: bool) -> None:
    torch.manual_seed(0)
    pictures = torch.rand(1, 3, 32, 32).expand(6, 3, 32, 32)
    view = HPView(preset)
    images = (pictures - view.mean) / view.std if normalised else pictures
    views = view.view(images, normalised)
    assert views.shape == images.shape
    assert not torch.allclose(views[0], views[1], atol=1e-3)
    shown = views * view.std + view.mean if normalised else views
    assert shown.min() > -0.01
    assert shown.max() < 1.01


def test_jitter_of_the_normalised_picture_clamps_what_is_darker_than_the_mean() -> None:
    torch.manual_seed(0)
    views = HPView('paper').view(torch.randn(4, 3, 16, 16))
    assert views.min() >= 0
    assert views.max() <= 1
    assert HPView('fixed').view(torch.randn(4, 3, 16, 16)).min() < 0


def test_hps_view_is_no_pipeline_step() -> None:
    with pytest.raises(InputError, match='student_view'):
        HPView().transform({})
    with pytest.raises(InputError, match='preset'):
        HPView('new')
