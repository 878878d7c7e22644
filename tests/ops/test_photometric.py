"""The student view does what torchvision does to each picture alone."""

from unittest.mock import patch

import pytest
import torch
from torchvision.transforms import ColorJitter
from torchvision.transforms import functional as vision

from mmseg_primaps.ops import PhotometricParameters, draw_photometric, gaussian_blur, student_view
from mmseg_primaps.ops.photometric import IMAGENET_MEAN, IMAGENET_STD


def draw_images(count: int, seed: int = 0, side: int = 24) -> torch.Tensor:
    return torch.rand(count, 3, side, side + 6, generator=torch.Generator().manual_seed(seed))


def normalise(images: torch.Tensor) -> torch.Tensor:
    return vision.normalize(images, IMAGENET_MEAN, IMAGENET_STD)


def choose(jitter: list[bool], grey: list[bool], seed: int = 0) -> PhotometricParameters:
    drawn = draw_photometric(len(jitter), torch.Generator().manual_seed(seed))
    return PhotometricParameters(drawn.sigma, torch.tensor(jitter), torch.tensor(grey), drawn.amounts, drawn.order)


def jitter_by_torchvision(image: torch.Tensor, parameters: PhotometricParameters, index: int) -> torch.Tensor:
    chosen = (parameters.order[index], *parameters.amounts[index].tolist())
    with patch.object(ColorJitter, 'get_params', return_value=chosen):
        return ColorJitter(0.1, 0.1, 0.1, 0.1)(image)


def test_the_blur_is_torchvisions() -> None:
    images, sigma = draw_images(4), torch.tensor([0.1, 0.7, 1.5, 2.0])
    expected = [vision.gaussian_blur(i[None], [21, 21], [float(s)] * 2)[0] for i, s in zip(images, sigma, strict=True)]
    assert torch.allclose(gaussian_blur(images, sigma), torch.stack(expected), atol=1e-5)


def test_paper_augments_the_normalised_picture_as_torchvision_does() -> None:
    images, parameters = normalise(draw_images(6)), choose([True] * 4 + [False] * 2, [False] * 5 + [True])
    views = student_view(images, parameters)
    blurred = gaussian_blur(images, parameters.sigma)
    for index in range(4):
        expected = jitter_by_torchvision(blurred[index], parameters, index)
        assert torch.allclose(views[index], expected, atol=1e-5)
        assert views[index].min() >= 0
        assert views[index].max() <= 1
    assert torch.equal(views[4], blurred[4])
    assert torch.equal(views[5], vision.rgb_to_grayscale(blurred[5], 3))
    assert views[5].min() < 0


def test_fixed_augments_the_picture_itself() -> None:
    images, parameters = draw_images(2), choose([True, False], [False, True])
    views = student_view(images, parameters, preset='fixed', normalised=False)
    blurred = gaussian_blur(images, parameters.sigma)
    assert torch.allclose(views[0], jitter_by_torchvision(blurred[0], parameters, 0), atol=1e-5)
    assert torch.allclose(views[1], vision.rgb_to_grayscale(blurred[1], 3))
    # Ten percent of jitter moves a picture by little; on normalised tensors half of it is clamped away.
    assert (views[0] - blurred[0]).abs().max() < 0.5


@pytest.mark.parametrize('preset', ['paper', 'fixed'])
def test_the_scale_that_comes_in_goes_out(preset: str) -> None:
    images, parameters = draw_images(3), choose([True, False, False], [False, True, False])
    plain = student_view(images, parameters, preset, normalised=False)
    normalised = student_view(normalise(images), parameters, preset, normalised=True)
    assert torch.allclose(normalise(plain), normalised, atol=1e-4)


def test_a_batch_is_drawn_and_augmented_like_its_pictures() -> None:
    images = normalise(draw_images(40, side=12))
    together = student_view(images, draw_photometric(40, torch.Generator().manual_seed(7), jitter=1, grey=1))
    generator = torch.Generator().manual_seed(7)
    alone = [student_view(i[None], draw_photometric(1, generator, jitter=1, grey=1)) for i in images]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


def test_the_published_probabilities_and_ranges() -> None:
    drawn = draw_photometric(40000, torch.Generator().manual_seed(0))
    assert float(drawn.jitter.float().mean()) == pytest.approx(0.15, abs=0.01)
    assert float(drawn.grey.float().mean()) == pytest.approx(0.05, abs=0.005)
    assert not (drawn.jitter & drawn.grey).any()
    assert 0.1 <= float(drawn.sigma.min()) < 0.11
    assert 1.99 < float(drawn.sigma.max()) <= 2
    middle = torch.tensor([1.0, 1.0, 1.0, 0.0])
    assert torch.allclose(drawn.amounts.amax(dim=0), middle + 0.1, atol=1e-3)
    assert torch.allclose(drawn.amounts.amin(dim=0), middle - 0.1, atol=1e-3)
    orders = drawn.order.unique(dim=0, return_counts=True)
    assert len(orders[0]) == 24
    assert orders[1].min() > 40000 / 24 * 0.85


def test_the_same_seed_draws_the_same() -> None:
    first, second = (draw_photometric(5, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.amounts, second.amounts)
    assert torch.equal(first.order, second.order)
    assert not torch.equal(first.sigma, draw_photometric(5, torch.Generator().manual_seed(4)).sigma)


def test_the_type_stays_and_the_pictures_are_left_alone() -> None:
    images, parameters = draw_images(2).double(), choose([True, False], [False, True])
    before = images.clone()
    assert student_view(images, parameters, normalised=False).dtype == torch.float64
    assert torch.equal(images, before)
    assert student_view(images.bfloat16(), parameters).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ('images', 'preset', 'message'),
    [
        (torch.rand(2, 3, 16, 16), 'other', "no preset 'other': use one of paper, fixed"),
        (torch.rand(2, 1, 16, 16), 'paper', r'must be floating \[B, 3, H, W\]'),
        (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), 'paper', 'must be floating'),
        (torch.rand(3, 3, 16, 16), 'paper', 'parameters of 2 pictures were given for 3'),
        (torch.rand(2, 3, 16, 10), 'paper', 'too small to blur'),
    ],
)
def test_refuses_what_it_cannot_augment(images: torch.Tensor, preset: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        student_view(images, draw_photometric(2), preset)
