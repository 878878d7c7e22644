"""Train a model: proposals, initialisation and EM in one command."""

import argparse

from mmseg_primaps.apis import load_config, train
from mmseg_primaps.apis.cli import add_common_flags, run, set_local_rank


def main() -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--resume', action='store_true', help='go on from the latest checkpoint of the work folder')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    add_common_flags(parser)
    args = parser.parse_args()
    set_local_rank(args.local_rank)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    train(cfg, resume=args.resume, amp=args.amp)


if __name__ == '__main__':
    run(main)
