"""Planning of means with a proven bound on the variance, by Catoni's interval and confidence sequence."""

from __future__ import annotations

import math
from typing import SupportsFloat, SupportsIndex

import numpy as np

from theory_check.foundation.arguments import check_count, check_positive
from theory_check.inference.catoni import mean_tilts
from theory_check.inference.design.search import LARGEST_SAMPLE, sample_for
from theory_check.inference.validation import check_level, check_power


def _reach(variance_bound: float, observations: SupportsIndex, alpha: float, log_miss: float) -> float:
    r"""Return the deviation that one end of Catoni's interval exceeds with probability at most exp(-log_miss).

    The upper end exceeds :math:`m + \delta` iff :math:`r(m + \delta) > -B` with :math:`B = n \ln(1 + a) + s`,
    :math:`s = \ln(2/\alpha)`, :math:`a = \lambda^2 v/2 = s/n`. Since :math:`\psi(z) \le \ln(1 + z + z^2/2)`,

    .. math:: P(r(m + \delta) > -B) \le e^{B} (1 - u + u^2/2 + a)^n, \qquad u = \lambda\delta,

    which is at most :math:`e^{-t}` when :math:`u - u^2/2 \ge c = 1 + a - e^{-(s + t)/n} / (1 + a)`. The smallest such u
    is :math:`1 - \sqrt{1 - 2c}`, if :math:`c \le 1/2`; a larger deviation is exceeded less often. Asymptotically
    :math:`\delta = (3s + t) \sqrt{v/(2sn)}`: half width plus deviation of the estimate.
    """
    v, n = (
        check_positive("variance_bound", variance_bound),
        check_count("observations", observations, maximum=LARGEST_SAMPLE),
    )
    s = math.log(2.0 / check_level("alpha", alpha))
    a = s / n
    c = a - math.expm1(-math.log1p(a) - (s + log_miss) / n)
    if c > 0.5:
        return math.inf
    u = 2.0 * c / (1.0 + math.sqrt(1.0 - 2.0 * c))
    return u * math.sqrt(n / (2.0 * s)) * math.sqrt(v)


def mean_margin(*, variance_bound: float, observations: SupportsIndex, alpha: float, miss: float) -> float:
    r"""Return the smallest margin that holds Catoni's interval around the true mean with probability 1 - miss.

    Each end has half of `miss`. With :math:`s = \ln(2/\alpha)`, :math:`t = \ln(2/\text{miss})`, :math:`a = s/n` and
    :math:`c = 1 + a - e^{-(s+t)/n}/(1 + a)` the margin is :math:`(1 - \sqrt{1 - 2c}) \sqrt{nv/(2s)}`, about
    :math:`(3s + t) \sqrt{v/(2sn)}`. Nothing is assumed but the bound on the variance.

    Parameters
    ----------
    variance_bound : float
        Proven bound v on the variance of a value.
    observations : int
        Sample size n.
    alpha, miss : float
        Level of the interval; probability, at most, that it leaves the margin.

    Returns
    -------
    float
        In the unit of the values; infinity if the sample is too small for a finite interval (c > 1/2).

    References
    ----------
    O. Catoni, Annales de l'Institut Henri Poincare 48 (2012) 1148-1185, for the inequality behind it.

    Examples
    --------
    A million values of variance at most 1, against the asymptotic form:

    >>> margin = mean_margin(variance_bound=1.0, observations=10**6, alpha=2e-3, miss=2e-3)
    >>> round(margin, 4), round(4.0 * math.sqrt(math.log(1e3) / 2e6), 4)
    (0.0074, 0.0074)
    """
    return _reach(variance_bound, observations, alpha, math.log(2.0 / check_level("miss", miss)))


