"""The plain transcription of the published steps, against the published numbers and against the fast functions."""

import numpy as np
import pytest
import torch

from mmseg_primaps.ops import majority_vote, principal_masks, prototype_focal_loss, prototype_logits
from mmseg_primaps.ops.reference import (
    reference_em_step,
    reference_focal_loss,
    reference_majority_vote,
    reference_principal_masks,
)


@pytest.mark.parametrize('exact', [True, False])
def test_the_loop_finds_as_many_masks_as_the_published_code(golden: dict[str, np.ndarray], exact: bool) -> None:
    features = torch.from_numpy(golden['features_2']).float()
    masks = reference_principal_masks(features, exact=exact)
    assert len(masks) == len(golden['mask_stack_2']) - 1
    torch.testing.assert_close(principal_masks(features[None])[0], masks, atol=1e-5, rtol=0)


def test_the_loop_ends_after_three_equal_maps() -> None:
    """Two opposite features: the first mask takes one side, nothing that is left has a positive cosine."""
    features = torch.ones(4, 4, 4)
    features[:, :, :3] = -1
    features[0, 0, 0] = -1.01
    masks = reference_principal_masks(features, exact=True)
    assert len(masks) <= 5


@pytest.mark.parametrize('orientation', ['minority', 'majority', 'strongest'])
def test_each_orientation_is_the_one_of_its_name(orientation: str) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(12, 8, 8, generator=generator) + 0.4
    masks = reference_principal_masks(features, orientation=orientation, exact=True)
    torch.testing.assert_close(principal_masks(features[None], orientation=orientation)[0], masks, atol=1e-5, rtol=0)


def test_the_first_em_step_gives_the_published_numbers(golden: dict[str, np.ndarray]) -> None:
    features = torch.stack([torch.from_numpy(golden[f'features_{index}']) for index in range(3)]).float()
    proposals = torch.from_numpy(np.stack([golden[f'mask_map_{index}'] for index in range(3)])).long()
    momentum = torch.from_numpy(golden['em_init_v'])
    direction, gain = momentum.clone().requires_grad_(), torch.ones(27, requires_grad=True)
    loss = reference_em_step(features, features, momentum, direction, gain, proposals)
    np.testing.assert_allclose(loss.item(), golden['em_losses'][0], atol=1e-4)
    np.testing.assert_allclose(direction.grad, golden['em_grad_v_first'], atol=1e-4)
    np.testing.assert_allclose(gain.grad, golden['em_grad_g_first'], atol=1e-4)


def test_the_fast_loss_is_the_plain_one() -> None:
    generator = torch.Generator().manual_seed(0)
    features, direction = torch.randn(2, 16, 5, 6, generator=generator), torch.randn(7, 16, generator=generator)
    gain, target = torch.rand(7, generator=generator), torch.randint(0, 7, (2, 20, 24), generator=generator)
    target[:, :3] = 255
    fast = prototype_focal_loss(prototype_logits(features, direction, gain), target)
    torch.testing.assert_close(fast, reference_focal_loss(features, direction, gain, target), atol=1e-5, rtol=0)


def test_the_fast_vote_is_the_plain_one() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (3, 16, 16), generator=generator)
    proposals = torch.randint(1, 9, (3, 16, 16), generator=generator)
    proposals[:, :4] = 255
    expected = reference_majority_vote(labels, proposals)
    assert torch.equal(majority_vote(labels, proposals, 5), expected)
    assert (expected[:, :4] == 255).all()
