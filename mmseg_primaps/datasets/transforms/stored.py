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

    Added keys: ``img`` ``[H, W, 3]`` uint8 (one zero that counts for all pixels), ``img_shape``, ``ori_shape``.

    Args:
        store: A ``FeatureStore``, which knows the sizes of its pictures. Without it, or where it does not know, the
            file's header is read (Pillow has to read all of a PNG, which may say at its end how it is turned).
    """

    def __init__(self, store: Any = None) -> None:
        self.store = store

    def transform(self, results: dict) -> dict:
        """Look the size up."""
        path = results['img_path']
        size = (self.store and self.store.picture_size(path)) or picture_size(path)
        results.update(img=np.broadcast_to(np.uint8(0), (*size, 3)), img_shape=size, ori_shape=size)
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
        student: A ``FeatureStore`` of photometric views, of which one is drawn and packed as ``student_features``.
        meta_keys: As for mmseg's ``PackSegInputs``.
    """

    def __init__(self, store: Any, all_views: bool = False, student: Any = None, **kwargs: Any) -> None:
        self.store, self.all_views, self.student = store, all_views, student
        self.pack = PackProposalInputs(**kwargs)

    def transform(self, results: dict) -> dict:
        """Pack one picture's features."""
        views = self.store.read(results['img_path'])
        sides, mirror = len(views), int(bool(results.get('flip')))
        if not self.all_views:
            if mirror >= sides or (mirror and results.get('flip_direction') != 'horizontal'):
                raise InputError('stored features hold no such flip: use RandomFlip with direction=horizontal')
            views = views[mirror : mirror + 1]
        packed = {'features': _tensor(views)}
        if self.student is not None:
            # a variant and its mirror image lie side by side
            variants = self.student.read(results['img_path'])[mirror::sides]
            drawn = np.random.randint(len(variants))  # noqa: NPY002 - the generator that mmengine seeds in every worker
            packed['student_features'] = _tensor(variants[drawn : drawn + 1])
        samples = self.pack.transform({key: value for key, value in results.items() if key != 'img'})
        return {**packed, 'data_samples': samples['data_samples']}


def _tensor(views: Any) -> torch.Tensor:
    """A copy in memory, float32, of memory-mapped features."""
    return torch.from_numpy(np.array(views, dtype=np.float32))
