"""The same run with several seeds: one report with mean and spread."""

import copy
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from prettytable import PrettyTable

from ..utils.proposal_store import write_whole

Report = dict[str, Any]


def over_seeds(cfg: Config, seeds: Sequence[int], run: Callable[[Config], Report]) -> Report:
    """Call ``run`` once a seed, each in a work folder of its own, and summarise every figure.

    ``seeds.json`` in the work folder has the figures of each seed, their mean, standard deviation (of the sample),
    smallest and largest value.
    """
    folder = Path(cfg.work_dir)
    reports: dict[str, Report] = {}
    for seed in seeds:
        one = copy.deepcopy(cfg)
        one.work_dir = str(folder / f'seed_{seed}')
        one.experiment_name = f'{folder.name}_seed_{seed}'
        one.merge_from_dict({'randomness.seed': seed})
        reports[str(seed)] = run(one)
    summary = {'seeds': {seed: figures(report) for seed, report in reports.items()}, 'summary': summarise(reports)}
    if is_main_process():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / 'seeds.json', json.dumps(summary, indent=1).encode())
        print(table(summary))
    return summary


def figures(report: Report) -> dict[str, float]:
    """The flat figures of a report: ``Acc``, ``mIoU``, ``running_Acc``, ..."""
    return {key: value for key, value in report.items() if isinstance(value, float)}


def summarise(reports: dict[str, Report]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation, smallest and largest value of every figure that all seeds have."""
    flat = [figures(report) for report in reports.values()]
    shared = [key for key in flat[0] if all(key in other for other in flat)]
    return {key: _spread([values[key] for values in flat]) for key in shared}


def _spread(values: list[float]) -> dict[str, float]:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {'mean': statistics.fmean(values), 'std': deviation, 'min': min(values), 'max': max(values)}


def table(summary: Report) -> str:
    """The summary as text."""
    rows = PrettyTable(['figure', *(f'seed {seed}' for seed in summary['seeds']), 'mean', 'std', 'max - min'])
    for key, spread in summary['summary'].items():
        values = [each[key] for each in summary['seeds'].values()]
        numbers = [*values, spread['mean'], spread['std'], spread['max'] - spread['min']]
        rows.add_row([key, *(f'{value:.2f}' for value in numbers)])
    return rows.get_string()
