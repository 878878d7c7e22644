"""Centre crop that takes every map along."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray

from mmseg_primaps.utils import InputError


@TRANSFORMS.register_module()
class CenterCropSeg(BaseTransform):
    """Cut the middle out of a picture and of every map named in ``seg_fields``.

    mmcv's ``CenterCrop`` moves only ``gt_seg_map``. The corner is rounded as torchvision rounds it (half to even).

    Changed keys: ``img``, ``img_shape``, maps of ``seg_fields``, and ``ori_shape``.

    Args:
        size: Side of the square, or (height, width), in pixels.
        update_ori_shape: Whether the crop counts as the original picture from here on. mmseg scales predictions to
            ``ori_shape``; the benchmarks compare at the crop.
        pad: Whether a smaller picture is padded (evenly, as torchvision pads) instead of being an error.
        pad_val: Colour of the padding.
        seg_pad_val: Class id of the padding.
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        update_ori_shape: bool = True,
        pad: bool = False,
        pad_val: int = 0,
        seg_pad_val: int = 255,
    ) -> None:
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.update_ori_shape = update_ori_shape
        self.pad = pad
        self.pad_val = pad_val
        self.seg_pad_val = seg_pad_val

    def transform(self, results: dict) -> dict:
        """Crop the picture and its maps."""
        shape = results['img'].shape[:2]
        if not self.pad and (shape[0] < self.size[0] or shape[1] < self.size[1]):
            raise InputError(
                f'{results.get("img_path", "the picture")} is {shape[1]}x{shape[0]} where CenterCropSeg wants '
                f'{self.size[1]}x{self.size[0]}: put ResizeShortSide before it, or set pad=True'
            )
        results['img'] = self._crop(results['img'], self.pad_val)
        for key in results.get('seg_fields', []):
            results[key] = self._crop(results[key], self.seg_pad_val)
        results['img_shape'] = self.size
        if self.update_ori_shape:
            results['ori_shape'] = self.size
        return results

    def _crop(self, array: NDArray, fill: int) -> NDArray:
        """The middle of one picture or map."""
        missing = [max(0, want - have) for want, have in zip(self.size, array.shape, strict=False)]
        if any(missing):
            edges = [(m // 2, (m + 1) // 2) for m in missing] + [(0, 0)] * (array.ndim - 2)
            array = np.pad(array, edges, constant_values=fill)
        top, left = (round((have - want) / 2) for want, have in zip(self.size, array.shape, strict=False))
        return np.ascontiguousarray(array[top : top + self.size[0], left : left + self.size[1]])
