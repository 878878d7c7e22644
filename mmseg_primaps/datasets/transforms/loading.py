"""Load pictures and label maps, strict about what is in the files."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray

from mmseg_primaps.utils import InputError

from ..label_table import LabelTable
from ..reading import read_image, read_label


@TRANSFORMS.register_module()
class LoadCheckedImage(BaseTransform):
    """Load ``img_path`` as mmcv's ``LoadImageFromFile`` does, but notice every damaged or doubtful file.

    OpenCV returns half a picture for a JPEG that is cut short and silently turns 16-bit and CMYK pictures into
    something. Here these are errors of one line; see :func:`mmseg_primaps.datasets.reading.read_image` for what is
    converted. MATLAB files (Potsdam) are read too.

    Added keys: ``img`` ``[H, W, 3]`` uint8 BGR, ``img_shape``, ``ori_shape``.

    Args:
        backend_args: Where the bytes come from, as in mmengine's ``fileio.get``.

    Raises:
        InputError: The picture cannot be used.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add the picture to ``results``."""
        image = read_image(results['img_path'], self.backend_args)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results


@TRANSFORMS.register_module()
class LoadMappedAnnotations(BaseTransform):
    """Load the label map of ``seg_map_path`` and turn the file's ids into class ids through a lookup table.

    The table is ``results['label_table']`` where the data set gives one (``METAINFO['label_table']``), else ids are
    classes already. Where ``results`` has no ``seg_map_path`` there is nothing to load: mmseg's ``inference_model``
    runs the test pipeline on bare pictures.

    Added keys: ``gt_seg_map`` ``[H, W]`` uint8, named in ``seg_fields``.

    Args:
        palette: Whether a palette picture's indices are ids (Pascal VOC).
        unknown_ids: ``'error'``, or ``'ignore'`` for the published codes' rule that an id outside the table is void.
        ignore_index: Class id of void pixels.
        backend_args: Where the bytes come from, as in mmengine's ``fileio.get``.

    Raises:
        InputError: The label map is damaged, of another size than the picture, or has an id outside the table.
    """

    def __init__(
        self,
        palette: bool = False,
        unknown_ids: str = 'error',
        ignore_index: int = 255,
        backend_args: dict | None = None,
    ) -> None:
        if unknown_ids not in ('error', 'ignore'):
            raise InputError(f"LoadMappedAnnotations: unknown_ids must be 'error' or 'ignore', not {unknown_ids!r}")
        self.palette = palette
        self.unknown_ids = unknown_ids
        self.ignore_index = ignore_index
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add the label map to ``results``."""
        path = results.get('seg_map_path')
        if path is None:
            return results
        label = read_label(path, self.palette, self.backend_args)
        height, width = results['ori_shape'][:2]
        if label.shape != (height, width):
            raise InputError(
                f'{path} is {label.shape[1]}x{label.shape[0]}, its picture {results["img_path"]} is {width}x{height}: '
                'a label map has the size of its picture'
            )
        results['gt_seg_map'] = self._classes(label, results.get('label_table'), path)
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def _classes(self, label: NDArray, table: LabelTable | None, path: str) -> NDArray[np.uint8]:
        """Class ids of the file's ids."""
        if table is None:
            return label.astype(np.uint8)
        return table(label, path, self.ignore_index if self.unknown_ids == 'ignore' else None)
