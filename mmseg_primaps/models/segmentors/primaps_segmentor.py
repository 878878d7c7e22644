"""A segmentor that evaluates every prototype set, with and without CRF, in one pass."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ... import ops
from ...utils import InputError
from ..backbones.lazy_backbone import stand_in
from ..utils import Prototypes, freeze, frozen_modules, restore, to_uint8, whole_picture

STORED_NDIM = 5


@MODELS.register_module()
class PriMaPsSegmentor(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` with a frozen encoder and the published evaluation.

    ``test_cfg`` takes, beside mmseg's own keys:

    - ``flip`` (False): average the features with those of the mirrored picture on the feature grid, before upsampling;
    - ``crf`` (False): also refine every prediction with the dense CRF;
    - ``prototypes`` (all): which of the head's predictors are evaluated;
    - ``crf_scale`` (1.0): factor on the logits before the CRF's softmax (2 in STEGO's and HP's own protocol).

    The main predictor without CRF becomes ``pred_sem_seg`` and ``seg_logits``; the others are ``pred_<name>``,
    ``pred_crf`` and ``pred_<name>_crf``.
    """

    def __init__(self, backbone: dict, *args: Any, **kwargs: Any) -> None:
        super().__init__(stand_in(backbone), *args, **kwargs)
        for module in frozen_modules(self):
            freeze(module)
        known = tuple(self.decode_head.predictors)
        self.names = tuple((self.test_cfg or {}).get('prototypes', None) or known)
        if unknown := set(self.names) - set(known):
            raise InputError(f'test_cfg.prototypes={sorted(unknown)}: this head has {list(known)}')
        self.out_channels = self.num_classes * len(self.names)

    def train(self, mode: bool = True) -> 'PriMaPsSegmentor':
        """Set the training mode of everything but the frozen encoder."""
        super().train(mode)
        for module in frozen_modules(self):
            module.eval()
        return self

    def _option(self, name: str, default: Any = None) -> Any:
        return (self.test_cfg or {}).get(name, default)

    def extract_feat(self, inputs: Tensor) -> Any:
        """Features of pictures ``[B, 3, H, W]``, or of the first view of stored features ``[B, V, C, h, w]``."""
        if inputs.ndim != STORED_NDIM:
            return super().extract_feat(inputs)
        stored = (inputs[:, 0],)
        return self.neck(stored) if self.with_neck else stored

    def test_features(self, inputs: Tensor) -> Tensor:
        """The head's features ``[B, C, h, w]``, averaged with the mirrored picture's where ``flip`` is set."""
        features = self.decode_head.features(self.extract_feat(inputs))
        if not self._option('flip', False):
            return features
        mirror = inputs[:, 1:] if inputs.ndim == STORED_NDIM else inputs.flip(-1)
        return (features + self.decode_head.features(self.extract_feat(mirror)).flip(-1)) / 2

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Logits ``[B, P * K, H, W]`` of the ``P`` evaluated predictors, one after the other."""
        head = self.decode_head
        features = self.test_features(inputs)
        logits = torch.cat([head.classify(features, head.predictors[name]) for name in self.names], dim=1)
        stored = inputs.ndim == STORED_NDIM
        height, width = batch_img_metas[0]['img_shape'][:2] if stored else inputs.shape[-2:]
        size = (int(height), int(width))
        logits = F.interpolate(logits, size, mode='bilinear', align_corners=self.align_corners)
        return self._cosines(logits, features, size) if self._option('crf', False) else logits

    def _cosines(self, logits: Tensor, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Divide the logits of predictors whose soft output is a cosine by the length of the upsampled features."""
        cosine = getattr(self.decode_head, 'cosine', False)
        which = [cosine if isinstance(cosine, bool) else name in cosine for name in self.names]
        if not any(which):
            return logits
        length = ops.upsampled_length(features, size).clamp_min(1e-12)
        sets = logits.chunk(len(self.names), dim=1)
        return torch.cat([s / length if divide else s for s, divide in zip(sets, which, strict=True)], dim=1)

    def predict(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> list[SegDataSample]:
        """Segment a normalised batch ``[B, 3, H, W]`` at the pictures' original sizes."""
        samples = data_samples or [SegDataSample(metainfo=whole_picture(inputs)) for _ in inputs]
        logits = self.inference(inputs, [dict(sample.metainfo) for sample in samples])
        for picture, values, sample in zip(inputs, logits, samples, strict=True):
            values = restore(values, sample.metainfo)
            self._store(sample, picture, values.view(len(self.names), self.num_classes, *values.shape[-2:]))
        return samples

    def _store(self, sample: SegDataSample, picture: Tensor, logits: Tensor) -> None:
        """Write predictions of logits ``[P, K, H, W]`` into ``sample``."""
        sample.seg_logits = PixelData(data=logits[0])
        for name, values in zip(self.names, logits, strict=True):
            main = name == self.names[0]
            sample.set_field(_labels(values), 'pred_sem_seg' if main else f'pred_{name}')
            if self._option('crf', False):
                refined = self._refine(name, values, restore(picture, sample.metainfo))
                sample.set_field(_labels(refined), 'pred_crf' if main else f'pred_{name}_crf')

    def _refine(self, name: str, logits: Tensor, picture: Tensor) -> Tensor:
        """Refine the logits ``[K, H, W]`` of one predictor; a linear layer's are calibrated and never scaled."""
        prototypes = isinstance(self.decode_head.predictors[name], Prototypes)
        scale = self._option('crf_scale', 1.0) if prototypes else 1.0
        probabilities = (logits * scale).softmax(dim=0)
        return ops.dense_crf(probabilities[None], to_uint8(picture, self.data_preprocessor)[None])[0]


def _labels(logits: Tensor) -> PixelData:
    return PixelData(data=logits.argmax(dim=0, keepdim=True))
