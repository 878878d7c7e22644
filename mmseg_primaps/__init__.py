"""PriMaPs-EM and LightCluster: unsupervised semantic segmentation for MMSegmentation 1.x.

``custom_imports = dict(imports=['mmseg_primaps'])`` in a config registers every component. The mathematics in
:mod:`mmseg_primaps.ops` also works where no OpenMMLab package is installed.
"""

from importlib.util import find_spec

from .version import __version__

if find_spec('mmseg') is not None:
    from . import datasets, engine, evaluation, models, visualization  # noqa: F401

__all__ = ['__version__']
