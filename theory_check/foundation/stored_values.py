"""Values of pure functions that are kept on the disk of the user: plans and laws that take long to compute.

A function that is marked by :func:`stored` is evaluated once for each set of arguments. While a :func:`shelf` is open,
its values are also read from a file in the cache folder of the user, and what is new is added to it. Everything that a
value depends on is part of its key or of the name of the folder: the function and its arguments, the definitions that a
program has added, the sources of this package, the versions of Python and of the libraries, and the processor. A file
carries a digest: one that is damaged, or was made elsewhere, is made again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import platformdirs

from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import make_directory, write_atomically
from theory_check.foundation.origin import library_versions, machine, package_sources

R = TypeVar("R")

_PACKAGE = __name__.partition(".")[0]

#: Libraries whose update may move a digit.
_LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "statsmodels")

#: Days after which the folder of another version of the package is removed.
_KEPT_DAYS = 30.0

#: Values by key, of this process.
_values: dict[str, Any] = {}

#: Encoded values by key that shelves have read.
_read: dict[str, Any] = {}

#: What open shelves keep, the innermost last: encoded values by key.
_open: list[dict[str, Any]] = []

#: Identities of the definitions that this process has added.
_definitions: set[str] = set()


def stored(function: Callable[..., R]) -> Callable[..., R]:
    """Mark a pure function of numbers, text and frozen values whose values are kept.

    Its values are numbers, text, arrays, and tuples and dataclasses of this package made of them. Arguments of another
    kind are evaluated each time.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        The function, evaluated once for each set of arguments.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def kept(*arguments: Any, **options: Any) -> R:
        try:
            key = _key(name, (*arguments, *options.items()))
        except TypeError:  # a value whose code has no identity, such as a law that a program added
            return function(*arguments, **options)
        if key not in _values:
            try:
                value = _decoded(_read[key])
            except Exception:  # not stored, or a content that does not decode
                _read.pop(key, None)
                value = function(*arguments, **options)
            _values[key] = value
        if _open and key not in _open[-1]:
            _open[-1][key] = _read[key] if key in _read else _encoded(_values[key])
        found: R = _values[key]
        return found

    return kept


@contextmanager
def shelf(name: str) -> Iterator[None]:
    """Read the stored values of a task from its file, and keep there what the task computes besides.

    What cannot be read or written is computed again, silently.

    Parameters
    ----------
    name : str
        Of the task.
    """
    folder = values_folder()
    if folder is None:
        yield
        return
    name = f"{name}; {'; '.join(sorted(_definitions))}"
    path = folder / (hashlib.sha256(name.encode()).hexdigest()[:24] + ".bin")
    there = read_sealed(path, name) or {}
    _read.update((key, value) for key, value in there.items() if key not in _values)
    _open.append({})
    try:
        yield
    finally:
        kept = _open.pop()
    if not kept.keys() <= there.keys():
        write_sealed(path, name, kept)


def depend_on(identity: str) -> None:
    """Make all keys from now on depend on a definition that was added."""
    _definitions.add(identity)


def values_folder() -> Path | None:
    """Return the folder of this version and machine in the cache of the user; None if there can be none."""
    root = platformdirs.user_cache_path("theory-check")
    folder = root / f"values-{_origin()}"
    try:
        if not folder.is_dir():
            make_directory(folder)
            _sweep(root)
    except StorageError:
        return None
    return folder


def _sweep(root: Path) -> None:
    limit = time.time() - 86400.0 * _KEPT_DAYS
    for folder in root.glob("values-*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < limit:
                shutil.rmtree(folder)


def write_sealed(path: Path, name: str, content: Any) -> None:
    """Write numbers, text, bytes, lists and dictionaries with a digest; do nothing if the file cannot be written.

    Parameters
    ----------
    path : Path
    name : str
        What is in the file: :func:`read_sealed` asks for it.
    content : object

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_sealed(Path(folder, "a"), "squares", [1, 4, 9])
    ...     [read_sealed(Path(folder, "a"), name) for name in ("squares", "cubes")]
    [[1, 4, 9], None]
    """
    body = msgspec.msgpack.encode(content)
    with contextlib.suppress(StorageError):
        write_atomically(path, _digest(name, body) + body, flushed=False)


def read_sealed(path: Path, name: str) -> Any:
    """Return what :func:`write_sealed` was given; None if the file is not there, damaged or another one."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:32], content[32:]
    return msgspec.msgpack.decode(body) if digest == _digest(name, body) else None


def _digest(name: str, body: bytes) -> bytes:
    return hashlib.sha256(f"{name}; {_origin()};".encode() + body).digest()


@functools.cache
def _origin() -> str:
    parts = package_sources(), platform.python_version(), library_versions(_LIBRARIES), machine()
    return hashlib.sha256("; ".join(parts).encode()).hexdigest()[:16]


def _key(name: str, arguments: tuple[Any, ...]) -> str:
    content = msgspec.msgpack.encode([name, _encoded(arguments), sorted(_definitions)])
    return hashlib.sha256(content).hexdigest()


def _encoded(value: Any) -> Any:
    """Return a value as numbers, text, bytes and lists; a list begins with the kind of what it holds."""
    # Scalars of NumPy stay what they are: identities tell them from numbers of Python.
    if isinstance(value, np.generic):
        return ["scalar", value.dtype.str, value.tobytes()]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return ["integer", str(value)]
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    if value is msgspec.UNSET:
        return ["unset"]
    if isinstance(value, np.ndarray):
        return ["array", value.dtype.str, list(value.shape), value.tobytes()]
    if isinstance(value, tuple):
        return ["tuple", *map(_encoded, value)]
    kind = type(value)
    if not dataclasses.is_dataclass(value) or kind.__module__.partition(".")[0] != _PACKAGE:
        raise TypeError(f"a stored value holds {value!r}")
    fields = {f.name: _encoded(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
    return ["value", kind.__module__, kind.__qualname__, fields]


def _decoded(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    kind, *parts = value
    if kind == "unset":
        return msgspec.UNSET
    if kind == "integer":
        return int(parts[0])
    if kind == "scalar":
        dtype, content = parts
        return np.frombuffer(content, dtype)[0]
    if kind == "array":
        dtype, shape, content = parts
        return np.frombuffer(content, dtype).reshape(shape)
    if kind == "tuple":
        return tuple(map(_decoded, parts))
    module, name, fields = parts
    if module.partition(".")[0] != _PACKAGE:
        raise TypeError(f"{module}.{name} is not a value of this package")
    made = getattr(importlib.import_module(module), name)
    return made(**{key: _decoded(part) for key, part in fields.items()})
