"""The scatter matrix of one image, which follows as features are taken."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops.image_features import ImageFeatures, add_moment


def scatter_of(rows: Tensor) -> Tensor:
    """Covariance times count of the rows `[m, C]`, in float64."""
    return torch.cov(rows.double().T, correction=0) * len(rows)


def drawn(channels: int, count: int, mean: float = 3.0) -> Tensor:
    """Features `[C, n]` with a common mean."""
    return torch.randn(channels, count, generator=torch.Generator().manual_seed(channels)) + mean


def take(state: ImageFeatures, taken: Tensor) -> None:
    """Remove the features whose places in the image are set in a bool `[n]`, of those that are free."""
    state.remove((taken[state.position] & state.free).nonzero().squeeze(1))


@pytest.mark.parametrize('rows', [5, 500])
@pytest.mark.parametrize('channels', [40, 128, 300])
def test_the_sum_of_outer_products_is_symmetric_and_complete(rows: int, channels: int) -> None:
    vectors = torch.randn(rows, channels, dtype=torch.float64)
    expected = torch.eye(channels, dtype=torch.float64)
    total = add_moment(expected.clone(), vectors, -0.5)
    torch.testing.assert_close(total, expected - 0.5 * torch.einsum('nc,nd->cd', vectors, vectors))
    torch.testing.assert_close(total, total.T)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 120), min_size=1, max_size=6), st.integers(0, 100))
def test_the_scatter_matrix_follows_what_is_taken(steps: list[int], seed: int) -> None:
    features = drawn(70, 300)
    state = ImageFeatures(features)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(seed))
    start = 0
    for step in steps:
        stop = min(start + step, 298)
        take(state, torch.zeros(300, dtype=torch.bool).index_fill_(0, order[start:stop], True))
        start = stop
        expected = scatter_of(features[:, order[start:]].T)
        scale = float(expected.trace())
        torch.testing.assert_close(state.scatter.double(), expected, atol=1e-5 * scale, rtol=0)
        torch.testing.assert_close(state.exact()[0], expected, atol=1e-6 * scale, rtol=0)
        assert state.free.sum() == state.count == 300 - start


def test_the_noise_covers_the_rounding_error() -> None:
    features = drawn(80, 400)
    state = ImageFeatures(features)
    for start in range(0, 360, 40):
        take(state, torch.arange(400) < start + 40)
        error = torch.linalg.matrix_norm(state.scatter.double() - scatter_of(features[:, start + 40 :].T), 2)
        assert error <= state.noise


def test_taking_the_features_with_the_variance_starts_anew() -> None:
    """Ten of a hundred features hold nearly all of the variance; what they leave behind must not be their rounding."""
    features = 1e-4 * drawn(70, 100, mean=0)
    features[:, :10] += 100 * torch.randn(70, 10)
    state = ImageFeatures(features)
    take(state, torch.arange(100) < 10)
    expected = scatter_of(features[:, 10:].T)
    torch.testing.assert_close(state.scatter.double(), expected, atol=float(1e-3 * expected.trace()), rtol=0)


def test_taking_nothing_changes_nothing() -> None:
    state = ImageFeatures(drawn(70, 30))
    before = state.scatter.clone()
    take(state, torch.zeros(30, dtype=torch.bool))
    assert torch.equal(state.scatter, before)
    assert state.free.all()


def test_cosines_are_those_of_the_features_as_they_came() -> None:
    features = drawn(70, 50)
    features[:, 7] = 0
    state = ImageFeatures(features)
    take(state, torch.arange(50) == 3)
    direction = torch.nn.functional.normalize(torch.randn(70), dim=0)
    expected = torch.nn.functional.cosine_similarity(features, direction[:, None], dim=0)
    expected[[3, 7]] = 0
    torch.testing.assert_close(state.cosines(direction), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(state.unit(9), torch.nn.functional.normalize(features[:, 9], dim=0))


def test_what_is_stored_shrinks_and_keeps_its_place() -> None:
    features = drawn(70, 50)
    state = ImageFeatures(features)
    take(state, torch.arange(50) < 35)
    # The free ones, and the first taken one for all the others.
    assert len(state.tokens) == 16
    direction = torch.nn.functional.normalize(torch.randn(70), dim=0)
    expected = torch.nn.functional.cosine_similarity(features, direction[:, None], dim=0)
    expected[:35] = 0
    torch.testing.assert_close(state.spread(state.cosines(direction)), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize('channels', [1, 63, 64, 200])
def test_the_features_that_came_are_left_alone(channels: int) -> None:
    features = drawn(channels, 40)
    before = features.clone()
    state = ImageFeatures(features)
    torch.testing.assert_close(state.tokens + state.mean, features.T)
    assert torch.equal(features, before)
