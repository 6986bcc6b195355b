"""Effects of the law of the entries beyond its variance: kurtosis at finite depth, skewness inside the activation.

Notation
    X entry of sqrt(d) V or sqrt(d) W, variance 1, kurtosis q = 3 + c, skewness l; e = h / ||h||; g the branch at e,
    s = ||g||^2; u = <e, V g>, r = ||V g||^2; s_n = sum_i e_i^n, G_n = sum_j g_j^n; M = 1 + 2 a u + a^2 r.

Kurtosis. Given g the coordinates of sqrt(d) V g are independent with variance s and fourth cumulant c G_4. Of the terms
of order a^4 in E log M and Var log M (see ``limits``), - E r^2 / 2 + 4 E u^2 r - 4 E u^4 and E r^2 - 12 E u^2 r +
(44/3) E u^4, the law of V enters through

    E r^2: c G_4 / d,    E u^2 r: c G_4 / d^2,    E u^4: c s_4 G_4 / d^2,

and for res-3 the law of W through E s^2: c s_4 / (2 d) more than for Gaussian W, E G_4 = (3 + c s_4)/(2 d). Directions
of hidden states are taken as uniform, which they are up to a part of order c a^2: E s_4 = 3/(d+2), E s_4^2 = (9 d +
96)/((d+2)(d+4)(d+6)).
The third and fourth cumulants of log M have the terms 12 (E u^2 r - 2 E u^4) and 16 E u^4 - 3 (E 4 u^2)^2 of order
a^4; what E s^2 has more for the law of W enters them with 12 (d - 4)/d^2 and 48/d^2. Odd orders vanish for symmetric
laws, so the next term is of order a^6, and layers are correlated through s_4 at that order too: of the term
- c E G_4/(2 d), which leads at large widths, it is what r^3/3 is of - r^2/2, - 2 a^2 E s G_4 / E G_4, of size 2 a^2 for
a linear branch. At width 6 it was measured, as less than 2 a^2 of what the correction moves.

Over L layers the cumulants add up, by L a^4, which does not vanish with depth at beta <= 1/4. The same holds backward:
p + a W^T D V^T p has the coordinates of V^T p in the place of those of W h, and D keeps half of each even moment.

Skewness of V changes E log M at order a^3, hence log R at order L^(-1/2): no limit. Skewness of W enters at order a^2,
since the positive part of (W e)_i has no longer half of its second moment: with the first term of Edgeworth's series

    k(e) := E ||relu(W e)||^2 = (1 + l s_3 sqrt(2/pi)/3)/2 + O(1/d),    s_3 = sum_i e_i^3,

instead of kappa = 1/2. From h_0 = (1, ..., 1), at beta = 1/2 and large d, the coordinates of h at time t are
1 + N(0, e^(t/2) - 1), so sqrt(d) s_3 = (3 e^(t/2) - 2) e^(-3t/4), whose integral over [0, 1] is
12 (1 - e^(-1/4)) - (8/3)(1 - e^(-3/4)) = 1.247. log E R is displaced by l sqrt(2/pi)/6 times that over sqrt(d): by a
part of the deviation sqrt(2/d) of log R that does not depend on the width.

Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import HypothesisError
from theory_check.theory.depth_law import DepthLaw
from theory_check.theory.hypotheses import check_branch
from theory_check.theory.multiplier import Multiplier, layer_groups

_HALF_MOMENT = math.sqrt(2.0 / math.pi) / 3.0  # E y|y| for variance 1 and a small third cumulant, over the cumulant


#: Deviations beyond which a correction of a law stays what it is there.
_FAR = 6.0


@dataclass(frozen=True)
class Cumulants:
    """The first four cumulants of a variable, or what is added to them.

    Parameters
    ----------
    mean, variance, third, fourth : float
    """

    mean: float
    variance: float
    third: float
    fourth: float


@dataclass(frozen=True)
class CorrectedLaw:
    """The law of log R with a little more of its first four cumulants than for Gaussian weights.

    With z = (x - m)/s, m and s the mean and deviation of a law F that is nearly normal, it is, to first order,

        F(x - k_1 - k_2 z/(2 s) - k_3 (z^2 - 1)/(6 s^2) - k_4 (z^3 - 3 z)/(24 s^3)).

    Parameters
    ----------
    law : DepthLaw
        F.
    added : Cumulants
        k_1 to k_4, small against the powers of s.

    Examples
    --------
    >>> from theory_check.theory.depth_law import depth_law
    >>> law = CorrectedLaw(depth_law(Multiplier(6), 0.1, 50), Cumulants(0.01, 0.0, 0.0, 0.0))
    >>> round(float(law.quantile(0.5) - law.law.quantile(0.5)), 12)
    0.01
    """

    law: DepthLaw
    added: Cumulants

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        points = np.asarray(x, dtype=np.float64)
        return self.law.cdf(points - self._moved(points))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function, by fixed point iteration: each step multiplies the error by about k / s."""
        before = self.law.quantile(p)
        points = before
        for _ in range(6):
            points = before + self._moved(points)
        return points

    def _moved(self, points: FloatArray) -> FloatArray:
        s, k = math.sqrt(self.law.variance), self.added
        z = np.clip((points - self.law.mean) / s, -_FAR, _FAR)
        even = k.mean + k.third * (z * z - 1.0) / (6.0 * s * s)
        return np.asarray(even + z * (k.variance / (2.0 * s) + k.fourth * (z * z - 3.0) / (24.0 * s**3)))


