"""Turn what the owners of a data set distribute into what the loaders read. Nothing is downloaded."""

import argparse

from mmseg_primaps.apis.cli import run
from mmseg_primaps.apis.prepare import DOWNLOADS, prepare_dataset


def main() -> None:
    """Parse the arguments and prepare."""
    downloads = '\n'.join(f'  {name}: {text}' for name, text in DOWNLOADS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f'what to download yourself:\n{downloads}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('dataset', choices=sorted(DOWNLOADS))
    parser.add_argument('source', metavar='SRC', help='folder of what you downloaded (archives, unpacked or both)')
    parser.add_argument('destination', metavar='DST', help='folder to make; run again to go on after an interruption')
    parser.add_argument('--kind', choices=['png', 'mat'], default='png', help='format of patches (Potsdam)')
    parser.add_argument('--seed', type=int, default=0, help='draws the split of Potsdam without the original lists')
    parser.add_argument(
        '--five-crops', type=float, nargs='?', const=0.5, metavar='SHARE', help='also cut five crops for STEGO and HP'
    )
    parser.add_argument('--strict', action='store_true', help="stop where counts are not the owners'")
    args = parser.parse_args()
    record = prepare_dataset(
        args.dataset, args.source, args.destination, args.kind, args.seed, args.five_crops, args.strict
    )
    for files, count in record['counts'].items():
        print(f'{count:>7}  {files}')
    print(f'prepared in {args.destination}; check it with: cd {args.destination} && sha256sum -c --quiet SHA256SUMS')


if __name__ == '__main__':
    run(main)
