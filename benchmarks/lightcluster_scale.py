"""Data-set level clustering of pictures that are made on the fly: speed, memory, and how both grow.

    python benchmarks/lightcluster_scale.py --pictures 1000 10000 --processes 2

Every size runs in fresh processes, one thread each. A picture is a grid of features: 12 directions and noise, cheap to
make, so that the clock shows the clustering; what making them costs is measured by itself. Where other work takes its
share of the cores, the clock shows that, too: images_per_core_second counts CPU time alone. The memory of all together
counts the libraries, which the processes share, once.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from mmseg_primaps.apis.benchmark import write_rows
from mmseg_primaps.ops import assign_clusters, cluster_evidence, kmeans, merge_over_processes
from mmseg_primaps.utils import progress

KINDS = 12


class Pictures:
    """Features `[1, C, h, w]` of every picture of one process, the same whenever they are asked for."""

    def __init__(self, numbers: range, grid: int, channels: int) -> None:
        draw = torch.Generator().manual_seed(0)
        places = grid * grid
        directions = torch.randn(KINDS, channels, generator=draw)
        kinds = torch.randint(KINDS, (KINDS, places // 8), generator=draw).repeat_interleave(8, dim=1)
        self.clean = [directions[row].T.contiguous() for row in kinds]
        self.noise = torch.randn(channels, places + 997, generator=draw)
        self.numbers, self.grid = numbers, grid

    def __call__(self, title: str = 'pass') -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over all of them."""
        for number in progress(self.numbers, title):
            start = number * 31 % 997
            features = self.clean[number % KINDS] + self.noise[:, start : start + self.grid**2]
            yield features.view(1, -1, self.grid, self.grid), torch.tensor([number])


def measure(rank: int, options: argparse.Namespace, pictures: int, meeting: str, out: Any) -> None:
    """One process: cluster its share together with the others, then collect what tells foreground."""
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=options.processes)
    mine = Pictures(range(rank, pictures, options.processes), options.grid, options.channels)
    begin = time.perf_counter()
    for _ in mine('making alone'):
        pass
    making, begin, cpu = time.perf_counter() - begin, time.perf_counter(), time.process_time()
    found = kmeans(
        mine, options.clusters, passes=options.passes, sample_size=options.sample_size, reduce=merge_over_processes
    )
    saliency = torch.rand(1, options.grid, options.grid)
    for features, _ in mine('foreground'):
        cluster_evidence(assign_clusters(features, found.centres), saliency, options.clusters)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    out.put((seconds, cpu, making, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, library_mib()))
    dist.barrier()


def library_mib() -> float:
    """Resident pages of this process that belong to files: the libraries, which processes share (Linux)."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('RssFile')) / 1024


def row(options: argparse.Namespace, pictures: int) -> dict[str, float]:
    """Figures of one size."""
    with tempfile.TemporaryDirectory() as folder:
        context = mp.get_context('spawn')
        out = context.SimpleQueue()
        arguments = (options, pictures, str(Path(folder) / 'meeting'), out)
        mp.start_processes(measure, arguments, nprocs=options.processes, start_method='spawn')
        found = [out.get() for _ in range(options.processes)]
    seconds, cpu, making, memory, libraries = (list(values) for values in zip(*found, strict=True))
    return {
        'pictures': pictures,
        'processes': options.processes,
        'seconds': max(seconds),
        'images_per_second': pictures / max(seconds),
        'cpu_seconds': sum(cpu),
        'images_per_core_second': pictures / sum(cpu),
        'making_one_pass_seconds': max(making),
        'peak_mib_each': max(memory),
        'peak_mib_together': sum(memory) - (options.processes - 1) * min(libraries),
    }


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pictures', type=int, nargs='+', default=[1000, 10000])
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--grid', type=int, default=40)
    parser.add_argument('--channels', type=int, default=384)
    parser.add_argument('--clusters', type=int, default=12)
    parser.add_argument('--passes', type=int, default=2)
    parser.add_argument('--sample-size', type=int, default=2**15)
    parser.add_argument('--json', help='file to write the rows to')
    options = parser.parse_args()
    rows = [row(options, pictures) for pictures in options.pictures]
    for one in rows:
        print(', '.join(f'{name} {value:.1f}' for name, value in one.items()))
    if options.json:
        write_rows(rows, options.json)


if __name__ == '__main__':
    main()
