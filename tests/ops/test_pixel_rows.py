"""Upsampling in chunks is torch's own, and so is its transpose."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops import class_frequencies, pixel_rows, prototype_focal_loss, upsampled_argmax
from mmseg_primaps.ops.pixel_rows import PixelRows

sizes = st.tuples(st.integers(1, 6), st.integers(1, 6)), st.tuples(st.integers(1, 15), st.integers(1, 15))


def check(maps: Tensor, size: tuple[int, int], values: Tensor) -> PixelRows:
    """Whether all chunks together are the upsampled maps, and the transpose is the gradient for `values`."""
    expected = F.interpolate(maps, size=size, mode='bilinear', align_corners=False)
    (gradient,) = torch.autograd.grad(expected, maps, values)
    rows = PixelRows.of(maps.detach(), size)
    pixels, total = torch.full_like(expected, torch.nan), torch.zeros_like(rows.source)
    for chunk in rows.chunks():
        part = rows.pixels(chunk)
        for index in range(maps.shape[1]):
            rows.of_chunk(pixels[:, index], chunk).copy_(part[:, index])
        ordered = torch.stack([rows.of_chunk(value, chunk) for value in values.unbind(1)], 1)
        rows.add_transposed(total, chunk, ordered)
    torch.testing.assert_close(pixels, expected)
    torch.testing.assert_close(rows.to_maps(total, maps.shape[3]), gradient)
    return rows


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), images=st.integers(1, 3), grid=sizes[0], size=sizes[1], rows=st.integers(1, 4))
def test_the_chunks_are_the_upsampled_maps_and_their_transpose_is_its_gradient(
    seed: int, images: int, grid: tuple[int, int], size: tuple[int, int], rows: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(images, 3, *grid, generator=generator, dtype=torch.float64, requires_grad=True)
    values = torch.randn(images, 3, *size, generator=generator, dtype=torch.float64)
    before, pixel_rows._CPU_NUMBERS = pixel_rows._CPU_NUMBERS, rows * 3 * size[1]
    try:
        assert len(check(maps, size, values).chunks()) == images * -(-size[0] // rows)
    finally:
        pixel_rows._CPU_NUMBERS = before


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the way of a GPU on a CPU: whole images, two at a time where they are of 12 x 10 pixels and 4 maps."""
    of = classmethod(lambda cls, maps, size: cls(maps, (size[0], size[1])))
    monkeypatch.setattr(PixelRows, 'of', of)
    monkeypatch.setattr(PixelRows, '_on_cpu', lambda _: False)
    monkeypatch.setattr(pixel_rows, '_DEVICE_NUMBERS', 2 * 12 * 10 * 4)


@pytest.mark.usefixtures('as_on_a_gpu')
def test_other_devices_take_several_images_at_once() -> None:
    maps = torch.randn(3, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    first, second = check(maps, (12, 10), torch.randn(3, 4, 12, 10, dtype=torch.float64)).chunks()
    assert (first.images, second.images) == (slice(0, 2), slice(2, 4))


def test_the_way_of_a_gpu_gives_the_same_loss_frequencies_and_labels(request: pytest.FixtureRequest) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 3, 5, generator=generator, dtype=torch.float64)
    target = torch.randint(4, (3, 12, 10), generator=generator)

    def results() -> list[Tensor]:
        leaf = logits.clone().requires_grad_()
        loss = prototype_focal_loss(leaf, target)
        loss.backward()
        return [loss.detach(), leaf.grad, class_frequencies(logits, (12, 10)), upsampled_argmax(logits, (12, 10))]

    expected = results()
    request.getfixturevalue('as_on_a_gpu')
    for one, other in zip(results(), expected, strict=True):
        torch.testing.assert_close(one, other)


def test_autocast_does_not_round_the_weights() -> None:
    logits = torch.randn(2, 5, 6, 6, generator=torch.Generator().manual_seed(0)) * 1e-2 + 100
    expected = upsampled_argmax(logits, (50, 50))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(upsampled_argmax(logits, (50, 50)), expected)