def _check_layer(statement: str, multiplier: Multiplier) -> None:
    check_branch(statement, multiplier.branch, rectifier=True)
    if multiplier.gain != 1.0:
        raise HypothesisError(f"{statement} needs entries of unit variance, not a gain of {multiplier.gain:g}")


@dataclass(frozen=True)
class FourthMoments:
    """Fourth moments of the branch over uniform directions.

    Parameters
    ----------
    squared_scale : float
        E s^2 less its value for Gaussian W.
    branch : float
        E G_4.
    product : float
        E s_4 G_4.
    """

    squared_scale: float
    branch: float
    product: float


def fourth_moments(multiplier: Multiplier, excess: float) -> FourthMoments:
    """Return the fourth moments through which the kurtosis acts.

    Parameters
    ----------
    multiplier : Multiplier
        Linear or ReLU, of gain 1.
    excess : float
        Kurtosis of the entries minus 3.

    Returns
    -------
    FourthMoments

    Raises
    ------
    HypothesisError
        For other slopes or gains.

    Examples
    --------
    >>> fourth_moments(Multiplier(4), -2.0).branch
    0.5
    """
    _check_layer("the correction", multiplier)
    d = multiplier.width
    s4 = 3.0 / (d + 2)
    s4_squared = (9.0 * d + 96.0) / ((d + 2) * (d + 4) * (d + 6))
    if not multiplier.has_inner:
        return FourthMoments(0.0, s4, s4_squared)
    moment = (3.0 + excess * s4) / (2.0 * d)
    return FourthMoments(excess * s4 / (2.0 * d), moment, (3.0 * s4 + excess * s4_squared) / (2.0 * d))


def kurtosis_correction(
    multiplier: Multiplier, excess: float, scaling: ArrayLike, depth: int | None = None
) -> Cumulants:
    """Return what an excess kurtosis of V and W adds to the cumulants of log R or log R*, to order a^4 per layer.

    Parameters
    ----------
    multiplier : Multiplier
        Linear or ReLU, of gain 1.
    excess : float
        Kurtosis of the entries minus 3.
    scaling, depth
        As for :func:`~theory_check.theory.multiplier.layer_groups`.

    Returns
    -------
    Cumulants
        The additions; each may be negative.

    Raises
    ------
    HypothesisError
        For other slopes or gains.

    Examples
    --------
    >>> kurtosis_correction(Multiplier(4), 0.0, 0.1, 100).variance
    0.0
    >>> round(kurtosis_correction(Multiplier(4), 1.0, 1.0, 1).mean, 12)
    -0.00625
    """
    values, counts = layer_groups(scaling, depth)
    d, moments = multiplier.width, fourth_moments(multiplier, excess)
    squared_scale, g4, s4_g4 = moments.squared_scale, moments.branch, moments.product
    mean = -(1 - 2 / d) * (1 - 4 / d) / 2 * squared_scale
    mean += excess * (g4 * (4 / d**2 - 1 / (2 * d)) - 4 * s4_g4 / d**2)
    variance = (d * d - 10 * d + 20) / d**2 * squared_scale
    variance += excess * (g4 * (1 / d - 12 / d**2) + 44 / 3 * s4_g4 / d**2)
    third = 12 * ((d - 4) * squared_scale + excess * (g4 - 2 * s4_g4)) / d**2
    fourth = 16 * (3 * squared_scale + excess * s4_g4) / d**2
    power = float(np.sum(counts * values**4))
    return Cumulants(mean * power, variance * power, third * power, fourth * power)


