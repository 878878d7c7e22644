"""Pipeline steps for pictures whose backbone features are stored: nobody looks at the pixels."""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import ExifTags, Image, UnidentifiedImageError

from mmseg_primaps.utils import InputError

from ..reading import read_image
from .packing import PackProposalInputs

# Orientation marks of a camera that was held upright: rows and columns change places.
TURNED = (5, 6, 7, 8)


@TRANSFORMS.register_module()
class LoadPictureSize(BaseTransform):
    """Stand in for a picture loader: an empty picture of the right size, so that geometry goes on as usual.

    Added keys: ``img`` ``[H, W, 3]`` uint8 (zeros), ``img_shape``, ``ori_shape``.
    """

    def transform(self, results: dict) -> dict:
        """Read the size from the file's header."""
        size = picture_size(results['img_path'])
        results.update(img=np.zeros((*size, 3), dtype=np.uint8), img_shape=size, ori_shape=size)
        return results


def picture_size(path: str) -> tuple[int, int]:
    """Height and width of the picture that ``LoadCheckedImage`` would load, from the header where Pillow knows it.

    Raises:
        InputError: The file is missing, damaged or no picture.
    """
    try:
        with Image.open(path) as picture:
            turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in TURNED
            width, height = picture.size[::-1] if turned else picture.size
            return height, width
    except (UnidentifiedImageError, FileNotFoundError):
        # MATLAB patches are no pictures to Pillow; what is none at all gets the reader's own message
        height, width = read_image(path).shape[:2]
        return height, width


@TRANSFORMS.register_module()
class PackStoredFeatures(BaseTransform):
    """Pack stored features in place of the picture.

    Packs ``features`` ``[V, C, h, w]`` (in training the view that the random flip chose, ``V = 1``) and
    ``data_samples`` as :class:`PackProposalInputs` does.

    Args:
        store: A ``FeatureStore``.
        all_views: Whether every stored view is packed (evaluation) or the one that ``flip`` names.
        meta_keys: As for mmseg's ``PackSegInputs``.
    """

    def __init__(self, store: Any, all_views: bool = False, **kwargs: Any) -> None:
        self.store, self.all_views = store, all_views
        self.pack = PackProposalInputs(**kwargs)

    def transform(self, results: dict) -> dict:
        """Pack one picture's features."""
        views = np.asarray(self.store.read(results['img_path']), dtype=np.float32)
        if not self.all_views:
            view = int(bool(results.get('flip')))
            if view >= len(views) or (view and results.get('flip_direction') != 'horizontal'):
                raise InputError('stored features hold no such flip: use RandomFlip with direction=horizontal')
            views = views[view : view + 1]
        packed = self.pack.transform({key: value for key, value in results.items() if key != 'img'})
        return {'features': torch.from_numpy(np.array(views)), 'data_samples': packed['data_samples']}
