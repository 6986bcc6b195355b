"""Planning of probabilities: Clopper-Pearson intervals and the exact binomial tests."""

from __future__ import annotations

import math
from typing import SupportsIndex

from theory_check.foundation.arguments import check_count, check_nonnegative, check_unit
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.stored_values import stored
from theory_check.inference.binomial import miss_bound
from theory_check.inference.design.search import LARGEST_SAMPLE, smallest_sample, smallest_value
from theory_check.inference.validation import check_level, check_power, check_unit_range


def _outside_miss(trials: int, bounds: tuple[float, float], truth: float, level: float) -> float:
    """Bound the probability that one-sided tests at `level` do not place the truth between the bounds, 0 and 1 free."""
    low, high = bounds
    above = miss_bound(trials, low, truth, level) if low > 0.0 else 0.0
    below = miss_bound(trials, 1.0 - high, 1.0 - truth, level) if high < 1.0 else 0.0
    return above + below


def _proportion_miss(
    trials: int, target: tuple[float, float], margin: float, alpha: float, truth: float | None
) -> float:
    """Bound the probability that the Clopper-Pearson interval leaves target +- margin.

    P(a <= K <= b) first rises and then falls in p, so over a range of truths it is smallest at an end.
    """
    bounds = target[0] - margin, target[1] + margin
    return max(_outside_miss(trials, bounds, p, alpha / 2) for p in (target if truth is None else (truth,)))


@stored
def proportion_sample_size(
    target: tuple[float, float], *, margin: float, alpha: float, miss: float, truth: float | None = None
) -> int:
    """Return trials for which the Clopper-Pearson interval lies in `target` widened by `margin`.

    Parameters
    ----------
    target : tuple of float
        Predicted probability, lower and upper value; (0.99, 1) says "at least 0.99".
    margin : float
        Tolerated deviation; ends of the widened target beyond 0 or 1 are free.
    alpha, miss : float
        Level of the interval; probability, at most, that it does not lie inside.
    truth : float, optional
        The probability to plan for. Without it the promise holds for every truth in the target.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If the widened target covers every probability, or does not contain the truth in its interior.

    Notes
    -----
    The exact power is a sawtooth in the number of trials. The plan uses the smooth bound of
    :func:`theory_check.inference.binomial.miss_bound`, which loses at most one count on each side.

    Examples
    --------
    With certain success n trials show "at least 0.9" at level 2 alpha as soon as 0.9^n <= alpha:

    >>> proportion_sample_size((1.0, 1.0), margin=0.1, alpha=0.002, miss=0.01)
    66
    >>> 0.9**65 > 0.001 > 0.9**66
    True
    """
    low, high = check_unit_range("target", target)
    margin = check_nonnegative("margin", margin)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    truth = None if truth is None else check_unit("truth", truth)
    lower, upper = low - margin, high + margin
    if lower <= 0.0 and upper >= 1.0:
        raise SpecificationError(f"target {target} with margin {margin!r} covers every probability: nothing to check")
    for p in (low, high) if truth is None else (truth,):
        if (lower > 0.0 and p <= lower) or (upper < 1.0 and p >= upper):
            raise SpecificationError(
                f"a truth of {p!r} must lie strictly inside target +- margin = [{lower!r}, {upper!r}] to be supported"
            )
    return smallest_sample(lambda n: _proportion_miss(n, (low, high), margin, alpha, truth) <= miss)


def proportion_margin(
    target: tuple[float, float], *, trials: SupportsIndex, alpha: float, miss: float, truth: float | None = None
) -> float:
    """Return the smallest margin that :func:`proportion_sample_size` grants to `trials`.

    Parameters
    ----------
    target : tuple of float
        Predicted probability, lower and upper value.
    trials : int
        Sample size.
    alpha, miss, truth : float
        As for :func:`proportion_sample_size`.

    Returns
    -------
    float
        Infinity if every sufficient margin leaves no probability outside.

    Examples
    --------
    >>> round(proportion_margin((1.0, 1.0), trials=66, alpha=0.002, miss=0.01), 4), round(1.0 - 0.001 ** (1 / 66), 4)
    (0.0994, 0.0994)
    """
    low, high = check_unit_range("target", target)
    n = check_count("trials", trials, maximum=LARGEST_SAMPLE)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    truth = None if truth is None else check_unit("truth", truth)
    trivial = max(low, 1.0 - high)
    least = 0.0 if truth is None else max(0.0, low - truth, truth - high)

    def sufficient(margin: float) -> bool:
        return margin < trivial and _proportion_miss(n, (low, high), margin, alpha, truth) <= miss

    # Just below the trivial margin one side is still checked.
    return smallest_value(sufficient, least, max(least, trivial * (1.0 - 1e-12)))


def proportion_resolution(
    target: tuple[float, float], *, trials: SupportsIndex, alpha: float, power: float = 0.99
) -> float:
    """Return the smallest D such that every probability farther than D from `target` is told apart from it.

    Parameters
    ----------
    target : tuple of float
        Stated probability, lower and upper value.
    trials : int
        Sample size.
    alpha, power : float
        Level of the interval; probability with which it excludes the target.

    Returns
    -------
    float
        On a side where no probability is far enough to be seen, D is the whole room on that side. Infinity if that
        happens on both sides, so that nothing would be detected.

    Raises
    ------
    SpecificationError
        If the target holds every probability.

    Examples
    --------
    One success rules out probability 0, and some success is nearly certain as soon as (1 - p)^n <= 1 - power:

    >>> round(proportion_resolution((0.0, 0.0), trials=100, alpha=0.1), 4), round(1.0 - 0.01 ** (1 / 100), 4)
    (0.045, 0.045)
    """
    low, high = check_unit_range("target", target)
    n = check_count("trials", trials, maximum=LARGEST_SAMPLE)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    if low <= 0.0 and high >= 1.0:
        raise SpecificationError("target (0, 1) holds every probability: nothing to detect")

    def reach(null: float) -> float:
        return detected_probability(n, null, alpha / 2, 1.0 - power) - null

    sides = [(reach(null), 1.0 - null) for null in (high, 1.0 - low) if null < 1.0]
    if all(deviation == math.inf for deviation, _ in sides):
        return math.inf
    return max(min(deviation, room) for deviation, room in sides)


