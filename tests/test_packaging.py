"""What a user installs."""

import ast
import re
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import mmseg_primaps

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ('3.10', '3.11', '3.12', '3.13')
HOSTS = ('mmcv', 'mmengine', 'mmsegmentation', 'onedl-mmcv', 'onedl-mmengine', 'onedl-mmsegmentation')
IMPORT_NAMES = {
    'cv2': 'opencv-python',
    'PIL': 'pillow',
    'skimage': 'scikit-image',
    'huggingface_hub': 'huggingface-hub',
    'pydensecrf': 'pydensecrf2',
}


def pins(name: str) -> list[Requirement]:
    lines = (ROOT / 'requirements' / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith('#')]


def imported_packages() -> set[str]:
    """Top-level names of everything the package imports, host and standard library left out."""
    names: set[str] = set()
    for path in (ROOT / 'mmseg_primaps').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).split('.')[0])
    hosts = {'mmcv', 'mmengine', 'mmseg', 'prettytable', 'mmseg_primaps'}
    return names - hosts - sys.stdlib_module_names


@pytest.mark.parametrize('name', ['onedl.txt', 'openmmlab.txt', 'dev.txt'])
def test_requirement_files_hold_plain_pins_once_for_each_python(name: str) -> None:
    for requirement in pins(name):
        assert requirement.url is None
        assert re.fullmatch(r'==[^,*]+', str(requirement.specifier)), requirement
    for python in PYTHONS:
        environment = {'python_version': python}
        names = [r.name for r in pins(name) if r.marker is None or r.marker.evaluate(environment)]
        assert len(names) == len(set(names)), python


def test_neither_line_of_mmseg_is_required() -> None:
    needed = {Requirement(line).name for line in requires('mmseg-primaps') or () if 'extra ==' not in line}
    assert needed.isdisjoint(HOSTS)
    assert {'torch', 'torchvision', 'timm', 'numpy', 'scipy'} <= needed


def test_the_extras_install_one_line_each() -> None:
    lines = [Requirement(line) for line in requires('mmseg-primaps') or ()]
    extras = {
        extra: {r.name for r in lines if r.marker and r.marker.evaluate({'extra': extra})}
        for extra in ('onedl', 'openmmlab')
    }
    assert set(HOSTS[3:]) <= extras['onedl']
    assert set(HOSTS[:3]) <= extras['openmmlab']


def test_everything_the_package_imports_is_in_its_requirements_or_extras() -> None:
    offered = {Requirement(line).name for line in requires('mmseg-primaps') or ()}
    assert {IMPORT_NAMES.get(name, name) for name in imported_packages()} <= offered


@pytest.mark.parametrize('name', ['onedl.txt', 'openmmlab.txt'])
def test_the_pins_satisfy_what_the_package_requires(name: str) -> None:
    wanted = {
        Requirement(line).name: Requirement(line).specifier
        for line in requires('mmseg-primaps') or ()
        if ';' not in line
    }
    pinned = {r.name: str(r.specifier)[2:] for r in pins(name)}
    for package, specifier in wanted.items():
        assert pinned[package] in SpecifierSet(str(specifier)), package


def test_a_wheel_has_the_configs_and_tools(tmp_path: Path) -> None:
    source = tmp_path / 'source'
    source.mkdir()
    for name in (
        'mmseg_primaps',
        'configs',
        'tools',
        'setup.py',
        'pyproject.toml',
        'README.md',
        'model-index.yml',
        'LICENSE',
    ):
        (source / name).symlink_to(ROOT / name)
    build = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', str(tmp_path), '.']
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob('*.whl'))).namelist()
    assert f'mmseg_primaps-{mmseg_primaps.__version__}.dist-info/METADATA' in names
    for name in ('configs/quickstart.py', 'configs/_base_/default_runtime.py', 'tools/train.py', 'model-index.yml'):
        assert f'mmseg_primaps/.mim/{name}' in names
    assert not [name for name in names if name.startswith('tests/') or '__pycache__' in name]


def test_the_model_index_names_every_config() -> None:
    (metafile,) = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    index = yaml.safe_load((ROOT / metafile).read_text())
    collections = {collection['Name'] for collection in index['Collections']}
    configs = {f'configs/{path.name}' for path in (ROOT / 'configs').glob('*.py')}
    assert sorted(model['Config'] for model in index['Models']) == sorted(configs)
    for model in index['Models']:
        assert model['In Collection'] in collections


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE))
    named = set(re.findall(r'^ {4}make ([a-z-]+)', (ROOT / 'README.md').read_text(), re.MULTILINE))
    assert {'setup', 'demo', 'test', 'lint', 'setup-openmmlab', 'test-openmmlab', 'clean'} <= targets
    assert named <= targets


def test_the_files_that_the_readme_links_to_exist() -> None:
    links = re.findall(r'\]\((?!https?:)([^)#]+)', (ROOT / 'README.md').read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_names_every_tool() -> None:
    readme = (ROOT / 'README.md').read_text()
    assert [path.name for path in (ROOT / 'tools').glob('*.py') if f'tools/{path.name}' not in readme] == []
