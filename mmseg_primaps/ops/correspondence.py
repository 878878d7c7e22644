"""STEGO's objective: codes correlate where features correlate more than a shift, and not where they do less.

Follows Hamilton et al. 2022 and the public code mhamilton723/STEGO (``ContrastiveCorrelationLoss``).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NEGATIVES = 5


@dataclass(frozen=True)
class CorrespondenceTerm:
    """Weight and shift b of one of the three terms (an image with itself, with a neighbour, with a random image)."""

    weight: float
    shift: float


def sample_points(
    batch: int, size: int, generator: torch.Generator | None = None, device: torch.device | str = 'cpu'
) -> Tensor:
    """Random points for :func:`sample_at`, uniform over each image and drawn for each anew.

    Args:
        batch: Number of images.
        size: Side of the square of points.
        generator: Of the same device; torch's global one where not given.
        device: Where the points lie.

    Returns:
        ``[B, size, size, 2]`` in -1..1 (the centres of the outermost patches).
    """
    return torch.rand(batch, size, size, 2, generator=generator, device=device) * 2 - 1


def sample_at(maps: Tensor, points: Tensor) -> Tensor:
    """Bilinear values of maps ``[B, C, h, w]`` at points ``[B, s, t, 2]`` (row, column): ``[B, C, t, s]``.

    The grid's two axes are swapped, as in the public code; points are random, so it changes no distribution.
    """
    grid = points.permute(0, 2, 1, 3).to(maps)
    return F.grid_sample(maps, grid, mode='bilinear', padding_mode='border', align_corners=True)


def correlation(left: Tensor, right: Tensor) -> Tensor:
    """Cosine of every location of one map with every location of the other.

    Args:
        left: ``[B, C, h, w]``.
        right: ``[B, C, i, j]``.

    Returns:
        ``[B, h, w, i, j]``.
    """
    left, right = (F.normalize(values, dim=1, eps=1e-10) for values in (left, right))
    return torch.einsum('nchw,ncij->nhwij', left, right)


def centre_correlation(features: Tensor) -> Tensor:
    """Spatial centring of a feature correlation ``[B, h, w, i, j]``.

    Each left location loses its mean over the right ones, and the mean over the whole batch is added back: without it
    the published shifts would not fit.
    """
    return features - features.mean(dim=(3, 4), keepdim=True) + features.mean()


def correspondence_term(
    features: Tensor, codes: Tensor, shift: float, centre: bool = True, zero_clamp: bool = True
) -> Tensor:
    """``-max(cd, 0) (fd - b)`` of one term, averaged.

    Args:
        features: Feature correlation fd ``[B, h, w, i, j]``; gets no gradient.
        codes: Code correlation cd, of the same shape.
        shift: b: pairs with fd > b are pulled together, others pushed to cd = 0 and left there.
        centre: Apply :func:`centre_correlation` (``pointwise`` in the public code).
        zero_clamp: Without it cd is used as it is, and dissimilar pairs are pushed below zero.

    Returns:
        Scalar.
    """
    features = features.detach()
    if centre:
        features = centre_correlation(features)
    return -((codes.clamp_min(0) if zero_clamp else codes) * (features - shift)).mean()


def random_partners(batch: int, generator: torch.Generator | None = None, device: torch.device | str = 'cpu') -> Tensor:
    """Another image for each of the batch, ``[B]``; no image gets itself, duplicates occur (as published).

    Raises:
        ValueError: A batch of one image has no other.
    """
    if batch < 2:  # noqa: PLR2004
        raise ValueError('a batch of one image has no negative pair: use two or more images (drop_last)')
    order = torch.randperm(batch, generator=generator, device=device)
    order[order == torch.arange(batch, device=device)] += 1
    return order % batch


def correspondence_loss(
    features: Tensor,
    codes: Tensor,
    positive_features: Tensor,
    positive_codes: Tensor,
    terms: dict[str, CorrespondenceTerm],
    generator: torch.Generator | None = None,
    samples: int = 11,
    negatives: int = NEGATIVES,
    centre: bool = True,
    zero_clamp: bool = True,
) -> tuple[Tensor, dict[str, Tensor]]:
    """STEGO's loss of a batch and its neighbours.

    Args:
        features: ``[B, C, h, w]`` of the images; no gradient.
        codes: ``[B, d, h, w]``; gradient flows into both sides of every pair.
        positive_features: The same of one neighbour for each image.
        positive_codes: The same of one neighbour for each image.
        terms: ``'intra'`` (an image with itself), ``'inter'`` (with its neighbour), ``'negative'``.
        generator: Where points and negatives are drawn from, of the maps' device; torch's global one where not given.
        samples: Side of the square of points for each image.
        negatives: Random partners for each image.
        centre: See :func:`correspondence_term`.
        zero_clamp: See :func:`correspondence_term`.

    Returns:
        The weighted sum, and for the log the mean correlation of features ``fd_*`` and codes ``cd_*`` of each term
        (watch them when tuning shifts: all cd near 1 is collapse, all near 0 means that nothing was learnt).
    """
    own, other = (sample_points(len(features), samples, generator, features.device) for _ in range(2))
    feature, code = sample_at(features, own), sample_at(codes, own)
    partners = [random_partners(len(features), generator, features.device) for _ in range(negatives)]
    # every partner is sampled at the same second draw of points
    pairs = {
        'intra': [(feature, code)],
        'inter': [(sample_at(positive_features, other), sample_at(positive_codes, other))],
        'negative': [(sample_at(features[p], other), sample_at(codes[p], other)) for p in partners],
    }
    total = features.new_zeros(())
    log: dict[str, Tensor] = {}
    for name, partner in pairs.items():
        fd = [correlation(feature, right).detach() for right, _ in partner]
        cd = [correlation(code, right) for _, right in partner]
        term = terms[name]
        # each draw of negatives is centred by its own mean
        draws = [correspondence_term(f, c, term.shift, centre, zero_clamp) for f, c in zip(fd, cd, strict=True)]
        total = total + term.weight * torch.stack(draws).mean()
        log |= {f'fd_{name}': torch.stack(fd).mean(), f'cd_{name}': torch.stack(cd).detach().mean()}
    return total, log
