"""Features told by their products are the features themselves."""

import pytest
import torch
from torch import Tensor

from mmseg_primaps.ops import principal_masks
from mmseg_primaps.ops.gram_features import GramFeatures
from mmseg_primaps.ops.image_features import ImageFeatures
from mmseg_primaps.ops.reference import reference_principal_masks


def drawn(channels: int, count: int) -> Tensor:
    """Features `[C, n]` with a common mean."""
    return torch.randn(channels, count, generator=torch.Generator().manual_seed(channels), dtype=torch.float64) + 2


def both(channels: int, count: int, first: int, then: int) -> tuple[ImageFeatures, GramFeatures]:
    """The same features without the first ones, some taken before the change and some after it."""
    features = drawn(channels, count)
    plain, before = ImageFeatures(features), ImageFeatures(features)
    plain.remove(torch.arange(first + then))
    gram = GramFeatures(before, torch.arange(first))
    if then:
        numbers = (gram.position < first + then) & gram.free
        gram.remove(numbers.nonzero().squeeze(1), torch.zeros(1, len(gram.free), dtype=torch.float64))
    return plain, gram


@pytest.mark.parametrize(('first', 'then'), [(0, 0), (7, 0), (0, 9), (7, 9), (20, 15)])
def test_eigenvalues_and_cosines_are_those_of_the_scatter_matrix(first: int, then: int) -> None:
    plain, gram = both(70, 50, first, then)
    values, vectors = torch.linalg.eigh(plain.scatter)
    same, named = torch.linalg.eigh(gram.scatter)
    torch.testing.assert_close(same[-10:], values[-10:])
    assert gram.count == plain.count == 50 - first - then
    expected = plain.spread(plain.cosines(vectors[:, -1]))
    found = gram.spread(gram.cosines(named[:, -1]))
    torch.testing.assert_close(found.abs(), expected.abs())
    for place in (49, first + then):  # both free
        mine, theirs = ((state.position == place).nonzero().item() for state in (gram, plain))
        torch.testing.assert_close(gram.spread(gram.cosines_with(mine)), plain.spread(plain.cosines_with(theirs)))
    exact, _ = gram.exact()
    torch.testing.assert_close(exact, gram.scatter)


def test_the_first_taken_feature_stands_for_all_taken_ones() -> None:
    plain, gram = both(70, 50, 7, 9)
    assert gram.position[~gram.free].tolist() == [0]
    stand_in = int((~gram.free).nonzero())
    theirs = int((plain.position == 0).nonzero())
    torch.testing.assert_close(gram.spread(gram.cosines_with(stand_in)), plain.spread(plain.cosines_with(theirs)))
    assert not gram.scatter[stand_in].any()


def test_the_basis_loses_what_is_left_out() -> None:
    gram = GramFeatures(ImageFeatures(drawn(70, 30)), torch.arange(4))
    basis = torch.arange(30.0).repeat(2, 1)[:, gram.position]
    kept = gram.remove(torch.tensor([5, 9]), basis)
    assert kept.shape == (2, len(gram.position))
    assert torch.equal(kept[0], gram.position.float())


def test_the_noise_covers_the_rounding_error() -> None:
    features = drawn(80, 60)
    gram = GramFeatures(ImageFeatures(features.float()), torch.arange(0))
    for _ in range(4):
        rows = features[:, gram.position].T.clone()
        rows -= rows[gram.free].mean(0)
        rows[~gram.free] = 0
        error = torch.linalg.matrix_norm(gram.scatter.double() - rows @ rows.T, 2)
        assert error <= gram.noise
        gram.remove(gram.free.nonzero().squeeze(1)[:10], torch.zeros(1, len(gram.free)))


def test_features_that_are_left_far_from_the_others_keep_their_digits() -> None:
    """A tight group a thousand times its size away from the rest is told as well as if it had been alone."""
    tight = 1e-3 * drawn(100, 20)
    features = torch.cat([drawn(100, 50), tight + 5], 1)
    gram = GramFeatures(ImageFeatures(features.float()), torch.arange(0))
    gram.remove(torch.arange(50), torch.zeros(1, 70))
    alone = tight.T - tight.T.mean(0)
    error = gram.scatter[gram.free][:, gram.free].double() - alone @ alone.T
    assert torch.linalg.matrix_norm(error, 2) < 1e-3 * torch.linalg.matrix_norm(alone @ alone.T, 2)
    assert gram.noise < 1e-3 * float(gram.scatter.trace())


@pytest.mark.parametrize('side', [6, 9, 12])
def test_fewer_features_than_channels_give_the_masks_of_the_plain_loop(side: int) -> None:
    generator = torch.Generator().manual_seed(side)
    centres = torch.randn(160, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(5, (side * side,), generator=generator)
    noise = torch.randn(160, side * side, generator=generator, dtype=torch.float64)
    features = (centres[:, labels] + 0.7 * noise).view(160, side, side)
    expected = reference_principal_masks(features, exact=True)
    found = principal_masks(features[None])[0]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
