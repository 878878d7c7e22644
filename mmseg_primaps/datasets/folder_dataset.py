"""The common ground of the data sets here: pictures and label maps in parallel folders, checked before training."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from mmcv.transforms import LoadAnnotations
from mmseg.datasets import BaseSegDataset

from mmseg_primaps.utils import InputError

from .folder_files import list_stems, read_list, require
from .label_table import LabelTable
from .transforms.loading import LoadMappedAnnotations

# Record that tools/prepare_dataset.py leaves in a folder.
PREPARED = 'prepared.json'


class FolderDataset(BaseSegDataset):
    """Pictures below one folder, label maps of the same names below another.

    Everything that needs no decoding is checked when the data set is built: folders, lists, pairs. Labels are demanded
    exactly where the pipeline loads them, so training without labels needs none.

    A subclass names its layout in ``IMAGE_FOLDER``, ``LABEL_FOLDERS`` (the first that exists is taken), ``SPLITS``
    (sub-folders of each split), ``IMG_SUFFIX`` and ``SEG_MAP_SUFFIX``, and its ids in ``METAINFO['label_table']``
    (id in the file to class id, 255 = void).

    Args:
        data_root: Folder of the data set.
        split: One of ``SPLITS``. Ignored where ``data_prefix`` is given.
        data_prefix: As in mmseg, ``dict(img_path=..., seg_map_path=...)``, in place of the usual layout.
        img_suffix: End of the pictures' names, ``IMG_SUFFIX`` by default.
        seg_map_suffix: End of the label maps' names, ``SEG_MAP_SUFFIX`` by default.
        ann_file: Optional list of names below the image folder, without suffix.
        **kwargs: As for mmseg's ``BaseSegDataset``.

    Raises:
        InputError: A folder, picture or label map is missing, or there is no picture at all.
    """

    IMAGE_FOLDER: ClassVar[str] = 'images'
    LABEL_FOLDERS: ClassVar[tuple[str, ...]] = ('labels',)
    SPLITS: ClassVar[dict[str, tuple[str, ...]]] = {}
    IMG_SUFFIX: ClassVar[str] = '.png'
    SEG_MAP_SUFFIX: ClassVar[str] = '.png'

    def __init__(
        self,
        data_root: str | None = None,
        split: str = 'train',
        data_prefix: dict[str, str] | None = None,
        img_suffix: str | None = None,
        seg_map_suffix: str | None = None,
        **kwargs: Any,
    ) -> None:
        if data_prefix is None and split not in self.SPLITS:
            raise InputError(f'{type(self).__name__}: split must be one of {sorted(self.SPLITS)}, not {split!r}')
        self.split = split
        self.parts = self.SPLITS[split] if data_prefix is None else ('',)
        prefix = {'img_path': self.IMAGE_FOLDER, 'seg_map_path': self._label_folder(data_root or '')}
        prefix.update(data_prefix or {})
        self.has_labels = bool(prefix['seg_map_path'])
        super().__init__(
            data_root=data_root,
            data_prefix={key: folder or '' for key, folder in prefix.items()},
            img_suffix=img_suffix or self.IMG_SUFFIX,
            seg_map_suffix=seg_map_suffix or self.SEG_MAP_SUFFIX,
            **kwargs,
        )

    def _label_folder(self, data_root: str) -> str:
        """The label folder that exists, or the first choice (whose absence is noticed when labels are wanted)."""
        there = (folder for folder in self.LABEL_FOLDERS if Path(data_root, folder).is_dir())
        return next(there, self.LABEL_FOLDERS[0])

    @property
    def needs_labels(self) -> bool:
        """Whether the pipeline loads label maps."""
        return any(isinstance(step, (LoadAnnotations, LoadMappedAnnotations)) for step in self.pipeline.transforms)

    @cached_property
    def label_table(self) -> LabelTable | None:
        """From ids in the files to class ids, with mmseg's selection of classes applied."""
        ids = self._metainfo.get('label_table')
        if ids is None:
            return None
        chosen = self.label_map or {}
        return LabelTable({source: chosen.get(target, target) for source, target in ids.items()})

    def listed(self) -> list[str] | None:
        """Names below the image folder that a list asks for; ``None`` for every picture."""
        return read_list(self.ann_file) if self.ann_file else None

    def _notes(self) -> list[str]:
        """What ``prepare_dataset.py`` warned of when it made the folder; a metrics file should say it too."""
        record = Path(self.data_root or '', PREPARED)
        return json.loads(record.read_text()).get('notes', []) if self.data_root and record.is_file() else []

    def load_data_list(self) -> list[dict]:
        """Find and pair the files.

        Returns:
            One dict per picture, sorted by name (in the list's order where there is a list).
        """
        self._metainfo['notes'] = self._notes()
        images, labels = self.data_prefix['img_path'], self.data_prefix['seg_map_path']
        stems = list_stems(images, self.img_suffix, self.parts)
        wanted = self.listed()
        if wanted is not None:
            require(wanted, stems, f'{Path(images, "{}")}{self.img_suffix} is listed but does not exist')
            stems = wanted
        if not stems:
            raise InputError(f'no picture *{self.img_suffix} below {images}: check data_root, split and img_suffix')
        if self.needs_labels:
            self._require_labels(stems)
        image_start, label_start = str(Path(images, '_'))[:-1], str(Path(labels, '_'))[:-1]
        return [
            self._entry(
                f'{image_start}{stem}{self.img_suffix}',
                f'{label_start}{stem}{self.seg_map_suffix}' if self.has_labels else None,
            )
            for stem in stems
        ]

    def _require_labels(self, stems: list[str]) -> None:
        """Stop where a picture has no label map."""
        if not self.has_labels:
            raise InputError(f'{type(self).__name__}: the pipeline loads label maps, but no label folder is set')
        folder = self.data_prefix['seg_map_path']
        there = list_stems(folder, self.seg_map_suffix, self.parts)
        require(stems, there, f'{Path(folder, "{}")}{self.seg_map_suffix}, a label map, does not exist')

    def _entry(self, img_path: str, seg_map_path: str | None) -> dict:
        """What the pipeline gets of one picture."""
        entry = {
            'img_path': img_path,
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }
        return entry if seg_map_path is None else {**entry, 'seg_map_path': seg_map_path}

    def get_data_info(self, idx: int) -> dict:
        """One entry, with the lookup table that all entries share."""
        info = super().get_data_info(idx)
        info['label_table'] = self.label_table
        return info
