"""STEGO's objective against loops over its definition, and its known traps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops import correspondence as ops

TERMS = {
    'intra': ops.CorrespondenceTerm(0.67, 0.18),
    'inter': ops.CorrespondenceTerm(0.25, 0.12),
    'negative': ops.CorrespondenceTerm(0.63, 0.46),
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def maps(channels: int, seed: int, batch: int = 3) -> Tensor:
    return torch.randn(batch, channels, 6, 5, generator=generator(seed))


def test_correlation_is_the_cosine_of_every_pair() -> None:
    left, right = maps(4, 0, 2), maps(4, 1, 2)
    got = ops.correlation(left, right)
    for n, h, w, i, j in [(0, 0, 0, 0, 0), (1, 5, 4, 2, 3), (0, 3, 1, 5, 0)]:
        expected = torch.cosine_similarity(left[n, :, h, w], right[n, :, i, j], dim=0)
        assert got[n, h, w, i, j] == pytest.approx(float(expected), abs=1e-6)


def test_centring_takes_each_rows_mean_and_keeps_that_of_the_batch() -> None:
    """Trap 2: without the mean of the batch the published shifts do not fit."""
    fd = torch.rand(3, 2, 2, 4, 4, generator=generator())
    centred = ops.centre_correlation(fd)
    assert centred.mean() == pytest.approx(float(fd.mean()), abs=1e-6)
    assert torch.allclose(centred.mean(dim=(3, 4)), fd.mean().expand(3, 2, 2), atol=1e-6)


def test_a_term_is_the_clamped_product() -> None:
    fd, cd = torch.rand(2, 2, 2, 2, 2) * 2 - 1, torch.rand(2, 2, 2, 2, 2) * 2 - 1
    plain = -(cd * (fd - 0.3)).mean()
    clamped = torch.stack(
        [-max(c, torch.zeros(())) * (f - 0.3) for f, c in zip(fd.flatten(), cd.flatten(), strict=True)]
    )
    assert torch.allclose(ops.correspondence_term(fd, cd, 0.3, centre=False), clamped.mean())
    assert torch.allclose(ops.correspondence_term(fd, cd, 0.3, centre=False, zero_clamp=False), plain)


def test_the_gradient_is_the_shifted_feature_correlation_and_zero_below_the_clamp() -> None:
    fd = torch.tensor([0.9, 0.1, 0.9, 0.1]).view(1, 1, 1, 2, 2).requires_grad_()
    cd = torch.tensor([0.5, 0.5, -0.5, -0.5]).view(1, 1, 1, 2, 2).requires_grad_()
    ops.correspondence_term(fd, cd, 0.4, centre=False).backward()
    assert torch.allclose(cd.grad.flatten() * 4, torch.tensor([-0.5, 0.3, 0.0, 0.0]))
    assert fd.grad is None


@given(st.integers(2, 40), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_no_image_is_its_own_negative(batch: int, seed: int) -> None:
    partners = ops.random_partners(batch, generator(seed))
    assert not (partners == torch.arange(batch)).any()
    assert ((partners >= 0) & (partners < batch)).all()


def test_a_batch_of_one_is_refused() -> None:
    """Trap 6: the negative would be the image itself."""
    with pytest.raises(ValueError, match='two or more'):
        ops.random_partners(1, generator())


def test_points_differ_between_images_and_cover_the_map() -> None:
    points = ops.sample_points(4, 11, generator())
    assert points.shape == (4, 11, 11, 2)
    assert not torch.equal(points[0], points[1])
    assert points.min() < -0.9
    assert points.max() > 0.9


def test_sampling_hits_the_corners_with_rows_first_and_axes_swapped() -> None:
    values = torch.arange(30.0).view(1, 1, 6, 5)
    corners = torch.tensor([[[-1.0, -1.0], [1.0, -1.0]], [[-1.0, 1.0], [1.0, 1.0]]])[None]  # x, y after the swap
    got = ops.sample_at(values, corners)[0, 0]
    assert got.tolist() == [[0.0, 25.0], [4.0, 29.0]]


def loop_loss(features: Tensor, codes: Tensor, positives: tuple[Tensor, Tensor], seed: int) -> Tensor:
    """The same loss, written out pair by pair from the published step list."""
    draw = generator(seed)
    own, other = ops.sample_points(len(features), 3, draw), ops.sample_points(len(features), 3, draw)
    partners = [ops.random_partners(len(features), draw) for _ in range(2)]

    def term(right: Tensor, right_codes: Tensor, points: Tensor, shift: float) -> Tensor:
        fd = ops.correlation(ops.sample_at(features, own), ops.sample_at(right, points))
        cd = ops.correlation(ops.sample_at(codes, own), ops.sample_at(right_codes, points))
        old = fd.mean()
        fd = fd - fd.mean(dim=[3, 4], keepdim=True)
        fd = fd - fd.mean() + old
        return -(cd.clamp(0) * (fd - shift))

    intra = term(features, codes, own, 0.18).mean()
    inter = term(*positives, other, 0.12).mean()
    negative = torch.cat([term(features[p], codes[p], other, 0.46) for p in partners]).mean()
    return 0.67 * intra + 0.25 * inter + 0.63 * negative


def test_the_loss_is_the_published_sum_of_three_terms() -> None:
    features, codes, there, codes_there = (maps(c, s) for c, s in ((8, 0), (4, 1), (8, 2), (4, 3)))
    total, log = ops.correspondence_loss(
        features, codes, there, codes_there, TERMS, generator(7), samples=3, negatives=2
    )
    assert torch.allclose(total, loop_loss(features, codes, (there, codes_there), 7), atol=1e-6)
    assert set(log) == {f'{kind}_{name}' for kind in ('fd', 'cd') for name in TERMS}


def test_gradient_reaches_codes_of_both_sides_and_no_features() -> None:
    features, codes, there, codes_there = (maps(c, s).requires_grad_() for c, s in ((8, 0), (4, 1), (8, 2), (4, 3)))
    total, _ = ops.correspondence_loss(features, codes, there, codes_there, TERMS, generator(), samples=3)
    total.backward()
    assert codes.grad.abs().sum() > 0
    assert codes_there.grad.abs().sum() > 0
    assert features.grad is None
    assert there.grad is None


def test_the_intra_term_holds_the_exact_self_pairs() -> None:
    """Trap 3: every point meets itself, so the diagonal of the correlation is one."""
    sampled = ops.sample_at(maps(8, 0), ops.sample_points(3, 3, generator()))
    fd = ops.correlation(sampled, sampled).flatten(3).flatten(1, 2)
    assert torch.allclose(fd.diagonal(dim1=1, dim2=2), torch.ones(3, 9), atol=1e-6)


def test_channel_dropout_lowers_the_correlation_of_two_images_and_not_of_one() -> None:
    """Trap 1: the published shifts were tuned with dropout on the features."""
    torch.manual_seed(0)
    features = torch.rand(64, 384, 1, 1)
    dropped, again = (torch.nn.functional.dropout2d(features, 0.1) for _ in range(2))
    clean = ops.correlation(features, features).mean()
    assert ops.correlation(dropped, dropped).mean() == pytest.approx(float(clean), abs=1e-5)
    assert ops.correlation(dropped, again).mean() == pytest.approx(0.9 * float(clean), abs=0.01)


def test_the_same_seed_gives_the_same_loss() -> None:
    inputs = [maps(c, s) for c, s in ((8, 0), (4, 1), (8, 2), (4, 3))]
    losses = [ops.correspondence_loss(*inputs, TERMS, generator(5))[0] for _ in range(2)]
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], ops.correspondence_loss(*inputs, TERMS, generator(6))[0])
