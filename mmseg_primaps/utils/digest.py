"""What is in a file, as a short name."""

import hashlib
from pathlib import Path

_PIECE = 2**20


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file, which is never in memory as a whole."""
    digest = hashlib.sha256()
    with Path(path).open('rb') as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
