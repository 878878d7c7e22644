"""Pascal VOC 2012 for object segmentation."""

from typing import ClassVar

from mmseg.datasets import PascalVOCDataset
from mmseg.registry import DATASETS

from .folder_dataset import FolderDataset
from .folder_files import read_list


@DATASETS.register_module()
class VOC2012Dataset(FolderDataset):
    """Pascal VOC 2012, 20 things and background, in the owners' layout; names and colours are mmseg's.

    ``JPEGImages/*.jpg`` beside ``SegmentationClass/*.png``, lists in ``ImageSets/Segmentation/<split>.txt``. Label maps
    are palette pictures whose indices are ids: load them with ``LoadMappedAnnotations(palette=True)``.

    Args:
        split: ``train``, ``val``, ``trainval`` or ``trainaug`` (the list and ``SegmentationClassAug`` of the Berkeley
            boundaries, where they were added), or ``all`` for every picture, labels or not.
        **kwargs: As for :class:`FolderDataset`.
    """

    METAINFO: ClassVar[dict] = {
        **PascalVOCDataset.METAINFO,
        'label_table': {**{i: i for i in range(21)}, 255: 255},
    }
    IMAGE_FOLDER = 'JPEGImages'
    LABEL_FOLDERS = ('SegmentationClass',)
    SPLITS: ClassVar[dict[str, tuple[str, ...]]] = dict.fromkeys(('train', 'val', 'trainval', 'trainaug', 'all'), ('',))
    IMG_SUFFIX = '.jpg'

    def _label_folder(self, data_root: str) -> str:
        """The augmented training set has a folder of its own."""
        return 'SegmentationClassAug' if self.split == 'trainaug' else super()._label_folder(data_root)

    def listed(self) -> list[str] | None:
        """Names that the split's list gives."""
        if self.ann_file or self.split == 'all':
            return super().listed()
        return read_list(f'{self.data_root}/ImageSets/Segmentation/{self.split}.txt')
