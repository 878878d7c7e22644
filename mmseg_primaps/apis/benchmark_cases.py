"""What the benchmark compares: our functions beside the plain published steps."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..ops import (
    dense_crf,
    majority_vote,
    mask_proposals,
    principal_masks,
    prototype_focal_loss,
    prototype_logits,
    upsampled_argmax,
)
from ..ops.reference import reference_em_step, reference_principal_masks
from . import benchmark_inputs as inputs


class Work(NamedTuple):
    """One comparison with its inputs in place."""

    ours: Callable[[], Any]
    reference: Callable[[], Any] | None
    """The plain steps; None where there is nothing to compare with on this machine."""
    error: Callable[[Any, Any], float]
    """Largest difference of our result (first) from the right one, which need not be the reference's (second)."""


@dataclass(frozen=True)
class Case:
    """A comparison that can be set up on any device."""

    name: str
    reference: str
    build: Callable[[torch.device], Work]
    gate: float | None = None
    """Least ratio of the times that is asked for."""
    threads: int = 1
    device: str | None = None
    """Kind of device that the case is for, `'cpu'` or `'cuda'`; None is any."""


def proposal_cases() -> list[Case]:
    """Principal masks: channels, grids, batches and a spectrum on which power iterations do not converge."""
    sizes = [(1, 384, 40, 25.0), (1, 768, 40, 10.0), (1, 384, 23, None), (1, 768, 23, None), (4, 384, 40, None)]
    cases = [
        Case(f'masks {batch}x{channels}x{side}x{side}', _LOOP, _masks(batch, channels, side), gate)
        for batch, channels, side, gate in sizes
    ]
    whole = [
        Case(f'proposals with CRF {batch}x384x40x40 to 320', 'none', _proposals(batch), device=device)
        for batch, device in ((1, None), (16, None), (64, 'cuda'))
    ]
    return [*cases, Case('masks 1x384x40x40, eigen-gap 1e-6', _LOOP, _masks(1, 384, 40, gap=1e-6)), *whole]


def crf_cases() -> list[Case]:
    """Dense CRF: labels and sizes on photographs, and two pictures on two threads."""
    sizes = [(12, 320, 320, 0.9), (27, 320, 320, 0.9), (12, 160, 160, None), (12, 320, 640, None)]
    cases = [
        Case(f'crf {labels} labels {height}x{width}', 'pydensecrf', _crf(labels, height, width), gate)
        for labels, height, width, gate in sizes
    ]
    threads = Case('crf 2 pictures, 2 threads', 'ours on 1 thread', _crf_threads(12, 320), 1.8, threads=2, device='cpu')
    together = Case('crf 32 pictures, 12 labels 320x320', 'none', _crf_together(32, 12, 320), device='cuda')
    return [*cases, threads, together]


def em_cases() -> list[Case]:
    """The head's part of an EM step: batches, and the smaller grid of DINOv2."""
    sizes = [(8, 384, 40, 320, 25.0), (2, 384, 40, 320, None), (2, 768, 23, 322, None)]
    cases = [
        Case(f'em {batch}x{channels}x{side}x{side} to {size}', _UPSAMPLED, em_work(batch, channels, side, size), gate)
        for batch, channels, side, size, gate in sizes
    ]
    return [*cases, Case('em 32x384x40x40 to 320', 'none', em_work(32, 384, 40, 320, compare=False))]


_LOOP = 'loop with pca_lowrank'
_UPSAMPLED = 'features upsampled'


def _masks(batch: int, channels: int, side: int, gap: float | None = None) -> Callable[[torch.device], Work]:
    def build(device: torch.device) -> Work:
        features = inputs.feature_maps(batch, channels, side, side) if gap is None else None
        features = (inputs.degenerate_features(channels, side, gap or 0) if features is None else features).to(device)
        return Work(
            lambda: principal_masks(features),
            lambda: [reference_principal_masks(image) for image in features],
            lambda ours, _: max(
                _difference(masks, reference_principal_masks(image, exact=True))
                for masks, image in zip(ours, features, strict=True)
            ),
        )

    return build


def _proposals(batch: int) -> Callable[[torch.device], Work]:
    def build(device: torch.device) -> Work:
        features = inputs.feature_maps(batch, 384, 40, 40).to(device)
        pictures = inputs.photographs(batch, 320, 320).to(device)
        return Work(lambda: mask_proposals(features, pictures), None, _largest)

    return build


