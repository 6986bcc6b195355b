"""Planning of orders of convergence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count, check_nonnegative, check_positive
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.design.means import mean_margin
from theory_check.inference.design.search import LARGEST_SAMPLE, sample_for
from theory_check.inference.rates import RESOLVED, slope_weights
from theory_check.inference.validation import check_level, check_sample


def slope_margin(log_sizes: ArrayLike, *, component_margin: float) -> float:
    r"""Return the margin of a slope whose components are known within a factor.

    If every component interval lies within the factors :math:`e^{\pm h}` of its true quantity, h = `component_margin`,
    the slope interval lies within :math:`h \sum_k |w_k|` of the true slope. The miss rates of the components add up.

    Examples
    --------
    Two sizes a factor e apart, each quantity within 5%: the slope within 0.1.

    >>> slope_margin([0.0, 1.0], component_margin=0.05)
    0.1
    """
    h = check_nonnegative("component_margin", component_margin)
    return h * float(np.abs(slope_weights(log_sizes)).sum())


def slope_component_margin(log_sizes: ArrayLike, *, margin: float) -> float:
    """Return the margin, on the logarithmic scale, to plan each component with; inverse of :func:`slope_margin`."""
    margin = check_positive("margin", margin)
    return margin / float(np.abs(slope_weights(log_sizes)).sum())


def _rate_margin(
    weights: Sequence[float], errors: Sequence[float], variances: Sequence[float], n: int, alpha: float, miss: float
) -> float:
    count = len(errors)
    up = down = 0.0
    for weight, error, variance in zip(weights, errors, variances, strict=True):
        deviation = mean_margin(variance_bound=variance, observations=n, alpha=alpha / count, miss=miss / count) / error
        # What `rate` takes for the standard error, in units of the true error: half a width over sqrt(2 ln(2/level)).
        spread = deviation / math.sqrt(2.0 * math.log(2.0 * count / alpha))
        if deviation >= 1.0 or 1.0 - deviation < RESOLVED * spread:
            return math.inf
        above, below = math.log1p(deviation), -math.log1p(-deviation)
        up += weight * above if weight > 0.0 else -weight * below
        down += weight * below if weight > 0.0 else -weight * above
    return max(up, down)


def _check_plan(
    log_sizes: ArrayLike, errors: ArrayLike, variance_bounds: ArrayLike
) -> tuple[list[float], list[float], list[float]]:
    weights = slope_weights(log_sizes)
    error, variance = check_sample("errors", errors), check_sample("variance_bounds", variance_bounds)
    if not error.size == variance.size == weights.size or np.any(error <= 0.0) or np.any(variance <= 0.0):
        raise SpecificationError("one positive error and one positive variance bound per size are needed")
    return weights.tolist(), error.tolist(), variance.tolist()


def rate_margin(
    log_sizes: ArrayLike,
    errors: ArrayLike,
    *,
    variance_bounds: ArrayLike,
    observations: SupportsIndex,
    alpha: float,
    miss: float,
) -> float:
    r"""Return the smallest margin of an order of convergence for `observations` values of the error at each size.

    For Catoni intervals (:func:`theory_check.inference.rates.error_intervals`) of true mean errors :math:`e_k`: with
    probability 1 - miss each lies within the factors :math:`1 \pm \delta_k`, :math:`\delta_k = m_k / e_k` with
    :math:`m_k` the margin of a mean, and then the slope interval lies within the larger of

    .. math:: \sum_k w_k^+ \ln(1 + \delta_k) - w_k^- \ln(1 - \delta_k), \qquad
              \sum_k w_k^- \ln(1 + \delta_k) - w_k^+ \ln(1 - \delta_k)

    of the true slope.

    Parameters
    ----------
    log_sizes : array_like, shape (K,)
        Logarithms of the sizes.
    errors : array_like, shape (K,)
        True mean errors :math:`e_k` to plan for, positive.
    variance_bounds : array_like, shape (K,)
        Proven bounds on the variance of an error at each size.
    observations : int
        Values of the error at each size.
    alpha, miss : float
        Level of the slope; probability, at most, that its interval leaves the margin.

    Returns
    -------
    float
        Infinity where an error would not be five standard errors from 0.

    Examples
    --------
    >>> plan = {"variance_bounds": [0.01, 0.0025], "alpha": 1e-3, "miss": 0.01}
    >>> [round(rate_margin([0.0, 0.7], [1.0, 0.5], observations=n, **plan), 2) for n in (3, 100, 10_000)]
    [inf, 0.24, 0.02]
    """
    plan = _check_plan(log_sizes, errors, variance_bounds)
    n = check_count("observations", observations, maximum=LARGEST_SAMPLE)
    return _rate_margin(*plan, n, check_level("alpha", alpha), check_level("miss", miss))


def rate_sample_size(
    log_sizes: ArrayLike, errors: ArrayLike, *, variance_bounds: ArrayLike, margin: float, alpha: float, miss: float
) -> int:
    """Return the smallest number of values at each size whose :func:`rate_margin` is at most `margin`.

    Parameters
    ----------
    log_sizes, errors, variance_bounds : array_like, shape (K,)
        As for :func:`rate_margin`.
    margin : float
        Tolerated deviation of the slope.
    alpha, miss : float
        As for :func:`rate_margin`.

    Returns
    -------
    int

    Examples
    --------
    >>> plan = {"variance_bounds": [0.01, 0.0025], "alpha": 1e-3, "miss": 0.01}
    >>> n = rate_sample_size([0.0, 0.7], [1.0, 0.5], margin=0.1, **plan)
    >>> [rate_margin([0.0, 0.7], [1.0, 0.5], observations=size, **plan) <= 0.1 for size in (n - 1, n)]
    [False, True]
    """
    plan = _check_plan(log_sizes, errors, variance_bounds)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return sample_for("margin", margin, lambda n: _rate_margin(*plan, n, alpha, miss))
