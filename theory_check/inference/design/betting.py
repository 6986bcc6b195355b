r"""Planning of means by betting: how many observations until a deviation is seen, and which one is seen.

With probability at least 1 - miss the evidence has reached 1/alpha after n observations at the latest, for every law of
the observations in the stated class. The proof is Markov's inequality for negative powers of the capital: a capital is
divided among K bets, each of them W = prod_i f(x_i), and for s > 0

    P(W / K < t / alpha) <= (K t / alpha)^s (E f(x)^-s)^n,

with t = 2 for tests of both sides and 1 for one side. The bound is minimised over s and over the bets.

The bet is f(x) = 1 - c + c x / m. For x >= 0 with mean mu and variance at most v, E f(x)^-s is largest for the law on
{0, y}, y = (mu^2 + v) / mu: the parabola through f^-s at 0 that touches it at y lies above it, because the third
derivative of f^-s is negative, and the result increases with v. For x in [0, 1] without a bound on the variance it is
v = mu (1 - mu).
"""

from __future__ import annotations

import math
from typing import SupportsFloat, SupportsIndex

import numpy as np

from theory_check.foundation.arguments import check_count, check_nonnegative, check_number, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.betting import FRACTIONS
from theory_check.inference.design.search import LARGEST_SAMPLE, smallest_sample, smallest_value
from theory_check.inference.validation import check_level, check_power, check_probability, check_range

#: Powers over which the bound is minimised; the best one is near 1/2 and loses little between neighbours.
_POWERS: FloatArray = 2.0 ** np.arange(-5.0, 3.01, 0.25)


def _log_miss(price: float, truth: float, variance: float, observations: int, log_threshold: float) -> float:
    """Bound log P(capital against "mean <= price" stays below exp(log_threshold)) for a mean `truth` above it."""
    if price <= 0.0:
        # One positive value decides; the slowest law to show one is 0 with probability v / (mu^2 + v).
        return observations * math.log(variance / (truth * truth + variance)) if variance > 0.0 else -math.inf
    point = (truth * truth + variance) / truth
    chance = truth / point
    if not chance > 0.0:
        return 0.0  # a mean or a variance beyond double precision: nothing is known
    chance = min(1.0, chance)
    c, s = FRACTIONS[:, None], _POWERS[None, :]
    log_zero = -s * np.log1p(-c)
    log_point = -s * np.log1p(c * (point / price - 1.0))
    with np.errstate(divide="ignore"):
        log_moment = np.logaddexp(np.log1p(-chance) + log_zero, math.log(chance) + log_point)
    bounds = s * (log_threshold + math.log(FRACTIONS.size)) + observations * log_moment
    return min(0.0, float(bounds.min()))


def nonnegative_mean_sample_size(
    bound: SupportsFloat,
    *,
    mean: SupportsFloat,
    variance_bound: SupportsFloat,
    alpha: SupportsFloat,
    miss: SupportsFloat,
) -> int:
    """Return the observations after which "the mean is at most `bound`" is refuted if the mean is `mean`.

    Parameters
    ----------
    bound, mean : float
        The hypothesis and a larger mean.
    variance_bound : float
        Largest variance of the observations when it is `mean`. The test itself needs none.
    alpha, miss : float
        Level; probability, at most, that the evidence stays below 1/alpha.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If `mean` is not above `bound`.

    Examples
    --------
    >>> plan = {"variance_bound": 1.0, "alpha": 1e-3, "miss": 1e-3}
    >>> near, far = (nonnegative_mean_sample_size(1.0, mean=mean, **plan) for mean in (1.1, 1.2))
    >>> 3.0 < near / far < 5.0
    True
    """
    m, mu = check_positive("bound", bound), check_positive("mean", mean)
    v = check_positive("variance_bound", variance_bound)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    if mu <= m:
        raise SpecificationError(f"mean must be larger than bound to be told apart, got {mu!r} and {m!r}")
    return smallest_sample(lambda n: _log_miss(m, mu, v, n, -math.log(alpha)) <= math.log(miss))


