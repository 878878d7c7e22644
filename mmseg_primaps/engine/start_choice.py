"""Choose among starts of the prototypes by the proposals, without labels."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ..datasets.reading import read_label
from ..datasets.transforms import LoadMaskProposals
from ..ops import ProposalAgreement, prototype_logits, sums_of_all_processes
from ..utils import InputError
from ..utils.proposal_store import proposal_path
from .clean_features import CleanFeatures


def choose_start(features: CleanFeatures, starts: dict[str, Tensor]) -> tuple[str, dict[str, ProposalAgreement]]:
    """The start whose clusters tell most about the proposals, and the figures of all of them.

    Args:
        features: Features of the training pictures, whose pipeline knows where the proposals are.
        starts: Directions ``[K, C]`` by name; at a tie the first is taken.
    """
    figures = {name: ProposalAgreement(len(start)) for name, start in starts.items()}
    for maps, proposals in _with_proposals(features):
        for name, start in starts.items():
            labels = prototype_logits(maps, start.to(maps)).argmax(dim=1)
            figures[name].update(labels.cpu(), proposals)
    figures = {name: sums_of_all_processes(figure) for name, figure in figures.items()}
    return max(figures, key=lambda name: figures[name].information), figures


def _with_proposals(features: CleanFeatures) -> Iterator[tuple[Tensor, Tensor]]:
    """Features ``[1, C, h, w]`` and proposals ``[1, h, w]`` on their grid, of every picture of this process."""
    pictures = features.pictures
    folders = [_folders(leaf.pipeline.transforms) for leaf in pictures.leaves]
    for index, one in features.pictures_in_order():
        root, base = folders[pictures.places[index][0]]
        path = proposal_path(root, base, pictures.image_path(index))
        proposals = torch.from_numpy(read_label(str(path))).float()
        grid = F.interpolate(proposals[None, None], one.shape[-2:], mode='nearest-exact')
        yield one, grid[0].long()


def _folders(transforms: list) -> tuple[str, str]:
    """Where the proposals lie and what folder their paths are counted from."""
    for transform in transforms:
        if isinstance(transform, LoadMaskProposals) and transform.root is not None and transform.base is not None:
            return transform.root, transform.base
    raise InputError("PrototypeInitHook.init='auto' compares starts by the proposals: add MaskProposalHook before it")
