"""HP's objective against loops over its definition, and its known traps."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops import hidden_positives as ops


def unit(*shape: int, seed: int) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def case(images: int = 3, patches: int = 6) -> dict:
    return {
        'features': unit(images, patches, 5, seed=0),
        'stable_codes': unit(images, patches, 4, seed=1),
        'agnostic_pool': unit(7, 5, seed=2),
        'specific_pool': unit(7, 4, seed=3),
    }


def test_the_weight_of_specific_positives_rises_from_warmup_to_the_end() -> None:
    assert ops.specific_weight(0, 50, 150) == ops.specific_weight(50, 50, 150) == 0
    assert ops.specific_weight(100, 50, 150) == 0.5
    assert ops.specific_weight(150, 50, 150) == ops.specific_weight(900, 50, 150) == 1
    assert ops.specific_weight(60, 50, 50) == 1


def test_the_nearest_reference_is_brute_force_over_the_pool() -> None:
    patches, pool = unit(5000, 5, seed=0), unit(7, 5, seed=1)
    expected = torch.stack([(patches * reference).sum(1) for reference in pool]).amax(0)
    assert torch.allclose(ops.nearest_reference(patches, pool), expected, atol=1e-6)


def test_positives_are_symmetric_strict_and_never_the_anchor() -> None:
    patches, pool = unit(18, 5, seed=0), unit(4, 5, seed=1)
    threshold = ops.nearest_reference(patches, pool)
    blocks = [ops.hidden_positives(patches[s : s + 6], patches, threshold, s) for s in (0, 6, 12)]
    positive = torch.cat(blocks)
    similarity = patches @ patches.T
    for i in range(18):
        for j in range(18):
            close = similarity[i, j] > threshold[i] or similarity[i, j] > threshold[j]
            assert positive[i, j] == (bool(close) and i != j)
    assert torch.equal(positive, positive.T)
    same = patches.new_ones(3, 1)
    assert not ops.hidden_positives(same, same, torch.ones(3), 0).any()


def test_a_patch_has_about_one_positive_for_each_reference_less_one() -> None:
    """For exchangeable patches, N / (P + 1) on either side."""
    patches, pool = unit(2000, 16, seed=0), unit(50, 16, seed=1)
    positive = ops.hidden_positives(patches, patches, ops.nearest_reference(patches, pool), 0)
    assert float(positive.float().sum(1).mean()) == pytest.approx(2 * 2000 / 51, rel=0.3)


def loop_loss(case: dict, views: list[Tensor], weight: float, temperature: float, kept: Tensor) -> Tensor:
    """The closed form, pair by pair."""
    images, count = case['features'].shape[:2]
    flat, stable = case['features'].flatten(0, 1), case['stable_codes'].flatten(0, 1)
    close = flat @ flat.T, stable @ stable.T
    reach = (flat @ case['agnostic_pool'].T).amax(1), (stable @ case['specific_pool'].T).amax(1)
    total = torch.zeros(())
    for view in views:
        logits = view.flatten(0, 1) @ view.flatten(0, 1).T / temperature
        for image in range(images):
            above, below = torch.zeros(()), 0.0
            for p in range(count):
                i = image * count + p
                others = [j for j in range(images * count) if j != i]
                marks = [
                    {j for j in others if c[i, j] > r[i] or c[i, j] > r[j]} for c, r in zip(close, reach, strict=True)
                ]
                denominator = [j for j in others if j in marks[0] or kept[p, j]]
                if not marks[0]:
                    continue
                log_sum = logits[i, denominator].logsumexp(0)
                for j in others:
                    w = (j in marks[0]) + weight * (j in marks[1])
                    above, below = above + w * (log_sum - logits[i, j]), below + w
            total = total + (above / below if below else 0)
    return total * temperature / 0.07 / images / len(views)


@pytest.mark.parametrize(('weight', 'share'), [(0.0, 0.0), (0.4, 0.2), (1.0, 1.0)])
def test_the_loss_is_the_closed_form(weight: float, share: float) -> None:
    """Also: the denominator's random part is drawn once and shared by all images (trap 7)."""
    inputs, views = case(), [unit(3, 6, 4, seed=s) for s in (4, 5)]
    kept = torch.rand(6, 18, generator=torch.Generator().manual_seed(9)) < share
    got, log = ops.hidden_positive_loss(
        **inputs, views=tuple(views), weight=weight, temperature=0.5, kept_share=share,
        generator=torch.Generator().manual_seed(9),
    )  # fmt: skip
    assert torch.allclose(got, loop_loss(inputs, views, weight, 0.5, kept), atol=1e-5)
    assert log['positives'] > 0