def nonnegative_mean_resolution(
    bound: SupportsFloat,
    *,
    observations: SupportsIndex,
    variance_bound: SupportsFloat,
    alpha: SupportsFloat,
    power: SupportsFloat = 0.99,
) -> float:
    """Return the smallest excess of the mean over `bound` that is detected.

    Parameters
    ----------
    bound : float
        The hypothesis is "the mean is at most bound".
    observations : int
        Sample size.
    variance_bound : float
        Largest variance of the observations under the true law.
    alpha, power : float
        Level; probability with which the evidence reaches 1/alpha.

    Returns
    -------
    float
        In the unit of the values; infinity if even an excess of 1000 (bound + deviation) is not detected.

    Examples
    --------
    >>> plan = {"variance_bound": 1.0, "alpha": 1e-3}
    >>> n = nonnegative_mean_sample_size(1.0, mean=1.1, miss=0.01, **plan)
    >>> round(nonnegative_mean_resolution(1.0, observations=n, **plan), 3)
    0.1
    """
    m, v = check_positive("bound", bound), check_positive("variance_bound", variance_bound)
    n = check_count("observations", observations, maximum=LARGEST_SAMPLE)
    alpha, power = check_level("alpha", alpha), check_power("power", power)

    def detected(excess: float) -> bool:
        return excess > 0.0 and _log_miss(m, m + excess, v, n, -math.log(alpha)) <= math.log1p(-power)

    return smallest_value(detected, 0.0, 1000.0 * (m + math.sqrt(v)))


def _bounded_log_miss(price: float, truth: float, spread: float | None, n: int, alpha: float) -> float:
    """Bound log P(a mean `price` in [0, 1] is not excluded), by the capital on the side of `truth`."""
    if truth < price:
        price, truth = 1.0 - price, 1.0 - truth
    largest = truth * (1.0 - truth)
    variance = largest if spread is None else min(spread, largest)
    return _log_miss(price, truth, variance, n, math.log(2.0 / alpha)) if truth > price else 0.0


def _unit(value: SupportsFloat, support: tuple[float, float], name: str) -> float:
    low, high = check_range("support", support)
    if not low < high:
        raise SpecificationError(f"support must be an interval (a, b) with a < b, got {support!r}")
    number = check_number(name, value)
    return check_probability(f"{name}, moved to the unit interval,", (number - low) / (high - low))


def _spread(variance_bound: SupportsFloat | None, support: tuple[float, float]) -> float | None:
    if variance_bound is None:
        return None
    return check_nonnegative("variance_bound", variance_bound) / (support[1] - support[0]) ** 2


def _support_miss(truth: float, margin: float, spread: float | None, n: int, alpha: float) -> float:
    """Bound the probability that the interval leaves truth +- margin; ends beyond [0, 1] are free."""
    ends = [end for end in (truth - margin, truth + margin) if 0.0 <= end <= 1.0]
    return math.fsum(math.exp(_bounded_log_miss(end, truth, spread, n, alpha)) for end in ends)


def bounded_mean_sample_size(
    truth: SupportsFloat,
    *,
    margin: SupportsFloat,
    alpha: SupportsFloat,
    miss: SupportsFloat,
    support: tuple[float, float] = (0.0, 1.0),
    variance_bound: SupportsFloat | None = None,
) -> int:
    """Return the observations for which the betting interval lies within `truth` +- `margin`.

    Parameters
    ----------
    truth : float
        The mean to plan for, inside the support.
    margin : float
        Tolerated deviation.
    alpha, miss : float
        Level of the interval; probability, at most, that it does not lie inside.
    support : tuple of float
        Smallest and largest possible value.
    variance_bound : float, optional
        Largest variance to plan for; the interval itself needs none. Default: what the support admits.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If the margin covers the support.

    Examples
    --------
    A smaller variance needs fewer observations; the unit does not matter:

    >>> plan = {"alpha": 1e-3, "miss": 1e-2}
    >>> any_law = bounded_mean_sample_size(0.5, margin=0.1, **plan)
    >>> any_law > 3 * bounded_mean_sample_size(0.5, margin=0.1, variance_bound=0.05, **plan)
    True
    >>> any_law == bounded_mean_sample_size(5.0, margin=1.0, support=(0.0, 10.0), **plan)
    True
    """
    mu, spread = _unit(truth, support, "truth"), _spread(variance_bound, support)
    width = check_positive("margin", margin) / (support[1] - support[0])
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    if mu - width < 0.0 and mu + width > 1.0:
        raise SpecificationError(
            f"truth {truth!r} with margin {margin!r} covers the support {support}: nothing to check"
        )
    return smallest_sample(lambda n: _support_miss(mu, width, spread, n, alpha) <= miss)


