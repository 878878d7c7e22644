"""Train a model: proposals, initialisation and EM in one command."""

import argparse

from mmseg_primaps.apis import check_data, load_config, over_seeds, train
from mmseg_primaps.apis.cli import add_common_flags, run, set_local_rank


def main() -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--resume', action='store_true', help='go on from the latest checkpoint of the work folder')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    parser.add_argument('--seeds', type=int, nargs='+', help='train once a seed and report mean and spread')
    parser.add_argument('--check', action='store_true', help='look at the data, print a table and stop')
    add_common_flags(parser)
    args = parser.parse_args()
    set_local_rank(args.local_rank)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    if args.check:
        print(check_data(cfg))
    elif args.seeds:
        over_seeds(cfg, args.seeds, lambda one: train(one, resume=args.resume, amp=args.amp))
    else:
        train(cfg, resume=args.resume, amp=args.amp)


if __name__ == '__main__':
    run(main)
