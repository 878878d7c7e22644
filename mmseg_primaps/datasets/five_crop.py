"""The five crops of every picture that STEGO and HP train on."""

from typing import Any, ClassVar

from mmseg.registry import DATASETS

from .folder_dataset import FolderDataset


def crop_folder(kind: str, ratio: float) -> str:
    """Folder of the crops below the prepared data set, named as the published codes name it.

    Args:
        kind: Registered name of the data set, ``Cityscapes27Dataset`` for example.
        ratio: Side of a crop over the side of its picture.
    """
    return f'cropped/{kind.removesuffix("Dataset").lower()}_five_crop_{ratio}'


@DATASETS.register_module()
class FiveCropDataset(FolderDataset):
    """Crops made by ``prepare_dataset.py --five-crops``.

    ``img/<split>/*.jpg`` beside ``label/<split>/*.png``; label maps hold class + 1, 0 is void.

    Args:
        data_root: Folder of the prepared data set that was cropped.
        source: Registered name of that data set, which names and colours come from.
        ratio: Side of a crop over the side of its picture.
        **kwargs: As for :class:`FolderDataset`.
    """

    IMAGE_FOLDER = 'img'
    LABEL_FOLDERS = ('label',)
    SPLITS: ClassVar[dict[str, tuple[str, ...]]] = {'train': ('train',), 'val': ('val',)}
    IMG_SUFFIX = '.jpg'

    def __init__(self, data_root: str, source: str, ratio: float = 0.5, **kwargs: Any) -> None:
        info = DATASETS.get(source).METAINFO
        table = {0: 255, **{i + 1: i for i in range(len(info['classes']))}}
        metainfo = {'classes': info['classes'], 'palette': info['palette'], 'label_table': table}
        super().__init__(f'{data_root}/{crop_folder(source, ratio)}', metainfo=metainfo, **kwargs)
