"""Whether a better direction could have changed the mask."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops.batch_features import BatchFeatures
from mmseg_primaps.ops.image_features import ImageFeatures
from mmseg_primaps.ops.seeds import ORIENTATIONS, MaskRule, propose, propose_for_image


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(ORIENTATIONS), st.floats(-4, -0.5), st.booleans())
def test_a_certain_mask_survives_every_direction_within_the_error(
    seed: int, orientation: str, magnitude: float, some_taken: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = BatchFeatures(torch.randn(1, 10, 40, generator=generator, dtype=torch.float64) + 0.3)
    if some_taken:
        features.remove((torch.arange(40) < 15)[None])
    direction, *others = torch.linalg.qr(torch.randn(10, 6, generator=generator, dtype=torch.float64)).Q.T
    rule, error = MaskRule(0.4, orientation, True), torch.tensor([10**magnitude], dtype=torch.float64)
    mask, certain = propose(direction[None], error, features, rule)
    for other in others:
        # The bound is on a sine; a chord is a little longer, so stay a little inside.
        turned = torch.nn.functional.normalize(direction + 0.9 * float(error) * other, dim=0)
        again, _ = propose(turned[None], error, features, rule)
        assert not bool(certain) or torch.equal(again, mask)


@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_the_sign_of_the_direction_does_not_matter(orientation: str) -> None:
    features = BatchFeatures(torch.randn(1, 10, 40, generator=torch.Generator().manual_seed(0)) + 0.3)
    direction = torch.nn.functional.normalize(torch.ones(1, 10), dim=1)
    rule, error = MaskRule(0.4, orientation, True), torch.zeros(1)
    first, certain = propose(direction, error, features, rule)
    second, _ = propose(-direction, error, features, rule)
    assert torch.equal(first, second)
    assert bool(certain)


def test_nothing_is_certain_without_a_bound() -> None:
    features = BatchFeatures(torch.randn(1, 10, 40, generator=torch.Generator().manual_seed(0)))
    direction = torch.nn.functional.normalize(torch.ones(1, 10), dim=1)
    for nearest in (True, False):
        _, certain = propose(direction, torch.tensor([torch.inf]), features, MaskRule(0.4, 'minority', nearest))
        assert not bool(certain)


def test_equal_features_are_a_tie_that_no_direction_can_break() -> None:
    features = torch.randn(1, 10, 40, generator=torch.Generator().manual_seed(0)).double()
    features[..., 1] = features[..., 0]
    state = BatchFeatures(features)
    rule, error = MaskRule(0.4, 'strongest', True), torch.full((1,), 1e-6, dtype=torch.float64)
    mask, certain = propose(torch.nn.functional.normalize(features[..., 0], dim=1), error, state, rule)
    assert bool(certain)
    assert mask[0, 0] == mask[0, 1] == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(ORIENTATIONS), st.floats(-8, 0), st.booleans(), st.booleans())
def test_one_image_alone_gets_the_mask_and_the_certainty_of_a_batch(
    seed: int, orientation: str, magnitude: float, nearest: bool, some_taken: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(1, 10, 40, generator=generator, dtype=torch.float64) + 0.3
    batch, alone = BatchFeatures(features), ImageFeatures(features[0])
    if some_taken:
        batch.remove((torch.arange(40) < 15)[None])
        alone.remove(torch.arange(15))
    direction = torch.nn.functional.normalize(torch.randn(10, generator=generator, dtype=torch.float64), dim=0)
    rule, error = MaskRule(0.4, orientation, nearest), 10**magnitude
    expected, certain = propose(direction[None], torch.tensor([error], dtype=torch.float64), batch, rule)
    mask, sure = propose_for_image(direction, error, alone, rule)
    torch.testing.assert_close(mask, expected[0])
    assert sure == bool(certain)
