"""How much of what a device can do is used: pictures a second, and fractions of its memory rate and its arithmetic.

    python benchmarks/device_floor.py --device cuda --batch 32 --json device_floor.json

Rates are measured in the same run, by a large copy and a large product in float32. The floors count what no method can
leave out: every array that a step needs read or written once, and every product that its definition names. Proposals
are those of ViT-S/8 at a crop of 320 by default.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from mmseg_primaps.apis.benchmark import check_device, timed, write_rows
from mmseg_primaps.apis.benchmark_cases import em_work
from mmseg_primaps.apis.benchmark_inputs import feature_maps, flat_probabilities, photographs
from mmseg_primaps.apis.cli import run
from mmseg_primaps.ops import dense_crf, mask_proposals, principal_masks
from mmseg_primaps.ops.dense_crf import appearance_features, position_features
from mmseg_primaps.ops.permutohedral import PermutohedralLattice
from mmseg_primaps.utils import progress

CLASSES = 27
ITERATIONS = 10


class Work(NamedTuple):
    """A step on a batch, and the least that it must move and compute."""

    name: str
    function: Callable[[], object]
    bytes: float
    operations: float


def seconds(function: Callable[[], object], runs: int, device: torch.device) -> float:
    """Median of some calls after one that warms up."""
    return statistics.median([timed(function, device)[1] for _ in range(runs + 1)][1:])


def rates(runs: int, device: torch.device) -> tuple[float, float]:
    """Bytes moved and operations done in a second."""
    large = device.type == 'cuda'
    source = torch.rand(2**28 if large else 2**25, device=device)
    target = torch.empty_like(source)
    factor = torch.rand(*[8192 if large else 1024] * 2, device=device)
    moved = 2 * source.numel() * 4 / seconds(lambda: target.copy_(source), runs, device)
    return moved, 2 * len(factor) ** 3 / seconds(lambda: factor @ factor, runs, device)


def crf_bytes(pixels: int, labels: int, vertices: Sequence[int]) -> float:
    """Bytes of a picture's CRF: values in and out of every sum once, and its index and weight for each entry."""
    total = 0.0
    for dimension, count in zip((2, 5), vertices, strict=True):
        ends = 2 * (pixels * (dimension + 1) * 8 + (pixels + count) * labels * 4)
        blurs = (dimension + 1) * (3 * count * 8 + 2 * count * labels * 4)
        total += ends + blurs
    return ITERATIONS * (total + 3 * pixels * labels * 4)


def works(batch: int, channels: int, grid: int, size: int, device: torch.device) -> list[Work]:
    """Masks, CRF, both, and the EM step of the head."""
    features = feature_maps(batch, channels, grid, grid).to(device)
    pictures = photographs(batch, size, size).to(device)
    count = round(float((principal_masks(features) > 0).flatten(2).any(2).sum()) / batch)
    labels, pixels = count + 1, size * size
    probabilities = flat_probabilities(batch, labels, size, size).to(device)
    mask_bytes = 4 * grid**2 * channels * (1 + count) * batch
    mask_operations = 2 * grid**2 * (channels**2 + count * channels) * batch
    points = (position_features(size, size, 1, device), appearance_features(pictures[:1], 67, 3))
    crf = crf_bytes(pixels, labels, [PermutohedralLattice(*one).vertices for one in points]) * batch
    maps = 4 * batch * CLASSES * pixels
    step = em_work(batch, channels, grid, size, compare=False)(device).ours

    return [
        Work('principal masks', lambda: principal_masks(features), mask_bytes, mask_operations),
        Work(f'CRF, {labels} labels', lambda: dense_crf(probabilities, pictures), crf, 0),
        Work('proposals with CRF', lambda: mask_proposals(features, pictures), mask_bytes + crf, mask_operations),
        # Labels, loss and gradient each need every upsampled logit once, to be read where it was written.
        Work('EM step', step, 3 * 2 * maps, 6 * batch * grid**2 * channels * CLASSES),
    ]


def row(work: Work, batch: int, runs: int, moved: float, done: float, device: torch.device) -> dict[str, float | str]:
    """Figures of one step."""
    taken = seconds(work.function, runs, device)
    return {
        'step': work.name,
        'batch': batch,
        'ms_a_picture': 1e3 * taken / batch,
        'pictures_a_second': batch / taken,
        'of_memory_rate': work.bytes / moved / taken,
        'of_arithmetic': work.operations / done / taken,
        'memory_gb_a_second': moved / 1e9,
        'gflop_a_second': done / 1e9,
    }


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--batch', type=int, default=32, help='pictures at once')
    parser.add_argument('--channels', type=int, default=384)
    parser.add_argument('--grid', type=int, default=40, help='patches along a side')
    parser.add_argument('--size', type=int, default=320, help='pixels along a side')
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--json', help='file to write the rows to')
    options = parser.parse_args()
    check_device(options.device)
    device = torch.device(options.device)
    if options.device == 'cpu':
        torch.set_num_threads(1)
    moved, done = rates(options.runs, device)
    steps = works(options.batch, options.channels, options.grid, options.size, device)
    rows = [row(work, options.batch, options.runs, moved, done, device) for work in progress(steps, 'steps')]
    print('  '.join(rows[0]))
    for one in rows:
        values = (f'{value:.3g}' if isinstance(value, float) else str(value) for value in one.values())
        print('  '.join(value.rjust(len(name)) for value, name in zip(values, one, strict=True)))
    if options.json:
        write_rows(rows, options.json)


if __name__ == '__main__':
    run(main)