def norm_ratio_variance_bound(
    multiplier: Multiplier, kurtosis: float, skewness: float, scaling: ArrayLike, depth: int | None = None
) -> float:
    """Bound Var R for independent entries of unit variance.

    Given h: E M = 1 + kappa a^2 and, with s_4 <= 1, G_4 <= s_4 or E G_4 <= (3 + c)/(2 d), |u r| terms as in the head of
    the module, s_3 times sum e_i at most sqrt(d),

        E M^2 <= 1 + 2 a^2 kappa (1 + 2/d) + 4 a^3 |l| / d + a^4 [(1 + 2/d) E s^2 + c E G_4 / d],

    c counted where it is positive; Var R = prod E M^2 - prod (1 + kappa a^2)^2.

    Parameters
    ----------
    multiplier : Multiplier
        Linear or ReLU, of gain 1.
    kurtosis, skewness : float
        Of the entries; the skewness is 0 unless the branch is linear.
    scaling, depth
        As for :func:`~theory_check.theory.multiplier.layer_groups`.

    Returns
    -------
    float

    Raises
    ------
    HypothesisError
        For other slopes or gains, or skewed inner weights.

    Examples
    --------
    At kurtosis 3 it is the Gaussian variance:

    >>> round(norm_ratio_variance_bound(Multiplier(2), 3.0, 0.0, 1.0, 1), 12)
    3.0
    """
    d, kappa = multiplier.width, multiplier.kappa
    _check_layer("the bound", multiplier)
    linear = not multiplier.has_inner
    if skewness != 0.0 and not linear:
        raise HypothesisError(f"the bound needs symmetric weights inside the activation, not skewness {skewness:g}")
    excess = max(kurtosis - 3.0, 0.0)
    square = 1.0 if linear else (d + 5) / (4.0 * d) + excess / (2.0 * d)
    fourth = 1.0 if linear else (3.0 + excess) / (2.0 * d)
    values, counts = layer_groups(scaling, depth)
    second = 1 + 2 * values**2 * kappa * (1 + 2 / d) + 4 * values**3 * abs(skewness) / d
    second = second + values**4 * ((1 + 2 / d) * square + excess * fourth / d)
    log_mean = float(np.sum(counts * np.log1p(kappa * values**2)))
    return math.exp(float(np.sum(counts * np.log(second)))) - math.exp(2 * log_mean)


def skewed_variance_bound(
    width: int, kurtosis: float, skewness: float, scaling: ArrayLike, depth: int | None = None
) -> float:
    """Bound Var R of res-3, ReLU, for independent centred entries of unit variance and any skewness, from any input.

    Given e, with G_n over n and p = E s: p <= 1, since relu keeps a part of the second moment; E G_4 <= (3 + c)/d;
    E G_3 <= (p E G_4)^(1/2) by Cauchy and Schwarz; E s^2 <= E G_4 + p^2; E u r = l G_3 sum e_i / d^(3/2), and
    |sum e_i| <= d^(1/2). So

        E M^2 <= 1 + 2 a^2 (1 + 2/d) + 4 a^3 |l| E G_3 / d + a^4 [(1 + 2/d)(1 + E G_4) + c E G_4 / d],

    c counted where it is positive. E M >= 1 gives Var R <= prod E M^2 - 1.

    Parameters
    ----------
    width : int
        Dimension d of the hidden state.
    kurtosis, skewness : float
        Of the entries.
    scaling, depth
        As for :func:`~theory_check.theory.multiplier.layer_groups`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(skewed_variance_bound(2, 3.0, 0.0, 1.0, 1), 12)
    9.0
    """
    excess = max(kurtosis - 3.0, 0.0)
    fourth = (3.0 + excess) / width
    values, counts = layer_groups(scaling, depth)
    second = 1 + 2 * values**2 * (1 + 2 / width) + 4 * values**3 * abs(skewness) * math.sqrt(fourth) / width
    second = second + values**4 * ((1 + 2 / width) * (1 + fourth) + excess * fourth / width)
    return math.expm1(float(np.sum(counts * np.log(second))))


def ones_shift(skewness: float) -> float:
    """Return by how many deviations of log R skewness displaces log E R: res-3, ReLU, h_0 = (1, ..., 1), large d."""
    integral = 12.0 * -math.expm1(-0.25) - 8.0 / 3.0 * -math.expm1(-0.75)
    return skewness * _HALF_MOMENT / 2.0 * integral / math.sqrt(2.0)


def exponential_kappa(width: int) -> float:
    """E ||relu(W h)||^2 / ||h||^2 for centred exponential entries and h = (1, ..., 1), exact.

    Each coordinate is (G - d)/d for G gamma distributed of shape d, and E (G - d)^2 over G > d is a sum of incomplete
    gamma functions.
    """
    from scipy.special import gammaincc

    d = width
    upper = [float(gammaincc(d + k, d)) for k in range(3)]
    return (d + 1) * upper[2] - 2 * d * upper[1] + d * upper[0]


def exponential_layer_variance_bound(width: int) -> float:
    """Bound Var R of one layer of such entries with a = 1, from h = (1, ..., 1).

    As :func:`skewed_variance_bound`, with p = kappa and E G_4 <= d E w^4 = (3 + 6/d)/d for a coordinate w of W e.
    """
    d, kappa, skewness, excess = width, exponential_kappa(width), 2.0, 6.0
    fourth = (3.0 + 6.0 / d) / d
    third = math.sqrt(kappa * fourth)
    second = 1.0 + 2.0 * kappa * (1.0 + 2.0 / d) + 4.0 * skewness * third / d
    second += (1.0 + 2.0 / d) * (fourth + kappa**2) + excess * fourth / d
    return second - (1.0 + kappa) ** 2
