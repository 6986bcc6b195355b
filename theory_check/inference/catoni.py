r"""Sequential tests of a mean with a proved bound on the variance, for any tails (Catoni).

Notation. Given the past, x_i has mean m and variance at most v. psi(z) = sgn(z) ln(1 + |z| + z^2/2), which lies between
-ln(1 - z + z^2/2) and ln(1 + z + z^2/2). For a tilt l > 0

    W_l(n; m) = prod_{i <= n} exp(psi(l (x_i - m))) / (1 + l^2 v / 2)

is an e-process against "mean <= m, variance <= v", because E exp(psi(l (x - m))) <= 1 + l E(x - m) + l^2 v / 2 at the
true mean; it decreases in m. W_{-l} is the one against "mean >= m". The tilt sqrt(2 ln(2/alpha) / (n v)) is the best
for n observations; without a plan, capital is divided equally among the tilts for n = 16, 64, ..., 4^13.

Exact at every stopping time, for independent or dependent x_i whose conditional variances respect the bound. An
estimated variance is no such bound.

Source: O. Catoni, Annales de l'Institut Henri Poincare 48 (2012) 1148-1185; H. Wang and A. Ramdas, Stochastic Processes
and their Applications 163 (2023) 168-202, for the sequential use.
"""

from __future__ import annotations

import math
import sys
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count, check_number, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.sequential import ConfidenceSequence, EvidencePath, check_times, safe_root
from theory_check.inference.validation import check_level, check_sample

#: Sample sizes that the tilts are made for when the number of observations is not planned.
HORIZONS: FloatArray = 4.0 ** np.arange(2.0, 14.0)

#: The search for a root starts here at most, below what overflows.
_LARGEST_ROOT = math.sqrt(sys.float_info.max)


def mean_tilts(*, variance_bound: float, alpha: float, observations: int | None) -> FloatArray:
    r"""Return the tilts :math:`\sqrt{2 \ln(2/\alpha)/(n v)}` of Catoni's process.

    Parameters
    ----------
    variance_bound : float
        Bound v on the variance of an observation.
    alpha : float
        Level that the tilts are made for.
    observations : int or None
        The planned number n; None for all of :data:`HORIZONS`.

    Returns
    -------
    float64 array, shape (1,) or (12,)
        In the inverse unit of the observations.

    Examples
    --------
    >>> mean_tilts(variance_bound=0.5, alpha=2.0 * math.exp(-4.0), observations=16).tolist()
    [1.0]
    """
    horizons = HORIZONS if observations is None else np.array([float(observations)])
    return np.sqrt(2.0 * math.log(2.0 / alpha) / horizons) / math.sqrt(variance_bound)


def mean_evidence(
    values: ArrayLike,
    mean: SupportsFloat,
    *,
    variance_bound: SupportsFloat,
    alpha: SupportsFloat,
    observations: SupportsIndex | None = None,
) -> EvidencePath:
    r"""Evidence against "the mean is `mean`" for observations of bounded variance.

    The e-process is the average of the two one-sided ones, :math:`\frac12 W_\lambda + \frac12 W_{-\lambda}`. The set of
    means with evidence below :math:`1/\alpha` after the planned number of observations is the interval of
    :func:`theory_check.inference.intervals.mean_interval`.

    Parameters
    ----------
    values : array_like, shape (n,)
        Observations in their order.
    mean : float
        The hypothesis.
    variance_bound : float
        Proven bound on the variance of each observation given those before.
    alpha : float
        Level that the tilt is made for. The evidence is valid at every level.
    observations : int, optional
        Planned number of observations, fixed before looking. Without it evidence grows at every scale, at the price of
        ln 12 in its logarithm.

    Returns
    -------
    EvidencePath
        Log evidence after each observation.

    Examples
    --------
    One value at the mean leaves the fee, 1/(1 + l^2 v/2) with l^2 v/2 = ln(2/alpha)/n:

    >>> path = mean_evidence([0.0], 0.0, variance_bound=1.0, alpha=2.0 * math.exp(-1.0), observations=1)
    >>> round(math.exp(path.final), 12)
    0.5
    """
    sample = check_sample("values", values)
    m = check_number("mean", mean)
    v, tilts = _check_tilts(variance_bound, alpha, observations)
    kernel = _kernel()
    up, down = np.empty(sample.size), np.empty(sample.size)
    contiguous = np.ascontiguousarray(sample)
    kernel(contiguous, m, v, tilts, up)
    kernel(contiguous, m, v, -tilts, down)
    return EvidencePath(np.logaddexp(up, down) - math.log(2.0), "Catoni")


