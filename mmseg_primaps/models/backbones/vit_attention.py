"""What happens inside an attention layer of timm's ViTs: queries, keys, values and where CLS looks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import apply_rot_embed_cat
from torch import Tensor, nn


class BlockRecord:
    """What a forward pass left of one block.

    Attributes:
        attention_input: Tokens that enter the attention layer (after the block's first norm), ``[B, N, C]``.
        rope: Rotary position embedding of the patch tokens, where the model has one.
        output: Tokens that leave the block, ``[B, N, C]``.
    """

    attention_input: Tensor
    rope: Tensor | None
    output: Tensor


@contextmanager
def record_blocks(vit: Any, blocks: set[int]) -> Iterator[dict[int, BlockRecord]]:
    """Fill one :class:`BlockRecord` for each named block while a forward pass runs inside the ``with``."""
    records = {index: BlockRecord() for index in blocks}

    def keep_input(record: BlockRecord) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            record.attention_input, record.rope = args[0], kwargs.get('rope')

        return hook

    def keep_output(record: BlockRecord) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
            record.output = output

        return hook

    handles = []
    try:
        for index, record in records.items():
            block = vit.blocks[index]
            handles.append(block.attn.register_forward_pre_hook(keep_input(record), with_kwargs=True))
            handles.append(block.register_forward_hook(keep_output(record)))
        yield records
    finally:
        for handle in handles:
            handle.remove()


def query_key_value(attention: Any, tokens: Tensor) -> Tensor:
    """Queries, keys and values as the attention layer projects them, before any norm or rotation.

    Args:
        attention: ``timm``'s ``Attention`` or ``EvaAttention``.
        tokens: ``[B, N, C]`` that enter it.

    Returns:
        ``[3, B, N, C]`` in the order query, key, value, heads concatenated along C.
    """
    if attention.qkv is None:
        return torch.stack([attention.q_proj(tokens), attention.k_proj(tokens), attention.v_proj(tokens)])
    bias = attention.qkv.bias
    if getattr(attention, 'q_bias', None) is not None:
        bias = torch.cat([attention.q_bias, attention.k_bias, attention.v_bias])
    return F.linear(tokens, attention.qkv.weight, bias).unflatten(-1, (3, -1)).movedim(2, 0)


def cls_attention(attention: Any, record: BlockRecord, num_prefix: int) -> Tensor:
    """Attention probabilities of the CLS token, ``[B, heads, N]`` over all tokens, each row summing to 1."""
    projected = query_key_value(attention, record.attention_input)[:2]
    query, key = projected.unflatten(-1, (attention.num_heads, -1)).transpose(2, 3)  # [B, heads, N, C / heads] each
    query, key = attention.q_norm(query[:, :, :1]), attention.k_norm(key)
    if record.rope is not None:  # CLS and registers have no position to rotate by
        half = getattr(attention, 'rotate_half', False)
        turned = apply_rot_embed_cat(key[:, :, num_prefix:], record.rope, half=half)
        key = torch.cat([key[:, :, :num_prefix], turned.type_as(key)], dim=2)
    scores: Tensor = query @ key.transpose(-2, -1) * attention.scale
    return scores.squeeze(2).softmax(dim=-1)
