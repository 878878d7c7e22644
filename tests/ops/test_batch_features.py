"""The scatter matrices of images that advance together."""

import torch

from mmseg_primaps.ops.batch_features import BatchFeatures
from mmseg_primaps.ops.image_features import ImageFeatures


def drawn(channels: int, count: int, batch: int) -> torch.Tensor:
    """Features `[B, C, n]` with a common mean."""
    return torch.randn(batch, channels, count, generator=torch.Generator().manual_seed(channels)) + 3


def test_a_batch_measures_what_each_image_does_alone() -> None:
    features = drawn(70, 60, batch=3)
    taken = torch.rand(3, 60, generator=torch.Generator().manual_seed(0)) < 0.3
    together = BatchFeatures(features)
    together.remove(taken)
    for index in range(3):
        alone = ImageFeatures(features[index])
        alone.remove(taken[index].nonzero().squeeze(1))
        torch.testing.assert_close(together.scatter[index], alone.scatter, atol=1e-3, rtol=1e-5)
        assert 0 < together.noise[index] <= alone.noise


def test_cosines_are_those_of_the_features_as_they_came() -> None:
    features = drawn(70, 50, batch=2)
    features[..., 7] = 0
    state = BatchFeatures(features)
    state.remove((torch.arange(50) == 3).expand(2, -1))
    direction = torch.nn.functional.normalize(torch.randn(2, 70), dim=1)
    expected = torch.nn.functional.cosine_similarity(features, direction[..., None])
    expected[:, [3, 7]] = 0
    torch.testing.assert_close(state.cosines(direction), expected, atol=1e-6, rtol=0)
    unit = torch.nn.functional.normalize(features[..., 9], dim=1)
    torch.testing.assert_close(state.unit(torch.tensor([[9], [9]])), unit)
