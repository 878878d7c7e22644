"""Any folder of pictures as a data set."""

from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from mmseg_primaps.utils import InputError

from .folder_dataset import FolderDataset
from .folder_files import require
from .palettes import cluster_metainfo
from .picture_sources import find_pictures


@DATASETS.register_module()
class UnlabeledDataset(FolderDataset):
    """A user's own pictures; no labels are needed to train, and they are optional to evaluate.

    Args:
        data_root: A folder (with sub-folders), a glob, one picture, or a list file.
        num_classes: Number of clusters to find, 1 to 255. They are called ``cluster 0`` and so on.
        label_root: Optional folder of label maps: same paths as the pictures, ``.png``, ids 0 to ``num_classes`` - 1
            and 255 for void.
        metainfo: Optional names and colours in place of the generated ones.
        **kwargs: As for mmseg's ``BaseSegDataset``.

    Raises:
        InputError: There are no pictures, or names and ``num_classes`` disagree.
    """

    def __init__(
        self,
        data_root: str,
        num_classes: int = 27,
        label_root: str | None = None,
        metainfo: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if not 1 <= num_classes <= 255:
            raise InputError(f'UnlabeledDataset: num_classes must be 1 to 255, not {num_classes}')
        info = {**cluster_metainfo(num_classes), **(metainfo or {})}
        if len(info['classes']) != num_classes:
            named = len(info['classes'])
            raise InputError(f'UnlabeledDataset: num_classes={num_classes}, but metainfo names {named} classes')
        info['label_table'] = {**{i: i for i in range(num_classes)}, 255: 255}
        self.base, self.pictures = find_pictures(data_root)
        prefix = {'img_path': str(self.base), 'seg_map_path': label_root or ''}
        super().__init__(data_root=None, data_prefix=prefix, metainfo=info, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry per picture."""
        names = [path.absolute().relative_to(self.base.absolute()) for path in self.pictures]
        labels = [Path(self.data_prefix['seg_map_path'], name).with_suffix('.png') for name in names]
        if self.needs_labels and not self.has_labels:
            raise InputError('UnlabeledDataset: the pipeline loads label maps; set label_root, or leave evaluation out')
        if self.needs_labels:
            require(map(str, labels), (str(p) for p in labels if p.is_file()), '{}, a label map, does not exist')
        label_paths = [str(label) if self.has_labels else None for label in labels]
        return [self._entry(str(picture), label) for picture, label in zip(self.pictures, label_paths, strict=True)]
