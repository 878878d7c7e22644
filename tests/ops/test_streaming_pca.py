"""Streaming principal components equal those of all features at once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import StreamingPCA


def reference(rows: torch.Tensor, k: int) -> torch.Tensor:
    centred = rows.double() - rows.double().mean(dim=0)
    return torch.linalg.svd(centred, full_matrices=False).Vh[:k].float()


def draw(count: int, channels: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    spread = 1.5 ** torch.arange(channels)
    turn = torch.linalg.qr(torch.randn(channels, channels, generator=generator)).Q
    return torch.randn(count, channels, generator=generator) * spread @ turn


def same_up_to_sign(one: torch.Tensor, other: torch.Tensor, tolerance: float = 1e-4) -> bool:
    return bool(((one * other).sum(dim=1).abs() > 1 - tolerance).all())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), parts=st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_batches_give_what_one_decomposition_gives(seed: int, parts: list[int]) -> None:
    rows = draw(60 + sum(parts), 8, seed)
    pca = StreamingPCA()
    for part in rows.split([60, *parts]):
        pca.update(part)
    assert pca.count == len(rows)
    assert same_up_to_sign(pca.components(8), reference(rows, 8))
    assert torch.allclose(pca.variances(), torch.linalg.eigvalsh(rows.double().T.cov(correction=0)).flip(0))


def test_feature_maps_are_read_as_one_feature_a_location() -> None:
    maps = draw(2 * 5 * 3, 6).view(2, 5, 3, 6).permute(0, 3, 1, 2)
    rows = maps.permute(0, 2, 3, 1).reshape(-1, 6)
    assert torch.equal(StreamingPCA().update(maps).components(4), StreamingPCA().update(rows).components(4))


def test_merging_equals_one_accumulator() -> None:
    rows = draw(100, 7)
    merged = StreamingPCA().merge(StreamingPCA()).merge(StreamingPCA().update(rows[:30]))
    merged.merge(StreamingPCA().load_state_dict(StreamingPCA().update(rows[30:]).state_dict()))
    merged.merge(StreamingPCA().load_state_dict(StreamingPCA().state_dict()))
    whole = StreamingPCA().update(rows)
    assert merged.count == whole.count
    assert torch.allclose(merged.scatter, whole.scatter, rtol=1e-10)
    assert torch.allclose(merged.components(3), whole.components(3), atol=1e-6)


def test_merging_leaves_the_other_accumulator_alone() -> None:
    other = StreamingPCA().update(draw(10, 4))
    scatter = other.scatter.clone()
    StreamingPCA().merge(other).update(draw(5, 4, seed=1))
    assert torch.equal(other.scatter, scatter)


def test_a_large_offset_costs_no_precision() -> None:
    rows = draw(200, 5)
    pca = StreamingPCA()
    for part in (rows.double() + 1e6).split(20):
        pca.update(part)
    assert same_up_to_sign(pca.components(5), reference(rows, 5), 1e-6)


def test_components_are_orthonormal_float32() -> None:
    components = StreamingPCA().update(draw(50, 6).half().view(50, 6, 1, 1)).components(6)
    assert components.dtype == torch.float32
    assert torch.allclose(components @ components.T, torch.eye(6), atol=1e-6)


def test_signs_follow_the_rule_or_the_generator() -> None:
    pca = StreamingPCA().update(draw(80, 12))
    fixed = pca.components(12)
    assert (fixed.gather(1, fixed.abs().argmax(dim=1, keepdim=True)) > 0).all()
    drawn = [pca.components(12, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    signs = (drawn[0] * fixed).sum(dim=1)
    assert torch.allclose(signs.abs(), torch.ones(12), atol=1e-5)
    assert (signs < 0).any()
    assert (signs > 0).any()


def test_finds_the_published_first_directions(golden) -> None:  # noqa: ANN001
    maps = torch.stack([torch.from_numpy(golden[f'features_{image}']) for image in range(3)])
    rows = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
    assert same_up_to_sign(StreamingPCA().update(maps).components(27), reference(rows, 27), 1e-3)


@pytest.mark.parametrize(
    ('features', 'message'),
    [
        (torch.zeros(3), 'must be'),
        (torch.zeros(2, 3, 4), 'must be'),
        (torch.tensor([[1.0, float('nan'), 0.0]]), 'not finite'),
        (torch.zeros(2, 4), '4 channels, earlier ones had 3'),
    ],
)
def test_refuses_features_that_do_not_fit(features: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StreamingPCA().update(torch.zeros(1, 3)).update(features)


def test_says_when_it_has_seen_nothing_or_too_little() -> None:
    with pytest.raises(ValueError, match='no features were seen'):
        StreamingPCA().update(torch.zeros(0, 3)).components(1)
    with pytest.raises(ValueError, match='no features were seen'):
        StreamingPCA().variances()
    with pytest.raises(ValueError, match='4 components of features with 3 channels'):
        StreamingPCA().update(torch.zeros(2, 3)).components(4)
