"""Exact moments of the norm ratio and of the displacement at finite depth and width (E1, E3, E17, E18, E19).

Notation
    R = ||h_L||^2 / ||h_0||^2, D = ||h_L - h_0||^2 / ||h_0||^2, overlap Y = <h_L, h_0> / ||h_0||^2, D = R - 2 Y + 1.
    M_k: multiplier of layer k (see ``multiplier``); P = prod (1 + kappa a_k^2).

Recurrences, for independent entries with a symmetric law, conditionally on layer k (X = ||h_k||^2, ||h_0|| = 1):
the increment is a V g with covariance (a^2 |g|^2 / d) I and no third moment, and E |g|^2 = kappa X, hence

    E X' = (1 + kappa a^2) X
    E Y' = Y
    E Y'^2 = Y^2 + (kappa a^2 / d) X            so  E Y_L^2 = 1 + (P - 1) / d, whatever the order of the scalings
    E X'Y' = (1 + kappa a^2 (1 + 2/d)) X Y
    E X'^2 = X^2 + 2 a^2 X E|Vg|^2 + 4 a^2 X E|g|^2 / d + a^4 E|Vg|^4.

The first four hold for every symmetric law. The last one depends on the fourth moments. For an entry law of kurtosis q,

    E [|Vg|^4 | g] = (|g|^4 / d^2) (d^2 + 2d) + (q - 3) sum_j g_j^4 / d,

and E |g|^4 is increasing in the kurtosis of W in the same way (rows of W are independent; given |(W h)_i|, the sign is
a fair coin). So **if the kurtosis of V and W is at most 3** (Gaussian: 3; uniform: 1.8; Rademacher: 1; symmetric
truncated normal: < 3), by induction over the layers E R^2 is at most its Gaussian value, and since
D^2 = R^2 + terms of the first four kinds, so are E D^2, Var R and Var D. Kurtosis decides, not sub-Gaussianity: a
sparse sign (0 with probability 9/10) is sub-Gaussian with kurtosis 10 and exceeds the Gaussian values.
Ties at 0 in W h do not disturb these forward moments (a zero contributes zero on either side).
Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the setting and the mean. Everything here is exact.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count
from theory_check.foundation.errors import NumericalOverflowError
from theory_check.foundation.stored_values import stored
from theory_check.theory.hypotheses import check_bias
from theory_check.theory.multiplier import Multiplier, layer_groups

_LOG_MAX = math.log(np.finfo(np.float64).max)


def _exp(log_value: float, name: str) -> float:
    """Exponential of a logarithm, refusing to overflow."""
    if log_value > _LOG_MAX:
        raise NumericalOverflowError(f"{name} is exp({log_value:.6g}), above double precision; use log_{name}")
    return math.exp(log_value)


def multiplier_moment_excess(multiplier: Multiplier, a: float, order: int) -> float:
    """E M^r - 1 for Gaussian weights (E2, E3, E19).

    Given tau = a^2 S, M / tau is a noncentral chi-square with d degrees of freedom and noncentrality 1 / tau, whose
    Mellin transform is a Kummer function that terminates at integers:

        E [M^r | tau] = sum_k binomial(r, k) tau^k prod_{j=1..k} (d + 2 (r - j)).

    All the terms are positive, so nothing cancels. r = 1: 1 + d tau. r = 2: 1 + 2 (d + 2) tau + d (d + 2) tau^2.

    Parameters
    ----------
    multiplier : Multiplier
        Law of the layer.
    a : float
        Its scaling.
    order : int
        The exponent r, not negative.

    Returns
    -------
    float

    Examples
    --------
    >>> [round(multiplier_moment_excess(Multiplier(2), 1.0, order), 12) for order in (0, 1, 2)]
    [0.0, 1.0, 6.0]
    """
    check_count("order", order, 0)
    if a == 0:
        return 0.0
    total = 0.0
    log_product = 0.0
    for k in range(1, order + 1):
        log_product += math.log(multiplier.width + 2 * (order - k))
        total += math.comb(order, k) * math.exp(log_product + 2 * k * math.log(abs(a)) + multiplier.log_scale_moment(k))
    return total


def log_norm_ratio_moment(
    multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, order: int = 1
) -> float:
    """Logarithm of E R^order: exact for Gaussian weights, and for every symmetric law when order is 1.

    For order 2 it is an upper bound for symmetric laws of kurtosis at most 3 (see the head of the module).

    Parameters
    ----------
    multiplier : Multiplier
        Law of one layer.
    scaling, depth
        As for :func:`~theory_check.theory.multiplier.layer_groups`.
    order : int
        Exponent of R.

    Returns
    -------
    float

    Examples
    --------
    E R = (1 + kappa a^2)^L:

    >>> round(math.exp(log_norm_ratio_moment(Multiplier(5), 0.5, 2)), 12)
    1.5625
    """
    values, counts = layer_groups(scaling, depth)
    excess = [multiplier_moment_excess(multiplier, float(a), order) for a in values]
    return float(np.sum(counts * np.log1p(excess)))


def norm_ratio_moment(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, order: int = 1) -> float:
    """E R^order, the exponential of :func:`log_norm_ratio_moment`.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.
    order : int
        Exponent of R.

    Returns
    -------
    float

    Examples
    --------
    >>> round(norm_ratio_moment(Multiplier(2), 1.0, 1, order=2), 12)
    7.0
    """
    return _exp(log_norm_ratio_moment(multiplier, scaling, depth, order), "norm_ratio_moment")


def mean_displacement(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None) -> float:
    """E D = E R - 1 (E1), every symmetric law.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(mean_displacement(Multiplier(5), 0.5, 2), 12)
    0.5625
    """
    log_mean = log_norm_ratio_moment(multiplier, scaling, depth)
    _exp(log_mean, "norm_ratio_moment")
    return math.expm1(log_mean)


def multiplier_variance(multiplier: Multiplier, a: float) -> float:
    """Var M = 4 a^2 kappa / d + a^4 (d (d + 2) E S^2 - kappa^2) for Gaussian weights.

    For kurtosis at most 3 it bounds the variance of ||h_{k+1}||^2 / ||h_k||^2 given h_k, for every h_k: the steps of
    the head of the module hold given h_k, E |Vg|^4 <= (1 + 2/d) E |g|^4 and E (W h)_i^4 <= 3 |h|^4 / d^2.
    """
    d, kappa = multiplier.width, multiplier.kappa
    return 4 * a**2 * kappa / d + a**4 * (d * (d + 2) * multiplier.scale_moment(2) - kappa**2)


def log_norm_ratio_variance(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None) -> float:
    """Logarithm of Var R for Gaussian weights; an upper bound for kurtosis at most 3.

    E R^2 / (E R)^2 - 1 is formed from Var M / (E M)^2 layer by layer, so that small scalings lose no digits.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.

    Returns
    -------
    float
        Minus infinity if every scaling is 0.

    Examples
    --------
    >>> round(math.exp(log_norm_ratio_variance(Multiplier(2), 1.0, 1)), 12)
    3.0
    """
    values, counts = layer_groups(scaling, depth)
    variances = np.array([multiplier_variance(multiplier, float(a)) for a in values])
    log_ratio = float(np.sum(counts * np.log1p(variances / (1 + multiplier.kappa * values**2) ** 2)))
    if log_ratio == 0:
        return -math.inf
    log_excess = math.log(math.expm1(log_ratio)) if log_ratio < 1 else log_ratio + math.log1p(-math.exp(-log_ratio))
    return 2 * log_norm_ratio_moment(multiplier, scaling, depth) + log_excess


@stored
def norm_ratio_variance(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None) -> float:
    """Var R, the exponential of :func:`log_norm_ratio_variance`.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(norm_ratio_variance(Multiplier(2), 1.0, 1), 12)
    3.0
    """
    return _exp(log_norm_ratio_variance(multiplier, scaling, depth), "norm_ratio_variance")


def log_norm_overlap_moment(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None) -> float:
    """Logarithm of E R Y = E ||h_L||^2 <h_L, h_0> / ||h_0||^4, every symmetric law.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.

    Returns
    -------
    float

    Examples
    --------
    E R Y = prod (1 + kappa a^2 (1 + 2/d)):

    >>> round(math.exp(log_norm_overlap_moment(Multiplier(2), 1.0, 2)), 12)
    9.0
    """
    values, counts = layer_groups(scaling, depth)
    return float(np.sum(counts * np.log1p(multiplier.kappa * values**2 * (1 + 2 / multiplier.width))))


def log_displacement_second_moment(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None) -> float:
    """Logarithm of E D^2 for Gaussian weights (E17); an upper bound for kurtosis at most 3.

    D^2 = R^2 + 4 Y^2 + 1 - 4 R Y + 2 R - 4 Y gives, for any sequence of scalings,

        E D^2 = E R^2 - 4 prod (1 + kappa a_k^2 (1 + 2/d)) + 2 P + (4/d) (P - 1) + 1.

    The constants and the first-order terms in a^2 cancel. Hence three ways of evaluating it: from (product - 1)'s,
    with a common factor when they are large, and from its expansion when S1 = sum kappa a_k^2 < 1e-5. With c = 1 + 2/d,
    e_n the elementary symmetric polynomials of the kappa a_k^2 and f_k = d (d + 2) a_k^4 E S^2,

        E D^2 = sum f_k + 2 c e_2 + (4 c^3 + 2 c) e_3 + 2 c sum_{j != k} kappa a_j^2 f_k + O(S1^4).

    Relative accuracy: 1e-10 (rounding of first-order terms on one side of 1e-5, omitted terms on the other).

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.

    Returns
    -------
    float
        Minus infinity if every scaling is 0.

    Examples
    --------
    One linear layer has D = a^2 chi2_d / d:

    >>> round(math.exp(log_displacement_second_moment(Multiplier(2), 1.0, 1)), 12)
    2.0
    """
    values, counts = layer_groups(scaling, depth)
    p = multiplier.kappa * values**2
    s1, s2, s3 = (float(counts @ p**n) for n in (1, 2, 3))
    if s1 < 1e-5:
        d = multiplier.width
        c = 1 + 2 / d
        f = d * (d + 2) * multiplier.scale_moment(2) * values**4
        pairs, triples = (s1**2 - s2) / 2, (s1**3 - 3 * s1 * s2 + 2 * s3) / 6
        mixed_terms = s1 * float(counts @ f) - float(counts @ (p * f))
        total = float(counts @ f) + 2 * c * pairs + (4 * c**3 + 2 * c) * triples + 2 * c * mixed_terms
        return math.log(total) if total > 0 else -math.inf
    second = log_norm_ratio_moment(multiplier, scaling, depth, 2)
    mixed = log_norm_overlap_moment(multiplier, scaling, depth)
    first = log_norm_ratio_moment(multiplier, scaling, depth)
    d = multiplier.width
    if second < 1:
        return math.log(math.expm1(second) - 4 * math.expm1(mixed) + (2 + 4 / d) * math.expm1(first))
    rest = -4 * math.exp(mixed - second) + (2 + 4 / d) * math.exp(first - second) + (1 - 4 / d) * math.exp(-second)
    return second + math.log1p(rest)


def displacement_second_moment(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None) -> float:
    """E D^2, the exponential of :func:`log_displacement_second_moment`.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(displacement_second_moment(Multiplier(2), 1.0, 1), 12)
    2.0
    """
    return _exp(log_displacement_second_moment(multiplier, scaling, depth), "displacement_second_moment")


def displacement_variance(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None) -> float:
    """Var D for Gaussian weights; an upper bound for kurtosis at most 3.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(displacement_variance(Multiplier(2), 1.0, 1), 12)
    1.0
    """
    mean = mean_displacement(multiplier, scaling, depth)
    return displacement_second_moment(multiplier, scaling, depth) - mean**2


def biased_norm_ratio_mean(
    multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, bias_energy: float
) -> float:
    """E R for g(h) = sigma(W h + b) with an independent symmetric bias in every layer (E18).

    Since (W h + b)_i is symmetric, E ||g||^2 = (1 + slope^2)/2 (v_W ||h||^2 + E ||b||^2), so ||h||^2 + E ||b||^2 / v_W
    grows by 1 + kappa a^2 in mean: E R = (1 + B) P - B.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.
    bias_energy : float
        B = E ||b||^2 / (v_W ||h_0||^2), not negative.

    Returns
    -------
    float

    Examples
    --------
    >>> from theory_check.networks.branches import Branch
    >>> round(biased_norm_ratio_mean(Multiplier(2, Branch("res-3")), 1.0, 1, bias_energy=1.0), 12)
    2.0
    """
    return 1 + biased_displacement_mean(multiplier, scaling, depth, bias_energy=bias_energy)


def biased_displacement_mean(
    multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, bias_energy: float
) -> float:
    """E D = (1 + B) (P - 1) with a bias (E18); see :func:`biased_norm_ratio_mean`.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`log_norm_ratio_moment`.
    bias_energy : float
        B = E ||b||^2 / (v_W ||h_0||^2), not negative.

    Returns
    -------
    float

    Raises
    ------
    SpecificationError
        If the branch has no bias inside an activation, or the energy is negative.

    Examples
    --------
    >>> from theory_check.networks.branches import Branch
    >>> round(biased_displacement_mean(Multiplier(2, Branch("res-3")), 1.0, 1, bias_energy=1.0), 12)
    1.0
    """
    check_bias(multiplier.branch, bias_energy)
    return (1 + bias_energy) * mean_displacement(multiplier, scaling, depth)
