"""Pascal VOC 2012 as its owners distribute it."""

from ...utils import InputError
from .plan import Plan, same_size, take
from .source import SourceTree

DOWNLOAD = 'VOCtrainval_11-May-2012.tar from the Pascal VOC owners (host.robots.ox.ac.uk/pascal/VOC/voc2012)'
COUNTS = {('JPEGImages', '.jpg'): 17125, ('SegmentationClass', '.png'): 2913}


def plan(source: SourceTree) -> Plan:
    """Pictures, label maps and lists, in the owners' layout; the augmented labels where somebody added them.

    Raises:
        InputError: There are no pictures, label maps or lists.
    """
    images = source.find(r'(JPEGImages)/(\d{4}_\d{6})\.jpg')
    labels = source.find(r'(SegmentationClass|SegmentationClassAug)/(\d{4}_\d{6})\.png')
    lists = source.find(r'(ImageSets/Segmentation)/(\w+)\.txt')
    if not images or not labels or not lists:
        found = f'{len(images)} pictures, {len(labels)} label maps and {len(lists)} lists'
        raise InputError(f'{source.root} holds {found}: get {DOWNLOAD}')
    stray = [file for key, file in labels.items() if ('JPEGImages', key[1]) not in images]
    if stray:
        raise InputError(f'{stray[0].name} has no picture ({len(stray)} in all): get {DOWNLOAD}')
    tasks = [take('/'.join(key) + '.jpg', file) for key, file in images.items()]
    tasks += [
        take('/'.join(key) + '.png', file, same_size(images['JPEGImages', key[1]])) for key, file in labels.items()
    ]
    tasks += [take('/'.join(key) + '.txt', file) for key, file in lists.items()]
    return Plan(tasks, dict(COUNTS))
