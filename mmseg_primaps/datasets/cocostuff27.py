"""COCO-Stuff with 27 coarse classes."""

from typing import Any, ClassVar

from mmseg.registry import DATASETS

from mmseg_primaps.utils import InputError

from .folder_dataset import FolderDataset
from .folder_files import read_list
from .palettes import cluster_palette

# Coarse class and the fine ids (0 to 181) that it gathers. Food and furniture exist twice: as things and as stuff.
COARSE_CLASSES: dict[str, tuple[int, ...]] = {
    'electronic': tuple(range(71, 77)),
    'appliance': tuple(range(77, 83)),
    'food (things)': tuple(range(51, 61)),
    'furniture (things)': tuple(range(61, 71)),
    'indoor': tuple(range(83, 91)),
    'kitchen': tuple(range(43, 51)),
    'accessory': tuple(range(25, 33)),
    'animal': tuple(range(15, 25)),
    'outdoor': tuple(range(9, 15)),
    'person': (0,),
    'sports': tuple(range(33, 43)),
    'vehicle': tuple(range(1, 9)),
    'ceiling': (101, 102),
    'floor': (100, *range(113, 118)),
    'food (stuff)': (120, 121, 152, 169),
    'furniture (stuff)': (97, 106, 107, 109, 111, 122, 129, 132, 155, 160, 164),
    'rawmaterial': (99, 131, 138, 142),
    'textile': (91, 92, 103, 104, 108, 130, 136, 140, 151, 166, 167),
    'wall': tuple(range(170, 177)),
    'window': (179, 180),
    'building': (94, 95, 127, 150, 157, 165),
    'ground': (110, 124, 125, 135, 139, 143, 144, 146, 148, 153, 158),
    'plant': (93, 96, 118, 123, 128, 133, 141, 162, 168),
    'sky': (105, 156),
    'solid': (126, 134, 149, 159, 161, 181),
    'structural': (98, 112, 137, 145, 163),
    'water': (119, 147, 154, 177, 178),
}
FIRST_STUFF_CLASS = 12
CURATED_LISTS = {
    'full': 'Coco164kFull_Stuff_Coarse.txt',
    6: 'Coco164kFew_Stuff_6.txt',
    7: 'Coco164kFull_Stuff_Coarse_7.txt',
}
LAYOUT: dict[str, tuple[str, ...]] = {
    'train': ('train2017',),
    'val': ('val2017',),
    'all': ('train2017', 'val2017'),
}


@DATASETS.register_module()
class COCOStuff27Dataset(FolderDataset):
    """COCO-Stuff 164k with the 27 coarse classes of the unsupervised benchmarks.

    ``images/<split>2017/<id>.jpg`` beside ``annotations/<split>2017/<id>.png`` (or ``stuffthingmaps/``), and the lists
    ``curated/<split>2017/*.txt``. Label maps hold fine ids 0 to 181 and 255 for void.

    The benchmark evaluates on list 7 (pictures of at least 360 pixels a side and three quarters of *stuff*), so it is
    made of stuff more than of things. PriMaPs-EM trains on list 7 too, STEGO and HP on the full list.

    Args:
        split: ``train``, ``val`` or ``all``.
        subset: ``7``, ``6`` or ``'full'`` for a curated list, ``None`` for every picture.
        **kwargs: As for :class:`FolderDataset`.

    Raises:
        InputError: The list is missing, or names a picture that is.
    """

    METAINFO: ClassVar[dict] = {
        'classes': tuple(COARSE_CLASSES),
        'palette': cluster_palette(len(COARSE_CLASSES)),
        'label_table': {
            **{fine: coarse for coarse, ids in enumerate(COARSE_CLASSES.values()) for fine in sorted(ids)},
            255: 255,
        },
    }
    LABEL_FOLDERS = ('annotations', 'stuffthingmaps')
    SPLITS = LAYOUT
    IMG_SUFFIX = '.jpg'

    def __init__(self, *args: Any, subset: int | str | None = None, **kwargs: Any) -> None:
        if subset is not None and subset not in CURATED_LISTS:
            raise InputError(f"COCOStuff27Dataset: subset must be 7, 6, 'full' or None, not {subset!r}")
        self.subset = subset
        super().__init__(*args, **kwargs)

    def listed(self) -> list[str] | None:
        """Names that the curated list of each folder gives."""
        if self.ann_file or self.subset is None:
            return super().listed()
        lists = {part: f'{self.data_root}/curated/{part}/{CURATED_LISTS[self.subset]}' for part in self.parts}
        return [f'{part}/{name}' for part, path in lists.items() for name in read_list(path)]
