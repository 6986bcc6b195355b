"""Argument checks shared by the inference modules; each returns the cleaned value or raises one line that teaches."""

from __future__ import annotations

import math
import operator
from typing import SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError


def check_number(value: SupportsFloat, name: str) -> float:
    """Return `value` as a float; anything that is not one real number other than NaN is an error."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SpecificationError(f"{name} must be a real number, got {value!r}") from None
    if math.isnan(number):
        raise SpecificationError(f"{name} must be a real number, got NaN")
    return number


def check_level(value: SupportsFloat, name: str = "alpha") -> float:
    """Return an error probability: strictly between 0 and 1."""
    number = check_number(value, name)
    if not 0.0 < number < 1.0:
        raise SpecificationError(
            f"{name} is the probability of an error and must lie strictly between 0 and 1, got {number!r}"
        )
    return number


def check_power(value: SupportsFloat, name: str = "power") -> float:
    """Return a detection probability: strictly between 0 and 1."""
    number = check_number(value, name)
    if not 0.0 < number < 1.0:
        raise SpecificationError(
            f"{name} is the probability of a detection and must lie strictly between 0 and 1, got {number!r}"
        )
    return number


def check_probability(value: SupportsFloat, name: str = "probability") -> float:
    """Return the probability that defines a quantile: strictly between 0 and 1."""
    number = check_number(value, name)
    if not 0.0 < number < 1.0:
        raise SpecificationError(f"{name} must lie strictly between 0 and 1 (0.5 is the median), got {number!r}")
    return number


def check_unit(value: SupportsFloat, name: str) -> float:
    """Return a number in the closed interval [0, 1]."""
    number = check_number(value, name)
    if not 0.0 <= number <= 1.0:
        raise SpecificationError(f"{name} must lie between 0 and 1, got {number!r}")
    return number


def check_count(value: SupportsIndex, name: str, minimum: int = 1) -> int:
    """Return an integer of at least `minimum`; a float is an error even if whole."""
    try:
        number = operator.index(value)
    except TypeError:
        raise SpecificationError(f"{name} must be an integer, got {value!r}") from None
    if number < minimum:
        raise SpecificationError(f"{name} must be at least {minimum}, got {number}")
    return number


def check_positive(value: SupportsFloat, name: str) -> float:
    """Return a finite number above 0."""
    number = check_number(value, name)
    if not 0.0 < number < math.inf:
        raise SpecificationError(f"{name} must be positive and finite, got {number!r}")
    return number


def check_nonnegative(value: SupportsFloat, name: str) -> float:
    """Return a finite number of at least 0."""
    number = check_number(value, name)
    if not 0.0 <= number < math.inf:
        raise SpecificationError(f"{name} must be finite and not negative, got {number!r}")
    return number


def check_sample(values: ArrayLike, name: str = "values") -> FloatArray:
    """Return a one-dimensional, non-empty float array without NaN or infinity."""
    try:
        sample = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise SpecificationError(f"{name} must be an array of real numbers, got {type(values).__name__}") from None
    if sample.ndim != 1:
        raise SpecificationError(f"{name} must have one dimension (one value per replicate), got shape {sample.shape}")
    if sample.size == 0:
        raise SpecificationError(f"{name} is empty; at least one value is needed")
    bad = sample.size - int(np.count_nonzero(np.isfinite(sample)))
    if bad:
        raise SpecificationError(f"{name} must be finite, but {bad} of {sample.size} are NaN or infinite")
    return sample


def check_range(value: tuple[float, float], name: str = "target") -> tuple[float, float]:
    """Return an ordered pair (lower, upper); ends may be infinite on their own side."""
    try:
        lower, upper = value
    except (TypeError, ValueError):
        raise SpecificationError(f"{name} must be a pair (lower, upper), equal for a point, got {value!r}") from None
    lower, upper = check_number(lower, name), check_number(upper, name)
    if not lower <= upper or lower == math.inf or upper == -math.inf:
        raise SpecificationError(f"{name} must be a pair with lower <= upper, got ({lower!r}, {upper!r})")
    return lower, upper


def check_unit_range(value: tuple[float, float], name: str = "target") -> tuple[float, float]:
    """Return an ordered pair (lower, upper) of probabilities."""
    lower, upper = check_range(value, name)
    return check_unit(lower, name), check_unit(upper, name)
