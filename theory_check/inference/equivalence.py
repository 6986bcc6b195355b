r"""Exact tests of probabilities and quantiles, one-sided or two-sided, and of the equivalence of a probability.

All are binomial tests. With :math:`S(k; n, p) = P(K \ge k)` of :mod:`theory_check.inference.binomial`, k successes in n
trials have the p-value :math:`S(k; n, p_0)` against larger and :math:`1 - S(k + 1; n, p_0)` against smaller
probabilities; the two-sided p-value is twice the smaller one. They are dual to the intervals: a two-sided p-value is
at most alpha exactly if ``proportion_interval`` or ``quantile_interval`` at alpha excludes the tested value (at an end
of a Clopper-Pearson interval, which belongs to it, the p-value is alpha itself).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_number, check_unit
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.binomial import upper_tail
from theory_check.inference.significance import Test
from theory_check.inference.validation import check_probability, check_sample, check_successes, check_unit_range

Alternative = Literal["greater", "less", "two-sided"]


def combine_tails(greater: float, less: float, alternative: str) -> float:
    """Return the p-value of an alternative from the two one-sided ones.

    Parameters
    ----------
    greater, less : float
        One-sided p-values.
    alternative : {"greater", "less", "two-sided"}
        Twice the smaller one-sided p-value for both sides.

    Returns
    -------
    float

    Raises
    ------
    SpecificationError
        If the alternative is none of the three.

    Examples
    --------
    >>> combine_tails(0.25, 0.75, "greater"), combine_tails(0.25, 0.75, "two-sided")
    (0.25, 0.5)
    """
    if alternative not in ("greater", "less", "two-sided"):
        raise SpecificationError(f"alternative must be 'greater', 'less' or 'two-sided', got {alternative!r}")
    return {"greater": greater, "less": less, "two-sided": min(1.0, 2.0 * min(greater, less))}[alternative]


@lru_cache(maxsize=1024)  # a calibration asks for the same counts again and again, at 0.2 ms each
def _one_sided(k: int, n: int, low: float, high: float) -> tuple[float, float]:
    """Return the p-values of k successes in n trials against "at most low" and against "at least high"."""
    from statsmodels.stats.proportion import binom_tost

    _, above, below = binom_tost(k, n, low, high)
    return float(above), float(below)


def proportion_test(
    successes: SupportsIndex, trials: SupportsIndex, null: SupportsFloat, *, alternative: Alternative = "two-sided"
) -> Test:
    """Exact binomial test of a probability.

    The two-sided p-value is twice the smaller one-sided one, dual to the Clopper-Pearson interval, not the sum over
    less probable counts.

    Parameters
    ----------
    successes, trials : int
        Counts of independent trials.
    null : float
        The stated probability.
    alternative : {"greater", "less", "two-sided"}
        ``greater`` gives evidence that the probability exceeds `null`.

    Returns
    -------
    Test
        The statistic is the share of successes.

    Examples
    --------
    >>> [round(proportion_test(3, 3, 0.5, alternative=a).p_value, 12) for a in ("greater", "two-sided")]
    [0.125, 0.25]
    """
    k, n = check_successes(successes, trials)
    p = check_unit("null", null)
    greater, less = _one_sided(k, n, p, p)
    return Test(k / n, combine_tails(greater, less, alternative), f"binomial, {alternative}", n)


def quantile_test(
    values: ArrayLike, probability: float, null: SupportsFloat, *, alternative: Alternative = "two-sided"
) -> Test:
    """Exact test of a quantile, valid for every law.

    If a p-quantile is at most :math:`q_0`, the number of values up to :math:`q_0` is binomial with a success
    probability of at least p: few of them are evidence for ``greater``. If it is at least :math:`q_0`, the number of
    values below :math:`q_0` has one of at most p: many are evidence for ``less``.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values with one law.
    probability : float
        The p of the p-quantile.
    null : float
        The stated quantile :math:`q_0`.
    alternative : {"greater", "less", "two-sided"}
        ``greater`` gives evidence that the quantile exceeds `null`.

    Returns
    -------
    Test
        The statistic is the share of values up to `null`.

    Examples
    --------
    >>> test = quantile_test([1.0, 2.0, 3.0], 0.5, 0.0, alternative="greater")
    >>> test.statistic, round(test.p_value, 12)
    (0.0, 0.125)
    """
    p = check_probability("probability", probability)
    q = check_number("null", null)
    sample = check_sample("values", values)
    n = sample.size
    up_to, below = int(np.count_nonzero(sample <= q)), int(np.count_nonzero(sample < q))
    # The same calls as those behind `quantile_ranks`, so that test and interval agree to the last bit.
    greater, less = upper_tail(n - up_to, n, 1.0 - p), upper_tail(below, n, p)
    return Test(up_to / n, combine_tails(greater, less, alternative), f"quantile, {alternative}", n)


def equivalence_test(successes: SupportsIndex, trials: SupportsIndex, bounds: tuple[float, float]) -> Test:
    """Exact test of "the probability is not strictly between the bounds"; a small p-value shows that it is.

    Two one-sided binomial tests, each at the whole level. The p-value is at most alpha if the Clopper-Pearson interval
    at level 2 alpha lies strictly inside.

    Parameters
    ----------
    successes, trials : int
        Counts of independent trials.
    bounds : tuple of float
        Two different probabilities; 0 and 1 are free.

    Returns
    -------
    Test
        The p-value is the larger of the two, against "at most the lower bound" and "at least the upper bound". The
        statistic is the share of successes.

    Raises
    ------
    SpecificationError
        If the bounds are equal or (0, 1).

    References
    ----------
    D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987) 657-680.

    Examples
    --------
    >>> round(equivalence_test(10, 10, (0.5, 1.0)).p_value * 2**10, 9)
    1.0
    """
    k, n = check_successes(successes, trials)
    low, high = check_unit_range("bounds", bounds)
    if not low < high:
        raise SpecificationError(f"bounds must be two different probabilities, got ({low!r}, {high!r})")
    if low <= 0.0 and high >= 1.0:
        raise SpecificationError("bounds (0, 1) hold every probability: nothing to show")
    above, below = _one_sided(k, n, low, high)
    p_value = max(above if low > 0.0 else 0.0, below if high < 1.0 else 0.0)
    return Test(k / n, p_value, "equivalence, two one-sided binomial", n)
