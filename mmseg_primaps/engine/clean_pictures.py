"""The training pictures as they are before anything random happens to them."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose, pseudo_collate
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..datasets.transforms import LoadMaskProposals, PackProposalInputs
from ..models.utils import Segmentor, select_feature
from ..utils import InputError
from ..utils.proposal_store import describe
from .backbone_record import encoder_manifest

# What changes the values of pixels, but no geometry, and nothing at random.
VALUES = ('Rerange', 'CLAHE', 'RGB2Gray', 'AdjustGamma', 'Normalize')
# What changes no picture at random. Anything else ends the deterministic prefix of a training pipeline.
DETERMINISTIC = (
    'LoadImageFromFile', 'LoadCheckedImage', 'LoadImageFromNDArray', 'LoadPictureSize', 'Resize', 'ResizeShortestEdge',
    'ResizeToMultiple', 'ResizeShortSide', 'CenterCrop', 'CenterCropSeg', 'Pad', 'PadSeg', *VALUES,
)  # fmt: skip
META_KEYS = ('img_path', 'ori_shape', 'img_shape', 'file_shape')


def leaf_datasets(dataset: Any) -> list[Any]:
    """The data sets inside wrappers such as ``RepeatDataset`` and ``ConcatDataset``, each once."""
    if hasattr(dataset, 'datasets'):
        return [leaf for part in dataset.datasets for leaf in leaf_datasets(part)]
    return leaf_datasets(dataset.dataset) if hasattr(dataset, 'dataset') else [dataset]


def is_label_loader(transform: Any) -> bool:
    """Whether a transform only loads labels, which nothing here needs."""
    return 'Annotations' in type(transform).__name__


def deterministic_prefix(transforms: Sequence[BaseTransform]) -> list[BaseTransform]:
    """The transforms that come before ``LoadMaskProposals``, else before the first one that may be random.

    Raises:
        InputError: A transform before ``LoadMaskProposals`` is not known to be deterministic.
    """
    names = [type(transform).__name__ for transform in transforms]
    explicit = next((i for i, t in enumerate(transforms) if isinstance(t, LoadMaskProposals)), None)
    known = [name in DETERMINISTIC or is_label_loader(t) for name, t in zip(names, transforms, strict=True)]
    end = known.index(False) if False in known else len(known)
    if explicit is not None and end < explicit:
        raise InputError(
            f'train_pipeline: {names[end]} comes before LoadMaskProposals but may change pictures at random; '
            'move LoadMaskProposals before it'
        )
    return [t for t in transforms[: end if explicit is None else explicit] if not is_label_loader(t)]


class CleanPictures(Dataset):
    """Every picture of a training set once, through the deterministic prefix of its pipeline.

    Items are what ``PackProposalInputs`` gives: ``inputs`` ``[3, H, W]`` (BGR, 0 to 255) and ``data_samples``, which
    say how large the picture was before anything changed it (``file_shape``).
    """

    def __init__(self, dataset: Any) -> None:
        self.leaves = leaf_datasets(dataset)
        for leaf in self.leaves:
            leaf.full_init()
        self.pipelines = [self._pipeline(leaf) for leaf in self.leaves]
        self.places = [(i, j) for i, leaf in enumerate(self.leaves) for j in range(len(leaf))]

    @staticmethod
    def _pipeline(leaf: Any) -> Compose:
        pipeline = getattr(leaf, 'picture_pipeline', leaf.pipeline)
        prefix = deterministic_prefix(pipeline.transforms)
        return Compose([*copy.deepcopy(prefix), PackProposalInputs(meta_keys=META_KEYS)])

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> dict:
        leaf, place = self.places[index]
        results = self.leaves[leaf].get_data_info(place)
        for step in self.pipelines[leaf].transforms:
            results = step(results)
            if 'img' in results:
                results.setdefault('file_shape', results['img'].shape[:2])
        return results

    def image_path(self, index: int) -> str:
        """Path of a picture's file."""
        leaf, place = self.places[index]
        return self.leaves[leaf].get_data_info(place)['img_path']

    def features(self, model: Segmentor, batch: dict, in_index: int = -1) -> Tensor:
        """Backbone features ``[B, C, h, w]`` of a batch, from the feature store where there is one."""
        images = [sample.metainfo['img_path'] for sample in batch['data_samples']]
        store = getattr(self.leaves[0], 'feature_store', None)
        if store is None or any(image not in store for image in images):
            return backbone_features(model, batch, in_index)
        stored = np.stack([store.read(image)[0] for image in images]).astype(np.float32)
        return torch.from_numpy(stored).to(next(model.parameters()).device)

    def batches(self, indices: Sequence[int], batch_size: int, workers: int = 0) -> Iterator[dict]:
        """Collated batches of pictures of one size, in the order of ``indices``."""
        loader = DataLoader(
            self,
            batch_size,
            sampler=list(indices),
            num_workers=workers,
            collate_fn=pseudo_collate,
            # of its own: a loader draws a seed even where nothing is random, and then a run that finds its caches
            # filled would train on other random numbers than one that fills them
            generator=torch.Generator(),
        )
        for batch in loader:
            yield from by_size(batch)


def by_size(batch: dict) -> Iterator[dict]:
    """Split a collated batch where neighbours differ in size, because a batch tensor holds one size only."""
    start, inputs = 0, batch['inputs']
    for end in range(1, len(inputs) + 1):
        if end == len(inputs) or inputs[end].shape != inputs[start].shape:
            yield {key: value[start:end] for key, value in batch.items()}
            start = end


def rgb_pictures(batch: dict) -> Tensor:
    """uint8 RGB pictures ``[B, 3, H, W]`` of a collated batch."""
    return torch.stack(batch['inputs'])[:, [2, 1, 0]].float().round().clamp(0, 255).to(torch.uint8)


@torch.no_grad()
def backbone_features(model: Segmentor, batch: dict, in_index: int = -1) -> Tensor:
    """Raw features ``[B, C, h, w]`` of the backbone, without a neck: what proposals are made of."""
    inputs = model.data_preprocessor(batch, False)['inputs']
    return select_feature(model.backbone(inputs), in_index)


@torch.no_grad()
def head_features(model: Segmentor, batch: dict) -> Tensor:
    """Features ``[B, C, h, w]`` as the decode head gets them: what prototypes are fitted to."""
    inputs = model.data_preprocessor(batch, False)['inputs']
    return model.decode_head.features(model.extract_feat(inputs))


@torch.no_grad()
def stored_head_features(model: Segmentor, stored: Tensor) -> Tensor:
    """The decode head's features of stored backbone features ``[B, C, h, w]``."""
    neck = getattr(model, 'neck', None)
    return model.decode_head.features(stored if neck is None else neck((stored,)))


def features_manifest(model: Segmentor, pictures: CleanPictures, index: int) -> dict[str, Any]:
    """Everything that changes a feature of a clean picture."""
    preprocessor = model.data_preprocessor
    mean, std = getattr(preprocessor, 'mean', None), getattr(preprocessor, 'std', None)
    return {
        **encoder_manifest(model.backbone),
        'in_index': index,
        'normalisation': [None if v is None else v.flatten().tolist() for v in (mean, std)],
        'pictures': [describe(pipeline.transforms[:-1]) for pipeline in pictures.pipelines],
    }
