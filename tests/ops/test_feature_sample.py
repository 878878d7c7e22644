"""A sample of a stream does not depend on how the stream is cut."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import FeatureSample
from mmseg_primaps.ops.feature_sample import random_keys


def number_features(images: int, channels: int = 2, grid: tuple[int, int] = (3, 4)) -> torch.Tensor:
    """Every feature holds its own number in all channels."""
    numbers = torch.arange(images * grid[0] * grid[1], dtype=torch.float32).view(images, 1, *grid)
    return numbers.expand(images, channels, *grid)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(-(2**63), 2**63 - 1),
    size=st.integers(1, 80),
    order=st.permutations(range(6)),
    cut=st.integers(0, 6),
)
def test_neither_batches_nor_order_nor_processes_matter(seed: int, size: int, order: list[int], cut: int) -> None:
    features = number_features(6)
    whole = FeatureSample(size, seed).update(features, torch.arange(6))
    first, second = FeatureSample(size, seed), FeatureSample(size, seed)
    for index in order:
        part = first if index < cut else second
        part.update(features[index : index + 1], torch.tensor([index]))
    merged = FeatureSample(size, seed).load_state_dict(second.state_dict()).merge(first)
    assert merged.seen == whole.seen == 72
    assert torch.equal(merged.rows(), whole.rows())
    assert len(whole.rows()) == min(size, 72)


def test_features_are_whole_and_drawn_without_replacement() -> None:
    rows = FeatureSample(40, 3).update(number_features(6, channels=5), torch.arange(6)).rows()
    assert rows.shape == (40, 5)
    assert (rows == rows[:, :1]).all()
    assert len(rows[:, 0].unique()) == 40


def test_every_feature_is_as_likely_as_any_other() -> None:
    drawn = [FeatureSample(6, seed).update(number_features(3), torch.arange(3)).rows()[:, 0] for seed in range(600)]
    counts = torch.bincount(torch.cat(drawn).long(), minlength=36)
    # 100 expected, standard deviation 9.1.
    assert counts.min() > 60
    assert counts.max() < 140


def test_keys_are_uniform_and_depend_on_all_three_numbers() -> None:
    keys = random_keys(5, torch.arange(400), 250)
    assert keys.shape == (400, 250)
    assert 0 <= float(keys.min()) < 1e-3
    assert 0.999 < float(keys.max()) < 1
    histogram = torch.histc(keys, 50, 0, 1) / 2000
    assert (histogram - 1).abs().max() < 0.12
    assert len(keys.unique()) == keys.numel()
    assert torch.equal(random_keys(5, torch.tensor([7]), 250), keys[7:8])
    assert not torch.equal(random_keys(6, torch.tensor([7]), 250), keys[7:8])
    correlation = torch.corrcoef(torch.stack([keys[:-1].flatten(), keys[1:].flatten()]))[0, 1]
    assert abs(float(correlation)) < 0.02


def test_rows_and_feature_maps_of_one_place_are_the_same() -> None:
    rows = torch.randn(50, 4)
    by_row = FeatureSample(10).update(rows, torch.arange(50)).rows()
    assert torch.equal(by_row, FeatureSample(10).update(rows.view(50, 4, 1, 1), torch.arange(50)).rows())


def test_memory_stays_at_twice_the_sample() -> None:
    sample = FeatureSample(10)
    for index in range(50):
        sample.update(number_features(1), torch.tensor([index]))
        assert len(sample.state_dict()['keys']) <= 20
    assert sample.seen == 600


def test_an_empty_sample_merges_and_says_so() -> None:
    sample = FeatureSample(5).merge(FeatureSample(5)).load_state_dict(FeatureSample(5).state_dict())
    with pytest.raises(ValueError, match='no features were offered'):
        sample.rows()
    with pytest.raises(ValueError, match='at least one feature, not 0'):
        FeatureSample(0)
    with pytest.raises(ValueError, match='need as many indices'):
        sample.update(torch.zeros(3, 2), torch.arange(2))
