"""Foreign checkpoints give their tensors and nothing else."""

import argparse
import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mmseg_primaps.utils import InputError
from mmseg_primaps.utils.checkpoint import StandIn, load_checkpoint


def one_line(caught: pytest.ExceptionInfo, path: Path) -> str:
    message = str(caught.value)
    assert '\n' not in message
    assert str(path) in message
    return message


class Malice:
    """Runs a command when it is un-pickled in the ordinary way."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {self.target}',)


def archive(path: Path, data: bytes, records: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('x/data.pkl', data)
        for name, content in (records or {}).items():
            file.writestr(f'x/{name}', content)
    return path


@pytest.mark.parametrize(
    'dtype',
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
     torch.uint8, torch.bool],
)  # fmt: skip
@pytest.mark.parametrize('zipped', [True, False])
def test_tensors_of_every_dtype_come_back(dtype: torch.dtype, zipped: bool, tmp_path: Path) -> None:
    content = {
        'a': (torch.randn(3, 4) * 5).to(dtype),
        'empty': torch.zeros(0, dtype=dtype),
        'scalar': torch.ones((), dtype=dtype),
    }
    torch.save(content, tmp_path / 'w.pth', _use_new_zipfile_serialization=zipped)
    loaded = load_checkpoint(tmp_path / 'w.pth')
    assert all(torch.equal(loaded[key], value) and loaded[key].dtype == dtype for key, value in content.items())


def test_views_parameters_and_plain_containers_come_back(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    content = OrderedDict(turned=base.t(), part=base[1:, ::2], weight=torch.nn.Parameter(base), size=base.shape,
                          text=('a', b'bytes', {1, 2}, 1.5, None, True))  # fmt: skip
    torch.save(content, tmp_path / 'w.pth')
    loaded = load_checkpoint(tmp_path / 'w.pth')
    assert isinstance(loaded, OrderedDict)
    assert torch.equal(loaded['turned'], base.t())
    assert torch.equal(loaded['part'], base[1:, ::2])
    assert torch.equal(loaded['weight'], base)
    assert loaded['size'] == base.shape
    assert loaded['text'] == content['text']


def test_safetensors_load(tmp_path: Path) -> None:
    save_file({'a': torch.ones(2)}, tmp_path / 'w.safetensors')
    assert torch.equal(load_checkpoint(str(tmp_path / 'w.safetensors'))['a'], torch.ones(2))


def test_configuration_objects_become_empty_stand_ins(tmp_path: Path) -> None:
    torch.save({'opts': argparse.Namespace(lr=1.0), 'w': torch.ones(2)}, tmp_path / 'w.pth')
    loaded = load_checkpoint(tmp_path / 'w.pth')
    assert isinstance(loaded['opts'], StandIn)
    assert not hasattr(loaded['opts'], 'lr')


@pytest.mark.parametrize('file', ['stego_tiny.ckpt', 'primaps_tiny.ckpt', 'hp_tiny.pth', 'dino_tiny_p8.pth'])
def test_released_layouts_load_without_the_packages_they_name(shared: Path, file: str) -> None:
    loaded = load_checkpoint(shared / 'golden' / 'checkpoints' / file)
    state = loaded.get('state_dict', loaded.get('net_model_state_dict', loaded))
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    if 'hyper_parameters' in loaded:
        found = loaded['hyper_parameters']
        assert any(isinstance(value, StandIn) for value in found.values())


def test_a_malicious_pickle_is_refused_by_name_and_does_not_run(tmp_path: Path) -> None:
    for zipped in (True, False):
        path, trace = tmp_path / f'{zipped}.pth', tmp_path / 'trace'
        torch.save(
            {'state_dict': {'w': torch.ones(2)}, 'x': Malice(trace)}, path, _use_new_zipfile_serialization=zipped
        )
        with pytest.raises(InputError, match='system') as caught:
            load_checkpoint(path)
        one_line(caught, path)
        assert not trace.exists()


@pytest.mark.parametrize(
    'name', ['builtins eval', 'os system', 'torch load', 'builtins getattr', 'torch._utils _rebuild_sparse_tensor',
             'omegaconfig.x Y', 'typing Union', 'builtins __import__'],
)  # fmt: skip
def test_any_other_global_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    module, attribute = name.split()
    data = f'c{module}\n{attribute}\n(S"1"\ntR.'.encode()
    path = archive(tmp_path / 'w.ckpt', data)
    with pytest.raises(InputError, match=f'{module}.{attribute}') as caught:
        load_checkpoint(path)
    one_line(caught, path)


def test_dotted_names_do_not_reach_into_harmless_types(tmp_path: Path) -> None:
    stack_global = b'\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93.'
    with pytest.raises(InputError, match='OrderedDict.__class__'):
        load_checkpoint(archive(tmp_path / 'w.ckpt', stack_global))


def test_the_user_may_name_further_stand_ins(tmp_path: Path) -> None:
    path = archive(tmp_path / 'w.ckpt', b'(S"best"\ncpytorch_lightning.callbacks\nModelCheckpoint\n)Rd.')
    with pytest.raises(InputError, match='pytorch_lightning'):
        load_checkpoint(path)
    assert isinstance(load_checkpoint(path, stand_ins=['pytorch_lightning.*'])['best'], StandIn)


def test_stand_ins_swallow_whatever_a_pickle_gives_them(tmp_path: Path) -> None:
    thing = b'comegaconf.nodes\nThing\n'
    for tail in (b')R(S"a"\nS"b"\nds', b')RS"a"\na', b')R(S"a"\nS"b"\ne', b')R(S"a"\nI1\nu', b')R(S"a"\nI1\ndb'):
        tail = tail.replace(b'ds', b'db')
        assert isinstance(load_checkpoint(archive(tmp_path / 'w.ckpt', thing + tail + b'.')), StandIn)


@pytest.mark.parametrize('share', [0.0, 0.001, 0.3, 0.9, 0.999])
@pytest.mark.parametrize('zipped', [True, False])
def test_a_truncated_file_is_refused_with_one_line(share: float, zipped: bool, tmp_path: Path) -> None:
    whole, path = io.BytesIO(), tmp_path / 'w.pth'
    torch.save({'w': torch.randn(100, 100)}, whole, _use_new_zipfile_serialization=zipped)
    path.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    with pytest.raises(InputError) as caught:
        load_checkpoint(path)
    one_line(caught, path)


@pytest.mark.parametrize('content', [b'', b'PK', b'\x89PNG\r\n', b'weights?\n', b'\x80\x02}q\x00.'])
def test_a_file_that_is_no_checkpoint_is_refused_with_one_line(content: bytes, tmp_path: Path) -> None:
    for name in ('w.pth', 'w.safetensors'):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            load_checkpoint(tmp_path / name)
        one_line(caught, tmp_path / name)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='does not exist'):
        load_checkpoint(tmp_path / 'none.pth')


def tensor_pickle(size: str, numel: int) -> bytes:
    storage = f"(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI{numel}\ntQ"
    return f'ctorch._utils\n_rebuild_tensor_v2\n({storage}I0\n{size}(I1\ntI00\nNtR.'.encode()


@pytest.mark.parametrize(
    ('data', 'records'),
    [
        (tensor_pickle('(I9\nt', 4), {'data/0': bytes(16)}),  # a view that reaches outside its storage
        (tensor_pickle('(I4\nt', 4), {'data/0': bytes(12)}),  # a storage that is too short
        (tensor_pickle('(I4\nt', 4), {}),  # a storage that is absent
        (b"(S'module'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQ.", {}),
        (b"c_codecs\nencode\n(S'a'\nS'zip'\ntR.", {}),
        (b'garbage', {}),
        (b'N.', {'byteorder': b'big'}),
    ],
)
def test_a_forged_archive_is_refused_with_one_line(data: bytes, records: dict[str, bytes], tmp_path: Path) -> None:
    path = archive(tmp_path / 'w.pth', data, records)
    with pytest.raises(InputError) as caught:
        load_checkpoint(path)
    one_line(caught, path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / 'a.pth', 'w') as file:
        file.writestr('readme.txt', 'hello')
    with pytest.raises(InputError, match='torch.save'):
        load_checkpoint(tmp_path / 'a.pth')
    with zipfile.ZipFile(tmp_path / 'b.pth', 'w', compression=zipfile.ZIP_DEFLATED) as file:
        file.writestr('x/data.pkl', pickle.dumps({}))
    with pytest.raises(InputError, match='compressed'):
        load_checkpoint(tmp_path / 'b.pth')


def test_a_well_formed_view_loads(tmp_path: Path) -> None:
    path = archive(tmp_path / 'w.pth', tensor_pickle('(I4\nt', 4), {'data/0': bytes(16)})
    assert torch.equal(load_checkpoint(path), torch.zeros(4))
