"""What has to be done to prepare a data set."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...utils import InputError
from .destination import Destination
from .source import SourceFile

Content = bytes | Path


@dataclass(frozen=True)
class Task:
    """Some files that are made together.

    Attributes:
        targets: Their paths in the prepared data set.
        make: Gives each target's content.
    """

    targets: tuple[str, ...]
    make: Callable[[], Iterable[tuple[str, Content]]]


@dataclass
class Plan:
    """All that a data set needs.

    Attributes:
        tasks: Files to make, in order.
        counts: Number of files that the owners distribute, by folder and suffix.
        finally_: Steps that look at what was made (lists, splits).
    """

    tasks: list[Task]
    counts: dict[tuple[str, str], int]
    finally_: list[Callable[[Destination], None]] = field(default_factory=list)


def take(target: str, file: SourceFile, check: Callable[[SourceFile], None] | None = None) -> Task:
    """A task that takes one file over as it is.

    Args:
        target: Its path in the prepared data set.
        file: The file.
        check: Looks at the file first and raises where it is wrong.
    """

    def make() -> Iterable[tuple[str, Content]]:
        if check is not None:
            check(file)
        content = file.read()
        _whole(file.name, content)
        return [(target, file.path or content)]

    return Task((target,), make)


def size_is(height: int, width: int) -> Callable[[SourceFile], None]:
    """A check that a picture has one size."""

    def check(file: SourceFile) -> None:
        found = file.picture_size()
        if found != (height, width):
            raise InputError(f'{file.name} is {found[1]}x{found[0]}, expected {width}x{height}: is it the original?')

    return check


def same_size(other: SourceFile) -> Callable[[SourceFile], None]:
    """A check that a label map has its picture's size."""
    return lambda file: size_is(*other.picture_size())(file)


def _whole(name: str, content: bytes) -> None:
    """Notice a picture that ends too early by the mark at its end, without decoding it."""
    ends = {'.png': b'IEND\xaeB`\x82', '.jpg': b'\xff\xd9'}
    end = ends.get(Path(name).suffix.lower())
    if end is not None and end not in content[-4096:]:
        raise InputError(f'{name} is cut short, download it again')
