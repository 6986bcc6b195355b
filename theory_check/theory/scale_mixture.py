"""Quadrature for the law of the squared scale S of a layer (the randomness of W, see ``multiplier``).

Notation
    S = gain (chi2_N + slope^2 chi2_{d-N}) / d^2, N binomial(d, 1/2), t = log S.

Given N, t is up to a constant the logarithm of a chi-square with N degrees of freedom (ReLU), or log chi2_d +
log(Q + slope^2 (1 - Q)) with Q ~ Beta(N/2, (d - N)/2) independent, integrated over v = log(Q / (1 - Q)). In t and in
v the densities are analytic in strips and decay exponentially on both sides, so the trapezoidal rule converges
geometrically: its error is the characteristic function at 2 pi / step, and the step is chosen by ``gamma_decay`` to
bring that below 1e-15. The grid of t starts where P(0 < S < S_0) is 1e-17, or 1e-10 when one coordinate can be alone
(then S_0 is of order 1e-20), and the first node takes that mass.

Exact up to about 1e-13: the tests compare E exp(-c S), which has a closed form, over all scales of c.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from theory_check.foundation.arrays import FloatArray
from theory_check.theory.gamma_decay import decay_frequency
from theory_check.theory.multiplier import Multiplier

_NEGLIGIBLE = 1e-19


@functools.lru_cache(maxsize=64)
def scale_nodes(multiplier: Multiplier, finest: float = math.inf) -> tuple[FloatArray, FloatArray]:
    """Nodes S_j > 0 and weights w_j with E f(S) = atom f(0) + sum_j w_j f(S_j).

    The weights add up to 1 - ``multiplier.atom``. The arrays are shared between calls and read-only. The rule needs an
    f whose Fourier transform, as a function of log S, is negligible at 2 pi / step: for a steeper one ask for a step
    of at most ``finest``.
    """
    d, slope2 = multiplier.width, multiplier.slope**2
    if not multiplier.has_inner:
        return _read_only(np.array([multiplier.gain / d])), _read_only(np.array([1.0]))
    step = min(2 * math.pi / decay_frequency(d / 2 + 2, 38.0), finest)
    binomial = {N: weight for N in range(d + 1) if (weight := math.comb(d, N) / 2**d) > _NEGLIGIBLE}
    smallest = min(N for N in binomial if N > 0) if slope2 == 0 else d
    lower = _log_chi2_lower(smallest, 1e-10 if smallest == 1 else 1e-17) + math.log(min(slope2, 1.0) or 1.0)
    # Laurent and Massart: chi2_d > d + 2 sqrt(d x) + 2 x has a probability below e^-x.
    upper = math.log((d + 2 * math.sqrt(45.0 * d) + 90.0) * max(1.0, slope2))
    t = np.arange(lower, upper + step, step)
    weights = step * sum(weight * _density_given_count(t, d, N, slope2, step) for N, weight in binomial.items())
    keep = weights > _NEGLIGIBLE
    t, weights = t[keep], weights[keep]
    weights[0] += max(0.0, 1 - multiplier.atom - weights.sum())
    weights *= (1 - multiplier.atom) / weights.sum()
    return _read_only(np.exp(t) * (multiplier.gain / d**2)), _read_only(weights)


def _read_only(values: FloatArray) -> FloatArray:
    values.flags.writeable = False
    return values


def _log_chi2_lower(n: int, level: float) -> float:
    """Return a point below which log chi2_n falls with probability at most ``level``.

    P(chi2_n < s) <= (s/2)^(n/2) / Gamma(n/2 + 1).
    """
    return math.log(2.0) + 2 / n * (math.log(level) + math.lgamma(n / 2 + 1))


def _log_chi2_density(t: FloatArray, n: int) -> FloatArray:
    """Density of log chi2_n."""
    half = n / 2
    return np.asarray(np.exp(half * (t - math.log(2.0)) - np.exp(t) / 2 - math.lgamma(half)), dtype=np.float64)


def _density_given_count(t: FloatArray, d: int, N: int, slope2: float, step: float) -> FloatArray:
    """Density of log(chi2_N + slope2 chi2_{d-N}), nothing for its atom at minus infinity."""
    if slope2 == 0:
        return _log_chi2_density(t, N) if N > 0 else np.zeros_like(t)
    if slope2 == 1 or d == N:
        return _log_chi2_density(t, d)
    if N == 0:
        return _log_chi2_density(t - math.log(slope2), d)
    left, right = N / 2, (d - N) / 2
    log_beta = math.lgamma(left) + math.lgamma(right) - math.lgamma(d / 2)
    # The density of v falls like exp(left v - log_beta) to the left and exp(-right v - log_beta) to the right.
    v = np.arange((log_beta - 40.0) / left, (40.0 - log_beta) / right + step, step)
    log_q, log_rest = -np.logaddexp(0.0, -v), -np.logaddexp(0.0, v)
    weights = step * np.exp(left * log_q + right * log_rest - log_beta)
    keep = weights > _NEGLIGIBLE
    shift = np.logaddexp(log_q, math.log(slope2) + log_rest)[keep]
    return np.asarray(_log_chi2_density(np.minimum(t[:, None] - shift, 7.0 + math.log(d + 1)), d) @ weights[keep])
