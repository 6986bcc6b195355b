"""The stored values of a unit of work as bytes, with a digest: nothing is reused that was made or changed elsewhere."""

from __future__ import annotations

import hashlib
import io
import platform
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from theory_check.experiments.experiment import Values
from theory_check.foundation.origin import library_versions
from theory_check.kernels import KERNEL_VERSION

#: Packages whose update may move a simulated value.
_PACKAGES = ("numpy", "numba", "llvmlite", "scipy")


@cache
def origin() -> str:
    """Return what makes the values besides the unit: kernels, libraries and the kind of processor."""
    return "; ".join((f"kernels {KERNEL_VERSION}", library_versions(_PACKAGES), platform.machine()))


def _digest(name: str, arrays: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(f"{name}; {origin()}".encode())
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        digest.update(f"; {key} {array.dtype.str} {array.shape}:".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


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
    arrays: dict[str, Any] = {**values, "seconds": np.float64(seconds)}
    buffer = io.BytesIO()
    np.savez(buffer, digest=np.array(_digest(name, arrays)), **arrays)
    return buffer.getvalue()


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
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        if str(arrays.pop("digest")) != _digest(name, arrays):
            return None
        return arrays, float(arrays.pop("seconds"))
    except Exception:  # a damaged archive raises errors of many libraries (zlib, struct, tokenize)
        return None
