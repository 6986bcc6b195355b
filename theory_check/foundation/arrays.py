"""The type of arrays that every layer shares, and the check of what is given as one."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory_check.foundation.errors import SpecificationError

FloatArray: TypeAlias = NDArray[np.float64]


def check_array(what: str, values: ArrayLike) -> FloatArray:
    """Return a float array of any shape; complex numbers and text are no real numbers."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "biuf" or array.dtype == object or not array.size:
            return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError):
        pass
    raise SpecificationError(f"{what} must be an array of real numbers, got {type(values).__name__}")
