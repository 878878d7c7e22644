"""What a stage leaves on disk: whole files in a folder that is named by everything that made them."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...utils.proposal_store import write_whole

VERSION = 2
"""Raised whenever a change of the code changes what a stage gives; part of every fingerprint."""

Arrays = Mapping[str, NDArray[Any]]


class StageFolder:
    """The output of one stage, with one set of settings.

    The folder's name holds a digest of the manifest, and the manifest holds the fingerprint of the stage before: a
    changed option redoes the stages it touches and no other. Files appear whole or not at all.

    Args:
        root: Folder of all stages.
        name: Name of the stage.
        manifest: Everything that changes its output.
    """

    def __init__(self, root: Path, name: str, manifest: Mapping[str, Any]) -> None:
        text = json.dumps({'version': VERSION, **manifest}, indent=1, sort_keys=True)
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
        self.path = root / f'{name}-{self.fingerprint}'
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / 'manifest.json').is_file():
            write_whole(self.path / 'manifest.json', text.encode())

    def file(self, key: str | int) -> Path:
        """Where the arrays of a key lie."""
        return self.path / f'{key}.npz'

    def has(self, key: str | int) -> bool:
        """Whether a key is done."""
        return self.file(key).is_file()

    def write(self, key: str | int, arrays: Arrays) -> None:
        """Write the arrays of a key."""
        data = io.BytesIO()
        np.savez(data, **cast(Any, arrays))
        write_whole(self.file(key), data.getvalue())

    def read(self, key: str | int) -> dict[str, NDArray[Any]]:
        """All arrays of a key."""
        with np.load(self.file(key)) as arrays:
            return dict(arrays)

    def read_pictures(
        self, key: str | int, pictures: list[int], names: tuple[str, ...]
    ) -> Iterator[list[NDArray[Any]]]:
        """Some arrays of some pictures of a block, picture by picture; nothing else is read from the file."""
        with np.load(self.file(key)) as arrays:
            for picture in pictures:
                yield [arrays[f'{picture}.{name}'] for name in names]
