"""One decorator for every kernel, with a disk cache that cannot go stale.

Numba keys its cache by the file of the function alone: after an edit of a *callee* in another file the caller would
return the old result. The cache directory is therefore named after a hash of all kernel sources.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import platformdirs
from numba import types
from numba.extending import typeof_impl

from theory_check.foundation.errors import SpecificationError
from theory_check.kernels.compiled_code import SealedCache, function_content, renamed

Function = TypeVar("Function", bound=Callable[..., Any])

#: Whether kernels are compiled; vectors in registers exist in compiled code only.
COMPILED = not numba.config.DISABLE_JIT

_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

#: One-dimensional arrays, as signatures need them.
SINGLES = types.float32[::1]
DOUBLES = types.float64[::1]
WORDS = types.uint32[::1]
LONGS = types.int64[::1]

#: ``fill(state, row, parameters)`` writes the entries of one row of weights for all lanes, in units of its law.
ROW_FILLER = types.FunctionType(types.void(WORDS, SINGLES, DOUBLES))

#: ``activate(pre, post, slope, parameters)`` writes the activation and its derivative at ``pre``.
ACTIVATOR = types.FunctionType(types.void(SINGLES, SINGLES, SINGLES, DOUBLES))

#: A law of weights as kernels take it: its row filler with parameters, and how its matrices meet vectors.
WEIGHT_LAW = (ROW_FILLER, DOUBLES, types.int64)


@cache
def _cache_directory() -> str | None:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    root = os.environ.get("NUMBA_CACHE_DIR") or platformdirs.user_cache_path("theory-check")
    directory = Path(root) / f"kernels-{digest.hexdigest()[:16]}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return str(directory) if os.access(directory, os.W_OK) else None


def _compiled(function: Function, **options: Any) -> Function:
    """Compile a function with the options of all kernels, at its first call."""
    kernel: Function = numba.njit(**_OPTIONS, **options)(function)
    return kernel


def kernel(*signature: Any, inline: bool = False) -> Callable[[Function], Function]:
    """Compile a kernel: no interpreter lock, IEEE division, products and sums fused but never reordered.

    ``contract`` lets the compiler round ``a * b + c`` once instead of twice; reassociation stays off, so that values do
    not depend on the vector width that the compiler chose. Argument types are inferred at the first call, except for
    kernels that take functions: those need their signature here, or every function would compile them anew. ``inline``
    makes a kernel part of those that call it, which need not count their references to arrays for the call.
    """

    def compile_kernel(function: Function) -> Function:
        kernel = _compiled(function, forceinline=inline)
        # What Numba returns has methods that the function's type does not tell.
        compiled: Any = kernel
        directory = _cache_directory()
        if directory is not None and COMPILED:
            # Before the signature: Numba compiles, or loads, as soon as it has one.
            compiled._cache = SealedCache(function, directory)
        if signature and COMPILED:
            compiled.compile(*signature)
            compiled.disable_compile()
        return kernel

    return compile_kernel


def added_kernel(function: Function) -> Function:
    """Compile a function of a law or an activation, for a :func:`composed_kernel` that closes over it."""
    content = function_content(function)
    return _compiled(function if content is None else renamed(function, content))


def composed_kernel(function: Function) -> Function:
    """Compile a kernel that closes over kernels of :func:`added_kernel`; the disk keeps it by their content.

    Where the content of one cannot be told, every process compiles anew.
    """
    if not COMPILED:
        return _compiled(function)
    contents = [function_content(cell.cell_contents.py_func) for cell in function.__closure__ or ()]
    directory = _cache_directory()
    if directory is None or None in contents:
        return _compiled(function)
    content = hashlib.sha256(repr(contents).encode()).hexdigest()[:16]
    named: Function = renamed(function, content)
    kernel = _compiled(named)
    cached: Any = kernel
    cached._cache = SealedCache(named, directory, content)
    return kernel


class Callback:
    """A compiled function as an argument of kernels, its address looked up once.

    Of a plain compiled function Numba looks it up anew for every call of a kernel, a tenth of a millisecond each time:
    more than many a layer takes. It asks its arguments for these two attributes.
    """

    def __init__(self, function: Any, function_type: Any) -> None:
        self._function = function
        self._numba_type_ = function_type
        # Kept because the address belongs to it.
        self._compiled = function.get_compile_result(function_type.signature)
        self._address = self._compiled.library.get_pointer_to_function(self._compiled.fndesc.llvm_cfunc_wrapper_name)

    def __call__(self, *arguments: Any) -> Any:
        """Call it from Python."""
        return self._function(*arguments)

    def __wrapper_address__(self) -> int:
        return int(self._address)


def _type_of_callback(value: Callback, context: Any) -> Any:
    return value._numba_type_


# Of a class that it does not know Numba searches all that it knows, which fails while another thread loads a part of
# Numba that adds to them.
typeof_impl.register(Callback, _type_of_callback)


@cache
def callback(function: Any, function_type: Any) -> Any:
    """Return a function for kernels that take one of that type; as it is where nothing is compiled.

    Raises
    ------
    SpecificationError
        If a function of an added law or activation is none that can be compiled.
    """
    if not hasattr(function, "get_compile_result"):
        return function
    try:
        return Callback(function, function_type)
    except Exception as error:  # errors of the compiler are of many types
        lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()
        detail = next((line for line in lines if line and not line.startswith("Failed in ")), type(error).__name__)
        raise SpecificationError(f"a function cannot be compiled; use arithmetic and math only: {detail}") from error
