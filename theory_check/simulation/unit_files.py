"""The stored values of a unit of work as bytes, with a digest: nothing is reused that was made or changed elsewhere."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.experiment import Values
from theory_check.foundation.origin import library_versions
from theory_check.kernels import KERNEL_VERSION

#: Packages whose update may move a simulated value.
_PACKAGES = ("numpy", "numba", "llvmlite", "scipy")

_DIGEST_BYTES = 32


@cache
def origin() -> str:
    """Return what makes the values besides the unit: kernels, libraries and the kind of processor."""
    return "; ".join((f"kernels {KERNEL_VERSION}", library_versions(_PACKAGES), platform.machine()))


def _digest(name: str, body: bytes) -> bytes:
    return hashlib.sha256(f"{name}; {origin()};".encode() + body).digest()


def _order(column: NDArray[Any]) -> Literal["C", "F"]:
    return "F" if column.flags.f_contiguous and not column.flags.c_contiguous else "C"


def encode_unit(name: str, values: Values, seconds: float) -> bytes:
    """Return the content of the file of a unit.

    Parameters
    ----------
    name : str
        Of the unit: its experiment, seed and blocks.
    values : Values
    seconds : float
        Processor time.

    Returns
    -------
    bytes
    """
    # Columns keep their order in memory: that of later sums depends on it.
    columns = {
        key: (column.dtype.str, column.shape, order, column.tobytes(order))
        for key, column, order in ((key, column, _order(column)) for key, column in values.items())
    }
    body = msgspec.msgpack.encode((float(seconds), columns))
    return _digest(name, body) + body


def decode_unit(name: str, content: bytes) -> tuple[Values, float] | None:
    """Return what :func:`encode_unit` was given.

    Parameters
    ----------
    name : str
        Of the unit that is wanted.
    content : bytes
        Of its file.

    Returns
    -------
    (Values, float) or None
        None if the file is damaged, belongs to another unit, or was made with other kernels or libraries.
    """
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if digest != _digest(name, body):
        return None
    seconds, columns = msgspec.msgpack.decode(body)
    values = {
        key: np.frombuffer(entries, dtype).reshape(shape, order=order)
        for key, (dtype, shape, order, entries) in columns.items()
    }
    return values, seconds
