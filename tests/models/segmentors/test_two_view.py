"""Teacher and student views of a batch."""

import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_primaps.datasets.transforms import StudentView
from mmseg_primaps.models.data_preprocessors import TwoViewDataPreProcessor
from mmseg_primaps.utils import InputError

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def data() -> dict:
    generator = torch.Generator().manual_seed(0)
    pictures = [torch.randint(0, 256, (3, 32, 32), generator=generator, dtype=torch.uint8) for _ in range(2)]
    return {'inputs': pictures, 'data_samples': [SegDataSample(metainfo={'img_shape': (32, 32)}) for _ in pictures]}


def preprocessor(**kwargs: object) -> TwoViewDataPreProcessor:
    return TwoViewDataPreProcessor(mean=MEAN, std=STD, bgr_to_rgb=True, **kwargs)


def test_student_view_follows_the_teacher_in_training_only() -> None:
    both = preprocessor(student_view=dict(preset='paper'))
    plain = preprocessor()(data(), training=True)['inputs']
    torch.manual_seed(0)
    views = both(data(), training=True)['inputs']
    assert views.shape == (4, 3, 32, 32)
    assert torch.equal(views[:2], plain)
    assert not torch.allclose(views[2:], plain)
    assert torch.equal(both(data(), training=False)['inputs'], plain)


def test_student_view_of_the_pipeline_is_normalised_alike() -> None:
    batch = data()
    batch['student_inputs'] = [picture.float() for picture in batch['inputs']]
    views = preprocessor()(batch, training=True)['inputs']
    assert torch.allclose(views[:2], views[2:])


@pytest.mark.parametrize('preset', ['paper', 'fixed'])
def test_pipeline_and_device_make_the_same_view(preset: str) -> None:
    view = StudentView(preset=preset, mean=MEAN, std=STD, jitter_branch=1.0, jitter=1.0)
    picture = data()['inputs'][0]
    torch.manual_seed(3)
    results = view({'img': picture.permute(1, 2, 0).numpy()})
    rgb = (picture[[2, 1, 0]].float() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    torch.manual_seed(3)
    expected = view.view(rgb[None])[0] * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)
    assert torch.allclose(
        torch.from_numpy(results['student_img'][..., ::-1].copy()).permute(2, 0, 1), expected, atol=1e-2
    )


def test_unknown_preset_is_named() -> None:
    with pytest.raises(InputError, match='sharp'):
        StudentView(preset='sharp')
