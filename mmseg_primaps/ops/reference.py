"""The published steps written down plainly: what the fast functions are tested against and timed beside.

Nothing here is meant to be used in a run. Every function follows visinf/primaps step by step, on one image or one
batch, with no thought for time or memory.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def reference_principal_masks(
    features: Tensor,
    threshold: float = 0.4,
    coverage: float = 0.95,
    orientation: str = 'minority',
    nearest_neighbour: bool = True,
    exact: bool = False,
) -> Tensor:
    """The loop that :func:`principal_masks` replaces, on one image.

    Args:
        features: `[C, h, w]`.
        threshold: Least cosine relative to the largest.
        coverage: Fraction of the pixels to take.
        orientation: Sign of the direction; the published code leaves it to chance.
        nearest_neighbour: False compares with the direction itself.
        exact: Eigendecomposition in float64. False takes the published power iterations, `torch.pca_lowrank`, which
            do not converge where the two largest eigenvalues are close.

    Returns:
        `[N, h, w]`; a mask is NaN where no cosine is positive.
    """
    free = torch.ones(features.shape[1:], dtype=torch.bool, device=features.device)
    unit = features / features.norm(dim=0)
    history: list[Tensor] = []
    masks: list[Tensor] = []
    while (~free).sum() / free.numel() < coverage:
        rows = features[:, free].T
        direction = _exact_component(rows) if exact else torch.pca_lowrank(rows, q=3, niter=100)[2][:, 0]
        similarity = torch.einsum('c,chw->hw', direction, unit)
        similarity = similarity * _sign(similarity[free], orientation)
        similarity[~free] = 0
        if nearest_neighbour:
            seed = unit.flatten(1)[:, similarity.flatten().argmax()]
            similarity = torch.einsum('c,chw->hw', seed, unit)
            similarity[~free] = 0
        similarity[similarity < threshold * similarity.max()] = 0
        masks.append(similarity / similarity.max())
        free = free & ~(masks[-1] > 0)
        history.insert(0, free)
        if len(history) > 3:
            history.pop()
            if torch.equal(history[0], history[1]) and torch.equal(history[1], history[2]):
                break
    return torch.stack(masks)


def reference_focal_loss(
    features: Tensor, direction: Tensor, gain: Tensor, target: Tensor, gamma: float = 2.0, ignore_index: int = 255
) -> Tensor:
    """The M-step's loss with every channel of the features upsampled before the prototypes are applied.

    Args:
        features: `[B, C, h, w]`.
        direction: v of the prototypes, any length, `[K, C]`.
        gain: g of the prototypes, `[K]`.
        target: Pseudo labels `[B, H, W]`.
        gamma: Exponent of the class weights.
        ignore_index: Value of pixels without a pseudo label.

    Returns:
        Scalar.
    """
    logits = reference_logits(features, direction, gain, (target.shape[1], target.shape[2]))
    log_probability = logits.log_softmax(1)
    weight = (1 - log_probability.detach().exp().mean((0, 2, 3))) ** gamma
    return F.nll_loss(log_probability, target, weight, ignore_index=ignore_index, reduction='none').mean()


def reference_logits(features: Tensor, direction: Tensor, gain: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits `[B, K, H, W]` of a weight-normalised 1x1 convolution on features `[B, C, h, w]` upsampled to `size`."""
    upsampled = F.interpolate(features, size, mode='bilinear', align_corners=False)
    weight = gain[:, None] * direction / direction.norm(dim=1, keepdim=True)
    return F.conv2d(upsampled, weight[:, :, None, None])


def reference_majority_vote(labels: Tensor, proposals: Tensor, ignore_index: int = 255) -> Tensor:
    """Pseudo labels: every proposal takes the commonest label inside it; labels and proposals are `[B, H, W]`."""
    result = torch.full_like(labels, ignore_index)
    for image, proposal, out in zip(labels, proposals, result, strict=True):
        for number in proposal.unique().tolist():
            if number != ignore_index:
                inside = proposal == number
                out[inside] = image[inside].mode().values
    return result


def reference_em_step(
    teacher: Tensor, student: Tensor, momentum: Tensor, direction: Tensor, gain: Tensor, proposals: Tensor
) -> Tensor:
    """The head's part of one EM step, with gradients left in `direction` and `gain`.

    Args:
        teacher: Features of the picture, `[B, C, h, w]`.
        student: Features of its student view, `[B, C, h, w]`.
        momentum: Momentum prototypes (their gain is 1), `[K, C]`.
        direction: v of the running prototypes, `[K, C]`.
        gain: g of the running prototypes, `[K]`.
        proposals: `[B, H, W]`.

    Returns:
        The loss, a scalar.
    """
    size = (proposals.shape[1], proposals.shape[2])
    with torch.no_grad():
        labels = reference_logits(teacher, momentum, torch.ones_like(gain), size).argmax(1)
    loss = reference_focal_loss(student, direction, gain, reference_majority_vote(labels, proposals))
    loss.backward()
    return loss.detach()


def _exact_component(rows: Tensor) -> Tensor:
    """First principal component of rows `[n, C]` by a full decomposition of their covariance in float64."""
    centred = rows.double() - rows.double().mean(0)
    return torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -1].to(rows.dtype)


def _sign(similarity: Tensor, orientation: str) -> int:
    """Sign of the direction by the rule of :func:`principal_masks`, from the cosines of the free features."""
    if orientation == 'strongest':
        return -1 if -similarity.min() > similarity.max() else 1
    return -1 if bool(similarity.mean() > 0) == (orientation == 'minority') else 1
