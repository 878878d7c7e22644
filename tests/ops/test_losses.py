"""Losses and their gradients are the published ones, on the patch grid."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops import (
    class_frequencies,
    cosine_kmeans_loss,
    majority_vote,
    momentum_decay,
    prototype_focal_loss,
    prototype_logits,
)


def reference_loss(logits: Tensor, target: Tensor, gamma: float, frequencies: Tensor | None = None) -> Tensor:
    """The formula written out, with everything in memory at once."""
    probabilities = F.interpolate(logits, size=target.shape[1:], mode='bilinear').softmax(dim=1)
    chi = probabilities.detach().mean(dim=(0, 2, 3)) if frequencies is None else frequencies
    counted = target != 255
    classes = target.masked_fill(~counted, 0)
    likelihood = probabilities.gather(1, classes.unsqueeze(1)).squeeze(1)
    return (counted * (1 - chi[classes]) ** gamma * -likelihood.log()).mean()


def draw(images: int, classes: int, grid: tuple[int, int], size: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(images, classes, *grid, generator=generator, dtype=torch.float64)
    target = torch.randint(classes, (images, *size), generator=generator)
    target[torch.rand(target.shape, generator=generator) < 0.3] = 255
    return logits.requires_grad_(), target


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    images=st.integers(1, 3),
    classes=st.integers(1, 6),
    grid=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    scale=st.tuples(st.floats(0.5, 4), st.floats(0.5, 4)),
    gamma=st.sampled_from([0.0, 1.0, 2.0, 3.5]),
)
def test_equals_the_formula_in_value_and_gradient(
    seed: int, images: int, classes: int, grid: tuple[int, int], scale: tuple[float, float], gamma: float
) -> None:
    size = (max(1, round(grid[0] * scale[0])), max(1, round(grid[1] * scale[1])))
    logits, target = draw(images, classes, grid, size, seed)
    expected = reference_loss(logits, target, gamma)
    (expected_gradient,) = torch.autograd.grad(2 * expected, logits)
    loss = prototype_focal_loss(logits, target, gamma)
    (gradient,) = torch.autograd.grad(2 * loss, logits)
    assert torch.allclose(loss, expected, rtol=1e-9, atol=1e-12)
    assert torch.allclose(gradient, expected_gradient, rtol=1e-7, atol=1e-10)


def test_given_frequencies_replace_those_of_the_batch() -> None:
    logits, target = draw(4, 5, (3, 4), (12, 16), 0)
    chi = class_frequencies(logits, (12, 16))
    parts = [prototype_focal_loss(logits[i : i + 2], target[i : i + 2], frequencies=chi) for i in (0, 2)]
    assert torch.allclose(sum(parts) / 2, prototype_focal_loss(logits, target))
    other = torch.full((5,), 0.2, dtype=torch.float64)
    assert torch.allclose(
        prototype_focal_loss(logits, target, frequencies=other), reference_loss(logits, target, 2.0, other)
    )


def test_frequencies_are_mean_probabilities_without_gradient() -> None:
    logits, _ = draw(3, 4, (3, 3), (9, 9), 1)
    chi = class_frequencies(logits, (9, 9))
    expected = F.interpolate(logits, size=(9, 9), mode='bilinear').softmax(dim=1).mean(dim=(0, 2, 3))
    assert not chi.requires_grad
    assert torch.allclose(chi, expected)
    assert float(chi.sum()) == pytest.approx(1)


def test_ignored_pixels_lower_the_mean_and_get_no_gradient() -> None:
    logits, target = draw(1, 3, (2, 2), (4, 4), 2)
    ignored = target.clone().fill_(255)
    loss = prototype_focal_loss(logits, ignored)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss == 0
    assert not gradient.any()
    half = torch.zeros(1, 4, 4, dtype=torch.int64)
    half[:, 2:] = 255
    flat = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
    assert float(prototype_focal_loss(flat, half, gamma=0)) == pytest.approx(np.log(3) / 2)


def test_frequencies_may_be_combined_with_those_of_other_processes() -> None:
    logits, target = draw(2, 4, (3, 3), (6, 6), 5)
    seen: list[Tensor] = []

    def mean_over_processes(chi: Tensor) -> Tensor:
        seen.append(chi)
        return (chi + 1 / 4) / 2

    loss = prototype_focal_loss(logits, target, frequencies=mean_over_processes)
    assert torch.allclose(seen[0], class_frequencies(logits, (6, 6)))
    assert torch.allclose(loss, reference_loss(logits, target, 2.0, (seen[0] + 1 / 4) / 2))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_summed_in_float32(dtype: torch.dtype) -> None:
    logits, target = draw(2, 5, (4, 4), (16, 16), 6)
    half = logits.detach().to(dtype).requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = prototype_focal_loss(half, target)
        chi = class_frequencies(half, (16, 16))
    loss.backward()
    assert loss.dtype == chi.dtype == torch.float32
    assert half.grad.dtype == dtype
    assert torch.allclose(loss.double(), reference_loss(half.detach().double(), target, 2.0), atol=1e-6)


def test_a_backward_pass_inside_autocast_is_not_rounded() -> None:
    logits, target = draw(2, 5, (4, 5), (13, 11), 0)
    expected, rounded = (logits.detach().float().requires_grad_() for _ in range(2))
    prototype_focal_loss(expected, target).backward()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        prototype_focal_loss(rounded, target).backward()
    assert torch.equal(rounded.grad, expected.grad)


def test_the_number_of_threads_may_change_before_the_backward_pass() -> None:
    logits = torch.randn(2, 27, 10, 10, requires_grad=True)
    target = torch.randint(27, (2, 160, 160))
    (expected,) = torch.autograd.grad(prototype_focal_loss(logits, target), logits)
    torch.set_num_threads(2)
    loss = prototype_focal_loss(logits, target)
    torch.set_num_threads(1)
    torch.testing.assert_close(torch.autograd.grad(loss, logits)[0], expected)


def test_any_integer_type_of_target_and_any_ignore_index() -> None:
    logits, target = draw(2, 3, (2, 2), (5, 5), 3)
    loss = prototype_focal_loss(logits, target)
    assert torch.equal(loss, prototype_focal_loss(logits, target.to(torch.uint8)))
    moved = target.masked_fill(target == 255, -1)
    assert torch.equal(loss, prototype_focal_loss(logits, moved, ignore_index=-1))


def test_very_confident_logits_stay_finite() -> None:
    logits = torch.tensor([[[[0.0, 4000.0]], [[4000.0, 0.0]], [[-4000.0, -3000.0]]]], requires_grad=True)
    target = torch.tensor([[[0, 1, 2, 0, 1, 255]]])
    loss = prototype_focal_loss(logits, target)
    (gradient,) = torch.autograd.grad(loss, logits)
    expected = reference_loss(logits.detach().double(), target, 2.0)
    assert torch.isfinite(gradient).all()
    assert torch.isfinite(loss)
    assert torch.isinf(expected)


def test_without_a_gradient_the_loss_is_the_same() -> None:
    logits, target = draw(2, 3, (3, 2), (6, 8), 4)
    with torch.no_grad():
        assert torch.allclose(prototype_focal_loss(logits, target), reference_loss(logits, target, 2.0))


@pytest.mark.parametrize('shape', [(4, 4), (2, 4, 4), (1, 0, 4), (1, 1, 4, 4)])
def test_refuses_a_target_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r'must be \[B, H, W\] for logits \(1, 3, 2, 2\)'):
        prototype_focal_loss(torch.zeros(1, 3, 2, 2), torch.zeros(shape, dtype=torch.int64))


@pytest.mark.parametrize('value', [3, 254, -1])
def test_refuses_a_target_outside_the_classes(value: int) -> None:
    with pytest.raises(ValueError, match=r'target must lie in 0\.\.2 or be 255 \(ignored\)'):
        prototype_focal_loss(torch.zeros(1, 3, 2, 2), torch.full((1, 4, 4), value))


def test_cosine_loss_equals_a_loop_over_features_and_does_not_see_lengths() -> None:
    generator = torch.Generator().manual_seed(0)
    features, prototypes = torch.randn(2, 5, 3, 4, generator=generator), torch.randn(6, 5, generator=generator)
    rows = features.permute(0, 2, 3, 1).reshape(-1, 5)
    best = [max(float(F.cosine_similarity(row, p, dim=0)) for p in prototypes) for row in rows]
    loss = cosine_kmeans_loss(features, prototypes)
    assert float(loss) == pytest.approx(-np.mean(best), abs=1e-6)
    assert torch.allclose(cosine_kmeans_loss(7 * features, prototypes * torch.rand(6, 1, generator=generator)), loss)


def test_a_feature_without_length_has_cosine_zero() -> None:
    prototypes = torch.ones(2, 3, requires_grad=True)
    loss = cosine_kmeans_loss(torch.zeros(1, 3, 2, 2), prototypes)
    loss.backward()
    assert loss == 0
    assert torch.isfinite(prototypes.grad).all()


@dataclass
class Published:
    """The three feature maps, their proposals and what the authors' code did with them."""

    numbers: dict[str, np.ndarray]

    def tensor(self, key: str) -> Tensor:
        """One array of the file."""
        return torch.from_numpy(self.numbers[key])

    def stack(self, name: str) -> Tensor:
        """The three maps of one name as a batch."""
        return torch.stack([self.tensor(f'{name}_{image}') for image in range(3)])


