"""Checks of the arguments of statistical methods: levels, probabilities, counts of events, samples, ranges.

As in :mod:`theory_check.foundation.arguments`, the name of the argument comes first, and each check returns the cleaned
value or raises one line that says what is accepted.
"""

from __future__ import annotations

import math
from typing import SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count, check_number, check_unit
from theory_check.foundation.arrays import FloatArray, check_array
from theory_check.foundation.errors import SpecificationError

#: Smallest level: shares and logarithms of smaller ones leave double precision.
LEAST_LEVEL = 1e-300

#: Most trials: whole numbers beyond have no exact double.
_MOST_TRIALS = 2**53


def check_level(what: str, value: SupportsFloat) -> float:
    """Return an error probability: strictly between 0 and 1."""
    number = _check_open(what, value, "is the probability of an error and must lie strictly between 0 and 1")
    if number < LEAST_LEVEL:
        raise SpecificationError(f"{what} is {number!r}; levels are at least {LEAST_LEVEL:g}")
    return number


def check_power(what: str, value: SupportsFloat) -> float:
    """Return a detection probability: strictly between 0 and 1."""
    return _check_open(what, value, "is the probability of a detection and must lie strictly between 0 and 1")


def check_probability(what: str, value: SupportsFloat) -> float:
    """Return the probability that defines a quantile: strictly between 0 and 1."""
    return _check_open(what, value, "must lie strictly between 0 and 1 (0.5 is the median)")


def _check_open(what: str, value: SupportsFloat, rule: str) -> float:
    number = check_number(what, value)
    if not 0.0 < number < 1.0:
        raise SpecificationError(f"{what} {rule}, got {number!r}")
    return number


def check_successes(successes: SupportsIndex, trials: SupportsIndex) -> tuple[int, int]:
    """Return numbers of successes and of trials: integers, 0 <= successes <= trials, at least one trial."""
    n = check_count("trials", trials, maximum=_MOST_TRIALS)
    k = check_count("successes", successes, minimum=0)
    if k > n:
        raise SpecificationError(f"successes must not exceed trials, got {k} of {n}")
    return k, n


def check_squares(what: str, sample: FloatArray) -> FloatArray:
    """Return a sample whose squares add up in double precision; others are an error."""
    with np.errstate(over="ignore"):
        if not np.isfinite(4.0 * np.dot(sample.ravel(), sample.ravel())):
            raise SpecificationError(f"{what} has values whose squares leave double precision; scale them down")
    return sample


def check_sample(what: str, values: ArrayLike) -> FloatArray:
    """Return a one-dimensional, non-empty float array without NaN or infinity."""
    sample = check_array(what, values)
    if sample.ndim != 1:
        raise SpecificationError(f"{what} must have one dimension (one value per replicate), got shape {sample.shape}")
    if sample.size == 0:
        raise SpecificationError(f"{what} is empty; at least one value is needed")
    bad = sample.size - int(np.count_nonzero(np.isfinite(sample)))
    if bad:
        raise SpecificationError(f"{what} must be finite, but {bad} of {sample.size} are NaN or infinite")
    return sample


def check_range(what: str, value: tuple[float, float]) -> tuple[float, float]:
    """Return an ordered pair (lower, upper); ends may be infinite on their own side."""
    try:
        lower, upper = value
    except (TypeError, ValueError):
        raise SpecificationError(f"{what} must be a pair (lower, upper), equal for a point, got {value!r}") from None
    lower, upper = check_number(what, lower), check_number(what, upper)
    if not lower <= upper or math.inf in (lower, -upper):
        raise SpecificationError(f"{what} must be a pair with lower <= upper, got ({lower!r}, {upper!r})")
    return lower, upper


def check_unit_range(what: str, value: tuple[float, float]) -> tuple[float, float]:
    """Return an ordered pair (lower, upper) of probabilities."""
    lower, upper = check_range(what, value)
    return check_unit(what, lower), check_unit(what, upper)