def mean_sample_size(*, variance_bound: float, margin: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`mean_margin` is at most `margin`.

    Parameters
    ----------
    variance_bound : float
        Proven bound on the variance of a value.
    margin : float
        Tolerated deviation, in the unit of the values.
    alpha, miss : float
        As for :func:`mean_margin`.

    Returns
    -------
    int

    Examples
    --------
    >>> n = mean_sample_size(variance_bound=1.0, margin=0.1, alpha=1e-3, miss=1e-2)
    >>> mean_margin(variance_bound=1.0, observations=n, alpha=1e-3, miss=1e-2) <= 0.1
    True
    >>> mean_margin(variance_bound=1.0, observations=n - 1, alpha=1e-3, miss=1e-2) <= 0.1
    False
    """
    return sample_for(
        "margin", margin, lambda n: mean_margin(variance_bound=variance_bound, observations=n, alpha=alpha, miss=miss)
    )


def mean_resolution(*, variance_bound: float, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    """Return the distance of the true mean from the target at which Catoni's interval excludes the target.

    The same bound as for :func:`mean_margin`, with the whole chance of missing it, 1 - power, on one side.

    Parameters
    ----------
    variance_bound : float
        Bound on the variance that holds for the true law too.
    observations : int
        Sample size.
    alpha, power : float
        Level of the interval; probability with which it excludes the target.

    Returns
    -------
    float
        In the unit of the values; infinity if the sample is too small.

    Examples
    --------
    >>> round(mean_resolution(variance_bound=1.0, observations=10**6, alpha=2e-3, power=0.999), 4)
    0.0074
    >>> mean_resolution(variance_bound=1.0, observations=10, alpha=2e-3)
    inf
    """
    return _reach(variance_bound, observations, alpha, -math.log1p(-check_power("power", power)))


# Catoni without a planned number of observations


def _tilted_reach(v: float, n: int, alpha: float, log_miss: float) -> float:
    """Return the deviation that the average over all tilts sees with probability 1 - exp(-log_miss); inf if none.

    As in :func:`_reach`, E exp(-psi(l (x - m))) <= 1 - u + u^2/2 + l^2 v / 2 with u = l (mu - m), as long as u <= 1;
    farther means are seen sooner. Each tilt has its share of the capital, and the best one decides.
    """
    # In units of a power of two near the bound's root squares do not overflow; the reach scales with the unit.
    exponent = math.frexp(v)[1] // 2
    v = math.ldexp(v, -2 * exponent)
    tilts = mean_tilts(variance_bound=v, alpha=alpha, observations=None)
    fees = 0.5 * tilts * tilts * v
    threshold = math.log(2.0 * tilts.size / alpha)
    c = fees - np.expm1(-np.log1p(fees) - (threshold + log_miss) / n)
    with np.errstate(invalid="ignore"):
        u = 2.0 * c / (1.0 + np.sqrt(1.0 - 2.0 * c))
    reaches = np.where(c <= 0.5, u / tilts, math.inf)
    return math.ldexp(float(reaches.min()), exponent)


def mean_sequence_margin(
    *, variance_bound: SupportsFloat, observations: SupportsIndex, alpha: SupportsFloat, miss: SupportsFloat
) -> float:
    """Return the smallest margin that holds the confidence sequence of Catoni around the true mean after n values.

    The sequence has no planned number of observations. With one, use
    :func:`theory_check.inference.design.mean_margin`.

    Parameters
    ----------
    variance_bound : float
        Proven bound on the variance of a value.
    observations : int
        Sample size n.
    alpha, miss : float
        Level of the sequence; probability, at most, that its interval leaves the margin.

    Returns
    -------
    float
        In the unit of the values; infinity if the sample is too small.

    Examples
    --------
    >>> plan = {"variance_bound": 1.0, "alpha": 1e-3, "miss": 1e-2}
    >>> wide, narrow = (mean_sequence_margin(observations=n, **plan) for n in (10**4, 10**6))
    >>> 8.0 < wide / narrow < 12.0
    True
    """
    v, n = (
        check_positive("variance_bound", variance_bound),
        check_count("observations", observations, maximum=LARGEST_SAMPLE),
    )
    return _tilted_reach(v, n, check_level("alpha", alpha), math.log(2.0 / check_level("miss", miss)))


def mean_sequence_sample_size(
    *, variance_bound: SupportsFloat, margin: SupportsFloat, alpha: SupportsFloat, miss: SupportsFloat
) -> int:
    """Return the smallest number of observations whose :func:`mean_sequence_margin` is at most `margin`.

    Parameters
    ----------
    variance_bound : float
        Proven bound on the variance of a value.
    margin : float
        Tolerated deviation, in the unit of the values.
    alpha, miss : float
        As for :func:`mean_sequence_margin`.

    Returns
    -------
    int

    Examples
    --------
    >>> n = mean_sequence_sample_size(variance_bound=1.0, margin=0.1, alpha=1e-3, miss=1e-2)
    >>> mean_sequence_margin(variance_bound=1.0, observations=n, alpha=1e-3, miss=1e-2) <= 0.1
    True
    """
    plan = {"variance_bound": variance_bound, "alpha": alpha, "miss": miss}
    return sample_for("margin", margin, lambda n: mean_sequence_margin(observations=n, **plan))


def mean_sequence_resolution(
    *, variance_bound: SupportsFloat, observations: SupportsIndex, alpha: SupportsFloat, power: SupportsFloat = 0.99
) -> float:
    """Return the distance of the true mean from the hypothesis at which the sequence excludes it after n values.

    Parameters
    ----------
    variance_bound : float
        Bound on the variance that holds for the true law too.
    observations : int
        Sample size n.
    alpha, power : float
        Level of the sequence; probability with which it excludes the hypothesis.

    Returns
    -------
    float
        In the unit of the values; infinity if the sample is too small.

    Examples
    --------
    >>> mean_sequence_resolution(variance_bound=1.0, observations=5, alpha=1e-3)
    inf
    >>> plan = {"variance_bound": 1.0, "observations": 1000, "alpha": 1e-3}
    >>> round(mean_sequence_resolution(power=0.99, **plan) / mean_sequence_margin(miss=0.02, **plan), 12)
    1.0
    """
    v, n = (
        check_positive("variance_bound", variance_bound),
        check_count("observations", observations, maximum=LARGEST_SAMPLE),
    )
    return _tilted_reach(v, n, check_level("alpha", alpha), -math.log1p(-check_power("power", power)))
