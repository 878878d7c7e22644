"""From what the owners of a data set distribute to what the loaders read."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mmengine.registry import init_default_scope

from ...datasets.cocostuff27 import CURATED_LISTS
from ...utils import InputError, progress
from . import cityscapes27, coco, potsdam3, voc2012
from .destination import Destination
from .five_crops import five_crop_tasks
from .plan import Plan, Task
from .source import SourceTree

__all__ = ['DOWNLOADS', 'prepare_dataset']

_KINDS = {'cityscapes27': 'Cityscapes27Dataset', 'cocostuff27': 'COCOStuff27Dataset', 'potsdam3': 'Potsdam3Dataset'}
_PLANS: dict[str, Callable[[SourceTree], Plan]] = {
    'cityscapes27': cityscapes27.plan,
    'cocostuff27': coco.plan_with_lists,
    'voc2012': voc2012.plan,
    'coco': coco.plan,
}
DOWNLOADS = {
    'cityscapes27': cityscapes27.DOWNLOAD,
    'cocostuff27': f'{coco.DOWNLOAD}; and {coco.LISTS_DOWNLOAD}',
    'potsdam3': potsdam3.DOWNLOAD,
    'voc2012': voc2012.DOWNLOAD,
    'coco': coco.DOWNLOAD,
}


def prepare_dataset(
    name: str,
    source: str | Path,
    destination: str | Path,
    kind: str = 'png',
    seed: int = 0,
    five_crops: float | None = None,
    strict: bool = False,
) -> dict[str, Any]:
    """Prepare a data set; called again after an interruption, it goes on.

    Files are linked or copied, cut or drawn, checked for damage and size, and noted in ``SHA256SUMS``;
    ``prepared.json`` records how the folder was made. Nothing is downloaded.

    Args:
        name: ``cityscapes27``, ``cocostuff27``, ``potsdam3``, ``voc2012`` or ``coco``.
        source: Folder of what was downloaded (archives, unpacked or both), or one archive.
        destination: Folder to make.
        kind: ``'png'`` or ``'mat'`` patches (Potsdam).
        seed: Draws Potsdam's split where the original lists are not there.
        five_crops: Also cut five crops of this share of each side, for STEGO and HP.
        strict: Whether counts other than the owners' are an error instead of a warning.

    Returns:
        Counts and notes, as recorded.

    Raises:
        InputError: The source lacks something or is damaged, or the folder was begun with other settings.
    """
    if name not in DOWNLOADS:
        raise InputError(f'{name!r} is no data set to prepare: choose one of {", ".join(sorted(DOWNLOADS))}')
    if kind not in ('png', 'mat'):
        raise InputError(f"kind must be 'png' or 'mat', not {kind!r}")
    if five_crops is not None and (name not in _KINDS or not 0 < five_crops <= 1):
        raise InputError(f'five_crops is a share of at most 1, for {", ".join(sorted(_KINDS))} only')
    tree = SourceTree(source, without=destination)
    potsdam = name == 'potsdam3'
    plan = potsdam3.plan(tree, kind, seed) if potsdam else _PLANS[name](tree)
    wrong = _wrong_counts(plan)
    if wrong and strict:
        raise InputError('; '.join(wrong))
    made = Destination(destination, {'dataset': name, **({'kind': kind, 'seed': seed} if potsdam else {})})
    for note in wrong:
        made.note(note)
    _work(plan.tasks, made, name)
    for step in plan.finally_:
        step(made)
    if five_crops is not None:
        _work(_crop_tasks(name, made, five_crops), made, 'five crops')
    facts = {'counts': {f'{folder}/*{suffix}': made.count(folder, suffix) for folder, suffix in plan.counts}}
    made.finish(**facts)
    return {**facts, 'notes': made.notes}


def _wrong_counts(plan: Plan) -> list[str]:
    """Where the source has not what the owners distribute."""
    targets = [target for task in plan.tasks for target in task.targets]
    found = {
        (folder, suffix): sum(target.startswith(f'{folder}/') and target.endswith(suffix) for target in targets)
        for folder, suffix in plan.counts
    }
    return [
        f'{folder}/*{suffix}: {found[folder, suffix]} files, the owners distribute {expected}'
        for (folder, suffix), expected in plan.counts.items()
        if found[folder, suffix] != expected
    ]


def _work(tasks: Iterable[Task], made: Destination, description: str) -> None:
    """Do what is not done yet."""
    tasks = list(tasks)
    todo = [task for task in tasks if not all(made.has(target) for target in task.targets)]
    for task in progress(todo, description, total=len(tasks), initial=len(tasks) - len(todo)):
        for target, content in task.make():
            made.write(target, content)


def _crop_tasks(name: str, made: Destination, ratio: float) -> list[Task]:
    """Five crops of the splits that the published codes crop; of COCO's full list, where it is there."""
    init_default_scope('mmseg')
    options: dict[str, Any] = {}
    if name == 'cocostuff27':
        full = f'curated/train2017/{CURATED_LISTS["full"]}'
        options['subset'] = 'full' if made.has(full) else 7
    return five_crop_tasks(_KINDS[name], str(made.root), ratio, ('train', 'val'), **options)
