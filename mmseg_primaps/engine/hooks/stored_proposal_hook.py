"""Train on mask proposals that something else has made."""

import json
from pathlib import Path
from typing import Any, cast

from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...utils import InputError
from ...utils.proposal_store import proposal_path
from ..clean_pictures import CleanPictures
from .frozen_encoder_hook import FrozenEncoderHook
from .mask_proposal_hook import connect, restart_iterator

LATEST = 'latest'


@HOOKS.register_module()
class StoredProposalHook(FrozenEncoderHook):
    """Take the place of ``MaskProposalHook`` where proposals are there already, such as LightCluster's masks.

    Args:
        root: Folder of proposals with a ``manifest.json``, or a folder of such folders, of which ``latest`` names one.
    """

    priority = 'HIGH'

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.base = Path()

    def before_train(self, runner: Runner) -> None:
        """Check that every picture has proposals, and connect the training pipeline to them."""
        super().before_train(runner)
        self.find()
        dataset = runner.train_dataloader.dataset
        pictures = CleanPictures(dataset)
        images = [pictures.image_path(index) for index in range(len(pictures))]
        missing = [image for image in images if not proposal_path(self.root, self.base, image).is_file()]
        if missing:
            raise InputError(
                f'StoredProposalHook.root={self.root}: no proposals of {missing[0]} ({len(missing)} of {len(images)} '
                'are missing); make them for the same training set first, with tools/lightcluster.py'
            )
        connect(dataset, cast(Any, self))
        restart_iterator(runner)

    def find(self) -> None:
        """Set ``root`` and ``base`` from what is on disk."""
        latest = self.root / LATEST
        if latest.is_file():
            self.root = self.root / latest.read_text().strip()
        manifest = self.root / 'manifest.json'
        if not manifest.is_file():
            raise InputError(
                f'StoredProposalHook.root={self.root}: no manifest.json there; make proposals with '
                'tools/lightcluster.py and name the folder that holds them'
            )
        self.base = Path(json.loads(manifest.read_text())['images'])
