"""The PriMaPs-EM head: views, pseudo labels, momentum, errors."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_primaps.models.decode_heads import PriMaPsHead
from mmseg_primaps.models.decode_heads.primaps_head import stack_proposals
from mmseg_primaps.utils import InputError


def sample(proposals: torch.Tensor, **meta: object) -> SegDataSample:
    result = SegDataSample(metainfo={'img_shape': tuple(proposals.shape), **meta})
    result.mask_proposals = PixelData(data=proposals[None])
    return result


@pytest.fixture
def head() -> PriMaPsHead:
    torch.manual_seed(0)
    head = PriMaPsHead(in_channels=6, num_classes=3)
    head.initialize(torch.randn(3, 6))
    return head


@pytest.fixture
def proposals() -> list[SegDataSample]:
    maps = torch.full((2, 16, 16), 255)
    maps[:, :8], maps[:, 8:, :8] = 1, 2
    return [sample(values) for values in maps]


def test_each_proposal_takes_the_majority_class_of_the_momentum_prototypes(head: PriMaPsHead) -> None:
    features = torch.randn(1, 6, 4, 4)
    proposals = torch.full((1, 16, 16), 255)
    proposals[:, :8] = 3
    labels = head.pseudo_labels(features, proposals)
    assert (labels[:, 8:] == 255).all()
    everywhere = torch.nn.functional.interpolate(head.momentum(features), (16, 16), mode='bilinear').argmax(1)
    assert (labels[:, :8] == everywhere[:, :8].flatten().mode().values).all()


def test_student_view_is_the_second_half_of_the_batch(head: PriMaPsHead, proposals: list) -> None:
    teacher, student = torch.randn(2, 6, 4, 4), torch.randn(2, 6, 4, 4)
    one = head.loss((teacher,), proposals, {})['loss_focal']
    two = head.loss((torch.cat([teacher, student]),), proposals, {})['loss_focal']
    same = head.loss((torch.cat([teacher, teacher]),), proposals, {})['loss_focal']
    assert torch.equal(one, same)
    assert not torch.isclose(one, two)


def test_only_running_prototypes_learn(head: PriMaPsHead, proposals: list) -> None:
    features = torch.randn(2, 6, 4, 4, requires_grad=True)
    losses = head.loss((features,), proposals, {})
    losses['loss_focal'].backward()
    assert features.grad is None
    assert head.running.direction.grad is not None
    assert head.running.gain.grad is not None
    assert {name for name, _ in head.named_parameters()} == {'running.direction', 'running.gain'}
    assert losses['labelled'] == pytest.approx(75.0)


def test_momentum_copies_twice_and_then_averages(head: PriMaPsHead) -> None:
    for call, decay in ((1, 0.0), (2, 0.0), (3, 2 / 3), (4, 0.75)):
        before = head.momentum.direction.clone()
        with torch.no_grad():
            head.running.direction.add_(torch.randn(3, 6))
        assert head.update_momentum() == pytest.approx(decay)
        expected = decay * before + (1 - decay) * head.running.direction
        torch.testing.assert_close(head.momentum.direction, expected.detach())
        assert int(head.momentum_calls) == call


def test_momentum_calls_survive_a_checkpoint(head: PriMaPsHead) -> None:
    head.update_momentum()
    other = PriMaPsHead(in_channels=6, num_classes=3)
    other.load_state_dict(head.state_dict())
    assert int(other.momentum_calls) == 1
    assert bool(other.initialized)


def test_bare_tensor_of_a_backbone_is_not_sliced(head: PriMaPsHead) -> None:
    features = torch.randn(2, 6, 4, 4)
    assert torch.equal(head(features), head((features,)))
    assert head(features).shape == (2, 3, 4, 4)


def test_prediction_as_pseudo_label_needs_no_proposals() -> None:
    head = PriMaPsHead(in_channels=6, num_classes=3, pseudo_label='prediction')
    bare = SegDataSample(metainfo={'img_shape': (16, 16)})
    losses = head.loss((torch.randn(1, 6, 4, 4),), [bare], {})
    assert losses['labelled'] == 100


def test_no_proposal_is_255_whatever_the_ignored_label() -> None:
    proposals = torch.full((4, 6), 255, dtype=torch.uint8)
    proposals[:2] = 1
    samples = [sample(proposals, pad_shape=(6, 6)), sample(proposals.T.contiguous(), pad_shape=(6, 6))]
    losses = PriMaPsHead(6, 3, ignore_index=-1).loss((torch.randn(2, 6, 3, 3),), samples, {})
    assert losses['labelled'].item() == pytest.approx(100 * 24 / 72)


def test_proposals_are_padded_as_the_pictures_are() -> None:
    stacked = stack_proposals([sample(torch.ones(4, 6, dtype=torch.uint8), pad_shape=(8, 8))])
    assert stacked.shape == (1, 8, 8)
    assert (stacked[0, 4:] == 255).all()
    assert (stacked[0, :4, :6] == 1).all()


@pytest.mark.parametrize(
    ('call', 'match'),
    [
        (lambda: PriMaPsHead(6, 3, pseudo_label='labels'), 'pseudo_label'),
        (lambda: PriMaPsHead(6, 3).loss((torch.zeros(1, 6, 4, 4),), [SegDataSample()], {}), 'MaskProposalHook'),
        (lambda: PriMaPsHead(6, 3)((torch.zeros(1, 5, 4, 4),)), 'in_channels=5'),
        (lambda: PriMaPsHead(6, 3, in_index=2)((torch.zeros(1, 6, 4, 4),)), 'in_index=2'),
        (lambda: PriMaPsHead(6, 3).load_state_dict(PriMaPsHead(6, 4).state_dict()), 'num_classes=4'),
    ],
)
def test_mistakes_are_named(call: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        call()  # type: ignore[operator]
