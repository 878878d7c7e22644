"""Build of the package ``mmseg-primaps`` (import name ``mmseg_primaps``)."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# MIM and MMEngine look for the configs and tools of a package in its folder `.mim`.
MIM_CONTENT = ('configs', 'tools', 'model-index.yml')


class BuildWithConfigs(build_py):
    """Give the package its configs, tools and model index: copies in a wheel, links in an editable installation."""

    def run(self) -> None:
        """Build as usual, then add what MIM looks for."""
        super().run()
        package = ROOT if self.editable_mode else Path(self.build_lib)
        folder = package / 'mmseg_primaps' / '.mim'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in MIM_CONTENT:
            source, target = ROOT / name, folder / name
            if self.editable_mode and os.name == 'posix':
                target.symlink_to(Path('..', '..', name))
            elif source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__'))
            else:
                shutil.copy(source, target)


def version() -> str:
    """The version, read from the package without importing it (importing needs torch)."""
    text = (ROOT / 'mmseg_primaps' / 'version.py').read_text()
    match = re.search(r"__version__ = '([^']+)'", text)
    if match is None:
        raise RuntimeError("mmseg_primaps/version.py has no line __version__ = '...'")
    return match.group(1)


setup(
    name='mmseg-primaps',
    version=version(),
    description='Unsupervised semantic segmentation (PriMaPs-EM) as a plugin for MMSegmentation 1.x',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    classifiers=[f'Programming Language :: Python :: 3.{minor}' for minor in range(10, 14)],
    packages=find_packages(include=['mmseg_primaps', 'mmseg_primaps.*']),
    cmdclass={'build_py': BuildWithConfigs},
    install_requires=[
        'huggingface-hub',
        'numpy>=1.26',
        'opencv-python',
        'pillow',
        'safetensors',
        'scikit-image>=0.22',
        'scipy>=1.11',
        'tifffile',
        'timm>=1.0.9',
        'torch>=2.5',
        'torchvision>=0.20',
        'tqdm',
    ],
    extras_require={
        # A user's pipeline has one of the two lines already, therefore neither is required.
        'onedl': ['onedl-mmcv>=2.3', 'onedl-mmengine>=0.10.12', 'onedl-mmsegmentation>=1.4'],
        'openmmlab': ['mmcv>=2.0.0rc4,<2.2', 'mmengine>=0.10.7,<1', 'mmsegmentation>=1.2.2,<2', 'ftfy', 'regex'],
        # only to compare with in tools/benchmark.py; its one archive does not build on Python 3.13
        'benchmark': ['pydensecrf2; python_version < "3.13"'],
        'coco': ['pycocotools'],  # only to draw label maps from COCO's JSON
        'dev': ['hypothesis', 'mypy', 'pytest', 'pytest-cov', 'pytest-timeout', 'pytest-xdist', 'ruff'],
    },
)
