"""Compiled kernels on the disk, sealed with a digest: what is damaged is compiled again and never run.

Numba unpickles what is in its cache, and runs it, whatever became of it: an emptied file breaks every later call, a
changed bit is machine code. It asks the files of a function for three things, :meth:`SealedCode.load`,
:meth:`SealedCode.save` and :meth:`SealedCode.flush`; here each compiled signature has a file of its own, so that two
processes that compile at once cannot mix an index with the code of another signature either.
"""

from __future__ import annotations

import hashlib
import pickle
import warnings
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import make_directory, write_atomically

#: Folders in which damage was found and told.
_told: set[Path] = set()


class SealedCode:
    """The files of the compiled signatures of a function.

    Parameters
    ----------
    directory : Path
    stem : str
        How their names begin: the function and the version of Python.
    """

    def __init__(self, directory: Path, stem: str) -> None:
        self._directory, self._stem = directory, stem

    def load(self, key: Any) -> Any:
        """Return what was saved under a key of Numba's; None if nothing was, or it is damaged."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, body = content[:32], content[32:]
        if digest != self._digest(path, body):
            _tell(path)
            return None
        saved, code = pickle.loads(body)
        return code if saved == key else None

    def save(self, key: Any, code: Any) -> None:
        """Keep the code for a key; a full disk keeps nothing."""
        path, body = self._path(key), dumps((key, code))
        with suppress(StorageError):
            make_directory(self._directory)
            write_atomically(path, self._digest(path, body) + body)

    def flush(self) -> None:
        """Forget everything."""
        for path in self._directory.glob(f"{self._stem}.*.code"):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _path(self, key: Any) -> Path:
        signature, *rest = key
        name = hashlib.sha256(repr((str(signature), *rest)).encode()).hexdigest()[:24]
        return self._directory / f"{self._stem}.{name}.code"

    def _digest(self, path: Path, body: bytes) -> bytes:
        origin = f"{path.name}; numba {numba.__version__}; llvmlite {llvmlite.__version__};"
        return hashlib.sha256(origin.encode() + body).digest()


def _tell(path: Path) -> None:
    """Remove a damaged file, and say so once for a folder."""
    with suppress(OSError):
        path.unlink()
    if path.parent not in _told:
        _told.add(path.parent)
        warnings.warn(
            f"the cache of compiled kernels in {path.parent} is damaged or of another version; what is damaged is "
            "compiled again",
            RuntimeWarning,
            stacklevel=2,
        )


class SealedCache(FunctionCache):
    """Numba's cache of a function, with its files sealed.

    Parameters
    ----------
    function : callable
    directory : str
    content : str, optional
        What is known of the functions it closes over, where there are such: Numba would ask who they are, not what.
    """

    def __init__(self, function: Any, directory: str, content: str | None = None) -> None:
        inherited = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = directory
        try:
            super().__init__(function)
        finally:
            numba.config.CACHE_DIR = inherited
        self._content = content
        self._cache_file = SealedCode(Path(self.cache_path), self._impl.filename_base)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what is kept of a signature, or None.

        Numba's own loads all that it can compile first, half a second; code that is compiled needs the counting of
        references alone. What compiles later loads the rest.
        """
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        if self._content is None:
            return super()._index_key(signature, codegen)
        return signature, codegen.magic_tuple(), self._content


def function_content(function: Any) -> str | None:
    """Return a hash of the code of a function and of the constants it reads; None if it reads anything else."""
    try:
        described = repr(_described(function.__code__, function))
    except ValueError:
        return None
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def _described(code: CodeType, function: Any) -> tuple[object, ...]:
    """Return the instructions of a function, its constants, and what stands behind the names that it reads."""
    constants = [_described(c, function) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=False))
    read = {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
    read |= {name: cell.cell_contents for name, cell in cells.items()}
    if not all(isinstance(value, (bool, int, float, str, ModuleType)) for value in read.values()):
        raise ValueError("a name is neither a constant nor a module")
    names = [(name, value.__name__ if isinstance(value, ModuleType) else repr(value)) for name, value in read.items()]
    return code.co_code, constants, code.co_names, code.co_varnames, sorted(names), repr(function.__defaults__)


def renamed(function: Any, content: str) -> Any:
    """Return the function under a name that no function of other content has.

    Machine code finds functions by their names, and Numba numbers those that share one anew in every process: two that
    were compiled in different processes could take each other's place. The module is this one, whatever file the
    function stands in: what is loaded from the disk imports the module of every function inside, and a file of the
    user's may have another name by then.
    """
    names = {**function.__globals__, "__name__": __name__}
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__qualname__ = f"{function.__qualname__}_{content}"
    copy.__module__ = __name__
    return copy
