"""Look at the data of a config before training: a short table, in seconds."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from mmseg.utils import register_all_modules
from prettytable import PrettyTable

from ..datasets.folder_dataset import FolderDataset
from ..datasets.folder_files import list_stems
from ..utils import InputError

_SAMPLE = 32
_VOID = 255
_SHOWN = 5


@dataclass
class DataReport:
    """What was seen of one loader's pictures.

    Attributes:
        name: ``train``, ``val`` or ``test``.
        kind: Class of the data set.
        pictures: Number of pictures.
        batches: Steps of one pass.
        looked_at: Number of pictures that were loaded.
        sizes: Number of loaded pictures of each width and height.
        kept: Share of each loaded picture that the crop keeps.
        pixels: Number of pixels of each class id in the loaded label maps.
        classes: Class names.
        unpaired: Pictures without a label map, and label maps without a picture.
        damaged: What was wrong with pictures and label maps, one line each.
    """

    name: str
    kind: str
    pictures: int
    batches: int
    looked_at: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    kept: list[float] = field(default_factory=list)
    pixels: Counter[int] = field(default_factory=Counter)
    classes: tuple[str, ...] = ()
    unpaired: tuple[int, int] = (0, 0)
    damaged: list[str] = field(default_factory=list)


def check_data(cfg: Config) -> str:
    """Load a sample of every loader's pictures and tell what training would meet.

    Args:
        cfg: A config with data loaders.

    Returns:
        Tables of pictures and classes, then one line for everything that deserves attention.

    Raises:
        InputError: A data set cannot be built at all.
    """
    register_all_modules(init_default_scope=False)
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    loaders = {name: cfg.get(f'{name}_dataloader') for name in ('train', 'val', 'test')}
    if loaders['test'] == loaders['val']:
        del loaders['test']
    reports = [look(name, loader) for name, loader in loaders.items() if loader]
    if not reports:
        raise InputError('the config has no train_dataloader, val_dataloader or test_dataloader')
    lines = [_pictures_table(reports), *[_classes_table(report) for report in reports if report.pixels]]
    return '\n'.join([*lines, *(remarks(reports, cfg) or ['nothing to remark'])])


def look(name: str, loader: Any) -> DataReport:
    """Load a sample of one loader's pictures, evenly spread."""
    dataset = DATASETS.build(loader.dataset)
    dataset.full_init()
    steps = len(dataset) / loader.get('batch_size', 1)
    whole_steps = math.floor(steps) if loader.get('drop_last') else math.ceil(steps)
    report = DataReport(name, type(dataset).__name__, len(dataset), whole_steps)
    report.classes = tuple(dataset.metainfo.get('classes') or ())
    report.unpaired = _unpaired(dataset)
    for index in np.unique(np.linspace(0, len(dataset) - 1, min(_SAMPLE, len(dataset))).astype(int)):
        _look_at(dataset, int(index), report)
    return report


def _look_at(dataset: Any, index: int, report: DataReport) -> None:
    """Load one picture and note what the pipeline does with it."""
    report.looked_at += 1
    results, kept = dataset.get_data_info(index), 1.0
    try:
        for step in dataset.pipeline.transforms:
            kind = type(step).__name__
            if kind == 'LoadMaskProposals' or kind.startswith('Pack'):
                continue
            before = _area(results)
            results = step(results)
            kept *= _area(results) / before if 'Crop' in kind else 1
            if kind.startswith('LoadImage') or kind == 'LoadCheckedImage':
                report.sizes[results['img'].shape[1::-1]] += 1
    except (InputError, OSError, AssertionError, ValueError) as error:
        report.damaged.append(str(error).splitlines()[0] if str(error) else f'{results["img_path"]}: {error!r}')
        return
    report.kept.append(kept)
    if 'gt_seg_map' in results:
        ids, counts = np.unique(results['gt_seg_map'], return_counts=True)
        report.pixels.update(dict(zip(ids.tolist(), counts.tolist(), strict=True)))


