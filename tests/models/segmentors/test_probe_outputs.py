"""STEGO's and HP's soft outputs reach the CRF as their public codes give them."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules


@torch.no_grad()
def test_only_cosine_predictors_are_divided_by_the_features_length_and_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """STEGO's own protocol: softmax of twice the cosine for clusters, of the plain logits for the linear probe."""
    register_all_modules()
    model = MODELS.build(
        ConfigDict(
            type='PriMaPsSegmentor',
            data_preprocessor=dict(type='TwoViewDataPreProcessor'),
            backbone=dict(type='ColourTexture'),
            decode_head=dict(type='STEGOHead', in_channels=30, num_classes=4),
            test_cfg=dict(mode='whole', crf=True, crf_scale=2.0),
        )
    ).eval()
    seen = []
    monkeypatch.setattr('mmseg_primaps.ops.dense_crf', lambda q, image: seen.append(q) or q)
    images = torch.randn(1, 3, 32, 32)
    model.predict(images)
    features = model.decode_head.features(model.extract_feat(images))
    upsampled = F.interpolate(features, (32, 32), mode='bilinear')
    direction = F.normalize(model.decode_head.running.direction, dim=1)
    cosine = torch.einsum('kc,bchw->bkhw', direction, F.normalize(upsampled, dim=1))
    assert torch.allclose(seen[0], (2 * cosine).softmax(1), atol=1e-5)
    assert torch.allclose(seen[1], model.decode_head.linear(upsampled).softmax(1), atol=1e-5)
