"""Compute the mask proposals of a training set, resumable and sharded over ranks."""

import argparse

from mmengine.dist import is_main_process

from mmseg_primaps.apis import load_config, propose
from mmseg_primaps.apis.cli import add_common_flags, run, set_local_rank


def main() -> None:
    """Parse the arguments and compute what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--out', help='folder of the proposals ($PRIMAPS_CACHE or work_dirs/proposals by default)')
    add_common_flags(parser)
    args = parser.parse_args()
    set_local_rank(args.local_rank)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    folder = propose(cfg, args.out)
    if is_main_process():
        print(f'proposals: {folder}')


if __name__ == '__main__':
    run(main)
