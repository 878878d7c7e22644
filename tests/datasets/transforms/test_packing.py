"""What the model is handed."""

import numpy as np
import torch

from mmseg_primaps.datasets.transforms import PackProposalInputs


def results(**more: np.ndarray) -> dict:
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    return {'img': image, 'img_path': 'a.png', 'ori_shape': (2, 3), 'img_shape': (2, 3), **more}


def test_proposals_are_packed_as_they_are_on_disk() -> None:
    sample = PackProposalInputs()(results(mask_proposals=np.full((2, 3), 255, np.uint8)))['data_samples']
    assert sample.mask_proposals.data.dtype == torch.uint8
    assert sample.mask_proposals.data.tolist() == [[[255] * 3] * 2]


def test_a_student_view_is_packed_beside_the_picture() -> None:
    packed = PackProposalInputs()(results(student_img=np.ones((2, 3, 3), np.float32)))
    assert packed['student_inputs'].shape == packed['inputs'].shape == (3, 2, 3)
    assert packed['student_inputs'].dtype == torch.float32


def test_flipped_views_are_packed_too() -> None:
    flipped = results()['img'][:, ::-1]
    packed = PackProposalInputs()(results(img=flipped, student_img=flipped, mask_proposals=flipped[..., 0]))
    assert torch.equal(packed['inputs'], packed['student_inputs'])


def test_without_proposals_it_packs_what_mmseg_packs() -> None:
    packed = PackProposalInputs()(results(gt_seg_map=np.zeros((2, 3), np.uint8)))
    assert set(packed) == {'inputs', 'data_samples'}
    assert 'mask_proposals' not in packed['data_samples']
    assert packed['data_samples'].gt_sem_seg.data.shape == (1, 2, 3)
