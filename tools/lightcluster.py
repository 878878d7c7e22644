"""Fit LightCluster to pictures, without labels or training, and evaluate it."""

import argparse

from mmseg_primaps.apis import load_config, over_seeds
from mmseg_primaps.apis.cli import add_common_flags, run, set_local_rank
from mmseg_primaps.apis.lightcluster import lightcluster, with_shared_stages


def main() -> None:
    """Parse the arguments and run the stages that are not done yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--until', help='stop after this stage: features, dataset, categories, category, levels, ...')
    parser.add_argument('--seeds', type=int, nargs='+', help='fit once a seed and report mean and spread')
    add_common_flags(parser)
    args = parser.parse_args()
    set_local_rank(args.local_rank)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    if args.seeds:
        over_seeds(with_shared_stages(cfg), args.seeds, lightcluster)
    else:
        lightcluster(cfg, args.until)


if __name__ == '__main__':
    run(main)
