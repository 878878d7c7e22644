"""Position embeddings on grids other than the trained one, as DINO's and DINOv2's authors interpolate them."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def interpolate_positions(
    positions: Tensor, grid: tuple[int, int], offset: float = 0.1, antialias: bool = False
) -> Tensor:
    """Bicubic interpolation of a square grid of position embeddings.

    With a non-zero ``offset`` the sampling positions follow from the scale factor ``(grid + offset) / trained side``
    instead of from the sizes, as in the public codes of DINO and DINOv2 (facebookresearch); the offset was meant to
    save the output size from rounding, and it moves every sample a little. The trained grid is returned unchanged.

    Args:
        positions: ``[1, N, C]``, N a square number, no CLS entry.
        grid: Wanted rows and columns.
        offset: See above; 0 interpolates to the exact size.
        antialias: Whether to low-pass before shrinking.

    Returns:
        ``[1, rows * columns, C]``.
    """
    side = math.isqrt(positions.shape[1])
    if grid == (side, side):
        return positions
    square = positions.float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if offset:
        factor = [(length + offset) / side for length in grid]
        moved = F.interpolate(square, scale_factor=factor, mode='bicubic', antialias=antialias)
    else:
        moved = F.interpolate(square, size=grid, mode='bicubic', antialias=antialias)
    return moved.flatten(2).transpose(1, 2).to(positions.dtype)


def embed_positions(patches: Tensor, vit: Any, offset: float, antialias: bool) -> Tensor:
    """Prepend CLS and register tokens and add positions: what timm's ViT does, with the authors' interpolation.

    Args:
        patches: ``[B, h, w, C]`` from the patch embedding.
        vit: A ``timm`` ``VisionTransformer`` with ``dynamic_img_size``.
        offset: See :func:`interpolate_positions`.
        antialias: See :func:`interpolate_positions`.

    Returns:
        Tokens ``[B, prefix + h * w, C]``.
    """
    batch, rows, columns, _ = patches.shape
    prefix = [token.expand(batch, -1, -1) for token in (vit.cls_token, vit.reg_token) if token is not None]
    num_prefix = 0 if vit.no_embed_class else vit.num_prefix_tokens
    own, trained = vit.pos_embed[:, :num_prefix], vit.pos_embed[:, num_prefix:]
    tokens = patches.flatten(1, 2) + interpolate_positions(trained, (rows, columns), offset, antialias)
    if prefix:
        tokens = torch.cat([torch.cat(prefix, dim=1) + (own if num_prefix else 0), tokens], dim=1)
    return vit.pos_drop(tokens)
