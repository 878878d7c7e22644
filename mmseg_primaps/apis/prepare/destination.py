"""The prepared data set on disk: whole files, their checksums and a record of how it was made."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from ...datasets.folder_dataset import PREPARED as RECORD
from ...utils import InputError, file_digest

SUMS = 'SHA256SUMS'


class Destination:
    """A folder that fills up file by file and can be gone on with after an interruption.

    Every file is written under a temporary name, renamed, and then noted in ``SHA256SUMS`` (``sha256sum -c`` checks
    it). What is noted is not made again.

    Args:
        root: The folder; it is made.
        settings: What decides the content. A folder begun with other settings is refused.

    Raises:
        InputError: The folder was begun with other settings.
    """

    def __init__(self, root: str | Path, settings: dict[str, Any]) -> None:
        self.root = Path(root)
        self.settings = settings
        self.root.mkdir(parents=True, exist_ok=True)
        record = self.root / RECORD
        earlier: dict[str, Any] = {'settings': settings, 'notes': []}
        if record.is_file():
            earlier = json.loads(record.read_text())
        if earlier['settings'] != settings:
            raise InputError(
                f'{self.root} was prepared with {earlier["settings"]}, not {settings}: give another folder'
            )
        self.notes: list[str] = earlier['notes']
        self.sums = self._read_sums()
        self._record(complete=False)

    def _read_sums(self) -> dict[str, str]:
        """Checksums noted so far; a line that was cut off by an interruption does not count."""
        path = self.root / SUMS
        lines = path.read_text().splitlines() if path.is_file() else []
        pairs = [line.split('  ', 1) for line in lines]
        return {pair[1]: pair[0] for pair in pairs if len(pair) == 2 and len(pair[0]) == 64}

    def has(self, target: str) -> bool:
        """Whether a file is there and noted."""
        return target in self.sums and (self.root / target).is_file()

    def write(self, target: str, content: bytes | Path) -> None:
        """Make a file.

        Args:
            target: Its path below the folder.
            content: Its bytes; or a file, which is linked, or copied where the file system cannot link.
        """
        path = self.root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            digest = file_digest(content)
            self._replace(path, lambda part: _link(content, part))
        else:
            digest = hashlib.sha256(content).hexdigest()
            self._replace(path, lambda part: part.write_bytes(content))
        self.sums[target] = digest
        with (self.root / SUMS).open('a') as sums:
            sums.write(f'{digest}  {target}\n')

    @staticmethod
    def _replace(path: Path, make: Callable[[Path], object]) -> None:
        """Let a file appear whole or not at all."""
        part = path.with_name(f'.part-{path.name}')
        part.unlink(missing_ok=True)
        make(part)
        part.replace(path)

    def count(self, prefix: str, suffix: str = '') -> int:
        """Number of files made below ``prefix``."""
        return sum(target.startswith(f'{prefix}/') and target.endswith(suffix) for target in self.sums)

    def note(self, text: str) -> None:
        """Log a warning and keep it in the record, from where metrics files take it."""
        print_log(text, 'current', logging.WARNING)
        if text not in self.notes:
            self.notes.append(text)
            self._record(complete=False)

    def finish(self, **facts: Any) -> None:
        """Put the checksums in order and close the record.

        Args:
            **facts: What the record says beside settings and notes.
        """
        lines = [f'{digest}  {target}\n' for target, digest in sorted(self.sums.items())]
        self._replace(self.root / SUMS, lambda part: part.write_text(''.join(lines)))
        self._record(complete=True, files=len(lines), **facts)

    def _record(self, **facts: Any) -> None:
        """Write the record."""
        text = json.dumps({'settings': self.settings, 'notes': self.notes, **facts}, indent=1)
        self._replace(self.root / RECORD, lambda part: part.write_text(text + '\n'))


def _link(source: Path, target: Path) -> None:
    """A hard link, which costs no space and outlives the source's name; a copy on another file system."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
