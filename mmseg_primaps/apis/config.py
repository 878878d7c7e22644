"""Load a config and carry the settings of its top level to where they act."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from ..utils import InputError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def load_config(
    path: str, options: dict[str, Any] | None = None, work_dir: str | None = None, launcher: str = 'none'
) -> Config:
    """Read a config file, apply ``--cfg-options`` and choose the work folder.

    A top-level ``data_root`` or ``num_classes`` given in ``options`` also reaches the data sets and the decode head,
    which read it only while the file is parsed.

    Raises:
        InputError: The file is missing or is no valid config.
    """
    if not Path(path).is_file():
        raise InputError(f'config {path}: no such file; see the folder configs/')
    try:
        cfg = Config.fromfile(path)
    except (SyntaxError, FileNotFoundError, AttributeError, NameError) as error:
        raise InputError(f'config {path}: {type(error).__name__}: {error}') from error
    cfg.merge_from_dict(options or {})
    propagate(cfg, options or {})
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(path).stem)
    return cfg


def propagate(cfg: Config, options: dict[str, Any]) -> None:
    """Carry top-level ``data_root`` and ``num_classes`` to the data sets, the head and the metrics."""
    if 'data_root' in options:
        for dataset in datasets(cfg):
            dataset.data_root = options['data_root']
    if 'num_classes' in options:
        _set_num_classes(cfg, options['num_classes'])


def _set_num_classes(cfg: Config, num_classes: int) -> None:
    if cfg.get('model') is not None:
        cfg.model.get('decode_head', cfg.model).num_classes = num_classes
    for dataset in datasets(cfg):
        if 'num_classes' in dataset:
            dataset.num_classes = num_classes
    for name in ('val_evaluator', 'test_evaluator'):
        for metric in _as_list(cfg.get(name)):
            if metric.get('num_clusters') is not None:
                metric.num_clusters = num_classes


def datasets(cfg: Config) -> Iterator[ConfigDict]:
    """Every data set of the three loaders, wrappers opened."""
    for name in LOADERS:
        if cfg.get(name):
            yield from _leaves(cfg[name].dataset)


def _leaves(dataset: ConfigDict) -> Iterator[ConfigDict]:
    inner = [dataset.dataset] if 'dataset' in dataset else list(dataset.get('datasets', []))
    if not inner:
        yield dataset
    for part in inner:
        yield from _leaves(part)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
