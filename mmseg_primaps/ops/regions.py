"""Object regions of a binary mask, and what describes them."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from skimage import measure
from torch import Tensor

MOST_REGIONS = 254
"""More regions than that in one picture are dropped, the smallest first: they have to fit into 8-bit maps."""


def connected_regions(mask: Tensor, minimum_area: float = 0.0) -> Tensor:
    """Connected components of a mask (diagonal neighbours belong together), the largest first.

    Args:
        mask: Bool `[H, W]`.
        minimum_area: Smallest share of the picture, 0..1, that counts as a region.

    Returns:
        Long `[H, W]` on the mask's device: 0 outside, 1..n. Of two regions of one size the upper one comes first.
    """
    labels, _ = ndimage.label(mask.cpu().numpy(), structure=np.ones((3, 3)))
    return renumber(torch.from_numpy(labels.astype(np.int64)), minimum_area).to(mask.device)


def proposal_regions(mask: Tensor, proposals: Tensor, minimum_area: float = 0.0, ignore_index: int = 255) -> Tensor:
    """Mask proposals of which more than half lies in the mask, the largest first.

    Where PriMaPs' proposals stand in for connected components: neighbours that touch are told apart, and the outline is
    the proposal's.

    Args:
        mask: Bool `[H, W]`.
        proposals: Mask numbers from 1, `[H, W]`; `ignore_index` where there is none.
        minimum_area: Smallest share of the picture that counts as a region.
        ignore_index: Value of pixels of no proposal.

    Returns:
        Long `[H, W]`: 0 outside, 1..n.
    """
    inside = proposals != ignore_index
    numbers = proposals.long() * inside
    sizes = torch.bincount(numbers.flatten())
    covered = torch.bincount(numbers[mask], minlength=len(sizes))
    kept = 2 * covered > sizes
    kept[0] = False
    return renumber(numbers * kept[numbers], minimum_area)


def renumber(regions: Tensor, minimum_area: float = 0.0) -> Tensor:
    """Number regions by falling size, drop those below `minimum_area` (share of the picture) and beyond 254.

    Args:
        regions: Non-negative integers `[H, W]`, 0 outside.
        minimum_area: Smallest share of the picture that stays.

    Returns:
        Long `[H, W]`: 0 outside, 1..n without gaps; the smaller old number first at a tie.
    """
    sizes = torch.bincount(regions.flatten())
    sizes[0] = 0
    order = sizes.argsort(descending=True, stable=True)
    large = (sizes[order] > 0) & (sizes[order] >= minimum_area * regions.numel())
    order = order[large][:MOST_REGIONS]
    table = torch.zeros_like(sizes)
    table[order] = torch.arange(1, len(order) + 1, device=regions.device)
    return table[regions.long()]


def region_boxes(regions: Tensor) -> Tensor:
    """Boxes of regions 1..n of `[H, W]`: long `[n, 4]` as top, left, bottom, right (the latter two just outside)."""
    found = ndimage.find_objects(regions.cpu().numpy())
    boxes = [(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in found]
    return torch.tensor(boxes, dtype=torch.int64).reshape(-1, 4)


def region_crops(picture: Tensor, regions: Tensor, size: int, fill: float = 0.0, blank: bool = True) -> Tensor:
    """Cut out every region, scaled to a square.

    The box is first padded to a square, so that objects keep their shape.

    Args:
        picture: `[C, H, W]`, floating point.
        regions: Regions 1..n, `[H, W]`.
        size: Side of the crops in pixels.
        fill: What stands for everything outside the region and the picture; 0 is the mean of a normalised picture.
        blank: Whether pixels of the box outside the region are replaced, too.

    Returns:
        `[n, C, size, size]`, bilinear with antialiasing.
    """
    crops = []
    for number, box in enumerate(region_boxes(regions).tolist(), start=1):
        top, left, bottom, right = box
        crop = picture[:, top:bottom, left:right]
        if blank:
            inside = regions[top:bottom, left:right] == number
            crop = torch.where(inside, crop, torch.full_like(crop, fill))
        crops.append(_square(crop, size, fill))
    return torch.cat(crops) if crops else picture.new_zeros((0, picture.shape[0], size, size))


def _square(crop: Tensor, size: int, fill: float) -> Tensor:
    """Pad `[C, h, w]` evenly to a square and scale it: `[1, C, size, size]`."""
    height, width = crop.shape[1:]
    side = max(height, width)
    above, before = (side - height) // 2, (side - width) // 2
    padded = F.pad(crop, (before, side - width - before, above, side - height - above), value=fill)
    return F.interpolate(padded[None], (size, size), mode='bilinear', align_corners=False, antialias=True)


def region_tokens(features: Tensor, weights: Tensor, regions: Tensor) -> Tensor:
    """Weighted mean feature of every region.

    With values as features and CLS attention as weights this is what the CLS token would gather in the last block if it
    saw the region alone, up to the output projection.

    Args:
        features: `[C, h, w]`.
        weights: Saliency of every patch, at least 0, `[h, w]`.
        regions: Regions 1..n in pixels, `[H, W]`; a patch counts by the share of it that the region holds.

    Returns:
        `[n, C]`, float32. Where the weights in a region are all zero, every patch counts alike.
    """
    count = int(regions.max()) if regions.numel() else 0
    if not count:
        return features.new_zeros((0, features.shape[0]), dtype=torch.float32)
    numbers = torch.arange(1, count + 1, device=regions.device).view(-1, 1, 1)
    height, width = features.shape[1:]
    shares = F.adaptive_avg_pool2d((regions == numbers).float(), (height, width)).flatten(1)
    weighted = shares * weights.float().flatten()
    weighted = torch.where(weighted.sum(dim=1, keepdim=True) > 0, weighted, shares)
    rows = features.float().flatten(1).T
    return weighted @ rows / weighted.sum(dim=1, keepdim=True)


def split_background(regions: Tensor, labels: Tensor, minimum_area: float = 0.0) -> Tensor:
    """Number the connected parts of equal label outside the regions, after the regions themselves.

    Args:
        regions: Regions 1..n, `[H, W]`, 0 outside.
        labels: Cluster of every pixel, non-negative integers `[H, W]`.
        minimum_area: Smallest share of the picture that becomes a part.

    Returns:
        Long `[H, W]`: 1..n as before, then the parts by falling size, 0 for what is too small or beyond 254.
    """
    count = int(regions.max())
    outside = (labels.long() + 1) * (regions == 0)
    parts = torch.from_numpy(measure.label(outside.cpu().numpy(), connectivity=2, background=0).astype(np.int64))
    numbered = renumber(parts.to(regions.device), minimum_area)
    shifted = (numbered + count) * ((numbered > 0) & (numbered + count <= MOST_REGIONS))
    return torch.where(regions > 0, regions.long(), shifted)
