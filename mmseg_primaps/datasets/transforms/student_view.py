"""The student's photometric view of a picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from torch import Tensor

from mmseg_primaps.ops import draw_photometric, student_view
from mmseg_primaps.utils import InputError

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@TRANSFORMS.register_module()
class StudentView(BaseTransform):
    """Blur always, jitter or grey sometimes; see :func:`mmseg_primaps.ops.draw_photometric` for the probabilities.

    Two uses: as a pipeline step on the CPU (before packing; adds ``student_img``), or as
    ``TwoViewDataPreProcessor(student_view=dict(...))``, which calls it on whole normalised batches on the device.

    Args:
        preset: ``'paper'`` jitters the normalised picture and clamps it to [0, 1], as the published code did;
            ``'fixed'`` jitters the picture itself.
        mean: Mean of each RGB channel, 0 to 255.
        std: Standard deviation of each RGB channel, likewise.
        **options: Keyword arguments of :func:`mmseg_primaps.ops.draw_photometric`.
    """

    def __init__(
        self,
        preset: str = 'paper',
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        if preset not in ('paper', 'fixed'):
            raise InputError(f"StudentView.preset={preset!r}: choose 'paper' or 'fixed'")
        self.preset, self.options = preset, options
        self.mean = [value / 255 for value in (mean or IMAGENET_MEAN)]
        self.std = [value / 255 for value in (std or IMAGENET_STD)]

    def view(self, images: Tensor, normalised: bool = True, generator: torch.Generator | None = None) -> Tensor:
        """Student views of RGB pictures ``[B, 3, H, W]``, normalised or in [0, 1], drawn from ``generator``."""
        parameters = draw_photometric(len(images), generator, **self.options)
        return student_view(images, parameters, self.preset, normalised, self.mean, self.std)

    def transform(self, results: dict) -> dict:
        """Add ``student_img`` ``[H, W, 3]``, float32, BGR, on the scale of ``img`` (0 to 255)."""
        rgb = torch.from_numpy(np.ascontiguousarray(results['img'][..., ::-1], dtype=np.float32)) / 255
        view = self.view(rgb.permute(2, 0, 1)[None], normalised=False)[0] * 255
        results['student_img'] = np.ascontiguousarray(view.permute(1, 2, 0).numpy()[..., ::-1])
        return results
