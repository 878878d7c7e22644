"""Train and compare k-means and PriMaPs-EM on scenes that the package makes itself; about two minutes."""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmseg_primaps.apis.cli import run
from mmseg_primaps.apis.quickstart import quickstart

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', default='work_dirs/quickstart', help='where scenes, checkpoints and results go')
    parser.add_argument('--scenes', type=int, nargs=2, default=(64, 24), metavar=('TRAIN', 'VAL'), help='how many')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings: key=value ...')
    args = parser.parse_args()
    quickstart(CONFIGS, args.work_dir, tuple(args.scenes), args.cfg_options)


if __name__ == '__main__':
    run(main)
