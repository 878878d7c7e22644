"""Evaluation in one pass: prototype sets, flip, CRF, sliding windows."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import register_all_modules

from mmseg_primaps.models.segmentors import PriMaPsSegmentor
from mmseg_primaps.ops import dense_crf
from mmseg_primaps.utils import InputError

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def build(head: str = 'PriMaPsHead', **test_cfg: object) -> PriMaPsSegmentor:
    register_all_modules()
    torch.manual_seed(0)
    model = MODELS.build(
        ConfigDict(
            type='PriMaPsSegmentor',
            data_preprocessor=dict(type='TwoViewDataPreProcessor', mean=MEAN, std=STD, bgr_to_rgb=True),
            backbone=dict(type='ColourTexture'),
            decode_head=dict(type=head, in_channels=30, num_classes=4),
            test_cfg=dict(mode='whole', **test_cfg),
        )
    )
    return model.eval()


def batch(count: int = 2) -> dict:
    generator = torch.Generator().manual_seed(1)
    pictures = [torch.randint(0, 256, (3, 48, 64), generator=generator, dtype=torch.uint8) for _ in range(count)]
    samples = [SegDataSample(metainfo={'ori_shape': (48, 64), 'img_shape': (48, 64)}) for _ in range(count)]
    return {'inputs': pictures, 'data_samples': samples}


@torch.no_grad()
def predict(model: PriMaPsSegmentor) -> list[SegDataSample]:
    return model.test_step(batch())


def test_every_prototype_set_and_its_crf_come_in_one_pass() -> None:
    model = build(flip=True, crf=True)
    model.decode_head.running.set(torch.randn(4, 30))
    sample = predict(model)[0]
    keys = {key for key in sample.all_keys() if key.startswith('pred_')}
    assert keys == {'pred_sem_seg', 'pred_running', 'pred_crf', 'pred_running_crf'}
    assert sample.seg_logits.data.shape == (4, 48, 64)
    assert torch.equal(sample.seg_logits.data.argmax(0), sample.pred_sem_seg.data[0])
    assert not torch.equal(sample.pred_sem_seg.data, sample.pred_running.data)


def test_crf_sees_the_picture_as_it_was_before_normalisation() -> None:
    model = build(crf=True)
    data = batch()
    rgb = torch.stack(data['inputs'])[:, [2, 1, 0]]
    sample = predict(model)[0]
    expected = dense_crf(sample.seg_logits.data.softmax(0)[None], rgb[:1])[0].argmax(0)
    assert torch.equal(sample.pred_crf.data[0], expected)


def test_flip_averages_features_before_upsampling() -> None:
    model, plain = build(flip=True), build()
    data = model.data_preprocessor(batch(), False)
    features = plain.test_features(data['inputs'])
    mirrored = plain.test_features(data['inputs'].flip(-1)).flip(-1)
    assert torch.allclose(model.test_features(data['inputs']), (features + mirrored) / 2, atol=1e-6)
    assert not torch.allclose(features, mirrored)


def test_stored_features_give_the_prediction_of_the_picture() -> None:
    model = build(flip=True)
    data = model.data_preprocessor(batch(), False)
    views = torch.stack([model.backbone(data['inputs'])[0], model.backbone(data['inputs'].flip(-1))[0]], dim=1)
    with torch.no_grad():
        stored = model.test_step({'features': list(views), 'data_samples': batch()['data_samples']})
    for left, right in zip(stored, predict(model), strict=True):
        assert torch.equal(left.pred_sem_seg.data, right.pred_sem_seg.data)


def test_sliding_windows_cover_every_predictor() -> None:
    model = build()
    model.test_cfg = ConfigDict(mode='slide', crop_size=(32, 32), stride=(16, 16))
    sample = predict(model)[0]
    assert sample.pred_sem_seg.data.shape == sample.pred_running.data.shape == (1, 48, 64)


def test_prediction_is_scaled_to_the_original_shape_without_padding() -> None:
    model = build()
    data = batch(1)
    data['data_samples'][0].set_metainfo({'ori_shape': (24, 20), 'padding_size': (0, 24, 0, 0)})
    with torch.no_grad():
        assert model.test_step(data)[0].pred_sem_seg.data.shape == (1, 24, 20)


def test_cosine_of_the_kmeans_head_is_taken_on_upsampled_features() -> None:
    model = build('CosineKMeansHead', crf=True)
    sample = predict(model)[0]
    inputs = model.data_preprocessor(batch(), False)['inputs']
    features = torch.nn.functional.interpolate(model.test_features(inputs), (48, 64), mode='bilinear')[0]
    direction = torch.nn.functional.normalize(model.decode_head.running.direction, dim=1)
    cosine = torch.einsum('kc,chw->khw', direction, torch.nn.functional.normalize(features, dim=0))
    assert torch.allclose(sample.seg_logits.data, cosine, atol=1e-5)
    assert 'pred_running' not in sample


def test_frozen_encoder_ignores_train() -> None:
    model = build().train()
    assert not model.backbone.training
    assert model.decode_head.training
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())


def test_unknown_prototypes_are_named() -> None:
    with pytest.raises(InputError, match="'linear'"):
        build(prototypes=('linear',))


def test_linear_probe_learns_from_labels_only() -> None:
    model = build('LinearProbeHead')
    data = model.data_preprocessor(batch(), False)
    with pytest.raises(InputError, match='supervised'):
        model.loss(**data)
    for sample in data['data_samples']:
        sample.gt_sem_seg = PixelData(data=torch.full((1, 48, 64), 2))
    loss = model.loss(**data)['decode.loss_linear']
    loss.backward()
    assert model.decode_head.conv_seg.weight.grad is not None
