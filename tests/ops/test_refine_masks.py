"""Masks on the patch grid become the published proposals on the pixels."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter as scipy_median
from torch import Tensor

from mmseg_primaps.ops import dense_crf, principal_masks, refine_masks
from mmseg_primaps.ops.refine_masks import mask_logits, median_filter


def squares(count: int, images: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Masks `[B, count, 12, 12]` that do not overlap, values from 0.4 to 1, and pictures of 48 x 48."""
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.randint(count + 2, (images, 1, 4, 4), generator=generator)
    blocks = blocks.repeat_interleave(3, 2).repeat_interleave(3, 3)
    strength = 0.4 + 0.6 * torch.rand(images, 1, 12, 12, generator=generator)
    masks = (blocks == torch.arange(count).view(1, -1, 1, 1)) * strength
    colours = F.interpolate(torch.rand(images, 3, 6, 6, generator=generator), (48, 48), mode='bilinear')
    return masks, (255 * colours).to(torch.uint8)


def golden_masks(golden: dict[str, np.ndarray], image: int) -> Tensor:
    return principal_masks(torch.from_numpy(golden[f'features_{image}']).float()[None])


@pytest.mark.parametrize('image', [0, 1, 2])
def test_gives_the_published_proposals(golden: dict[str, np.ndarray], image: int) -> None:
    proposals = refine_masks(golden_masks(golden, image), torch.from_numpy(golden[f'crf_image_{image}'])[None])
    assert proposals.shape == (1, 320, 320)
    assert proposals.dtype == torch.int64
    assert (proposals[0].numpy() == golden[f'mask_map_{image}']).mean() >= 0.999


@pytest.mark.parametrize('image', [0, 1, 2])
def test_gives_the_published_unary(golden: dict[str, np.ndarray], image: int) -> None:
    masks = golden_masks(golden, image)
    stack = mask_logits(masks, torch.ones(1, 1 + masks.shape[1], dtype=torch.bool)).exp()
    np.testing.assert_allclose(stack[0].numpy(), golden[f'mask_stack_{image}'], rtol=0, atol=1e-5)


def test_follows_the_published_steps_one_by_one() -> None:
    masks, picture = squares(3)
    filtered = np.stack([scipy_median(mask, size=3, mode='mirror') for mask in masks[0].numpy()])
    binary = np.clip(10 * filtered, 0, 1)
    background = np.clip(binary[binary > 0].mean() - binary.sum(0, keepdims=True), 0, 1)
    logits = torch.from_numpy(np.concatenate([background, binary])).log_softmax(0)[None]
    unary = F.interpolate(logits, (48, 48), mode='bilinear', align_corners=False).softmax(1)
    expected = dense_crf(unary, picture).argmax(1)
    assert torch.equal(refine_masks(masks, picture), torch.where(expected == 0, 255, expected))
    assert torch.equal(refine_masks(masks, picture, crf=False) % 255, unary.argmax(1))


@pytest.mark.parametrize('crf', [True, False])
@given(padding=st.integers(0, 4), order=st.permutations(range(3)), seed=st.integers(0, 2**16))
@settings(max_examples=8, deadline=None)
def test_batch_and_padding_change_nothing(crf: bool, padding: int, order: list[int], seed: int) -> None:
    """An image gets what it gets alone without padding, also where the images have different numbers of masks."""
    masks, pictures = squares(4, images=3, seed=seed)
    masks[0, 2:] = 0
    masks[1, 1:] = 0
    alone = [refine_masks(masks[i : i + 1, :count], pictures[i : i + 1], crf=crf) for i, count in enumerate((2, 1, 4))]
    together = refine_masks(F.pad(masks, (0, 0, 0, 0, 0, padding))[order], pictures[order], crf=crf)
    assert torch.equal(together, torch.cat([alone[i] for i in order]))


def test_single_mask_keeps_its_axis() -> None:
    """The background is what the mask leaves, location by location."""
    mask = torch.zeros(1, 1, 8, 8)
    mask[:, :, 2:7, 3:8] = 0.8
    logits = mask_logits(mask, torch.ones(1, 2, dtype=torch.bool), median=False)
    covered = (mask[0, 0] > 0).float()
    torch.testing.assert_close(logits.exp()[0, 1], torch.sigmoid(2 * covered - 1))
    proposals = refine_masks(mask, torch.zeros(1, 3, 8, 8, dtype=torch.uint8), median=False, crf=False)
    assert torch.equal(proposals[0], torch.where(mask[0, 0] > 0, 1, 255))


def test_numbers_count_the_channels() -> None:
    """Masks that come out empty keep their number, and so do the later ones."""
    masks = torch.zeros(1, 4, 9, 9)
    masks[:, 0, :, :3] = 1
    masks[:, 1, 4, 4] = 1  # the median removes it
    masks[:, 3, :, 6:] = 1  # the third is padding
    proposals = refine_masks(masks, torch.zeros(1, 3, 9, 9, dtype=torch.uint8), crf=False)
    assert proposals.unique().tolist() == [1, 4, 255]


def test_mask_that_the_median_empties_stays_a_label() -> None:
    masks, _ = squares(2)
    lone = torch.zeros(1, 1, 12, 12)
    lone[0, 0, 5, 5] = 1
    valid = torch.tensor([[True, True, True, True]])
    logits = mask_logits(torch.cat([masks, lone], 1), valid)
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(1, 12, 12))
    assert (logits[:, 3].exp() > 0.1).all()


def test_median_can_be_left_out() -> None:
    masks = torch.zeros(1, 1, 8, 8)
    masks[0, 0, 4, 4] = 1
    picture = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    assert (refine_masks(masks, picture, crf=False) == 255).all()
    assert (refine_masks(masks, picture, crf=False, median=False) == 1).sum() == 1


@pytest.mark.parametrize('size', [(5, 7), (2, 2), (1, 6)])
def test_median_filter_is_scipys(size: tuple[int, int]) -> None:
    maps = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    expected = scipy_median(maps.numpy(), size=(1, 1, 3, 3), mode='mirror')
    np.testing.assert_array_equal(median_filter(maps).numpy(), expected)


@pytest.mark.parametrize('channels', [0, 3])
def test_image_without_masks_has_no_proposals(channels: int) -> None:
    proposals = refine_masks(torch.zeros(2, channels, 4, 4), torch.zeros(2, 3, 16, 16, dtype=torch.uint8))
    assert (proposals == 255).all()


def test_crf_takes_its_options() -> None:
    masks, picture = squares(3)
    assert torch.equal(refine_masks(masks, picture, iterations=0), refine_masks(masks, picture, crf=False))
    assert not torch.equal(refine_masks(masks, picture, bilateral_compat=0), refine_masks(masks, picture))


@pytest.mark.parametrize(
    ('masks', 'images', 'message'),
    [
        ((1, 255, 4, 4), (1, 3, 8, 8), '255 masks'),
        ((2, 4, 4), (2, 3, 8, 8), 'B, N, h, w'),
        ((2, 3, 4, 4), (1, 3, 8, 8), 'B, N, h, w'),
        ((1, 3, 4, 4), (1, 4, 8, 8), r'\[1, 3, 8, 8\]'),
    ],
)
def test_refuses_what_does_not_fit(masks: tuple[int, ...], images: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refine_masks(torch.ones(masks), torch.zeros(images, dtype=torch.uint8))
