"""Show the mask proposals, and with a checkpoint the clusters, of any pictures."""

import argparse

from mmengine.config import DictAction

from mmseg_primaps.apis.cli import run
from mmseg_primaps.apis.demo import demo


def main() -> None:
    """Parse the arguments and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('images', nargs='+', help='picture files')
    parser.add_argument('--config', help='config of a model (hand-crafted features by default)')
    parser.add_argument('--checkpoint', help='trained weights of that model: also show its segmentation')
    parser.add_argument('--out', default='work_dirs/demo', help='folder for the results')
    parser.add_argument('--size', type=int, default=320, help='shorter side in pixels')
    parser.add_argument('--device', default='cpu', help='where to compute')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings: key=value ...')
    args = parser.parse_args()
    options = args.config, args.checkpoint, args.size, args.device, args.cfg_options
    for path in demo(args.images, args.out, *options):
        print(path)


if __name__ == '__main__':
    run(main)