def bounded_mean_margin(
    truth: SupportsFloat,
    *,
    observations: SupportsIndex,
    alpha: SupportsFloat,
    miss: SupportsFloat,
    support: tuple[float, float] = (0.0, 1.0),
    variance_bound: SupportsFloat | None = None,
) -> float:
    """Return the smallest margin that :func:`bounded_mean_sample_size` grants to `observations`.

    Parameters
    ----------
    truth : float
        The mean to plan for, inside the support.
    observations : int
        Sample size.
    alpha, miss, support, variance_bound
        As for :func:`bounded_mean_sample_size`.

    Returns
    -------
    float
        In the unit of the values; infinity if the sample is too small.

    Examples
    --------
    >>> n = bounded_mean_sample_size(0.5, margin=0.1, alpha=1e-3, miss=1e-2)
    >>> round(bounded_mean_margin(0.5, observations=n, alpha=1e-3, miss=1e-2), 3)
    0.1
    """
    mu, spread = _unit(truth, support, "truth"), _spread(variance_bound, support)
    n, alpha, miss = (
        check_count("observations", observations, maximum=LARGEST_SAMPLE),
        check_level("alpha", alpha),
        check_level("miss", miss),
    )

    def sufficient(width: float) -> bool:
        return width > 0.0 and _support_miss(mu, width, spread, n, alpha) <= miss

    return (support[1] - support[0]) * smallest_value(sufficient, 0.0, max(mu, 1.0 - mu))


def bounded_mean_resolution(
    mean: SupportsFloat,
    *,
    observations: SupportsIndex,
    alpha: SupportsFloat,
    power: SupportsFloat = 0.99,
    support: tuple[float, float] = (0.0, 1.0),
    variance_bound: SupportsFloat | None = None,
) -> float:
    """Return the smallest D such that evidence against `mean` is found if the true mean is farther than D from it.

    Parameters
    ----------
    mean : float
        The hypothesis, inside the support.
    observations : int
        Sample size.
    alpha, power : float
        Level; probability with which the evidence reaches 1/alpha.
    support, variance_bound
        As for :func:`bounded_mean_sample_size`.

    Returns
    -------
    float
        In the unit of the values. On a side where nothing would be detected D is the whole room on that side; infinity
        if that happens on both.

    Examples
    --------
    >>> [round(bounded_mean_resolution(0.5, observations=n, alpha=1e-3), 2) for n in (5, 100, 10_000)]
    [inf, 0.35, 0.04]
    """
    price, spread = _unit(mean, support, "mean"), _spread(variance_bound, support)
    n, alpha, power = (
        check_count("observations", observations, maximum=LARGEST_SAMPLE),
        check_level("alpha", alpha),
        check_power("power", power),
    )

    def reach(sign: float, room: float) -> float:
        def detected(deviation: float) -> bool:
            truth = min(max(price + sign * deviation, 0.0), 1.0)
            return deviation > 0.0 and _bounded_log_miss(price, truth, spread, n, alpha) <= math.log1p(-power)

        return smallest_value(detected, 0.0, room)

    sides = [(reach(1.0, 1.0 - price), 1.0 - price), (reach(-1.0, price), price)]
    if all(deviation == math.inf for deviation, _ in sides):
        return math.inf
    return (support[1] - support[0]) * max(min(deviation, room) for deviation, room in sides)
