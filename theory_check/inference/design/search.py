"""Searches over monotone conditions: the smallest sample or value that is sufficient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import SupportsFloat

from theory_check.foundation.arguments import check_positive
from theory_check.foundation.errors import SpecificationError

#: Plans beyond are refused: no sample of that size fits a machine.
LARGEST_SAMPLE = 10**12

#: Most coordinates of a vector: quantiles of noncentral laws are sums that grow with their degrees of freedom.
LARGEST_WIDTH = 10**5


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


def sample_for(what: str, value: SupportsFloat, value_at: Callable[[int], float]) -> int:
    """Return the smallest sample size at which a decreasing quantity is at most `value`.

    Parameters
    ----------
    what : str
        Name of the argument that holds `value`, for errors.
    value : float
        Wanted margin or deviation, positive.
    value_at : callable
        The margin or deviation that a sample size grants.

    Returns
    -------
    int

    Examples
    --------
    >>> sample_for("margin", 0.1, lambda n: 1.0 / n)
    10
    """
    wanted = check_positive(what, value)
    return smallest_sample(lambda n: value_at(n) <= wanted)


def smallest_value(sufficient: Callable[[float], bool], lower: float, upper: float) -> float:
    """Search an interval for the smallest sufficient value, by bisection.

    Parameters
    ----------
    sufficient : callable
        A condition on a float that, once it holds, holds for all larger values.
    lower, upper : float
        Ends of the interval.

    Returns
    -------
    float
        A sufficient value, at most 1e-13 of the interval's length above the smallest one; infinity if there is none.

    Examples
    --------
    >>> round(smallest_value(lambda x: x * x >= 2.0, 0.0, 2.0), 12)
    1.414213562373
    >>> smallest_value(lambda x: x > 3.0, 0.0, 2.0)
    inf
    >>> smallest_value(lambda x: x > 1.0 - 1e-10, 1.0 - 1e-9, 1.0) < 1.0
    True
    """
    if sufficient(lower):
        return lower
    if not sufficient(upper):
        return math.inf
    # 1e-13 of the range is below the rounding of the probabilities compared; `upper` always passes.
    tolerance = 1e-13 * (upper - lower)
    while upper - lower > tolerance:
        middle = 0.5 * (lower + upper)
        # A range near 1 may be so short that no number lies between.
        if middle in (lower, upper):
            break
        lower, upper = (lower, middle) if sufficient(middle) else (middle, upper)
    return upper
