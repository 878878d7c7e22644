"""Multilevel consistency: several binary masks of one picture become one."""

from typing import Literal, get_args

import torch
from torch import Tensor

from .majority_vote import majority_vote

Rule = Literal['majority', 'all']
RULES: tuple[str, ...] = get_args(Rule)


def consistent_foreground(levels: Tensor, rule: Rule = 'majority', regions: Tensor | None = None) -> Tensor:
    """Make the levels agree.

    LightCluster lets data-set-, category- and image-level clustering agree on one mask; the rule itself is not
    published. Here a patch is foreground when enough levels say so, and then every region takes what most of its
    patches are, so that objects stay whole.

    Args:
        levels: What each level says, bool `[B, L, h, w]`.
        rule: `'majority'`: more than half of the levels (two of three); `'all'`: every level.
        regions: Region of every patch, such as the image-level cluster, non-negative integers `[B, h, w]`; 255 for
            patches that stay as they are. Without it patches are decided one by one.

    Returns:
        Bool `[B, h, w]`. A region of which exactly half is foreground is background.

    Raises:
        ValueError: The rule is unknown, or shapes do not fit.
    """
    if rule not in RULES:
        raise ValueError(f'rule must be one of {", ".join(RULES)}, not {rule!r}')
    if levels.ndim != 4 or not levels.shape[1]:
        raise ValueError(f'levels must be [B, L, h, w] with at least one level, not {tuple(levels.shape)}')
    votes, count = levels.long().sum(dim=1), levels.shape[1]
    mask = votes == count if rule == 'all' else 2 * votes > count
    return mask if regions is None else whole_regions(mask, regions)


def whole_regions(mask: Tensor, regions: Tensor, ignore_index: int = 255) -> Tensor:
    """Give every region the value that most of its places have.

    Args:
        mask: Bool `[B, h, w]`.
        regions: Non-negative integers `[B, h, w]`, `ignore_index` where no region is.
        ignore_index: Region number of places that keep their value.

    Returns:
        Bool `[B, h, w]`; False at a tie.
    """
    votes = majority_vote(mask, regions, 2, ignore_index)
    return torch.where(votes == ignore_index, mask, votes == 1)
