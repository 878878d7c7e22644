"""Potsdam aerial pictures with 3 coarse classes."""

from pathlib import Path
from typing import Any, ClassVar

from mmseg.registry import DATASETS

from mmseg_primaps.utils import InputError

from .folder_dataset import FolderDataset
from .folder_files import read_list

_CLASSES = {
    'roads and cars': (255, 255, 255),
    'buildings and clutter': (0, 0, 255),
    'trees and vegetation': (0, 255, 0),
}
LISTS: dict[str, tuple[str, ...]] = {
    'train': ('labelled_train.txt',),
    'val': ('labelled_test.txt',),
    'unlabelled_train': ('unlabelled_train.txt',),
    'train+val': ('labelled_train.txt', 'labelled_test.txt'),
    'all': ('labelled_train.txt', 'labelled_test.txt', 'unlabelled_train.txt'),
}


@DATASETS.register_module()
class Potsdam3Dataset(FolderDataset):
    """ISPRS Potsdam in half-scale patches of 200x200, six owners' classes gathered into three.

    ``imgs/<n>.mat`` (variable ``img``, uint8 RGB + infrared; the infrared is dropped) beside ``gt/<n>.mat`` (``gt``,
    int32), or the same as ``.png``; the lists hold one number per line. Fine ids: 0 road, 1 building, 2 low vegetation,
    3 tree, 4 car, 5 clutter; -1 and 255 are void, anything else is an error (``unknown_ids='ignore'`` of
    ``LoadMappedAnnotations`` makes it void, as the published code does).

    The published split was drawn without a seed: figures compare only on the original lists. Where
    ``prepare_dataset.py`` had to draw a split, its warning is in ``metainfo['notes']`` and so in the metrics file.

    Args:
        split: ``train``, ``val``, ``train+val``, ``unlabelled_train`` or ``all``.
        **kwargs: As for :class:`FolderDataset`.
    """

    METAINFO: ClassVar[dict] = {
        'classes': tuple(_CLASSES),
        'palette': [list(colour) for colour in _CLASSES.values()],
        'label_table': {0: 0, 4: 0, 1: 1, 5: 1, 2: 2, 3: 2, 255: 255, -1: 255},
    }
    IMAGE_FOLDER = 'imgs'
    LABEL_FOLDERS = ('gt',)
    SPLITS: ClassVar[dict[str, tuple[str, ...]]] = dict.fromkeys(LISTS, ('',))

    def __init__(self, data_root: str, split: str = 'train', **kwargs: Any) -> None:
        suffix = self._patch_suffix(Path(data_root, self.IMAGE_FOLDER))
        super().__init__(data_root, split, **{'img_suffix': suffix, 'seg_map_suffix': suffix, **kwargs})

    @staticmethod
    def _patch_suffix(folder: Path) -> str:
        """``.mat`` or ``.png``, whichever the folder holds."""
        kinds = {path.suffix for path in folder.iterdir()} & {'.mat', '.png'} if folder.is_dir() else set()
        if len(kinds) > 1:
            raise InputError(f'{folder} holds .mat and .png patches: keep one kind')
        return kinds.pop() if kinds else '.mat'

    def listed(self) -> list[str] | None:
        """Numbers that the split's lists give."""
        if self.ann_file:
            return super().listed()
        return [number for name in LISTS[self.split] for number in read_list(f'{self.data_root}/{name}')]
