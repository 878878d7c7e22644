"""Segmentation by a few cluster centres on frozen features, without any training."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors.base import BaseSegmentor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ...ops import assign_clusters
from ...utils import InputError
from ...utils.proposal_store import weights_digest
from ..lightcluster import (
    CONSISTENT,
    LEVELS,
    FittedClusters,
    LightClusterOptions,
    PatchFeatures,
    level_mask,
    patch_features,
    patch_levels,
    picture_regions,
    pixel_mask,
    region_descriptions,
)
from ..utils import freeze, restore, to_uint8, whole_picture

Variant = tuple[str, bool]
"""A level (or :data:`CONSISTENT`) and whether the CRF refines its mask."""


@MODELS.register_module()
class LightClusterSegmentor(BaseSegmentor):
    """LightCluster (arXiv 2311.18628): background is class 0, the others are clusters of object regions.

    ``tools/lightcluster.py`` fits it; its checkpoint holds cluster centres, and the backbone only where nothing else
    can bring it back.

    Args:
        backbone: Config of any backbone; see :func:`~mmseg_primaps.models.lightcluster.patch_features`.
        num_classes: Background and object clusters together.
        method: Keyword arguments of :class:`~mmseg_primaps.models.lightcluster.LightClusterOptions`.
        data_preprocessor: Config of the data preprocessor.
        in_index: Which of the backbone's outputs.
        test_cfg: ``levels``: masks to predict from, the consistent one by default; ``crf``: a list of booleans, by
            default what ``method.crf`` says. The first level and ``method.crf`` give ``pred_sem_seg``, the other
            combinations ``pred_<level>``, with ``_crf`` or ``_plain`` where they differ from ``method.crf``.
        init_cfg: Unused; mmseg sets it.
        train_cfg: Unused; mmseg sets it.
        pretrained: Unused; mmseg sets it.
    """

    def __init__(
        self,
        backbone: dict,
        num_classes: int,
        method: Mapping[str, Any] | None = None,
        data_preprocessor: dict | None = None,
        in_index: int = -1,
        test_cfg: Mapping[str, Any] | None = None,
        init_cfg: dict | None = None,
        train_cfg: dict | None = None,
        pretrained: str | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if not 2 <= num_classes <= 255:
            raise InputError(f'model.num_classes={num_classes}: background and objects together are 2 to 255')
        self.num_classes, self.in_index, self.test_cfg = num_classes, in_index, dict(test_cfg or {})
        self.options = LightClusterOptions.parse(method)
        self.backbone = MODELS.build(backbone)
        freeze(self.backbone)
        self.fitted = FittedClusters()
        self.variants = self._variants()

    def _variants(self) -> dict[str, Variant]:
        """Name of the prediction of every combination of level and CRF that is asked for, the main one first."""
        levels = self.test_cfg.get('levels') or [CONSISTENT]
        if unknown := [level for level in levels if level not in (CONSISTENT, *LEVELS)]:
            raise InputError(
                f'test_cfg.levels: {unknown[0]!r} is unknown, choose from {", ".join((*LEVELS, CONSISTENT))}'
            )
        main = levels[0]
        refinements = dict.fromkeys([self.options.crf, *(self.test_cfg.get('crf') or [])])
        names = {}
        for level in levels:
            for crf in refinements:
                parts = [level] if level != main else []
                parts += [] if crf == self.options.crf else ['crf' if crf else 'plain']
                names['_'.join(parts) or 'sem_seg'] = (level, bool(crf))
        return names

    @property
    def names(self) -> list[str]:
        """What is predicted."""
        return list(self.variants)

    def train(self, mode: bool = True) -> 'LightClusterSegmentor':
        """Nothing is ever trained here: the model stays in evaluation mode."""
        return super().train(False)

    def patches(self, inputs: Tensor) -> PatchFeatures:
        """Patch features of a normalised batch `[B, 3, H, W]`."""
        return patch_features(self.backbone, inputs, self.options, self.in_index)

    def pictures(self, inputs: Tensor) -> Tensor:
        """The uint8 RGB pictures `[B, 3, H, W]` of a normalised batch."""
        return to_uint8(inputs, self.data_preprocessor)

    def describe(self, regions: Tensor, patches: PatchFeatures, image: Tensor) -> Tensor:
        """Tokens `[n, D]` of the regions `[H, W]` of one normalised picture `[3, H, W]`."""
        return region_descriptions(regions, patches, image, self.backbone, self.options, self.in_index)

    def classify(self, tokens: Tensor) -> Tensor:
        """Class of every region, long `[n]`, from 1, of tokens `[n, D]`."""
        return assign_clusters(tokens, self.fitted.class_tokens) + 1

    @torch.no_grad()
    def segment(self, inputs: Tensor, variants: Sequence[Variant]) -> list[list[Tensor]]:
        """Class maps, long `[H, W]`, of every picture of a normalised batch, for each of ``variants``."""
        if not self.fitted.is_fitted:
            raise InputError('LightClusterSegmentor has no clusters: fit it with tools/lightcluster.py, load its file')
        patches, pictures = self.patches(inputs), self.pictures(inputs)
        levels = patch_levels(patches, self.fitted, self.options)
        masks = {level: level_mask(levels, level, self.options) for level, _ in variants}
        return [
            [
                self._class_map(
                    pixel_mask(masks[level][i], picture, self.options, crf), patches.picture(i), image, picture
                )
                for level, crf in variants
            ]
            for i, (image, picture) in enumerate(zip(inputs, pictures, strict=True))
        ]

    def _class_map(self, mask: Tensor, patches: PatchFeatures, image: Tensor, picture: Tensor) -> Tensor:
        regions = picture_regions(mask, patches.features[0], picture, self.options)
        classes = self.classify(self.describe(regions, patches, image))
        return torch.cat([classes.new_zeros(1), classes])[regions]

    def predict(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> list[SegDataSample]:
        """Segment a normalised batch ``[B, 3, H, W]`` at the pictures' original sizes."""
        samples = data_samples or [SegDataSample(metainfo=whole_picture(inputs)) for _ in inputs]
        for maps, sample in zip(self.segment(inputs, list(self.variants.values())), samples, strict=True):
            for name, classes in zip(self.variants, maps, strict=True):
                logits = restore(self._one_hot(classes), sample.metainfo)
                sample.set_field(PixelData(data=logits.argmax(dim=0, keepdim=True)), f'pred_{name}')
                if name == self.names[0]:
                    sample.seg_logits = PixelData(data=logits)
        return samples

    def _one_hot(self, classes: Tensor) -> Tensor:
        """Logits `[N, H, W]` that are 1 for the class of the pixel."""
        numbers = torch.arange(self.num_classes, device=classes.device).view(-1, 1, 1)
        return (classes == numbers).float()

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Logits ``[B, N, H, W]`` of the main prediction: 1 for the class of the pixel, else 0."""
        main = next(iter(self.variants.values()))
        return torch.stack([self._one_hot(maps[0]) for maps in self.segment(inputs, [main])])

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Patch features ``[B, C, h, w]`` of a normalised batch."""
        return self.patches(inputs).features

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        return self.encode_decode(inputs, [])

    def loss(self, inputs: Tensor, data_samples: Any) -> dict[str, Tensor]:
        """There is no loss."""
        raise InputError('LightClusterSegmentor is not trained: fit it with tools/lightcluster.py')

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Bring back the frozen backbone where the checkpoint leaves it out, and check that it is the same one."""
        known = state_dict.get(f'{prefix}fitted.encoder')
        if known is not None and not any(key.startswith(f'{prefix}backbone.') for key in state_dict):
            digest = bytes(known.tolist()).hex()
            if weights_digest(self.backbone) != digest:
                self.backbone.init_weights()
            if weights_digest(self.backbone) != digest:
                raise InputError(
                    'the checkpoint was fitted with other backbone weights than model.backbone has: name the same '
                    'weights, or fit again with lightcluster.checkpoint=full to keep the backbone in the file'
                )
            state_dict.update({f'{prefix}backbone.{key}': value for key, value in self.backbone.state_dict().items()})
        super()._load_from_state_dict(state_dict, prefix, *args)