def test_the_gradient_is_that_of_the_closed_form() -> None:
    inputs, view = case(), unit(3, 6, 4, seed=4)
    kept = torch.rand(6, 18, generator=torch.Generator().manual_seed(9)) < 0.2
    ours, theirs = view.clone().requires_grad_(), view.clone().requires_grad_()
    ops.hidden_positive_loss(
        **inputs, views=(ours,), weight=0.5, temperature=0.5, kept_share=0.2, generator=torch.Generator().manual_seed(9)
    )[0].backward()
    loop_loss(inputs, [theirs], 0.5, 0.5, kept).backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-5)


def test_images_without_a_positive_count_as_zero_and_give_no_nan() -> None:
    """Trap 8: the published code takes the mean of nothing."""
    inputs = case()
    inputs['agnostic_pool'] = inputs['features'].flatten(0, 1)  # every patch is its own reference: nothing is closer
    view = unit(3, 6, 4, seed=4).requires_grad_()
    loss, log = ops.hidden_positive_loss(
        **inputs, views=(view,), weight=1.0, temperature=0.5, kept_share=0.0, generator=torch.Generator().manual_seed(0)
    )
    loss.backward()
    assert float(loss.detach()) == 0
    assert log['positives'] == 0
    assert torch.equal(view.grad, torch.zeros_like(view))


@given(st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_a_patch_has_its_neighbours_inside_the_grid(rows: int, columns: int) -> None:
    near = ops.neighbourhood((rows, columns)).view(rows, columns, rows, columns)
    for r in range(rows):
        for c in range(columns):
            expected = torch.zeros(rows, columns, dtype=torch.bool)
            expected[max(0, r - 1) : r + 2, max(0, c - 1) : c + 2] = True
            assert torch.equal(near[r, c], expected)


def test_neighbours_are_four_six_or_nine() -> None:
    counts = ops.neighbourhood((28, 28)).sum(1).view(28, 28)
    assert (counts[0, 0], counts[0, 5], counts[5, 5]) == (4, 6, 9)


def test_mixing_follows_the_published_order_patch_by_patch() -> None:
    generator = torch.Generator().manual_seed(0)
    codes, scores = torch.randn(2, 3, 4, 5, generator=generator), torch.randn(2, 20, 20, generator=generator) * 3
    got = ops.attention_mix(codes, scores)
    for image, (row, column) in [(0, (0, 0)), (1, (2, 3)), (0, (3, 2))]:
        raw = scores[image, row * 5 + column]
        low, high = raw.quantile(0.1), raw.quantile(0.9)
        weights = raw.clamp(low, high).softmax(0) * math.sqrt(20)
        weights[weights < weights.mean()] = 0
        total, inside = torch.zeros(3), 0
        for r in range(max(0, row - 1), min(4, row + 2)):
            for c in range(max(0, column - 1), min(5, column + 2)):
                total, inside = total + weights[r * 5 + c] * codes[image, :, r, c], inside + 1
        assert torch.allclose(got[image, :, row, column], total / inside, atol=1e-5)


def test_gradient_of_the_mix_reaches_neighbours_and_not_the_attention() -> None:
    codes, scores = torch.randn(1, 2, 3, 3).requires_grad_(), torch.zeros(1, 9, 9).requires_grad_()
    ops.attention_mix(codes, scores)[0, 0, 1, 1].backward()
    assert (codes.grad[0, 0] > 0).all()
    assert scores.grad is None
