"""The main job on pictures that the package makes itself: no data, no weights, no labels needed."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint
from prettytable import PrettyTable

from ..datasets import Cityscapes27Dataset
from ..datasets.scenes import write_scenes
from ..utils import InputError
from ..utils.proposal_store import write_whole
from ..visualization import cluster_sheet, colour_map, colour_proposals, panel, save_png
from .config import load_config
from .examples import Example, Labels, predict_examples, propose_examples
from .test import evaluate
from .train import train

METHODS = {'k-means': 'quickstart_kmeans.py', 'PriMaPs-EM': 'quickstart.py'}
UNMATCHED = (255, 255, 255)
Report = dict[str, Any]


def quickstart(
    configs: str | Path,
    work_dir: str | Path = 'work_dirs/quickstart',
    scenes: tuple[int, int] = (64, 24),
    options: dict[str, Any] | None = None,
) -> Report:
    """Make scenes, train the k-means baseline and PriMaPs-EM on them, evaluate and show both.

    Interrupted at any point, the same call goes on where it stopped; finished, it only shows the result again.

    Args:
        configs: Folder of ``quickstart.py`` and ``quickstart_kmeans.py``.
        work_dir: Where scenes, checkpoints, ``metrics.json`` and pictures go.
        scenes: Number of scenes to train on and to evaluate on.
        options: Settings that override both configs.

    Returns:
        The figures of both methods, as written to ``metrics.json``.

    Raises:
        InputError: ``work_dir`` holds a run with other settings.
    """
    started, work_dir = time.monotonic(), Path(work_dir)
    root = write_scenes(work_dir / 'scenes', *scenes)
    cfgs = {}
    for method, config in METHODS.items():
        folder = work_dir / Path(config).stem
        cfgs[method] = load_config(
            str(Path(configs) / config), {**(options or {}), 'data_root': str(root)}, str(folder)
        )
    reports = {method: train_once(cfg) for method, cfg in cfgs.items()}
    write_whole(work_dir / 'metrics.json', json.dumps(reports, indent=1, allow_nan=False).encode())
    pictures = draw(cfgs, reports, work_dir, example_numbers(scenes[1]))
    print(comparison(reports))
    print(f'Done in {time.monotonic() - started:.0f} s.')
    for name, path in {'figures': work_dir / 'metrics.json', **pictures}.items():
        print(f'  {name}: {path}')
    return reports


def train_once(cfg: Config) -> Report:
    """Train, or go on, or give the report of a run that has finished.

    Raises:
        InputError: The work folder holds a run with other settings.
    """
    folder = Path(cfg.work_dir)
    settings, metrics = folder / 'settings.json', folder / 'metrics.json'
    text = json.dumps(cfg.to_dict(), indent=1, sort_keys=True, default=str)
    if settings.is_file() and settings.read_text() != text:
        raise InputError(f'{folder} holds a run with other settings: delete it or choose another --work-dir')
    if metrics.is_file() and 'Acc' in (report := json.loads(metrics.read_text())):
        return report
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(settings, text.encode())
    report = train(cfg, resume=True)
    # a run that was stopped after its last checkpoint has nothing left to train, and so did not evaluate
    return report if 'Acc' in report else evaluate(cfg, find_latest_checkpoint(cfg.work_dir), str(metrics))


def comparison(reports: dict[str, Report]) -> str:
    """A table of accuracy, mean IoU and the IoU of each class in percent; classes that do not occur are left out."""
    table = PrettyTable(['in percent', *reports])
    table.align = 'r'
    table.align['in percent'] = 'l'
    for figure in ('Acc', 'mIoU'):
        table.add_row([figure, *(_number(report[figure]) for report in reports.values())])
    table.add_divider()
    ious = [main_scores(report)['IoU'] for report in reports.values()]
    for name in ious[0]:
        if any(iou[name] is not None for iou in ious):
            table.add_row([name, *(_number(iou[name]) for iou in ious)])
    return table.get_string()


def main_scores(report: Report) -> Report:
    """Scores of the main prediction: IoU of each class, assignment, confusion."""
    return report['predictions']['pred_sem_seg']


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'


def example_numbers(count: int, wanted: int = 6) -> list[int]:
    """Numbers of up to ``wanted`` pictures spread over a set of ``count``."""
    return sorted({int(number) for number in np.linspace(0, count - 1, min(wanted, count))})


def draw(cfgs: dict[str, Config], reports: dict[str, Report], folder: Path, numbers: Sequence[int]) -> dict[str, Path]:
    """Write the comparison and the clusters' examples; returns the files by what they show."""
    checkpoints = {method: find_latest_checkpoint(cfg.work_dir) for method, cfg in cfgs.items()}
    examples = {method: predict_examples(cfg, checkpoints[method], numbers) for method, cfg in cfgs.items()}
    ours = list(cfgs)[-1]
    proposals = propose_examples(cfgs[ours], checkpoints[ours], numbers)
    assignments = {method: main_scores(report)['assignment'] for method, report in reports.items()}
    table = comparison_picture(examples, proposals, assignments)
    clusters = clusters_picture(examples[ours], assignments[ours])
    return {
        'picture': save_png(folder / 'comparison.png', table),
        'clusters': save_png(folder / 'clusters.png', clusters),
    }


def comparison_picture(
    examples: dict[str, list[Example]], proposals: list[Labels], assignments: dict[str, list[int]]
) -> np.ndarray:
    """Rows *image, proposals, each method, labels*; a cluster has the colour of the class it was matched to."""
    names, palette = Cityscapes27Dataset.METAINFO['classes'], Cityscapes27Dataset.METAINFO['palette']
    first = next(iter(examples.values()))
    rows = {'image': [e.image for e in first], 'proposals': [colour_proposals(p) for p in proposals]}
    shown = {int(value) for e in first for value in np.unique(e.labels)}
    for method, found in examples.items():
        colours = matched_palette(assignments[method], palette)
        rows[method] = [colour_map(e.clusters, colours) for e in found]
        shown |= {assignments[method][k] for e in found for k in np.unique(e.clusters)}
    rows['labels'] = [colour_map(e.labels, palette) for e in first]
    legend = [(names[k], palette[k]) for k in sorted(shown) if 0 <= k < len(names)]
    return panel(list(rows.values()), list(rows), legend=[*legend, ('unlabelled', (0, 0, 0))], width=220)


def matched_palette(assignment: Sequence[int], palette: Sequence[Sequence[int]]) -> list[Any]:
    """Colour of each cluster: that of its class, or white for a cluster without one."""
    return [palette[k] if k >= 0 else UNMATCHED for k in assignment]


def clusters_picture(examples: list[Example], assignment: list[int]) -> np.ndarray:
    """Every cluster with example crops; the class it was matched to stands in brackets."""
    classes, palette = Cityscapes27Dataset.METAINFO['classes'], Cityscapes27Dataset.METAINFO['palette']
    names = [f'cluster {k} ({classes[c]})' if c >= 0 else f'cluster {k}' for k, c in enumerate(assignment)]
    images, clusters = [e.image for e in examples], [e.clusters for e in examples]
    return cluster_sheet(images, clusters, len(assignment), matched_palette(assignment, palette), names)
