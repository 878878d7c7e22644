"""Queries, keys, values and CLS attention agree with what the attention layer itself computes."""

import pytest
import torch

from mmseg_primaps.models.backbones import TimmViT
from mmseg_primaps.models.backbones.vit_attention import cls_attention, query_key_value, record_blocks

FUSED, ROTARY, ROTARY_BIASED, SPLIT = (
    'vit_tiny_patch16_224', 'vit_small_patch16_dinov3', 'vit_small_patch16_dinov3_qkvb', 'eva02_tiny_patch14_224',
)  # fmt: skip


@pytest.mark.parametrize('name', [FUSED, ROTARY, ROTARY_BIASED, SPLIT])
def test_the_cls_row_of_the_layer_is_attention_times_values(name: str, tiny: dict) -> None:
    vit = TimmViT(name, model_kwargs={**tiny, 'embed_dim': 96}).eval().vit
    attention, kept = vit.blocks[1].attn, {}
    for parameter in attention.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    handle = (attention.norm if name == SPLIT else attention.proj).register_forward_pre_hook(
        lambda _, args: kept.update(mixed=args[0])
    )
    with record_blocks(vit, {1}) as records:
        vit.forward_features(torch.randn(2, 3, 2 * 14 * 8, 3 * 14 * 8))
    handle.remove()
    probabilities = cls_attention(attention, records[1], vit.num_prefix_tokens)
    assert torch.allclose(probabilities.sum(-1), torch.ones(2, 3), atol=1e-5)
    values = query_key_value(attention, records[1].attention_input)[2].unflatten(-1, (3, -1))  # [B, N, heads, dh]
    rebuilt = torch.einsum('bhn,bnhd->bhd', probabilities, values).flatten(1)
    assert torch.allclose(rebuilt, kept['mixed'][:, 0], atol=1e-5)


def test_hooks_are_gone_after_the_pass_even_if_it_fails(tiny: dict) -> None:
    vit = TimmViT('dino_vits8', model_kwargs=tiny).vit
    with pytest.raises(ZeroDivisionError), record_blocks(vit, {0, 2}):
        _ = 1 / 0
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in vit.modules())
