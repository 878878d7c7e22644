"""Reading what was downloaded, and writing what was prepared."""

import hashlib
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from mmseg_primaps.apis.prepare.destination import Destination
from mmseg_primaps.apis.prepare.source import SourceTree
from mmseg_primaps.utils import InputError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a loose file, a zip and a tar."""
    root = tmp_path / 'source'
    (root / 'deep' / 'pictures').mkdir(parents=True)
    (root / 'deep' / 'pictures' / 'a.txt').write_text('loose')
    with zipfile.ZipFile(root / 'b.zip', 'w') as archive:
        archive.writestr('x/pictures/a.txt', 'zipped')
        archive.writestr('x/pictures/b.txt', 'zipped')
    with tarfile.open(root / 'c.tar', 'w') as archive:
        archive.add(root / 'deep' / 'pictures' / 'a.txt', 'pictures/c.txt')
    return root


def test_folders_and_archives_are_one_tree(source: Path) -> None:
    found = SourceTree(source).find(r'(pictures)/(\w)\.txt')
    assert {key[1]: file.read() for key, file in found.items()} == {'a': b'loose', 'b': b'zipped', 'c': b'loose'}


def test_one_archive_is_a_source(source: Path) -> None:
    assert len(SourceTree(source / 'b.zip').find(r'pictures/(\w)\.txt')) == 2


def test_a_pattern_starts_at_a_folders_name(source: Path) -> None:
    assert SourceTree(source).find(r'tures/(\w)\.txt') == {}


def test_two_files_of_one_name_are_an_error(source: Path) -> None:
    (source / 'pictures').mkdir()
    (source / 'pictures' / 'a.txt').write_text('other')
    with pytest.raises(InputError, match='two files of one name'):
        SourceTree(source).find(r'pictures/(\w)\.txt')


def test_links_of_one_file_are_no_clash(source: Path) -> None:
    (source / 'pictures').mkdir()
    os.link(source / 'deep' / 'pictures' / 'a.txt', source / 'pictures' / 'a.txt')
    assert len(SourceTree(source).find(r'pictures/(a)\.txt')) == 1


def test_what_is_being_prepared_inside_the_source_is_left_out(source: Path) -> None:
    (source / 'made' / 'pictures').mkdir(parents=True)
    (source / 'made' / 'pictures' / 'z.txt').write_text('made')
    assert SourceTree(source, without=source / 'made').find(r'pictures/(z)\.txt') == {}


@pytest.mark.parametrize('name', ['b.zip', 'c.tar'])
def test_a_damaged_archive_is_named(source: Path, name: str) -> None:
    (source / name).write_bytes((source / name).read_bytes()[:200])
    with pytest.raises(InputError, match=rf'{name}.* damaged, download it again'):
        [file.read() for file in SourceTree(source).find(r'pictures/(\w)\.txt').values()]


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='nowhere does not exist'):
        SourceTree(tmp_path / 'nowhere')


def test_files_get_checksums_that_sha256sum_reads(tmp_path: Path) -> None:
    made = Destination(tmp_path / 'made', {'dataset': 'x'})
    made.write('b/two', b'two')
    (tmp_path / 'one').write_bytes(b'one')
    made.write('a/one', tmp_path / 'one')
    made.finish()
    sums = (tmp_path / 'made' / 'SHA256SUMS').read_text()
    digests = [hashlib.sha256(content).hexdigest() for content in (b'one', b'two')]
    assert sums == f'{digests[0]}  a/one\n{digests[1]}  b/two\n'
    assert (tmp_path / 'made' / 'a' / 'one').samefile(tmp_path / 'one')


def test_a_second_start_knows_what_is_done(tmp_path: Path) -> None:
    Destination(tmp_path, {'dataset': 'x'}).write('a', b'a')
    (tmp_path / 'b').write_bytes(b'never noted')
    with (tmp_path / 'SHA256SUMS').open('a') as sums:
        sums.write('cut off')
    again = Destination(tmp_path, {'dataset': 'x'})
    assert (again.has('a'), again.has('b')) == (True, False)
    (tmp_path / 'a').unlink()
    assert not again.has('a')


def test_other_settings_are_refused(tmp_path: Path) -> None:
    Destination(tmp_path, {'seed': 0})
    with pytest.raises(InputError, match='was prepared with .*0.*give another folder'):
        Destination(tmp_path, {'seed': 1})


def test_notes_stay_in_the_record(tmp_path: Path) -> None:
    Destination(tmp_path, {}).note('beware')
    Destination(tmp_path, {}).finish(counts={'a': 1})
    record = json.loads((tmp_path / 'prepared.json').read_text())
    assert (record['notes'], record['complete'], record['counts']) == (['beware'], True, {'a': 1})


def test_nothing_temporary_is_left(tmp_path: Path) -> None:
    made = Destination(tmp_path, {})
    made.write('a/b', b'')
    made.finish()
    assert {path.name for path in tmp_path.rglob('*')} == {'a', 'b', 'SHA256SUMS', 'prepared.json'}
