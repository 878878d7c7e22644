"""Position embeddings on other grids, as the original authors interpolate them."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_primaps.models.backbones.vit_positions import interpolate_positions


def test_the_trained_grid_is_returned_unchanged() -> None:
    positions = torch.randn(1, 49, 5)
    assert interpolate_positions(positions, (7, 7)) is positions


@pytest.mark.parametrize('grid', [(9, 4), (7, 8), (14, 14), (3, 3)])
@pytest.mark.parametrize('offset', [0.0, 0.1])
def test_every_grid_gets_one_embedding_per_patch(grid: tuple[int, int], offset: float) -> None:
    moved = interpolate_positions(torch.randn(1, 49, 5), grid, offset)
    assert moved.shape == (1, grid[0] * grid[1], 5)


def test_the_offset_moves_the_samples_and_its_absence_is_plain_bicubic() -> None:
    positions = torch.randn(1, 49, 5)
    square = positions.reshape(1, 7, 7, 5).permute(0, 3, 1, 2)
    plain = F.interpolate(square, size=(9, 9), mode='bicubic').flatten(2).transpose(1, 2)
    assert torch.equal(interpolate_positions(positions, (9, 9), offset=0.0), plain)
    assert not torch.allclose(interpolate_positions(positions, (9, 9)), plain, atol=1e-4)


def test_the_filter_only_matters_when_shrinking() -> None:
    positions = torch.randn(1, 49, 5)
    assert not torch.allclose(
        interpolate_positions(positions, (4, 4), 0.0, antialias=True), interpolate_positions(positions, (4, 4), 0.0)
    )
