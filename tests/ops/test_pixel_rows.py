"""Upsampling in chunks is torch's own, and so is its transpose."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import pixel_rows, upsampled_argmax
from mmseg_primaps.ops.pixel_rows import PixelRows

sizes = st.tuples(st.integers(1, 6), st.integers(1, 6)), st.tuples(st.integers(1, 15), st.integers(1, 15))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), images=st.integers(1, 3), grid=sizes[0], size=sizes[1], rows=st.integers(1, 4))
def test_the_chunks_are_the_upsampled_maps_and_their_transpose_is_its_gradient(
    seed: int, images: int, grid: tuple[int, int], size: tuple[int, int], rows: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(images, 3, *grid, generator=generator, dtype=torch.float64, requires_grad=True)
    expected = F.interpolate(maps, size=size, mode='bilinear', align_corners=False)
    values = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(expected, maps, values)

    before, pixel_rows._CPU_NUMBERS = pixel_rows._CPU_NUMBERS, rows * 3 * size[1]
    try:
        whole = PixelRows.of(maps.detach(), size)
        chunks = whole.chunks()
    finally:
        pixel_rows._CPU_NUMBERS = before
    assert len(chunks) == images * -(-size[0] // rows)
    pixels = torch.cat([whole.pixels(chunk) for chunk in chunks])
    torch.testing.assert_close(pixels.view(images, *size, 3).permute(0, 3, 1, 2), expected)
    total = torch.zeros_like(whole.wide)
    for chunk in chunks:
        part = values[chunk.images, :, chunk.rows].permute(0, 2, 3, 1).reshape(-1, 3)
        whole.add_transposed(total, chunk, part)
    torch.testing.assert_close(whole.to_grid(total, grid[1]), gradient)


def test_other_devices_take_several_images_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way that a GPU takes, on a CPU."""
    monkeypatch.setattr(PixelRows, '_on_cpu', lambda _: False)
    monkeypatch.setattr(pixel_rows, '_DEVICE_NUMBERS', 2 * 12 * 10 * 4)
    maps = torch.randn(3, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    expected = F.interpolate(maps, size=(12, 10), mode='bilinear', align_corners=False)
    rows = PixelRows.of(maps.detach(), (12, 10))
    first, second = rows.chunks()
    assert (first.images, second.images) == (slice(0, 2), slice(2, 4))
    pixels = torch.cat([rows.pixels(first), rows.pixels(second)])
    torch.testing.assert_close(pixels.view(3, 12, 10, 4).permute(0, 3, 1, 2), expected)
    total = torch.zeros_like(rows.wide)
    rows.add_transposed(total, first, torch.ones(240, 4, dtype=torch.float64))
    rows.add_transposed(total, second, torch.ones(120, 4, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(expected.sum(), maps)
    torch.testing.assert_close(rows.to_grid(total, 5), gradient)


def test_autocast_does_not_round_the_weights() -> None:
    logits = torch.randn(2, 5, 6, 6, generator=torch.Generator().manual_seed(0)) * 1e-2 + 100
    expected = upsampled_argmax(logits, (50, 50))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(upsampled_argmax(logits, (50, 50)), expected)
