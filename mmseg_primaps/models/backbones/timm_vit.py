"""Any ViT of timm as a backbone whose patch tokens, queries, keys or values are feature maps."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, get_args

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from ...utils.errors import InputError
from .presets import PositionInterpolation, find_preset
from .vit_attention import BlockRecord, cls_attention, query_key_value, record_blocks
from .vit_positions import embed_positions
from .vit_weights import WeightsUnavailable, build_pretrained_vit, build_vit, check_whole_vit, load_vit

Feature = Literal['token', 'query', 'key', 'value']
_FEATURES = get_args(Feature)


@MODELS.register_module()
class TimmViT(BaseModule):
    """Feature maps of a ViT from timm, on any input size that the patch divides.

    Weights are loaded when the backbone is built, so that no way of building a model (training, testing, inference)
    leaves them random by accident. Where they cannot be had, a checkpoint of the whole model may still bring them; if
    none does, the first use of the backbone says what is missing.

    Args:
        model_name: Short name (``'dino_vits8'``, ``'dinov2_vitb14'``, see :data:`~.presets.VIT_PRESETS`) or timm's.
        pretrained: Take timm's weights from the hub (its local cache first).
        checkpoint: Weights file instead, in timm's or the original authors' key names.
        out_indices: Blocks to give, -1 the last, -2 the one before.
        feature: ``'token'``, ``'query'``, ``'key'`` or ``'value'``, or several of them; heads are concatenated.
        norm: Apply the final layer norm to tokens, as DINO's and DINOv2's public codes do for every block.
        pos_interpolation: ``'original'`` (as DINO's and DINOv2's authors interpolate position embeddings), ``'timm'``,
            or None for what the preset says.
        model_kwargs: Further arguments of :func:`timm.create_model` (``embed_dim``, ``depth``, ``num_heads``...).
        init_cfg: Accepted because mmseg sets it; weights come from ``pretrained`` or ``checkpoint``.

    Attributes:
        patch_size: Side of a patch in pixels; the stride of the feature maps.
        out_channels: C of each feature map.
        num_heads: Attention heads of a block.

    Raises:
        InputError: Unknown name or option, weights of another backbone; at the first use (``init_weights`` or a forward
            pass): weights that are missing or cannot be downloaded.
    """

    vit: Any  # timm declares no common type

    def __init__(
        self,
        model_name: str,
        pretrained: bool = False,
        checkpoint: str | None = None,
        out_indices: Sequence[int] = (-1,),
        feature: Feature | Sequence[Feature] = 'token',
        norm: bool = True,
        pos_interpolation: PositionInterpolation | None = None,
        model_kwargs: dict[str, Any] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=None)
        self.model_name, self.norm = model_name, norm
        self.features = (feature,) if isinstance(feature, str) else tuple(feature)
        if unknown := [name for name in self.features if name not in _FEATURES]:
            raise InputError(f'backbone feature={unknown[0]!r} is unknown: choose from {", ".join(_FEATURES)}')
        self.vit, self._unavailable = _build(model_name, pretrained, checkpoint, model_kwargs or {})
        self._set_positions(pos_interpolation)
        self.patch_size: int = self.vit.patch_embed.patch_size[0]
        self.out_channels: int = self.vit.embed_dim
        self.num_heads: int = self.vit.blocks[0].attn.num_heads
        self.out_indices = tuple(self._block(index) for index in out_indices)

    def _set_positions(self, wanted: PositionInterpolation | None) -> None:
        preset = find_preset(self.model_name)
        wanted = wanted or preset.pos_interpolation
        self.pos_interpolation = wanted
        if wanted not in get_args(PositionInterpolation):
            raise InputError(f"backbone pos_interpolation={wanted!r} is unknown: choose 'original' or 'timm'")
        if wanted == 'original' and type(self.vit) is not VisionTransformer:
            raise InputError(f"backbone pos_interpolation='original' does not apply to {self.model_name!r}: set 'timm'")
        if wanted == 'original' and self.vit.pos_embed is not None:
            self.vit._pos_embed = partial(
                embed_positions, vit=self.vit, offset=preset.offset, antialias=preset.antialias
            )

    def _block(self, index: int) -> int:
        depth = len(self.vit.blocks)
        if not -depth <= index < depth:
            raise InputError(f'backbone out_indices={index} is outside the {depth} blocks of {self.model_name!r}')
        return index % depth

    def extra_repr(self) -> str:
        """Every setting that changes a feature: caches are filed under a digest of the representation."""
        return (
            f'model_name={self.model_name!r}, features={self.features}, out_indices={self.out_indices}, '
            f'norm={self.norm}, pos_interpolation={self.pos_interpolation!r}'
        )

    def init_weights(self) -> None:
        """Keep the weights given at construction; the default would let timm draw them anew."""
        self._require_weights()
        self._is_init = True

    def _require_weights(self) -> None:
        if self._unavailable is not None:
            raise self._unavailable

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Refuse weights of another ViT, which mmengine would skip with no more than a warning."""
        if check_whole_vit(self.vit, state_dict, f'{prefix}vit.', self.model_name):
            self._unavailable = None
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _run(self, images: Tensor, blocks: Sequence[int]) -> dict[int, BlockRecord]:
        """One forward pass up to the last of ``blocks``."""
        self._require_weights()
        patch, (height, width) = self.patch_size, images.shape[-2:]
        if height % patch or width % patch:
            below, above = ([max(1, s // patch + step) * patch for s in (height, width)] for step in (0, 1))
            raise InputError(
                f'input of {height}x{width} pixels is not divisible by the patch size {patch} of '
                f'{self.model_name!r}: set the crop size to {below[0]}x{below[1]} or {above[0]}x{above[1]}'
            )
        with record_blocks(self.vit, set(blocks)) as records:
            self.vit.forward_intermediates(images, indices=[max(blocks)], stop_early=True, intermediates_only=True)
        return records

    def _as_map(self, tokens: Tensor, images: Tensor) -> Tensor:
        """Patch tokens of ``[B, N, C]`` as ``[B, C, h, w]``; CLS and registers are dropped."""
        grid = (images.shape[-2] // self.patch_size, images.shape[-1] // self.patch_size)
        return tokens[:, self.vit.num_prefix_tokens :].transpose(1, 2).unflatten(2, grid)

    def _normed(self, record: BlockRecord) -> Tensor:
        """Tokens after the final norm; pooling models of timm keep it under another name."""
        if not self.norm:
            return record.output
        norm = self.vit.norm if not isinstance(self.vit.norm, nn.Identity) else getattr(self.vit, 'fc_norm', None)
        return record.output if norm is None else norm(record.output)

    def _feature(self, name: str, index: int, record: BlockRecord, images: Tensor) -> Tensor:
        if name == 'token':
            return self._as_map(self._normed(record), images)
        if name in _FEATURES:
            projected = query_key_value(self.vit.blocks[index].attn, record.attention_input)
            return self._as_map(projected[_FEATURES.index(name) - 1], images)
        if name not in ('cls_token', 'cls_attention'):
            raise InputError(
                f'feature {name!r} is unknown: choose from {", ".join(_FEATURES)}, cls_token, cls_attention'
            )
        if not getattr(self.vit, 'has_class_token', getattr(self.vit, 'cls_token', None) is not None):
            raise InputError(f'{self.model_name!r} has no CLS token: choose a patch feature')
        if name == 'cls_token':
            return self._normed(record)[:, 0]
        probabilities = cls_attention(self.vit.blocks[index].attn, record, self.vit.num_prefix_tokens)
        return self._as_map(probabilities.transpose(1, 2), images)

    def extract(self, images: Tensor, features: Sequence[str] = ('token',), block: int = -1) -> dict[str, Tensor]:
        """Several features of one block in one forward pass.

        Args:
            images: Normalised images ``[B, 3, H, W]``.
            features: Any of ``'token'``, ``'query'``, ``'key'``, ``'value'`` (``[B, C, h, w]``), ``'cls_token'``
                (``[B, C]``), ``'cls_attention'`` (``[B, heads, h, w]``: softmax over all tokens, patch part).
            block: Which block, -1 the last.
        """
        index = self._block(block)
        record = self._run(images, [index])[index]
        return {name: self._feature(name, index, record, images) for name in features}

    def cls_token(self, images: Tensor, block: int = -1) -> Tensor:
        """The CLS token of a block, ``[B, C]``."""
        return self.extract(images, ['cls_token'], block)['cls_token']

    def cls_attention(self, images: Tensor, block: int = -1) -> Tensor:
        """Where CLS looks, ``[B, heads, h, w]``; a head sums to 1 minus what CLS and registers get."""
        return self.extract(images, ['cls_attention'], block)['cls_attention']

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Feature maps ``[B, C, h, w]``: for each of ``feature`` the blocks in ``out_indices``.

        Args:
            images: Normalised images ``[B, 3, H, W]``, H and W multiples of the patch.

        Raises:
            InputError: H or W is no multiple of the patch.
        """
        records = self._run(images, self.out_indices)
        return tuple(self._feature(name, i, records[i], images) for name in self.features for i in self.out_indices)


def _build(
    model_name: str, pretrained: bool, checkpoint: str | None, model_kwargs: dict[str, Any]
) -> tuple[Any, InputError | None]:
    """The network with its weights from a file, from the hub, or random; and why wanted weights are not there."""
    try:
        if checkpoint is not None:
            return load_vit(model_name, checkpoint, model_kwargs), None
        if pretrained:
            return build_pretrained_vit(model_name, model_kwargs), None
    except WeightsUnavailable as error:
        return build_vit(model_name, model_kwargs), error
    return build_vit(model_name, model_kwargs), None
