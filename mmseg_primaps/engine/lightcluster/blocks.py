"""How pictures are cut into pieces of work."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, get_dist_info

from .stage import StageFolder


@dataclass
class Blocks:
    """Pictures in blocks, each one file of a stage.

    Batches never reach over the end of a block. So every picture is computed in the same company whichever process
    takes its block and wherever an earlier run stopped: results are the same to the bit.

    Attributes:
        pictures: Something with a length.
        root: Folder of the stages.
        block: Pictures of a file; rounded to a multiple of ``batch``.
        batch: Pictures that go through the backbone together.
        workers: Processes that load pictures.
    """

    pictures: Any
    root: Path
    block: int = 32
    batch: int = 8
    workers: int = 0

    def __post_init__(self) -> None:
        self.block = max(1, self.block // self.batch) * self.batch

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-len(self.pictures) // self.block)

    def members(self, block: int) -> list[int]:
        """Numbers of a block's pictures."""
        return list(range(block * self.block, min((block + 1) * self.block, len(self.pictures))))

    def missing(self, folder: StageFolder) -> list[int]:
        """Blocks that this process does of those that are missing."""
        return share([block for block in range(self.blocks) if not folder.has(block)])

    def folder(self, name: str, *before: StageFolder, **manifest: Any) -> StageFolder:
        """Folder of a stage that reads the outputs ``before``."""
        return StageFolder(self.root, name, {'after': [folder.fingerprint for folder in before], **manifest})


def share(missing: list[int]) -> list[int]:
    """What this process does of what is missing; all see the same list before anyone starts."""
    barrier()
    rank, world = get_dist_info()
    return missing[rank::world]