def detected_probability(trials: int, null: float, level: float, miss: float) -> float:
    """Return the smallest probability above `null` that the one-sided binomial test sees.

    Parameters
    ----------
    trials : int
        Sample size.
    null : float
        The test is one of "the probability is at most null".
    level, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    float
        Infinity if the test sees no probability.

    Examples
    --------
    >>> detected_probability(3, 0.5, 0.01, 0.1)
    inf
    >>> 0.6 < detected_probability(100, 0.5, 0.01, 0.1) < 0.7
    True
    """
    return smallest_value(lambda p: p > null and miss_bound(trials, null, p, level) <= miss, null, 1.0)


# One-sided tests and equivalence


def _one_sided_miss(trials: int, null: float, truth: float, level: float) -> float:
    if truth > null:
        return miss_bound(trials, null, truth, level)
    return miss_bound(trials, 1.0 - null, 1.0 - truth, level)


def proportion_test_sample_size(null: float, truth: float, *, alpha: float, miss: float) -> int:
    """Return the trials with which the one-sided test of `null` on the side of `truth` sees it.

    The same holds for the one-sided test of a p-quantile against a value t: `null` is p and `truth` the value of the
    true distribution function at t.

    Parameters
    ----------
    null, truth : float
        Stated and true probability.
    alpha, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If both probabilities are the same.

    Examples
    --------
    Certain success rejects 1/2 as soon as 2^-n <= alpha:

    >>> proportion_test_sample_size(0.5, 1.0, alpha=0.001, miss=0.01)
    10
    """
    p, q = check_unit("null", null), check_unit("truth", truth)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    if p == q:
        raise SpecificationError(f"truth must differ from null, got {p!r} for both")
    return smallest_sample(lambda n: _one_sided_miss(n, p, q, alpha) <= miss)


def proportion_test_resolution(
    null: float, *, trials: SupportsIndex, alpha: float, power: float = 0.99
) -> tuple[float, float]:
    """Return the probabilities that the two one-sided tests of `null` see.

    Parameters
    ----------
    null : float
        Stated probability.
    trials : int
        Sample size.
    alpha, power : float
        Level of each test; probability with which it rejects.

    Returns
    -------
    low, high : float
        Truths up to `low`, or from `high` on, are seen. An end is -inf or inf where the sample is too small to see
        anything on that side.

    Examples
    --------
    >>> low, high = proportion_test_resolution(0.5, trials=1000, alpha=0.001)
    >>> round(low + high, 9), 0.58 < high < 0.6
    (1.0, True)
    """
    p = check_unit("null", null)
    n = check_count("trials", trials, maximum=LARGEST_SAMPLE)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    below = detected_probability(n, 1.0 - p, alpha, 1.0 - power)
    return 1.0 - below, detected_probability(n, p, alpha, 1.0 - power)


def equivalence_sample_size(bounds: tuple[float, float], *, truth: float, alpha: float, miss: float) -> int:
    """Return the trials with which :func:`~theory_check.inference.equivalence.equivalence_test` shows equivalence.

    Parameters
    ----------
    bounds : tuple of float
        The probability is to be shown strictly between them; 0 and 1 are free.
    truth : float
        The probability to plan for, strictly between the bounds.
    alpha, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If the truth is not strictly between the bounds.

    Examples
    --------
    Certain success shows "above 1/2" as soon as 2^-n <= alpha:

    >>> equivalence_sample_size((0.5, 1.0), truth=1.0, alpha=0.001, miss=0.01)
    10
    """
    low, high = check_unit_range("bounds", bounds)
    p = check_unit("truth", truth)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    if (low > 0.0 and p <= low) or (high < 1.0 and p >= high):
        raise SpecificationError(f"truth must lie strictly between the bounds ({low!r}, {high!r}), got {p!r}")
    return smallest_sample(lambda n: _outside_miss(n, (low, high), p, alpha) <= miss)


def equivalence_margin(truth: float, *, trials: SupportsIndex, alpha: float, miss: float) -> float:
    """Return the smallest deviation from `truth` whose equivalence bounds a sample shows.

    Parameters
    ----------
    truth : float
        The probability to plan for.
    trials : int
        Sample size.
    alpha, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    float
        Infinity if the sample shows nothing.

    Examples
    --------
    >>> round(equivalence_margin(1.0, trials=10, alpha=2.0**-10, miss=0.01), 9)
    0.5
    >>> equivalence_margin(0.5, trials=3, alpha=0.001, miss=0.01)
    inf
    """
    p = check_unit("truth", truth)
    n = check_count("trials", trials, maximum=LARGEST_SAMPLE)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    trivial = max(p, 1.0 - p)

    def sufficient(margin: float) -> bool:
        bounds = (max(p - margin, 0.0), min(p + margin, 1.0))
        return 0.0 < margin < trivial and _outside_miss(n, bounds, p, alpha) <= miss

    return smallest_value(sufficient, 0.0, trivial * (1.0 - 1e-12))
