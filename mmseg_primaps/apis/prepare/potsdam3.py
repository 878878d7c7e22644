"""Potsdam: the owners' tiles cut into the benchmark's patches, or the original patches taken over."""

from collections.abc import Iterator
from functools import partial
from io import BytesIO

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from ...datasets.potsdam3 import LISTS
from ...utils import InputError
from .destination import Destination
from .plan import Plan, Task, take
from .source import SourceFile, SourceTree

DOWNLOAD = (
    '4_Ortho_RGBIR.zip and 5_Labels_for_participants.zip of Potsdam from the ISPRS (www.isprs.org, 2D semantic '
    "labeling), or the original patches and lists in STEGO's potsdam.zip"
)
TILE, GRID, PATCH = 6000, 15, 200
TILES, TEST_PATCHES = 38, 855
# Tiles whose labels were public when the benchmark was made; later releases label all 38.
LABELLED = (
    *('2_10', '2_11', '2_12', '3_10', '3_11', '3_12', '4_10', '4_11', '4_12', '5_10', '5_11', '5_12'),
    *('6_7', '6_8', '6_9', '6_10', '6_11', '6_12', '7_7', '7_8', '7_9', '7_10', '7_11', '7_12'),
)
# Red, green, blue of road, building, low vegetation, tree, car, clutter: ids 0 to 5.
_COLOURS = ((255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0))
_VOID = 255


def plan(source: SourceTree, kind: str, seed: int) -> Plan:
    """Patches of 200x200 at half scale, and the lists.

    Args:
        source: The tiles; or the original patches with their lists.
        kind: ``'png'`` (red, green, blue) or ``'mat'`` (with infrared, as published), for patches cut from tiles.
        seed: Draws the test patches where the original lists are not there.

    Raises:
        InputError: There is neither.
    """
    originals = source.find(r'(imgs|gt)/(\d+)\.mat')
    lists = source.find(r'(all|labelled_train|labelled_test|unlabelled_train)\.txt')
    if originals:
        return _originals(source, originals, lists)
    tiles = source.find(r'top_potsdam_(\d+_\d+)_RGBIR\.tif')
    if not tiles:
        raise InputError(f'{source.root} holds no tiles *_RGBIR.tif and no patches imgs/*.mat: get {DOWNLOAD}')
    if lists:
        raise InputError(
            f'{source.root} holds lists beside tiles: the lists number the original patches, whose order is not known; '
            'give the original patches, or take the lists away'
        )
    labels = source.find(r'top_potsdam_(\d+_\d+)_label\.tif')
    labels = {key: file for key, file in labels.items() if key[0] in LABELLED}
    tasks = [_tile(i * GRID**2, file, labels.get(key), kind) for i, (key, file) in enumerate(tiles.items())]
    labelled = [i * GRID**2 + j for i, key in enumerate(tiles) if key in labels for j in range(GRID**2)]
    counts = {('imgs', f'.{kind}'): TILES * GRID**2, ('gt', f'.{kind}'): len(LABELLED) * GRID**2}
    return Plan(tasks, counts, [partial(_draw_split, len(tiles) * GRID**2, labelled, seed)])


def _originals(
    source: SourceTree, patches: dict[tuple[str, ...], SourceFile], lists: dict[tuple[str, ...], SourceFile]
) -> Plan:
    """Take the original patches and lists over."""
    wanted = {name[:-4] for names in LISTS.values() for name in names}
    missing = sorted(name for name in wanted if (name,) not in lists)
    if missing:
        raise InputError(f'{source.root} holds original patches without {missing[0]}.txt: get {DOWNLOAD}')
    tasks = [take(f'{folder}/{number}.mat', file) for (folder, number), file in patches.items()]
    tasks += [take(f'{name}.txt', file) for (name,), file in lists.items()]
    return Plan(tasks, {('imgs', '.mat'): TILES * GRID**2, ('gt', '.mat'): len(LABELLED) * GRID**2})


def _tile(first: int, image: SourceFile, label: SourceFile | None, kind: str) -> Task:
    """All patches of one tile, numbered from ``first``."""
    numbers = range(first, first + GRID**2)
    targets = [f'{folder}/{n}.{kind}' for folder in (['imgs', 'gt'] if label else ['imgs']) for n in numbers]

    def make() -> Iterator[tuple[str, bytes]]:
        half = cv2.resize(_read(image, 4), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR)
        contents = [_encode('img', patch, kind) for patch in _cut(half)]
        if label is not None:
            ids = cv2.resize(fine_ids(_read(label, 3)), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST)
            contents += [_encode('gt', patch, kind) for patch in _cut(ids)]
        return zip(targets, contents, strict=True)

    return Task(tuple(targets), make)


def _read(file: SourceFile, channels: int) -> NDArray[np.uint8]:
    """A tile's pixels."""
    try:
        array = tifffile.imread(BytesIO(file.read()))
    except (tifffile.TiffFileError, ValueError) as error:
        raise InputError(f'{file.name} cannot be decoded, download it again: {error}') from None
    if array.shape != (TILE, TILE, channels) or array.dtype != np.uint8:
        raise InputError(f'{file.name} is {array.dtype} {array.shape}, expected uint8 ({TILE}, {TILE}, {channels})')
    return array


def fine_ids(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Ids 0 to 5 of a coloured label map ``[H, W, 3]``; 255 for a colour that means nothing."""
    table = np.full(8, _VOID, dtype=np.uint8)
    for number, colour in enumerate(_COLOURS):
        table[sum(bool(c) << place for place, c in enumerate(colour))] = number
    full = (colours == 255) @ np.array([1, 2, 4], dtype=np.uint8)
    pure = ((colours == 0) | (colours == 255)).all(axis=-1)
    return np.where(pure, table[full], _VOID).astype(np.uint8)


def _cut(array: NDArray) -> Iterator[NDArray]:
    """Patches, row by row."""
    for top in range(0, GRID * PATCH, PATCH):
        for left in range(0, GRID * PATCH, PATCH):
            yield array[top : top + PATCH, left : left + PATCH]


def _encode(variable: str, patch: NDArray, kind: str) -> bytes:
    """A patch as a file's content."""
    buffer = BytesIO()
    if kind == 'mat':
        savemat(buffer, {variable: patch.astype(np.int32) if variable == 'gt' else patch})
    else:
        Image.fromarray(np.ascontiguousarray(patch[..., :3] if patch.ndim == 3 else patch)).save(buffer, format='PNG')
    return buffer.getvalue()


def _draw_split(patches: int, labelled: list[int], seed: int, destination: Destination) -> None:
    """Lists of a random split with the published proportions."""
    count = min(TEST_PATCHES, round(len(labelled) * TEST_PATCHES / (len(LABELLED) * GRID**2)))
    test = set(np.random.default_rng(seed).choice(labelled, count, replace=False).tolist()) if labelled else set()
    lists = {
        'labelled_test': sorted(test),
        'labelled_train': [n for n in labelled if n not in test],
        'unlabelled_train': sorted(set(range(patches)) - set(labelled)),
    }
    for name, numbers in lists.items():
        destination.write(f'{name}.txt', ''.join(f'{number}\n' for number in numbers).encode())
    destination.note(f'Potsdam split drawn with seed {seed}: figures do not compare with those on the published split')
