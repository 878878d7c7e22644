"""All stages, one after the other."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from mmengine.logging import print_log

from ...models.lightcluster import saliency_source
from ...utils.proposal_store import weights_digest
from .clusters import RESULT, fit_categories, fit_category_level, fit_dataset_level
from .features import extract_features
from .fit import Fit
from .masks import find_levels, make_masks
from .objects import find_regions, fit_classes
from .stage import StageFolder


class Stages(NamedTuple):
    """Where each stage lies."""

    features: StageFolder
    dataset: StageFolder
    categories: StageFolder
    category: StageFolder
    levels: StageFolder
    masks: StageFolder
    regions: StageFolder
    classes: StageFolder


NAMES = Stages._fields


def run_stages(fit: Fit, until: str = 'classes') -> dict[str, StageFolder]:
    """Run all stages up to one of :data:`NAMES`; what is already on disk is read, not done again.

    After the last one the model is fitted.

    Returns:
        Folder of each stage that was run.
    """
    if saliency_source(fit.model.backbone) != 'CLS attention':
        print_log(
            'this backbone has no CLS token: the length of the features stands in for CLS attention, their mean for '
            'the CLS token', 'current',
        )  # fmt: skip
    done: dict[str, StageFolder] = {}
    for name, folder in _stages(fit):
        done[name] = folder
        print_log(f'{name}: {folder.path}', 'current')
        if name == until:
            break
    return done


def _stages(fit: Fit) -> Iterator[tuple[str, StageFolder]]:
    """The stages in order; each gives the model what the next ones need."""
    fitted = fit.model.fitted
    encoder = bytes.fromhex(weights_digest(fit.model.backbone))
    fitted.set(seed=torch.tensor(fit.options.seed), encoder=torch.tensor(list(encoder), dtype=torch.uint8))
    features = extract_features(fit)
    yield 'features', features
    dataset = fit_dataset_level(fit, features)
    found = _read(dataset)
    fitted.set(dataset_centres=found['centres'], dataset_foreground=found['foreground'])
    yield 'dataset', dataset
    categories = fit_categories(fit, features)
    yield 'categories', categories
    category = fit_category_level(fit, features, categories)
    _set_categories(fit, categories, category)
    yield 'category', category
    levels = find_levels(fit, features, dataset, category)
    yield 'levels', levels
    masks = make_masks(fit, levels)
    yield 'masks', masks
    regions = find_regions(fit, features, masks)
    yield 'regions', regions
    classes = fit_classes(fit, regions)
    fitted.set(class_tokens=_read(classes)['centres'])
    yield 'classes', classes


def _read(folder: StageFolder) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in folder.read(RESULT).items()}


def _set_categories(fit: Fit, categories: StageFolder, category: StageFolder) -> None:
    """Groups that no picture belongs to are left out."""
    found = categories.read(RESULT)
    groups = np.unique(found['groups']).tolist()
    levels = [category.read(group) for group in groups]
    fit.model.fitted.set(
        category_tokens=torch.from_numpy(found['centres'][groups]),
        category_centres=torch.from_numpy(np.stack([level['centres'] for level in levels])),
        category_foreground=torch.from_numpy(np.stack([level['foreground'] for level in levels])),
    )
