"""Searches over monotone conditions: the smallest sample or value that is sufficient."""

from __future__ import annotations

import math
from collections.abc import Callable

from theory_check.foundation.errors import SpecificationError

#: Plans beyond are refused: no sample of that size fits a machine.
LARGEST_SAMPLE = 10**12


def smallest_sample(sufficient: Callable[[int], bool]) -> int:
    """Return the smallest n with ``sufficient(n)``, which holds for all larger n."""
    above = 1
    while not sufficient(above):
        above *= 2
        if above > LARGEST_SAMPLE:
            raise SpecificationError(
                f"more than {LARGEST_SAMPLE:.0e} replicates would be needed: widen the margin or relax the levels"
            )
    below = above // 2
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if sufficient(middle) else (middle, above)
    return above


def smallest_value(sufficient: Callable[[float], bool], lower: float, upper: float) -> float:
    """Return the smallest x in [lower, upper] with ``sufficient(x)``, which holds for all larger x; inf if none."""
    if sufficient(lower):
        return lower
    if not sufficient(upper):
        return math.inf
    # 1e-13 of the range is below the rounding of the probabilities compared; `upper` always passes.
    tolerance = 1e-13 * (upper - lower)
    while upper - lower > tolerance:
        middle = 0.5 * (lower + upper)
        lower, upper = (lower, middle) if sufficient(middle) else (middle, upper)
    return upper
