"""Cityscapes as its owners distribute it."""

from ...utils import InputError
from .plan import Plan, Task, same_size, size_is, take
from .source import SourceFile, SourceTree

DOWNLOAD = (
    'leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip from the Cityscapes owners '
    '(www.cityscapes-dataset.com, free registration)'
)
PICTURES = {'train': 2975, 'val': 500, 'test': 1525}
HEIGHT, WIDTH = 1024, 2048
_IMAGE = r'(leftImg8bit)/(train|val|test)/([\w-]+)/([\w-]+)_leftImg8bit\.png'
_LABEL = r'(gtFine)/(train|val|test)/([\w-]+)/([\w-]+)_gtFine_labelIds\.png'


def plan(source: SourceTree) -> Plan:
    """Pictures and label maps, in the owners' layout.

    Raises:
        InputError: There are no pictures, or a label map has no picture.
    """
    images, labels = source.find(_IMAGE), source.find(_LABEL)
    if not images or not labels:
        raise InputError(f'{source.root} holds {len(images)} pictures and {len(labels)} label maps: get {DOWNLOAD}')
    tasks = [take('/'.join(key) + '_leftImg8bit.png', file, size_is(HEIGHT, WIDTH)) for key, file in images.items()]
    tasks += [_label(key, file, images) for key, file in labels.items()]
    counts = {(f'leftImg8bit/{split}', '.png'): count for split, count in PICTURES.items()}
    counts |= {(f'gtFine/{split}', '.png'): count for split, count in PICTURES.items()}
    return Plan(tasks, counts)


def _label(key: tuple[str, ...], file: SourceFile, images: dict[tuple[str, ...], SourceFile]) -> Task:
    """Take a label map over if its picture is there and has its size."""
    picture = images.get(('leftImg8bit', *key[1:]))
    if picture is None:
        raise InputError(f'{file.name} has no picture {key[3]}_leftImg8bit.png in {key[1]}: get {DOWNLOAD}')
    return take('/'.join(key) + '_gtFine_labelIds.png', file, same_size(picture))
