"""Convert a checkpoint that STEGO's, HP's or PriMaPs' authors released."""

import argparse
import json

from mmseg_primaps.apis.cli import run
from mmseg_primaps.apis.convert_checkpoint import KINDS, convert_checkpoint


def main() -> None:
    """Parse the arguments, convert, print what the file holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('kind', choices=KINDS, help='whose checkpoint it is')
    parser.add_argument('src', help='the released file; nothing pickled in it is executed')
    parser.add_argument('dst', help='weights to write: safetensors if called so; a description goes to DST.json')
    parser.add_argument(
        '--stand-in', action='append', default=[], metavar='MODULE.NAME',
        help='replace this pickled global, too, by an empty object (may be given several times; * allowed)',
    )  # fmt: skip
    args = parser.parse_args()
    print(json.dumps(convert_checkpoint(args.kind, args.src, args.dst, args.stand_in), indent=2))


if __name__ == '__main__':
    run(main)
