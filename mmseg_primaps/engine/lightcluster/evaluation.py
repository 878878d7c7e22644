"""Last stage: count what the fitted model predicts on labelled pictures."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import barrier
from torch import Tensor
from torch.utils.data import DataLoader

from ...evaluation.metrics import LightClusterMetric
from ...models.segmentors import LightClusterSegmentor
from ...utils import progress_bar
from ...utils.proposal_store import describe
from ..clean_pictures import by_size
from .blocks import Blocks
from .stage import StageFolder


def evaluate_blocks(
    model: LightClusterSegmentor, dataset: Any, metric: LightClusterMetric, root: Path, batch: int = 1, workers: int = 0
) -> StageFolder:
    """Predict every picture of a labelled set and count, block by block; ``metric`` then holds the figures."""
    metric.dataset_meta = dataset.metainfo
    metric.num_clusters = model.num_classes
    work = Blocks(dataset, root, batch=batch, workers=workers)
    folder = work.folder(
        '9_evaluation',
        fitted=fitted_digest(model),
        method=describe(model.options),
        variants=[list(variant) for variant in model.variants.values()],
        pipeline=describe(dataset.pipeline.transforms),
        pictures=[type(dataset).__name__, *(dataset.get_data_info(i)['img_path'] for i in range(len(dataset)))],
        batches=[work.block, work.batch],
        classes=list(dataset.metainfo['classes']),
    )
    for block, counted in _count(model, work, metric, work.missing(folder)):
        folder.write(block, counted)
    barrier()
    total: dict[str, Tensor] = {}
    for block in range(work.blocks):
        for name, counts in folder.read(block).items():
            total[name] = total.get(name, 0) + torch.from_numpy(counts)
    metric.compute_metrics([total])
    return folder


def fitted_digest(model: LightClusterSegmentor) -> str:
    """SHA-256 of everything that was fitted, and of the backbone's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(model.fitted.state_dict().items()):
        digest.update(name.encode() + str(tuple(value.shape)).encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _count(
    model: LightClusterSegmentor, work: Blocks, metric: LightClusterMetric, blocks: list[int]
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    indices = [index for block in blocks for index in work.members(block)]
    loader = DataLoader(work.pictures, work.batch, sampler=indices, num_workers=work.workers, collate_fn=pseudo_collate)
    batches: Iterator[Any] = iter(loader) if indices else iter(())
    with progress_bar(len(indices), 'evaluation') as bar:
        for block in blocks:
            metric.results.clear()
            while len(metric.results) < len(work.members(block)):
                for batch in by_size(next(batches)):
                    with torch.no_grad():
                        samples = model.test_step(batch)
                    metric.process(batch, [sample.to_dict() for sample in samples])
                    bar.update(len(samples))
            keys = [f'pred_{name}' for name in model.names]
            yield block, {key: sum(result[key] for result in metric.results).numpy() for key in keys}
    metric.results.clear()
