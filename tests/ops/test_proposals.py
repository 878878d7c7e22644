"""From features and pictures to proposals."""

import numpy as np
import pytest
import torch

from mmseg_primaps.ops import PROPOSALS_VERSION, mask_proposals, principal_masks, refine_masks


@pytest.mark.parametrize('index', [0, 1, 2])
def test_proposals_are_the_published_ones(golden: dict[str, np.ndarray], index: int) -> None:
    features = torch.from_numpy(golden[f'features_{index}'])[None]
    proposals = mask_proposals(features, torch.from_numpy(golden[f'crf_image_{index}'])[None])[0]
    assert (proposals.numpy() == golden[f'mask_map_{index}']).mean() >= 0.999


def test_proposals_are_refined_principal_masks() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 70, 6, 6, generator=generator) + 0.5
    images = torch.randint(0, 256, (2, 3, 24, 24), generator=generator, dtype=torch.uint8)
    options = {'threshold': 0.3, 'coverage': 0.8, 'orientation': 'majority', 'nearest_neighbour': False}
    expected = refine_masks(principal_masks(features, **options), images, crf=False)
    assert torch.equal(mask_proposals(features, images, crf=False, **options), expected)


def test_the_version_can_be_part_of_a_fingerprint() -> None:
    assert isinstance(PROPOSALS_VERSION, int)
    assert PROPOSALS_VERSION >= 1
