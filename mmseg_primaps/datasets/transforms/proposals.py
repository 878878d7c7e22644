"""Load mask proposals made before training."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_primaps.utils import InputError
from mmseg_primaps.utils.proposal_store import proposal_path

from ..reading import read_label


@TRANSFORMS.register_module()
class LoadMaskProposals(BaseTransform):
    """Load the proposals of ``img_path``, for the picture as it is at this point of the pipeline.

    Its place is after the deterministic steps (load, resize, centre crop) and before the random ones: proposals are
    made on what the former give, and move with the picture through the latter. ``MaskProposalHook`` sets ``root`` and
    ``base``.

    Added keys: ``mask_proposals`` ``[H, W]`` uint8, 255 = no proposal, named in ``seg_fields``.

    Args:
        root: Folder of one proposal cache.
        base: Folder that the pictures' paths are counted from.

    Raises:
        InputError: Nobody set the folders, the file is missing or damaged, or it has another size than the picture.
    """

    def __init__(self, root: str | None = None, base: str | None = None) -> None:
        self.root = root
        self.base = base

    def transform(self, results: dict) -> dict:
        """Add the proposals to ``results``."""
        if self.root is None or self.base is None:
            raise InputError(
                'LoadMaskProposals has no folder: add MaskProposalHook to custom_hooks, or give root and base'
            )
        path = proposal_path(self.root, self.base, results['img_path'])
        if not path.is_file():
            raise InputError(f'{path} is missing: make the proposals of {results["img_path"]} with tools/propose.py')
        proposals = read_label(str(path))
        if proposals.shape != results['img'].shape[:2]:
            raise InputError(
                f'{path} is {proposals.shape[1]}x{proposals.shape[0]}, the picture at this point of the pipeline is '
                f'{results["img"].shape[1]}x{results["img"].shape[0]}: LoadMaskProposals belongs after the centre crop'
            )
        results['mask_proposals'] = proposals.astype(np.uint8, copy=False)
        results.setdefault('seg_fields', []).append('mask_proposals')
        return results
