"""The scatter matrix that follows as features are taken."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops.free_features import FreeFeatures, add_moment


def scatter_of(rows: Tensor) -> Tensor:
    """Covariance times count of the rows `[m, C]`, in float64."""
    return torch.cov(rows.double().T, correction=0) * len(rows)


def drawn(channels: int, count: int, batch: int = 1, mean: float = 3.0) -> Tensor:
    """Features `[B, C, n]` with a common mean."""
    return torch.randn(batch, channels, count, generator=torch.Generator().manual_seed(channels)) + mean


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
    state = FreeFeatures(features)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(seed))
    start = 0
    for step in steps:
        stop = min(start + step, 298)
        taken = torch.zeros(300, dtype=torch.bool)
        taken[order[start:stop]] = True
        state.remove(taken[state._position][None])
        start = stop
        expected = scatter_of(features[0][:, order[start:]].T)
        scale = float(expected.diagonal().sum())
        torch.testing.assert_close(state.scatter[0].double(), expected, atol=1e-5 * scale, rtol=0)
        torch.testing.assert_close(state.exact()[0][0], expected, atol=1e-6 * scale, rtol=0)
        assert state.free.sum() == 300 - start


def test_the_noise_covers_the_rounding_error() -> None:
    features = drawn(80, 400)
    state = FreeFeatures(features)
    for start in range(0, 360, 40):
        taken = torch.zeros(400, dtype=torch.bool)
        taken[start : start + 40] = True
        state.remove(taken[state._position][None])
        error = torch.linalg.matrix_norm(state.scatter[0].double() - scatter_of(features[0][:, start + 40 :].T), 2)
        assert error <= state.noise[0]


def test_taking_the_features_with_the_variance_starts_anew() -> None:
    """Ten of a hundred features hold nearly all of the variance; what they leave behind must not be their rounding."""
    features = 1e-4 * drawn(70, 100, mean=0)
    features[..., :10] += 100 * torch.randn(1, 70, 10)
    state = FreeFeatures(features)
    state.remove((torch.arange(100) < 10)[None])
    expected = scatter_of(features[0, :, 10:].T)
    torch.testing.assert_close(
        state.scatter[0].double(), expected, atol=float(1e-3 * expected.diagonal().sum()), rtol=0
    )


def test_taking_nothing_changes_nothing() -> None:
    state = FreeFeatures(drawn(70, 30))
    before = state.scatter.clone()
    state.remove(torch.zeros(1, 30, dtype=torch.bool))
    assert torch.equal(state.scatter, before)
    assert state.free.all()


def test_a_batch_measures_what_each_image_does_alone() -> None:
    features = drawn(70, 60, batch=3)
    taken = torch.rand(3, 60, generator=torch.Generator().manual_seed(0)) < 0.3
    together = FreeFeatures(features)
    together.remove(taken)
    for index in range(3):
        alone = FreeFeatures(features[index : index + 1])
        alone.remove(taken[index : index + 1])
        torch.testing.assert_close(together.scatter[index], alone.scatter[0], atol=1e-3, rtol=1e-5)


def test_cosines_are_those_of_the_features_as_they_came() -> None:
    features = drawn(70, 50)
    features[..., 7] = 0
    state = FreeFeatures(features)
    state.remove((torch.arange(50) == 3)[None])
    direction = torch.nn.functional.normalize(torch.randn(1, 70), dim=1)
    expected = torch.nn.functional.cosine_similarity(features, direction[..., None])
    expected[:, [3, 7]] = 0
    torch.testing.assert_close(state.cosines(direction), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(state.unit(torch.tensor([[9]])), torch.nn.functional.normalize(features[..., 9], dim=1))


def test_what_is_stored_shrinks_and_keeps_its_place() -> None:
    features = drawn(70, 50)
    state = FreeFeatures(features)
    state.remove((torch.arange(50) < 35)[None])
    # The free ones, and the first taken one for all the others.
    assert state.tokens.shape[1] == 16
    direction = torch.nn.functional.normalize(torch.randn(1, 70), dim=1)
    spread = state.spread(state.cosines(direction), 50)
    expected = torch.nn.functional.cosine_similarity(features, direction[..., None])
    expected[:, :35] = 0
    torch.testing.assert_close(spread, expected, atol=1e-6, rtol=0)
