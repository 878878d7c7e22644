"""Hand pictures, labels, proposals and the student view to the model."""

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray


@TRANSFORMS.register_module()
class PackProposalInputs(PackSegInputs):
    """mmseg's ``PackSegInputs`` that keeps mask proposals and the student view, which that one drops.

    Packed beside ``inputs`` and ``data_samples``:

    - ``data_samples.mask_proposals``: ``PixelData``, uint8 ``[1, H, W]``, 255 = none (where ``mask_proposals`` is)
    - ``student_inputs``: ``[3, H, W]`` of the type of ``inputs`` (where ``student_img`` is)

    Args:
        meta_keys: As for ``PackSegInputs``.
    """

    def transform(self, results: dict) -> dict:
        """Pack one picture."""
        packed = super().transform(results)
        if 'mask_proposals' in results:
            data = torch.from_numpy(np.ascontiguousarray(results['mask_proposals']))
            # as they are on disk: an eighth of what loaders would pass on as mmseg's long
            packed['data_samples'].mask_proposals = PixelData(data=data[None])
        if 'student_img' in results:
            packed['student_inputs'] = _channels_first(results['student_img'])
        return packed


def _channels_first(image: NDArray) -> torch.Tensor:
    """``[H, W, 3]`` to ``[3, H, W]``."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
