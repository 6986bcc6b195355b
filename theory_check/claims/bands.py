"""Intervals at several depths as one band of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from theory_check.findings.pictures import Band
from theory_check.inference.intervals import Interval


def band(label: str, x: NDArray[np.float64], intervals: Sequence[Interval]) -> Band:
    """Return estimates and intervals at abscissae ``x``, to be drawn as points with error bars."""
    estimate, lower, upper = (np.array([getattr(i, end) for i in intervals]) for end in ("estimate", "lower", "upper"))
    return Band(label, x, estimate, lower, upper)
