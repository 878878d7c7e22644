"""What the command-line tools share: one line for an input error, and mmseg's flags."""

import argparse
import os
import sys
import urllib.error
from collections.abc import Callable

from mmengine.config import DictAction

from ..utils import InputError

INTERRUPTED = 130


def run(main: Callable[[], None]) -> None:
    """Call ``main``; an :class:`InputError` becomes one line on stderr and exit status 2."""
    try:
        main()
    except InputError as error:
        sys.exit(_fail(last_line(error)))
    except KeyboardInterrupt:
        print('interrupted; run the same command with --resume to go on', file=sys.stderr)
        sys.exit(INTERRUPTED)


def _fail(message: str) -> int:
    print(f'error: {message}', file=sys.stderr)
    return 2


def last_line(error: Exception) -> str:
    """The message itself: loader processes and registries wrap it in text of their own."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[-1] if lines else type(error).__name__
    return message.split('InputError: ', 1)[-1]


def as_input_error(error: Exception) -> InputError | None:
    """Translate what mmengine and mmseg raise for a user's mistake; None where it is no such thing."""
    text = last_line(error)
    if isinstance(error, KeyError) and 'registry' in text:
        name = text.strip('"\'').split(' is not in ')[0]
        return InputError(f'config: type={name!r} is not registered; check the spelling and custom_imports')
    if isinstance(error, urllib.error.URLError):
        return InputError(f'weights cannot be downloaded ({text}); give a local file in the config instead')
    if isinstance(error, FileNotFoundError):
        return InputError(f'{text} (check the path in the config or on the command line)')
    return None


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that mmseg's own tools have."""
    parser.add_argument('--work-dir', help='where logs, checkpoints and results go')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings: key=value ...')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def set_local_rank(rank: int) -> None:
    """Tell mmengine the local rank as ``torch.distributed.launch`` gives it."""
    os.environ.setdefault('LOCAL_RANK', str(rank))
