"""Evaluate a checkpoint and write its figures with the protocol that made them."""

import argparse

from mmseg_primaps.apis import evaluate, load_config, over_seeds
from mmseg_primaps.apis.cli import add_common_flags, run, set_local_rank
from mmseg_primaps.apis.test import for_seed, save_predictions, use_crf, use_flip, use_protocol


def main() -> None:
    """Parse the arguments and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file; with --seeds, {seed} in it stands for each seed')
    parser.add_argument('--seeds', type=int, nargs='+', help='evaluate one checkpoint a seed, report mean and spread')
    parser.add_argument('--protocol', help='evaluation protocol: primaps, stego, hp or full (the config by default)')
    parser.add_argument('--tta', action='store_true', help='average with the mirrored picture')
    parser.add_argument('--crf', action='store_true', help='also report predictions refined with the dense CRF')
    parser.add_argument('--metrics', help='file to write the figures to')
    parser.add_argument('--out', help='folder to write label maps to')
    parser.add_argument('--show-dir', help='folder to write coloured pictures to')
    add_common_flags(parser)
    args = parser.parse_args()
    set_local_rank(args.local_rank)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    if args.protocol:
        use_protocol(cfg, args.protocol)
    if args.tta:
        use_flip(cfg)
    if args.crf:
        use_crf(cfg)
    save_predictions(cfg, args.out, args.show_dir)
    if args.seeds:
        over_seeds(cfg, args.seeds, lambda one: evaluate(one, for_seed(args.checkpoint, one.randomness.seed)))
    else:
        evaluate(cfg, args.checkpoint, args.metrics)


if __name__ == '__main__':
    run(main)
