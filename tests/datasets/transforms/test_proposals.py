"""Loading proposals and moving them with the picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Compose

from mmseg_primaps.datasets.transforms import LoadMaskProposals
from mmseg_primaps.utils import InputError
from mmseg_primaps.utils.proposal_store import proposal_path

Stored = tuple[Path, Path, np.ndarray]


@pytest.fixture
def stored(tmp_path: Path, save: Callable[..., Path]) -> Stored:
    """The cache, the picture's path and its proposals."""
    proposals = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8)
    picture = tmp_path / 'pictures' / 'city' / 'a.jpg'
    save(proposal_path(tmp_path / 'cache', tmp_path / 'pictures', picture), proposals)
    return tmp_path / 'cache', picture, proposals


def results(path: Path, height: int = 6, width: int = 8) -> dict:
    return {'img': np.zeros((height, width, 3), np.uint8), 'img_path': str(path), 'seg_fields': []}


def test_proposals_are_found_by_the_pictures_path(stored: Stored, tmp_path: Path) -> None:
    root, path, proposals = stored
    loaded = LoadMaskProposals(str(root), str(tmp_path / 'pictures'))(results(path))
    assert np.array_equal(loaded['mask_proposals'], proposals)
    assert loaded['seg_fields'] == ['mask_proposals']


def test_proposals_move_with_the_picture(stored: Stored, tmp_path: Path, step: Callable) -> None:
    root, path, proposals = stored
    pipeline = Compose(
        [
            step('LoadMaskProposals', root=str(root), base=str(tmp_path / 'pictures')),
            step('RandomFlip', prob=1.0),
            step('CenterCropSeg', size=(4, 8)),
        ]
    )
    assert np.array_equal(pipeline(results(path))['mask_proposals'], proposals[1:5, ::-1])


def test_a_folder_that_nobody_set_is_an_error(stored: Stored) -> None:
    with pytest.raises(InputError, match='MaskProposalHook'):
        LoadMaskProposals()(results(stored[1]))


def test_a_missing_file_names_its_mend(stored: Stored, tmp_path: Path) -> None:
    loader = LoadMaskProposals(str(stored[0]), str(tmp_path / 'pictures'))
    with pytest.raises(InputError, match=r'b.*png is missing: make the proposals'):
        loader(results(tmp_path / 'pictures' / 'b.jpg'))


def test_a_picture_outside_the_base_is_an_error(stored: Stored, tmp_path: Path) -> None:
    loader = LoadMaskProposals(str(stored[0]), str(tmp_path / 'pictures'))
    with pytest.raises(InputError, match='does not lie below'):
        loader(results(tmp_path / 'elsewhere' / 'a.jpg'))


def test_proposals_of_another_size_are_an_error(stored: Stored, tmp_path: Path) -> None:
    loader = LoadMaskProposals(str(stored[0]), str(tmp_path / 'pictures'))
    with pytest.raises(InputError, match='is 8x6, the picture at this point of the pipeline is 8x7'):
        loader(results(stored[1], height=7))
