"""The library behind ``numpy.dot`` in kernels, held to one thread.

Numba takes the products of matrices from SciPy's BLAS, whose wheels bring an OpenBLAS of their own, with threads of its
own: those would compete with the threads of a simulation, and the last bits of a large product would depend on their
number. The environment can tell the library only before it is loaded, which may be long past. So the loaded libraries
are looked up and asked to use one thread, as the users of a shared library may do at any time, and told the old number
again when the last caller has finished.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

#: Prefixes and endings of the two functions in the builds of OpenBLAS: its own, those of SciPy and NumPy, with integers
#: of 64 bits.
_PREFIXES = ("", "scipy_")
_ENDINGS = ("", "64_", "_64")

#: How a line of what is mapped into the process ends for such a library.
_LIBRARY = re.compile(r"/lib[^/]*blas[^/]*$")

_LOCK = threading.Lock()


class _Library:
    """A loaded library: how many threads it uses, and how many callers hold it to one."""

    def __init__(self, get: Callable[[], int], put: Callable[[int], None]) -> None:
        self.get, self.put = get, put
        self.threads = 0


@cache
def loaded_libraries() -> tuple[_Library, ...]:
    """Return the OpenBLAS libraries of this process; none where the system does not list what is loaded."""
    import scipy.linalg.cython_blas  # noqa: F401 - loads the library that Numba calls

    try:
        mapped = Path("/proc/self/maps").read_text()
    except OSError:
        return ()
    names = {line.split(maxsplit=5)[-1] for line in mapped.splitlines() if _LIBRARY.search(line)}
    return tuple(library for name in sorted(names) if (library := _open(name)) is not None)


def _open(name: str) -> _Library | None:
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return None
    for prefix in _PREFIXES:
        for ending in _ENDINGS:
            get = getattr(library, f"{prefix}openblas_get_num_threads{ending}", None)
            put = getattr(library, f"{prefix}openblas_set_num_threads{ending}", None)
            if get is not None and put is not None:
                put.restype = None
                return _Library(get, put)
    return None


_holders = 0


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold the libraries to one thread inside the block; blocks may overlap in several threads."""
    global _holders
    with _LOCK:
        _holders += 1
        if _holders == 1:
            for library in loaded_libraries():
                library.threads = library.get()
                if library.threads != 1:
                    library.put(1)
    try:
        yield
    finally:
        with _LOCK:
            _holders -= 1
            if _holders == 0:
                for library in loaded_libraries():
                    if library.threads != 1:
                        library.put(library.threads)
