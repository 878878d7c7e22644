"""What a user downloaded: folders, archives, or both, read as one tree."""

import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import Image

from ...utils import InputError

_ARCHIVES = ('.zip', '.tar', '.tar.gz', '.tgz')
_DAMAGE = (OSError, EOFError, ValueError, zipfile.BadZipFile, tarfile.TarError, zlib.error)


@dataclass(frozen=True)
class SourceFile:
    """One file of the source.

    Attributes:
        name: How to call it in a message.
        open: Opens it for reading.
        path: Where it lies, if it is not inside an archive.
    """

    name: str
    open: Callable[[], IO[bytes]]
    path: Path | None = None

    def read(self) -> bytes:
        """The whole content.

        Raises:
            InputError: The file, or the archive around it, is damaged.
        """
        try:
            with self.open() as file:
                return file.read()
        except _DAMAGE as error:
            raise InputError(f'{self.name} is damaged, download it again: {error}') from None

    def picture_size(self) -> tuple[int, int]:
        """Height and width, read off the header.

        Raises:
            InputError: It is no picture, or damaged.
        """
        try:
            with self.open() as file, Image.open(file) as picture:
                return picture.height, picture.width
        except (*_DAMAGE, SyntaxError) as error:
            raise InputError(f'{self.name} is no picture, or damaged: download it again: {error}') from None


class SourceTree:
    """All files below a folder, with the archives in it opened; or one archive.

    Args:
        root: The folder or archive.
        without: A folder to leave out: where the data set is being prepared, if that is inside ``root``.

    Raises:
        InputError: It does not exist, or an archive is damaged.
    """

    def __init__(self, root: str | Path, without: str | Path | None = None) -> None:
        self.root = Path(root)
        if not self.root.exists():
            raise InputError(f'{root} does not exist: give the folder that holds what you downloaded')
        files = [self.root] if self.root.is_file() else sorted(p for p in self.root.rglob('*') if p.is_file())
        outside = Path(without or '').resolve()
        if without is not None and outside != self.root.resolve():
            files = [path for path in files if not path.resolve().is_relative_to(outside)]
        archives = [path for path in files if path.name.endswith(_ARCHIVES)]
        self.files = {path.as_posix(): SourceFile(str(path), _opener(path), path) for path in files}
        self.members = {name: file for archive in archives for name, file in _members(archive)}

    def find(self, pattern: str) -> dict[tuple[str, ...], SourceFile]:
        """Files whose path ends in ``pattern``.

        Args:
            pattern: Regular expression with groups, matched from the start of a folder's name to the end of the path.

        Returns:
            The file of each combination of groups, sorted. Unpacked files win over archived ones.

        Raises:
            InputError: Two files give one combination.
        """
        expression = re.compile(f'(?:^|.*/){pattern}$')
        found: dict[tuple[str, ...], SourceFile] = {}
        for files in (self.files, self.members):
            here: dict[tuple[str, ...], SourceFile] = {}
            for path, file in files.items():
                match = expression.match(path)
                if match is None:
                    continue
                other = here.setdefault(match.groups(), file)
                if other is not file and not _one_file(other, file):
                    raise InputError(f'{other.name} and {file.name} are two files of one name: remove one')
            found = {**here, **found}
        return dict(sorted(found.items()))


def _one_file(first: SourceFile, second: SourceFile) -> bool:
    """Whether two names belong to one file (a link made by an earlier preparation)."""
    return first.path is not None and second.path is not None and first.path.samefile(second.path)


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open('rb')


def _members(archive: Path) -> Iterator[tuple[str, SourceFile]]:
    """Files inside an archive; the key starts with the archive's path, so that archives do not hide each other."""
    try:
        names, opened = _index(archive)
    except _DAMAGE as error:
        raise InputError(f'{archive} is cut short or damaged, download it again: {error}') from None
    for name in names:
        yield f'{archive.as_posix()}/{name}', SourceFile(f'{archive}:{name}', opened(name))


def _index(archive: Path) -> tuple[list[str], Callable[[str], Callable[[], IO[bytes]]]]:
    """Names in an archive, and how to open each."""
    if archive.name.endswith('.zip'):
        zipped = zipfile.ZipFile(archive)
        return [i.filename for i in zipped.infolist() if not i.is_dir()], lambda name: lambda: zipped.open(name)
    taken = tarfile.open(archive)  # noqa: SIM115 (stays open as long as its members are read)
    members = {member.name: member for member in taken if member.isfile()}
    return list(members), lambda name: lambda: _extract(taken, members[name])


def _extract(taken: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """A tar member for reading."""
    file = taken.extractfile(member)
    if file is None:
        raise OSError(f'{member.name} is no plain file')
    return file
