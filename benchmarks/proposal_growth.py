"""What the masks of one picture cost for growing grids and channels, beside the least that any way must do.

    python benchmarks/proposal_growth.py --json proposal_growth.json --plot proposal_growth.png

The floor is what no method can leave out, timed on the same machine in the same run: one covariance matrix of the
features (`N C^2` multiplications) and, for every mask, one product of all features with a direction (`N C`).
"""

import argparse
import statistics
from collections.abc import Callable

import torch

from mmseg_primaps.apis.benchmark import timed, write_rows
from mmseg_primaps.apis.benchmark_inputs import feature_maps
from mmseg_primaps.ops import principal_masks
from mmseg_primaps.utils import progress

CHANNELS = (96, 192, 384, 768)
GRIDS = (20, 28, 40, 56)


def median_seconds(functions: list[Callable[[], object]], runs: int, device: torch.device) -> list[float]:
    """Median seconds of each function; they take turns."""
    found: list[list[float]] = [[] for _ in functions]
    for _ in range(runs + 1):
        for function, seconds in zip(functions, found, strict=True):
            seconds.append(timed(function, device)[1])
    return [statistics.median(seconds[1:]) for seconds in found]  # the first call warms up


def row(channels: int, grid: int, batch: int, runs: int, device: torch.device) -> dict[str, float]:
    """Figures of one size, for one picture."""
    features = feature_maps(batch, channels, grid, grid).to(device)
    count = int((principal_masks(features) > 0).flatten(2).any(2).sum()) / batch
    rows = features.flatten(2)
    direction = torch.randn(batch, 1, channels, device=device)

    def floor() -> None:
        rows @ rows.mT
        for _ in range(round(count)):
            direction @ rows

    ours, least = median_seconds([lambda: principal_masks(features), floor], runs, device)
    operations = 2 * grid**2 * (channels**2 + round(count) * channels)
    return {
        'channels': channels,
        'grid': grid,
        'masks': count,
        'ours_ms': 1e3 * ours / batch,
        'floor_ms': 1e3 * least / batch,
        'times_floor': ours / least,
        'gflop_of_floor': operations / 1e9,
        'megabytes_of_floor': 4 * grid**2 * channels * (1 + round(count)) / 1e6,
        'ns_per_point_and_channel_pair': 1e9 * ours / batch / (grid**2 * channels**2),
    }


def plot(rows: list[dict[str, float]], path: str) -> None:
    """Milliseconds over grid points times squared channels, ours and the floor."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout='constrained')
    axes = figure.add_subplot()
    for channels in sorted({one['channels'] for one in rows}):
        mine = [one for one in rows if one['channels'] == channels]
        work = [one['grid'] ** 2 * channels**2 for one in mine]
        (line,) = axes.loglog(work, [one['ours_ms'] for one in mine], 'o-', label=f'{channels} channels')
        axes.loglog(work, [one['floor_ms'] for one in mine], ':', color=line.get_color())
    axes.set(xlabel='grid points x channels$^2$', ylabel='ms a picture (dotted: floor)', title='Principal masks')
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--channels', type=int, nargs='+', default=CHANNELS)
    parser.add_argument('--grids', type=int, nargs='+', default=GRIDS)
    parser.add_argument('--batch', type=int, default=1, help='pictures at once')
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--json', help='file to write the rows to')
    parser.add_argument('--plot', help='PNG file to draw the curves to')
    options = parser.parse_args()
    if options.device == 'cpu':
        torch.set_num_threads(1)
    sizes = [(channels, grid) for channels in options.channels for grid in options.grids]
    device = torch.device(options.device)
    rows = [row(*size, options.batch, options.runs, device) for size in progress(sizes, 'sizes')]
    print('  '.join(rows[0]))
    for one in rows:
        print('  '.join(f'{value:.4g}'.rjust(len(name)) for name, value in one.items()))
    if options.json:
        write_rows(rows, options.json)
    if options.plot:
        plot(rows, options.plot)


if __name__ == '__main__':
    main()