def _difference(masks: Tensor, expected: Tensor) -> float:
    """Largest difference of padded masks from those of one image; 1 where their number differs."""
    count = int((masks > 0).flatten(1).any(1).sum())
    return float((masks[:count] - expected).abs().max()) if count == len(expected) else 1.0


def _crf(labels: int, height: int, width: int) -> Callable[[torch.device], Work]:
    def build(device: torch.device) -> Work:
        images = inputs.photographs(1, height, width)
        probabilities = inputs.flat_probabilities(1, labels, height, width)
        here = images.to(device), probabilities.to(device)
        reference = None if find_spec('pydensecrf') is None else lambda: _pydensecrf(probabilities[0], images[0])
        return Work(lambda: dense_crf(here[1], here[0])[0].cpu(), reference, _largest)

    return build


def _crf_together(count: int, labels: int, side: int) -> Callable[[torch.device], Work]:
    def build(device: torch.device) -> Work:
        images = inputs.photographs(count, side, side).to(device)
        probabilities = inputs.flat_probabilities(count, labels, side, side).to(device)
        return Work(lambda: dense_crf(probabilities, images), None, _largest)

    return build


def _crf_threads(labels: int, side: int) -> Callable[[torch.device], Work]:
    def build(device: torch.device) -> Work:
        ours = _crf_together(2, labels, side)(device).ours
        return Work(ours, lambda: _alone(ours), _largest)

    return build


def _alone(function: Callable[[], Tensor]) -> Tensor:
    """Call with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return function()
    finally:
        torch.set_num_threads(threads)


def _pydensecrf(probabilities: Tensor, image: Tensor) -> Tensor:
    """The published call of pydensecrf on `[L, H, W]` and a uint8 RGB `[3, H, W]`."""
    from pydensecrf.densecrf import DenseCRF2D
    from pydensecrf.utils import unary_from_softmax

    labels, height, width = probabilities.shape
    field = DenseCRF2D(width, height, labels)
    field.setUnaryEnergy(unary_from_softmax(probabilities.numpy()))
    field.addPairwiseGaussian(sxy=1, compat=3)
    colours = image.flip(0).permute(1, 2, 0).contiguous().numpy()
    field.addPairwiseBilateral(sxy=67, srgb=3, rgbim=colours, compat=4)
    return torch.from_numpy(np.array(field.inference(10))).view(labels, height, width)


def em_work(batch: int, channels: int, side: int, size: int, compare: bool = True) -> Callable[[torch.device], Work]:
    """The head's part of an EM step with 27 classes, beside the reference if `compare`."""
    classes = 27

    def build(device: torch.device) -> Work:
        teacher = inputs.feature_maps(batch, channels, side, side).to(device)
        student = inputs.feature_maps(batch, channels, side, side, seed=1).to(device)
        proposals = (inputs.regions(batch, 13, size, size) + 1).to(device)
        proposals[proposals == 13] = 255
        momentum = torch.randn(classes, channels, generator=torch.Generator().manual_seed(2)).to(device)

        def step(function: Callable[..., Tensor]) -> Tensor:
            direction = momentum.clone().requires_grad_()
            gain = torch.ones(classes, device=device, requires_grad=True)
            loss = function(teacher, student, momentum, direction, gain, proposals)
            return torch.cat(
                [loss.view(1), *(value.grad.flatten() for value in (direction, gain) if value.grad is not None)]
            )

        reference = (lambda: step(reference_em_step)) if compare else None
        return Work(lambda: step(em_step), reference, _largest)

    return build


def em_step(
    teacher: Tensor, student: Tensor, momentum: Tensor, direction: Tensor, gain: Tensor, proposals: Tensor
) -> Tensor:
    """The head's part of one EM step as the decode head does it; arguments as of `reference_em_step`."""
    size = (proposals.shape[1], proposals.shape[2])
    labels = upsampled_argmax(prototype_logits(teacher, momentum), size)
    target = majority_vote(labels, proposals, len(momentum))
    loss = prototype_focal_loss(prototype_logits(student, direction, gain), target)
    loss.backward()
    return loss.detach()


def _largest(ours: Tensor, reference: Tensor) -> float:
    """Largest absolute difference of two tensors."""
    return float((ours.cpu() - reference.cpu()).abs().max())
