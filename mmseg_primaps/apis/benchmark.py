"""Times and peaks of our functions beside the plain published steps, in one run."""

import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ..utils import InputError, progress
from .benchmark_cases import Case, Work, crf_cases, em_cases, proposal_cases
from .memory import resident

CASES: dict[str, Callable[[], list[Case]]] = {'proposals': proposal_cases, 'crf': crf_cases, 'em': em_cases}
_MEGABYTE = 2**20
_SECONDS_PER_ROUND = 0.3
_MOST_REPEATS = 10


def benchmark(kind: str, device: str = 'cpu', runs: int = 5, cases: Sequence[Case] | None = None) -> list[dict]:
    """Compare case by case.

    Ours and the reference take turns, so that whatever else the machine does meets both; ours is repeated within a
    turn where it is much the faster. Peaks are taken in a process each, before the timing.

    Args:
        kind: `'proposals'`, `'crf'` or `'em'`.
        device: `'cpu'` or `'cuda'`.
        runs: Turns; medians of fewer than five are no measurement.
        cases: Others than those of the kind.

    Returns:
        Rows with `case`, `reference`, `threads`, `ours_s`, `reference_s`, `ratio`, `ours_peak_mb`,
        `reference_peak_mb`, `max_error` and `gate` (least ratio asked for); None for what was not measured.

    Raises:
        InputError: The device is not there or there are too few runs.
    """
    check_device(device)
    if runs < 5:
        raise InputError(f'--runs {runs}: the median of fewer than 5 runs is no measurement')
    here = device.split(':')[0]
    chosen = [case for case in (CASES[kind]() if cases is None else cases) if case.device in (None, here)]
    threads = torch.get_num_threads()
    try:
        return [_row(case, torch.device(device), runs) for case in progress(chosen, f'benchmark {kind}')]
    finally:
        torch.set_num_threads(threads)


def check_device(device: str) -> None:
    """Whether there is such a device.

    Raises:
        InputError: There is none.
    """
    if device.startswith('cuda') and not torch.cuda.is_available():
        raise InputError(f'--device {device}: this machine has no CUDA device; leave the option out')


def _row(case: Case, device: torch.device, runs: int) -> dict[str, Any]:
    torch.set_num_threads(case.threads)
    peaks = [_peak(case, side, device) for side in ('ours', 'reference')]
    work = case.build(device)
    ours, reference, error = _times(work, device, runs)
    return {
        'case': case.name,
        'reference': case.reference,
        'threads': case.threads,
        'ours_s': ours,
        'reference_s': reference,
        'ratio': None if reference is None else reference / ours,
        'ours_peak_mb': peaks[0],
        'reference_peak_mb': peaks[1],
        'max_error': error,
        'gate': case.gate,
    }


def _times(work: Work, device: torch.device, runs: int) -> tuple[float, float | None, float | None]:
    """Median seconds of both sides, and the error; the first call of each warms up."""
    result, first = timed(work.ours, device)
    if work.reference is None:
        return statistics.median(timed(work.ours, device)[1] for _ in range(runs)), None, None
    expected, _ = timed(work.reference, device)
    error = work.error(result, expected)
    repeats = max(1, min(_MOST_REPEATS, int(_SECONDS_PER_ROUND / first)))
    ours: list[float] = []
    reference: list[float] = []
    for _ in range(runs):
        ours += [timed(work.ours, device)[1] for _ in range(repeats)]
        reference.append(timed(work.reference, device)[1])
    return statistics.median(ours), statistics.median(reference), error


def timed(function: Callable[[], Any], device: torch.device) -> tuple[Any, float]:
    """Result and wall-clock seconds of a call, until the device has finished."""
    _finish(device)
    start = time.perf_counter()
    result = function()
    _finish(device)
    return result, time.perf_counter() - start


def _finish(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def _peak(case: Case, side: str, device: torch.device) -> float | None:
    """Megabytes that a side takes at most beyond its inputs; None where that cannot be known."""
    if device.type == 'cuda':
        return _cuda_peak(getattr(case.build(device), side), device)
    if 'fork' not in multiprocessing.get_all_start_methods():
        return None
    context = multiprocessing.get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_peak, args=(case, side, sender))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError as error:
        raise RuntimeError(
            f'{case.name}: the process of {side} broke off, by an error or for want of memory'
        ) from error
    finally:
        process.join()


def _cuda_peak(function: Callable[[], Any] | None, device: torch.device) -> float | None:
    if function is None:
        return None
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    function()
    return (torch.cuda.max_memory_allocated(device) - before) / _MEGABYTE


def _send_peak(case: Case, side: str, sender: Any) -> None:
    """In a process of its own: call once and send how far the resident memory rose."""
    function = getattr(case.build(torch.device('cpu')), side)
    before = resident('VmRSS')
    if function is None or before is None:
        sender.send(None)
        return
    function()
    sender.send((resident('VmHWM') or before) - before)


def table(rows: Sequence[dict]) -> str:
    """Rows as aligned text: times in milliseconds, peaks in megabytes; the gate that was missed is marked."""
    head = ['case', 'reference', 'threads', 'ours ms', 'ref. ms', 'ratio', 'gate', 'ours MB', 'ref. MB', 'error']
    body = [
        [
            row['case'],
            row['reference'],
            str(row['threads']),
            _number(row['ours_s'], 1e3),
            _number(row['reference_s'], 1e3),
            _number(row['ratio']) + ('' if reached(row) else ' !'),
            _number(row['gate']),
            _number(row['ours_peak_mb']),
            _number(row['reference_peak_mb']),
            '-' if row['max_error'] is None else f'{row["max_error"]:.0e}',
        ]
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *body]) for column in range(len(head))]
    return '\n'.join(
        '  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *body]
    )


def reached(row: dict) -> bool:
    """Whether a row has the ratio that is asked for, or none is, or there was nothing to compare with."""
    return row['gate'] is None or row['ratio'] is None or row['ratio'] >= row['gate']


def write_rows(rows: Sequence[dict], path: str | Path) -> None:
    """Write rows as a JSON array, making the folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(rows), indent=2) + '\n')


def _number(value: float | None, factor: float = 1.0) -> str:
    return '-' if value is None else f'{value * factor:.1f}'
