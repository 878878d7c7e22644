"""How much memory a process takes."""

from pathlib import Path

_STATUS = Path('/proc/self/status')
_MEGABYTE = 1024


def resident(field: str) -> float | None:
    """Megabytes of this process in memory: `'VmRSS'` now, `'VmHWM'` at most so far; None where Linux does not say."""
    if not _STATUS.exists():
        return None
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / _MEGABYTE