def mean_sequence(
    values: ArrayLike,
    *,
    variance_bound: SupportsFloat,
    alpha: SupportsFloat,
    observations: SupportsIndex | None = None,
    times: ArrayLike | None = None,
) -> ConfidenceSequence:
    r"""Confidence sequence of the mean of observations of bounded variance.

    At each time it keeps all m whose two one-sided capitals are below :math:`2/\alpha`, as a running intersection.
    Valid at all `times` together with probability 1 - `alpha`. With a planned number of `observations` the interval at
    that time is the one of a fixed sample; earlier ones are wider than without a plan.

    Parameters
    ----------
    values, variance_bound, alpha, observations
        As for :func:`mean_evidence`.
    times : array_like of int, optional
        Increasing numbers of observations at which to look; two per octave by default.

    Returns
    -------
    ConfidenceSequence

    Examples
    --------
    >>> from theory_check.inference.intervals import mean_interval
    >>> values, plan = [0.4, 0.6] * 500, {"variance_bound": 0.01, "alpha": 1e-3}
    >>> sequence, interval = mean_sequence(values, observations=1000, **plan), mean_interval(values, **plan)
    >>> abs(sequence.last.upper - interval.upper) < 1e-3 * (interval.upper - interval.lower)
    True
    """
    sample = check_sample("values", values)
    stops = check_times(times, sample.size)
    v, tilts = _check_tilts(variance_bound, alpha, observations)
    alpha = check_level("alpha", alpha)
    means = np.cumsum(sample)[stops - 1] / stops
    lower = [-_upper_end(-sample[:stop], v, tilts, alpha) for stop in stops]
    upper = [_upper_end(sample[:stop], v, tilts, alpha) for stop in stops]
    return ConfidenceSequence(stops, means, np.maximum.accumulate(lower), np.minimum.accumulate(upper), alpha, "Catoni")


def _check_tilts(
    variance_bound: SupportsFloat, alpha: SupportsFloat, observations: SupportsIndex | None
) -> tuple[float, FloatArray]:
    v = check_positive("variance_bound", variance_bound)
    planned = None if observations is None else check_count("observations", observations)
    return v, mean_tilts(variance_bound=v, alpha=check_level("alpha", alpha), observations=planned)


def _kernel() -> Any:
    from theory_check.kernels.evidence import tilt

    return tilt


def _upper_end(sample: FloatArray, v: float, tilts: FloatArray, alpha: float) -> float:
    """Return a mean just above the root of log W_{-l}(m) = ln(2/alpha), which increases in m without bound."""
    tilt = _kernel()
    contiguous = np.ascontiguousarray(sample)
    needed = math.log(2.0 / alpha)
    start = float(np.median(sample))  # an outlier moves the average so far that a distance from it has no digits left
    nothing = np.empty(0)

    def excess(distance: float) -> float:
        return float(tilt(contiguous, start + distance, v, -tilts, nothing)) - needed

    guess = min(math.sqrt(2.0 * (needed + math.log(tilts.size)) * v / sample.size), _LARGEST_ROOT)
    # A ten-thousandth of the width does not change a verdict.
    return start + safe_root(excess, guess=guess, limit=math.inf, tolerance=1e-4 * guess)