def _area(results: dict) -> int:
    """Pixels of the picture so far."""
    return results['img'].shape[0] * results['img'].shape[1] if 'img' in results else 1


def _unpaired(dataset: Any) -> tuple[int, int]:
    """Pictures without a label map, and label maps without a picture."""
    wanted = [path for i in range(len(dataset)) if (path := dataset.get_data_info(i).get('seg_map_path'))]
    folder = Path(dataset.data_prefix.get('seg_map_path') or '')
    if not wanted or not folder.is_dir():
        return 0, 0
    alone = sum(not Path(path).is_file() for path in wanted)
    if not isinstance(dataset, FolderDataset) or dataset.listed() is not None:
        return alone, 0
    parts = [part for part in dataset.parts if (folder / part).is_dir()]
    there = {str(folder / stem) + dataset.seg_map_suffix for stem in list_stems(folder, dataset.seg_map_suffix, parts)}
    return alone, len(there - set(wanted))


def _pictures_table(reports: list[DataReport]) -> str:
    """One column a loader."""
    table = PrettyTable(['', *[report.name for report in reports]], align='l')
    rows = {
        'data set': lambda r: r.kind,
        'pictures': lambda r: r.pictures,
        'steps of one pass': lambda r: r.batches,
        'looked at': lambda r: r.looked_at,
        'sizes': lambda r: _sizes(r.sizes),
        'kept by the crop': lambda r: f'{np.mean(r.kept):.0%}, at least {min(r.kept):.0%}' if r.kept else '-',
        'pictures without label map': lambda r: r.unpaired[0],
        'label maps without picture': lambda r: r.unpaired[1],
        'damaged': lambda r: len(r.damaged),
        'void pixels': lambda r: f'{_share(r, _VOID):.1%}' if r.pixels else 'no labels loaded',
    }
    for title, value in rows.items():
        table.add_row([title, *[value(report) for report in reports]])
    return table.get_string()


def _sizes(sizes: Counter[tuple[int, int]]) -> str:
    """The one size, or the smallest to the largest."""
    if not sizes:
        return '-'
    ordered = sorted(sizes, key=lambda size: size[0] * size[1])
    small, large = (f'{width}x{height}' for width, height in (ordered[0], ordered[-1]))
    return small if len(sizes) == 1 else f'{small} to {large}, {len(sizes)} sizes'


def _share(report: DataReport, label: int) -> float:
    """Share of the loaded pixels that have one class id."""
    return report.pixels[label] / max(1, sum(report.pixels.values()))


def _classes_table(report: DataReport) -> str:
    """Share of every class in the sample."""
    table = PrettyTable(['id', f'class ({report.name})', 'pixels'], align='l')
    for label, name in enumerate(report.classes):
        table.add_row([label, name, f'{_share(report, label):.2%}'])
    return table.get_string()


def remarks(reports: list[DataReport], cfg: Config) -> list[str]:
    """One line for everything that deserves attention."""
    head = (cfg.get('model') or {}).get('decode_head') or {}
    lines = []
    for report in reports:
        never = [name for label, name in enumerate(report.classes) if not report.pixels[label]] if report.pixels else []
        checks = {
            f'{report.pictures} pictures fill no batch: lower {report.name}_dataloader.batch_size': not report.batches,
            f'{report.unpaired[0]} pictures have no label map': report.unpaired[0],
            f'{report.unpaired[1]} label maps have no picture': report.unpaired[1],
            'the crop loses most of some pictures': report.kept and min(report.kept) < 0.5,
            'most pixels are void': _share(report, _VOID) > 0.5,
            f'never seen in the sample: {", ".join(never)}': never,
            f'{len(report.classes)} classes, but model.decode_head.num_classes={head.get("num_classes")}': (
                report.classes and head.get('num_classes') not in (None, len(report.classes))
            ),
        }
        lines += [f'{report.name}: {line}' for line, applies in checks.items() if applies]
        lines += [f'{report.name}: {line}' for line in report.damaged[:_SHOWN]]
    return lines
