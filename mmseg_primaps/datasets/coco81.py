"""COCO's 80 things and a background."""

from typing import ClassVar

from mmseg.datasets import COCOStuffDataset, PascalVOCDataset
from mmseg.registry import DATASETS

from .cocostuff27 import LAYOUT
from .folder_dataset import FolderDataset

_THINGS = 80
# Of COCO's 91 thing ids these 11 (counted from 0) were never annotated.
_UNUSED = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)
_THING_IDS = [i for i in range(91) if i not in _UNUSED]


@DATASETS.register_module()
class COCO81Dataset(FolderDataset):
    """COCO 2017 for object segmentation: background and 80 things, from the label maps of COCO-Stuff.

    Stuff and unlabelled pixels are background, as in COCO's own object annotations. Names are mmseg's.

    Args:
        split: ``train``, ``val`` or ``all``.
        **kwargs: As for :class:`FolderDataset`.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', *COCOStuffDataset.METAINFO['classes'][:_THINGS]),
        'palette': [PascalVOCDataset.METAINFO['palette'][0], *COCOStuffDataset.METAINFO['palette'][:_THINGS]],
        'label_table': {
            **dict.fromkeys((*_UNUSED, *range(91, 182), 255), 0),
            **{fine: place + 1 for place, fine in enumerate(_THING_IDS)},
        },
    }
    LABEL_FOLDERS = ('annotations', 'stuffthingmaps')
    SPLITS = LAYOUT
    IMG_SUFFIX = '.jpg'