@pytest.fixture
def published(golden: dict[str, np.ndarray]) -> Published:
    return Published(golden)


def test_cosine_kmeans_follows_the_published_training(published: Published) -> None:
    features, prototypes = published.stack('features').float(), published.tensor('kmeans_init').requires_grad_()
    optimizer, losses = torch.optim.Adam([prototypes], lr=5e-3), []
    for _ in range(5):
        loss = cosine_kmeans_loss(features, prototypes)
        losses.append(float(loss))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(losses, published.numbers['kmeans_losses'], rtol=0, atol=1e-5)
    np.testing.assert_allclose(prototypes.detach(), published.numbers['kmeans_after5'], rtol=0, atol=1e-4)


def predict(features: Tensor, direction: Tensor, gain: Tensor) -> Tensor:
    logits = prototype_logits(features, direction, gain)
    return F.interpolate(logits, size=(320, 320), mode='bilinear').argmax(dim=1)


def test_first_step_of_em_is_the_published_one(published: Published) -> None:
    features, direction = published.stack('features').float(), published.tensor('em_init_v').requires_grad_()
    gain = torch.ones(27, requires_grad=True)
    prediction = predict(features, direction.detach(), gain.detach())
    target = majority_vote(prediction, published.stack('mask_map'), 27)
    logits = prototype_logits(features, direction, gain)
    prototype_focal_loss(logits, target).backward()
    weights = (1 - class_frequencies(logits, (320, 320))) ** 2
    assert torch.equal(prediction, published.tensor('em_pred_first').long())
    assert torch.equal(target, published.tensor('em_pseudo_label_first').long())
    np.testing.assert_allclose(weights, published.numbers['em_class_weights_first'], rtol=0, atol=1e-5)
    np.testing.assert_allclose(direction.grad, published.numbers['em_grad_v_first'], rtol=0, atol=1e-5)
    np.testing.assert_allclose(gain.grad, published.numbers['em_grad_g_first'], rtol=0, atol=1e-5)


def test_twelve_steps_of_em_follow_the_published_training(published: Published) -> None:
    features, proposals = published.stack('features').float(), published.stack('mask_map')
    running = [published.tensor('em_init_v').requires_grad_(), torch.ones(27, requires_grad=True)]
    momentum = [prototype.detach().clone() for prototype in running]
    optimizer, losses = torch.optim.Adam(running, lr=5e-3), []
    for iteration in range(12):
        target = majority_vote(predict(features, *momentum), proposals, 27)
        loss = prototype_focal_loss(prototype_logits(features, *running), target)
        losses.append(float(loss))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration in (2, 4, 6, 8, 10):
            decay = momentum_decay(iteration // 2)
            for slow, fast in zip(momentum, running, strict=True):
                slow.lerp_(fast.detach(), 1 - decay)
    np.testing.assert_allclose(losses, published.numbers['em_losses'], rtol=0, atol=1e-4)
    for (slow, fast), name in zip(zip(momentum, running, strict=True), 'vg', strict=True):
        np.testing.assert_allclose(slow, published.numbers[f'em_momentum_{name}'], rtol=0, atol=1e-3)
        np.testing.assert_allclose(fast.detach(), published.numbers[f'em_running_{name}'], rtol=0, atol=1e-3)
