"""Exact one-sided binomial tests: the common core of proportions and order statistics.

Notation. K is Binomial(n, p), and S(k; n, p) = P(K >= k) = I_p(k, n - k + 1) with I the regularised incomplete beta
function. The formula extends S to real k in [0, n + 1], where it decreases from 1 to 0.

The test of "p <= p0" at level a rejects when K >= k(n, p0, a), the smallest integer k with S(k; n, p0) <= a. The
Clopper-Pearson lower limit is at least p0 exactly when this test rejects, and the upper confidence limit of the
p0-quantile is the order statistic of rank k(n, p0, a).
"""

from __future__ import annotations

import math
from functools import lru_cache


def upper_tail(count: float, trials: int, probability: float) -> float:
    """Return S(count; trials, probability), the probability of at least `count` successes.

    Parameters
    ----------
    count : float
        Any real number: between integers the incomplete beta function interpolates.
    trials : int
        Number n of trials.
    probability : float
        Success probability p.

    Returns
    -------
    float

    Examples
    --------
    >>> round(upper_tail(3, 3, 0.5), 12), upper_tail(0, 3, 0.5), upper_tail(4, 3, 0.5)
    (0.125, 1.0, 0.0)
    """
    from scipy.special import betainc

    if count <= 0.0:
        return 1.0
    if count >= trials + 1:
        return 0.0
    return float(betainc(count, trials - count + 1.0, probability))


def rejection_count(trials: int, null: float, level: float) -> int:
    """Return the smallest count of successes at which the exact test of "p <= null" rejects.

    Parameters
    ----------
    trials : int
        Number n of trials.
    null : float
        Largest success probability of the hypothesis.
    level : float
        Level of the test.

    Returns
    -------
    int
        The smallest k with P(K >= k) <= level under `null`; ``trials + 1`` when no count rejects.

    Examples
    --------
    >>> rejection_count(10, 0.5, 0.001), rejection_count(3, 0.5, 0.001)
    (10, 4)
    """
    below, above = 0, trials + 1
    while above - below > 1:
        middle = (below + above) // 2
        if upper_tail(middle, trials, null) <= level:
            above = middle
        else:
            below = middle
    return above


def miss_bound(trials: int, null: float, truth: float, level: float) -> float:
    r"""Return a bound on the probability that the test of "p <= null" misses `truth` > `null`.

    The exact probability P(K < k(n, p0, a)) is a sawtooth in n because k is an integer. Let kappa be the real solution
    of S(kappa; n, p0) = a. Then k <= kappa + 1, so that

    .. math:: P_{\text{truth}}(K < k) \le 1 - S(\kappa + 1; n, \text{truth}).

    The bound holds at every n and decreases smoothly in n: a larger sample than planned keeps the promise.

    Parameters
    ----------
    trials : int
        Number n of trials.
    null, truth : float
        Success probability of the hypothesis, and the true one.
    level : float
        Level a of the test.

    Returns
    -------
    float
        Between 0 and 1.

    Examples
    --------
    >>> exact = 1.0 - upper_tail(rejection_count(100, 0.5, 0.01), 100, 0.7)
    >>> exact <= miss_bound(100, 0.5, 0.7, 0.01) <= 1.0 - upper_tail(rejection_count(100, 0.5, 0.01) + 1, 100, 0.7)
    True
    """
    from scipy.special import betaincc

    count = _real_rejection_count(trials, null, level) + 1.0
    if count >= trials + 1:
        # Only K = n can reject; it does when the truth is certain and the test rejects at all.
        return 0.0 if truth >= 1.0 and upper_tail(trials, trials, null) <= level else 1.0
    return float(betaincc(count, trials - count + 1.0, truth))


@lru_cache(maxsize=4096)  # searches over the truth repeat one null at a fixed number of trials
def _real_rejection_count(trials: int, null: float, level: float) -> float:
    """Return kappa of :func:`miss_bound`, or a little more: a number that rejects, where one 1e-13 n below does not."""
    from scipy.special import betainc

    below, above = 0.0, trials + 1.0
    # Secants in the logarithm, in which the tail is nearly a parabola, with every third step a bisection.
    gap_below, gap_above = -math.log(level), -math.inf
    for step in range(1, 400):
        middle = 0.5 * (below + above)
        if middle in (below, above) or above - below <= 1e-13 * trials:
            break
        least = 0.5e-13 * trials
        if step % 3 and gap_above > -math.inf:
            secant = below + (above - below) * gap_below / (gap_below - gap_above)
            middle = min(max(secant, below + least), above - least)
        tail = float(betainc(middle, trials - middle + 1.0, null))
        gap = math.log(tail / level) if tail > 0.0 else -math.inf
        # ``above`` always rejects, so rounding only makes the test more conservative.
        if tail <= level:
            above, gap_above = middle, gap
        else:
            below, gap_below = middle, gap
    return above
