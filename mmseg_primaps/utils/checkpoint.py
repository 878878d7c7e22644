"""Read weights that others saved, without running anything that is pickled in them."""

import pickle
import re
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .errors import InputError

STAND_INS = ('omegaconf', 'omegaconf.*', 'typing.Any', 'argparse.Namespace')
"""Globals that the released checkpoints of this field hold and that no tensor depends on."""


class StandIn:
    """Takes the place of a pickled type: accepts every argument and state, keeps none of them."""

    def __new__(cls, *args: Any, **kwargs: Any) -> 'StandIn':
        """Make an empty object, whatever the pickle would have given the constructor."""
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ignore the arguments."""

    def __setstate__(self, state: Any) -> None:
        """Ignore the pickled state."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Ignore items of a pickled mapping."""

    def append(self, item: Any) -> None:
        """Ignore items of a pickled list."""

    def extend(self, items: Any) -> None:
        """Ignore items of a pickled list."""


class _Storage:
    """The type of a pickled storage: nothing but its dtype."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


_STORAGE_TYPES = {
    'FloatStorage': torch.float32, 'DoubleStorage': torch.float64, 'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16, 'LongStorage': torch.int64, 'IntStorage': torch.int32,
    'ShortStorage': torch.int16, 'CharStorage': torch.int8, 'ByteStorage': torch.uint8, 'BoolStorage': torch.bool,
}  # fmt: skip


def _tensor(storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], *_: Any) -> Tensor:
    """A view on a storage; torch refuses sizes that reach outside it."""
    return storage.as_strided(tuple(size), tuple(stride), offset)


def _parameter(data: Tensor, *_: Any) -> Tensor:
    """The values of a parameter; hooks and flags are dropped."""
    return data


def _encode(text: str, encoding: str = 'latin1') -> bytes:
    """What protocol 2 uses for byte strings; only the one encoding that pickle itself writes."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'byte string in {encoding!r}')
    return text.encode('latin1')


_HARMLESS: dict[tuple[str, str], Any] = {
    ('torch._utils', '_rebuild_tensor_v2'): _tensor,
    ('torch._utils', '_rebuild_tensor'): _tensor,
    ('torch._utils', '_rebuild_parameter'): _parameter,
    ('torch', 'Size'): torch.Size,
    ('collections', 'OrderedDict'): OrderedDict,
    ('collections', 'defaultdict'): defaultdict,
    ('_codecs', 'encode'): _encode,
    **{('torch', name): _Storage(dtype) for name, dtype in _STORAGE_TYPES.items()},
    **{
        (module, kind.__name__): kind
        for module in ('builtins', '__builtin__')
        for kind in (dict, list, tuple, set, frozenset, int, float, bool, str, complex)
    },
}


def _refusal(full_name: str) -> str:
    return f'it asks for the global {full_name!r}, which no weights need; use a file that you trust or its state dict'


class _RestrictedUnpickler(pickle.Unpickler):
    """Knows tensors, plain containers and stand-ins; refuses every other global by its name."""

    def __init__(self, file: Any, read_record: Callable[[str], bytes], stand_ins: Sequence[str]) -> None:
        super().__init__(file, encoding='utf-8')
        self._read_record, self._stand_ins = read_record, tuple(stand_ins)
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Look a global up in the list of harmless ones; never import anything."""
        full_name = f'{module}.{name}'
        if (module, name) in _HARMLESS:
            return _HARMLESS[module, name]
        if any(fnmatchcase(full_name, pattern) for pattern in self._stand_ins):
            return type(name, (StandIn,), {'__module__': module})
        raise InputError(_refusal(full_name))

    def persistent_load(self, pid: Any) -> Tensor:
        """Read one storage, a flat tensor, from its record in the archive."""
        kind, storage_type, key, _, numel = pid
        if kind != 'storage' or not isinstance(storage_type, _Storage):
            raise pickle.UnpicklingError(f'unknown persistent object {kind!r}')
        if key not in self._storages:
            data = bytearray(self._read_record(f'data/{key}'))
            if len(data) != numel * storage_type.dtype.itemsize:
                raise pickle.UnpicklingError(f'storage {key} has {len(data)} bytes, not {numel} numbers')
            empty = torch.empty(0, dtype=storage_type.dtype)
            self._storages[key] = torch.frombuffer(data, dtype=storage_type.dtype) if data else empty
        return self._storages[key]


def _load_zip(path: Path, stand_ins: Sequence[str]) -> Any:
    """Un-pickle an archive of :func:`torch.save` with the restricted un-pickler."""
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith('/data.pkl')]
        if len(pickles) != 1:
            raise InputError('it is an archive, but not one that torch.save makes')
        folder = pickles[0].removesuffix('data.pkl')
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise InputError('its records are compressed, which torch.save never does')
        if f'{folder}byteorder' in archive.namelist() and archive.read(f'{folder}byteorder') != b'little':
            raise InputError('its numbers are not little-endian')
        with archive.open(pickles[0]) as file:
            return _RestrictedUnpickler(file, lambda record: archive.read(folder + record), stand_ins).load()


def load_checkpoint(path: str | Path, stand_ins: Sequence[str] = ()) -> Any:
    """Load a checkpoint onto the CPU; nothing that is pickled in it is imported or executed.

    Reads safetensors, the archives of :func:`torch.save` and its older format. In an archive the configuration objects
    of the released STEGO and PriMaPs files (see :data:`STAND_INS`) become empty objects, so neither omegaconf nor
    Lightning is needed; storages are read directly, no pickled function is called.

    Args:
        path: The file.
        stand_ins: Further globals (``'package.module.Name'``, ``*`` and ``?`` allowed) to replace by empty objects.

    Returns:
        What was saved; tensors are on the CPU in their stored dtype.

    Raises:
        InputError: The file is missing, truncated, no checkpoint, or asks for another global (named in the message).
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f'checkpoint {str(path)!r} does not exist: give the path of an existing weights file')
    try:
        if path.suffix == '.safetensors':
            return load_file(path)
        with path.open('rb') as file:
            is_archive = file.read(2) == b'PK'
        if is_archive:
            return _load_zip(path, (*STAND_INS, *stand_ins))
        return torch.load(path, map_location='cpu', weights_only=True)
    except InputError as error:
        raise InputError(f'checkpoint {str(path)!r} is refused: {error}') from None
    except (zipfile.BadZipFile, EOFError, SafetensorError) as error:
        raise InputError(f'checkpoint {str(path)!r} is truncated or damaged: fetch it again') from error
    except Exception as error:  # a damaged or hostile byte stream can raise anything, and all of it means the same
        if asked := re.search(r'GLOBAL (\S+)', str(error)):  # torch's own refusal, in files of its older format
            raise InputError(f'checkpoint {str(path)!r} is refused: {_refusal(asked[1])}') from None
        reason = str(error).strip().partition('\n')[0].partition('. ')[0][:160]
        raise InputError(f'checkpoint {str(path)!r} is no readable weights file ({reason}): fetch it again') from error
