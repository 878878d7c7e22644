"""Heads that train and evaluate STEGO and HP."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.runner.checkpoint import load_state_dict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_primaps.models.decode_heads import CosineKMeansHead, HPHead, PriMaPsHead, STEGOHead
from mmseg_primaps.models.necks import HPNeck, STEGONeck
from mmseg_primaps.utils import InputError

HP = {'in_channels': 8, 'num_classes': 3, 'feature_channels': 16, 'pool_size': 20, 'kept_share': 0.5}


def samples(count: int, labelled: bool = True) -> list[SegDataSample]:
    made = [SegDataSample(metainfo={'img_shape': (12, 12)}) for _ in range(count)]
    for sample in made if labelled else ():
        label = torch.randint(3, (1, 12, 12))
        label[:, :2] = 255
        sample.gt_sem_seg = PixelData(data=label)
    return made


def features(count: int) -> torch.Tensor:
    return torch.randn(count, 16, 4, 4, generator=torch.Generator().manual_seed(0))


def filled(head: HPHead) -> HPHead:
    head.agnostic_pool.copy_(F.normalize(torch.randn(20, 16), dim=1))
    head.specific_pool.copy_(F.normalize(torch.randn(20, 8), dim=1))
    return head


def test_stego_trains_the_neck_and_the_probes_apart() -> None:
    torch.manual_seed(0)
    neck, head = STEGONeck(16, 8, preset='fixed', trainable=True).train(), STEGOHead(8, 3, samples=3)
    losses = head.loss(neck(features(4)), samples(2), None)
    assert {'loss_correspondence', 'loss_cluster', 'loss_linear', 'fd_intra', 'cd_negative'} <= losses.keys()
    losses['loss_correspondence'].backward(retain_graph=True)
    assert all(p.grad is not None for p in neck.parameters())
    assert all(p.grad is None for p in head.parameters())
    neck.zero_grad()
    (losses['loss_cluster'] + losses['loss_linear']).backward()
    assert all(p.grad is None or not p.grad.any() for p in neck.parameters())
    assert head.running.direction.grad.any()
    assert head.linear.weight.grad.any()


def test_the_linear_probe_needs_labels_and_the_rest_does_not() -> None:
    neck, head = STEGONeck(16, 8, preset='fixed', trainable=True), STEGOHead(8, 3, samples=3)
    assert 'loss_linear' not in head.loss(neck(features(4)), samples(2, labelled=False), None)


def test_void_pixels_count_for_nothing_in_the_linear_probe() -> None:
    head, made = STEGOHead(8, 3), samples(2)
    codes = torch.randn(2, 8, 12, 12)
    label = torch.stack([sample.gt_sem_seg.data[0] for sample in made])
    expected = F.cross_entropy(head.linear(codes), label, ignore_index=255)
    assert torch.allclose(head.probe_losses(codes, made)['loss_linear'], expected)
    for sample in made:
        sample.gt_sem_seg.data[:] = 255
    assert head.probe_losses(codes, made)['loss_linear'] == 0


@pytest.mark.parametrize(('count', 'size', 'reason'), [(2, 2, 'NeighbourHook'), (2, 1, 'two or more')])
def test_stego_names_what_is_missing(count: int, size: int, reason: str) -> None:
    neck, head = STEGONeck(16, 8, preset='fixed', trainable=True), STEGOHead(8, 3)
    with pytest.raises(InputError, match=reason):
        head.loss(neck(features(count)), samples(size), None)
    with pytest.raises(InputError, match='self'):
        STEGOHead(8, 3, shifts={'self': 1.0})


def test_stego_pulls_codes_of_like_features_together() -> None:
    """Two kinds of patches: after training, codes correlate within a kind and not across."""
    torch.manual_seed(0)
    kinds = torch.randn(1, 16) * torch.tensor([[1.0], [-1.0]]) + 0.3 * torch.randn(2, 16)
    kind = (torch.arange(4) >= torch.randint(1, 4, (8, 1))).long()[:, None].expand(8, 4, 4)  # left against right
    maps = (kinds[kind] + 0.1 * torch.randn(8, 4, 4, 16)).permute(0, 3, 1, 2)
    shifts = {'intra': 0.2, 'inter': 0.2, 'negative': 0.3}
    neck, head = STEGONeck(16, 8, preset='fixed', trainable=True), STEGOHead(8, 2, shifts=shifts)
    optimizer = torch.optim.Adam(neck.parameters(), 5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        losses = head.loss(neck(torch.cat([maps, maps.flip(0)])), samples(8, labelled=False), None)
        losses['loss_correspondence'].backward()
        optimizer.step()
    codes = F.normalize(neck.eval()(maps)[-1], dim=1).permute(0, 2, 3, 1)
    first, second = codes[kind == 0], codes[kind == 1]
    assert (first @ first.T).mean() > 0.8
    assert (second @ second.T).mean() > 0.8
    assert (first @ second.T).mean() < 0.2


@pytest.mark.parametrize('views', [1, 2])
def test_hp_trains_the_online_head_and_never_the_average(views: int) -> None:
    torch.manual_seed(0)
    neck, head = HPNeck(16, 8, attention='features', momentum=0.9, trainable=True).train(), filled(HPHead(**HP))
    start = {key: value.clone() for key, value in neck.average.state_dict().items()}
    pool = head.agnostic_pool.clone()
    optimizer = torch.optim.SGD(neck.projection.parameters(), 0.1)
    losses = head.loss(neck(features(2 * views)), samples(2), None)
    assert ('loss_consistency' in losses) == (views == 2)
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    assert all(p.grad is not None and p.grad.any() for p in neck.projection.parameters())
    assert head.project.weight.grad.any()
    assert all(p.grad is None for p in neck.average.parameters())
    assert all(torch.allclose(value, start[key]) for key, value in neck.average.state_dict().items())
    optimizer.step()
    neck(features(2))
    for key, value in neck.average.state_dict().items():
        assert torch.allclose(value, 0.9 * start[key] + 0.1 * neck.projection.state_dict()[key], atol=1e-6)
    assert torch.equal(head.agnostic_pool, pool)


def test_the_attention_of_queries_and_keys_is_the_mean_of_the_heads() -> None:
    neck = HPNeck(16, 8, num_heads=4, trainable=True)
    query, key, token = (torch.randn(2, 16, 3, 3) for _ in range(3))
    per_head = [
        torch.einsum('bcp,bcq->bpq', q.flatten(2), k.flatten(2)) * 4**-0.5
        for q, k in zip(query.split(4, 1), key.split(4, 1), strict=True)
    ]
    assert torch.allclose(neck._scores((query, key, token), token), torch.stack(per_head).mean(0), atol=1e-5)


def test_hp_names_what_is_missing() -> None:
    neck = HPNeck(16, 8, trainable=True).train()
    with pytest.raises(InputError, match='queries and keys'):
        neck((features(2),))
    with pytest.raises(InputError, match='HiddenPositiveHook'):
        HPHead(**HP).loss([torch.zeros(2, 8, 4, 4)] * 4, samples(2), None)
    with pytest.raises(InputError, match='HPNeck'):
        HPHead(**HP).loss([torch.zeros(2, 8, 4, 4)] * 2, samples(2), None)
    with pytest.raises(InputError, match='temperature'):
        HPHead(**{**HP, 'temperature': 0})
    with pytest.raises(InputError, match='attention'):
        HPNeck(16, 8, attention='none')


def test_a_methods_clusters_start_every_prototype_set() -> None:
    for method in (STEGOHead(8, 3), HPHead(**HP)):
        source = torch.nn.ModuleDict({'decode_head': method})
        for head in (PriMaPsHead(8, 3), CosineKMeansHead(8, 3)):
            model = torch.nn.ModuleDict({'decode_head': head})
            load_state_dict(model, source.state_dict(), strict=True)
            for prototypes in head.predictors.values():
                assert torch.equal(prototypes.direction, method.running.direction)
                assert torch.equal(prototypes.gain, torch.ones(3))
            assert bool(head.initialized)


def test_a_released_head_starts_the_moving_average() -> None:
    source = HPNeck(16, 8, trainable=True).projection.state_dict()
    neck = HPNeck(16, 8, trainable=True)
    load_state_dict(neck, {f'projection.{key}': value for key, value in source.items()}, strict=True)
    assert all(torch.equal(value, source[key]) for key, value in neck.average.state_dict().items())
    frozen = HPNeck(16, 8)
    load_state_dict(frozen, neck.state_dict(), strict=True)
    assert not hasattr(frozen, 'average')
