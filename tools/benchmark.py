"""Time our functions beside the plain published steps."""

import argparse
from pathlib import Path

from mmseg_primaps.apis.benchmark import CASES, benchmark, reached, table, write_rows
from mmseg_primaps.apis.benchmark_pipeline import benchmark_pipeline
from mmseg_primaps.apis.cli import run

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'


def main() -> None:
    """Parse the arguments, measure, print a table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('kind', choices=[*CASES, 'pipeline'], help='what to measure')
    parser.add_argument('--device', default='cpu', help='cpu (default) or cuda')
    parser.add_argument('--runs', type=int, default=5, help='turns that ours and the reference take (5 or more)')
    parser.add_argument('--json', metavar='F', help='write the rows to a JSON file')
    parser.add_argument('--check', action='store_true', help='exit with status 1 where a gate is missed')
    args = parser.parse_args()
    if args.kind == 'pipeline':
        rows = benchmark_pipeline(CONFIGS, args.runs + 1, args.device)
    else:
        rows = benchmark(args.kind, args.device, args.runs)
    print(table(rows))
    if args.json:
        write_rows(rows, args.json)
    if args.check and not all(map(reached, rows)):
        parser.exit(1)


if __name__ == '__main__':
    run(main)
