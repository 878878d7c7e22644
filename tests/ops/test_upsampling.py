"""Upsampling and its argmax are torch's own, only faster."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import upsample, upsampled_argmax


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    images=st.integers(1, 3),
    classes=st.integers(1, 40),
    grid=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_equal_to_plain_interpolation(
    seed: int, images: int, classes: int, grid: tuple[int, int], size: tuple[int, int]
) -> None:
    logits = torch.randn(images, classes, *grid, generator=torch.Generator().manual_seed(seed))
    expected = F.interpolate(logits, size=size, mode='bilinear', align_corners=False)
    assert torch.allclose(upsample(logits, size), expected, atol=1e-6)
    labels = upsampled_argmax(logits, size)
    assert labels.dtype == torch.int64
    best = expected.gather(1, labels.unsqueeze(1)).squeeze(1)
    assert torch.allclose(best, expected.amax(dim=1), atol=1e-6)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize('classes', [1, 16, 27, 70])
def test_a_tie_goes_to_the_smaller_class(dtype: torch.dtype, classes: int) -> None:
    assert not upsampled_argmax(torch.full((2, classes, 3, 3), -5.0, dtype=dtype), (6, 7)).any()
    logits = torch.zeros(1, classes, 2, 2, dtype=dtype)
    logits[:, classes // 2 :] = 1
    assert (upsampled_argmax(logits, (5, 5)) == classes // 2).all()


def test_an_empty_batch_gives_an_empty_map() -> None:
    assert upsampled_argmax(torch.zeros(0, 4, 2, 2), (8, 8)).shape == (0, 8, 8)


def test_another_device_takes_the_whole_batch_at_once() -> None:
    labels = upsampled_argmax(torch.zeros(2, 4, 3, 3, device='meta'), (5, 6))
    assert labels.shape == (2, 5, 6)
    assert labels.dtype == torch.int64


def test_the_upsampled_logits_keep_their_gradient() -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    upsample(logits, (4, 4)).sum().backward()
    assert torch.allclose(logits.grad, torch.full_like(logits, 4))
