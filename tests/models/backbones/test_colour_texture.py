"""Hand-crafted features tell colours, edges and textures apart."""

import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.color import rgb2lab

from mmseg_primaps.models.backbones import ColourTexture
from mmseg_primaps.models.backbones.colour import rgb_to_lab
from mmseg_primaps.utils import InputError


def normalised(pictures: torch.Tensor, backbone: ColourTexture) -> torch.Tensor:
    return (pictures - backbone.mean) / backbone.std


def flat(*rgb: float) -> torch.Tensor:
    return torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 64, 64)


def test_lab_is_scikit_images() -> None:
    pictures = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = np.stack([rgb2lab(p.permute(1, 2, 0).numpy()) for p in pictures])
    assert np.allclose(rgb_to_lab(pictures).permute(0, 2, 3, 1), expected, atol=0.02)


@pytest.mark.parametrize(
    ('size', 'stride'), [((320, 320), 8), ((64, 96), 8), ((65, 71), 8), ((64, 64), 16), ((8, 47), 8)]
)
def test_the_grid_has_one_cell_per_stride(size: tuple[int, int], stride: int) -> None:
    (features,) = ColourTexture(stride=stride)(torch.randn(2, 3, *size))
    assert features.shape == (2, 30, size[0] // stride, size[1] // stride)
    assert torch.isfinite(features).all()


def test_a_batch_gives_each_image_what_it_gets_alone() -> None:
    images, backbone = torch.randn(3, 3, 64, 64), ColourTexture()
    assert torch.allclose(backbone(images)[0], torch.cat([backbone(image[None])[0] for image in images]), atol=1e-5)


def test_the_normalisation_is_undone() -> None:
    pictures = torch.rand(1, 3, 64, 64) * 255
    own, plain = ColourTexture(), ColourTexture(mean=(0, 0, 0), std=(1, 1, 1))
    reversed_order = ColourTexture(mean=(0, 0, 0), std=(1, 1, 1), channel_order='bgr')
    expected = plain(pictures)[0]
    assert torch.allclose(own(normalised(pictures, own))[0], expected, atol=1e-3)
    assert torch.allclose(reversed_order(pictures.flip(1))[0], expected, atol=1e-5)


def test_colours_of_flat_pictures_differ_and_their_texture_does_not() -> None:
    backbone = ColourTexture(mean=(0, 0, 0), std=(1, 1, 1))
    red, green = backbone(flat(200, 30, 30))[0], backbone(flat(30, 160, 30))[0]
    assert F.cosine_similarity(red[:, :9], green[:, :9]).max() < 0.9
    assert torch.allclose(red[:, 9:], green[:, 9:], atol=1e-3)


@pytest.mark.parametrize('scale', [0, 1, 2])
def test_stripes_answer_in_their_own_direction(scale: int) -> None:
    """Vertical stripes: gradients across, and the first Gabor direction above the third."""
    wave = (torch.arange(128) * (np.pi / 2 / 2**scale)).sin() * 100 + 128
    across = wave.expand(1, 3, 128, 128)
    backbone = ColourTexture(mean=(0, 0, 0), std=(1, 1, 1))
    vertical, horizontal = (backbone(p)[0][0, :, 4:-4, 4:-4].mean((1, 2)) for p in (across, across.transpose(2, 3)))
    direction = 9 + 3 * scale + 1
    assert vertical[direction] > 0.1
    assert horizontal[direction] < -0.1
    first, third = 18 + 4 * scale, 18 + 4 * scale + 2
    assert vertical[first] - vertical[third] > 0.2
    assert horizontal[third] - horizontal[first] > 0.2


def test_a_group_of_weight_zero_is_left_out() -> None:
    images = torch.randn(1, 3, 64, 64)
    everything, colour = ColourTexture()(images)[0], ColourTexture(weights=(1, 0, 0))(images)[0]
    doubled = ColourTexture(weights=(0, 2, 1))(images)[0]
    assert torch.allclose(everything[:, :9], colour)
    assert torch.allclose(doubled[:, :9], 2 * everything[:, 9:18])
    assert ColourTexture(weights=(1, 0, 0)).out_channels == colour.shape[1] == 9


@pytest.mark.parametrize(
    'options', [{'stride': 4}, {'stride': 0}, {'weights': (1, 1)}, {'weights': (0, 0, 0)}, {'channel_order': 'hsv'}]
)
def test_a_wrong_option_is_named(options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        ColourTexture(**options)


def test_constants_are_in_no_checkpoint() -> None:
    assert not ColourTexture().state_dict()


def test_it_is_no_slower_than_a_small_network() -> None:
    """The reference is timed in turns, so that a busy machine slows both."""
    from torchvision.models import resnet18

    images, backbone, network = torch.randn(1, 3, 320, 320), ColourTexture(), resnet18().eval()
    own, other = [], []
    for _ in range(5):
        for times, model in ((own, backbone), (other, network)):
            start = time.perf_counter()
            model(images)
            times.append(time.perf_counter() - start)
    assert np.median(own) < np.median(other)
