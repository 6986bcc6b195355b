r"""Gradients of the weights of neighbouring layers at initialisation: how smooth the first step is along the depth.

Notation
    h_k = h_{k-1} + a V_k g(h_{k-1}),  g(h) = h (linear) or relu(W_k h) (res-3);  p_k = dLoss/dh_k;  G_k = dLoss/dV_k =
    a p_k g(h_{k-1})^T;  independent Gaussian layers of unit variance, p_L / ||p_L|| independent of them;  R_n, M and
    kappa as in ``multiplier``; all in units of ||h_0||^2 ||p_L||^2.

Linear. With p = p_{k+1} and h = h_{k-1}, G_k = a (p + a V_{k+1}^T p) h^T and G_{k+1} = a p (h + a V_k h)^T, so that

    G_{k+1} - G_k = a^2 (p (V_k h)^T - V_{k+1}^T p h^T),    E ||G_{k+1} - G_k||^2 = 2 a^4 (1 + a^2)^(L-2),

for every k and every centred, uncorrelated V of unit variance. In units of E ||G_k||^2 the sum over the layers is
2 (L - 1) a^2 / (1 + a^2), of order L^(1-2 beta): a step of gradient descent has the quadratic variation of a diffusion
at beta = 1/2, and none in the limit above. Gaussian, with x = ||V_k h||^2 / ||h||^2, y the same of V_{k+1}^T p and z
the product of two independent coordinates of variance 1/d: (x + y - 2 z)^2 has mean 4 (1 + 1/d + 1/d^2), and the other
layers multiply by (E M^2)^(L-2).

res-3. <G_k, G_{k+1}> = a^2 <p_k, p_{k+1}> <g_k, g_{k+1}>. V_{k+1} enters by p_k alone, linearly: its mean leaves
||p_{k+1}||^2, which does not depend on the layers below (E16). The mean over W_{k+1} of relu(W_{k+1} h_k) has entries
||h_k|| / sqrt(2 pi d), so the mean over both of <g_k, g_{k+1}> is ||h_{k-1}||^2 S sqrt(M) sqrt(d) / sqrt(2 pi d) with
S = sum_i g_{k,i} / (sqrt(d) ||h_{k-1}||), and E S = 1 / sqrt(2 pi). Dividing by E ||G_k||^2 = E ||G_{k+1}||^2,

    E <G_k, G_{k+1}> / E ||G_k||^2 = (1/pi) E[S sqrt(M)] / (E S (1 + kappa a^2)).

S and M depend on one another. Weighting by one entry x of S turns its law, half normal, into x exp(-x^2/2), and its
square into chi2_2: **E[S f(||g||^2)] = E S E f of (chi2_2 + chi2_N) / d, N binomial(d - 1, 1/2)**, exactly. Given the
scale s of V g, sqrt(M) is a s times a non-central chi of d degrees of freedom, whose mean is a confluent function.
To the first order in 1/d and a^2 the correlation is 1/pi: two thirds of a step are white noise in k at every beta.

The same for W, G_k = a q_k h_{k-1}^T, is small but not zero: h_k leans towards the columns of V_k that are active, and
W_{k+1} h_k > 0 therefore tells their signs. To the first order it is a^2 / (pi d).

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the setting. Exact but for the last sentence.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arguments import check_count, check_integer, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.theory.moments import log_norm_ratio_moment
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.scale_mixture import scale_nodes

RES3 = Branch("res-3", Activation("relu"))

#: Of res-3 with ReLU.
KAPPA = 0.5

#: Widest network of :func:`neighbour_correlation`: SciPy's confluent function overflows from d = 100 on.
WIDEST = 60

#: Nodes of the quadrature over the scale; sixty give the same eight digits for d >= 2 and a <= 1.
_NODES = 40


def mean_squared_difference(a: float, depth: int) -> float:
    """E ||G_{k+1} - G_k||^2 of a linear network, every centred and uncorrelated law, every k.

    Parameters
    ----------
    a : float
        The scaling factor of every layer.
    depth : int
        L, at least 2.

    Returns
    -------
    float

    Examples
    --------
    >>> mean_squared_difference(0.5, 2), mean_squared_difference(0.5, 3)
    (0.125, 0.15625)
    """
    check_count("depth", depth, 2)
    return 2.0 * a**4 * (1.0 + a**2) ** (depth - 2)


def squared_difference_variance(width: int, a: float, depth: int) -> float:
    """Var ||G_{k+1} - G_k||^2 of a linear network with Gaussian weights; an upper bound for kurtosis at most 3.

    Parameters
    ----------
    width : int
        d.
    a, depth
        As for :func:`mean_squared_difference`.

    Returns
    -------
    float

    Examples
    --------
    Two layers of width 1 are x + y - 2 z = (u - w)^2 of two normal numbers, of variance 8.

    >>> squared_difference_variance(1, 1.0, 2)
    8.0
    """
    square = 4.0 * a**8 * (1.0 + 1.0 / width + 1.0 / width**2) * _others(Multiplier(width), a, depth)
    return square - mean_squared_difference(a, depth) ** 2


def _others(multiplier: Multiplier, a: float, depth: int) -> float:
    """Return (E M^2)^(L - 2): the layers below and above the two."""
    return math.exp(log_norm_ratio_moment(multiplier, a, depth - 2, 2)) if depth > 2 else 1.0


def neighbour_correlation(width: int, a: float) -> float:
    """E <G_k, G_{k+1}> / E ||G_k||^2 of the outer weights of res-3 with ReLU and Gaussian weights.

    Parameters
    ----------
    width : int
        d, at most 60.
    a : float
        The scaling factor, positive.

    Returns
    -------
    float

    Examples
    --------
    >>> [round(neighbour_correlation(d, 0.5), 4) for d in (4, 40)], round(1 / math.pi, 4)
    ([0.3056, 0.3009], 0.3183)
    """
    check_integer("width", width, 1, WIDEST)
    a = check_positive("a", a)
    return _weighted_mean_root(width, a) / (math.pi * (1.0 + KAPPA * a**2))


def unweighted_correlation(width: int, a: float) -> float:
    """Return what :func:`neighbour_correlation` would be if S and M were independent: the nearest mistake.

    Parameters
    ----------
    width, a
        As for :func:`neighbour_correlation`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(unweighted_correlation(4, 0.5), 4)
    0.296
    """
    check_integer("width", width, 1, WIDEST)
    a = check_positive("a", a)
    scales, weights = scale_nodes(Multiplier(width, RES3))
    root = float(np.dot(weights, _mean_root(width, a, scales))) + 2.0**-width
    return root / (math.pi * (1.0 + KAPPA * a**2))


def _weighted_mean_root(d: int, a: float) -> float:
    """E[S sqrt(M)] / E S: the scale has chi2_2 more and one coordinate less."""
    from scipy.special import roots_genlaguerre

    total = 0.0
    for others in range(d):
        nodes, weights = roots_genlaguerre(_NODES, others / 2.0)
        probability = math.comb(d - 1, others) / 2.0 ** (d - 1)
        total += probability * float(np.dot(weights, _mean_root(d, a, 2.0 * nodes / d**2)) / weights.sum())
    return total


def _mean_root(d: int, a: float, squared_scale: FloatArray) -> FloatArray:
    """E sqrt(M) given the scale: a s times the mean of a non-central chi with d degrees about 1 / (a s)."""
    from scipy.special import hyp1f1

    scale = a * np.sqrt(squared_scale)
    central = math.sqrt(2.0) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    return np.asarray(scale * central * hyp1f1(-0.5, d / 2, -0.5 / scale**2))


def product_variance(width: int, a: float, depth: int) -> float:
    """Bound the variance of <G_k, G_{k+1}> of the outer weights of res-3 with ReLU and Gaussian weights.

    With c = g_k, u = 1{W_{k+1} h_k > 0} * W_{k+1} p and p = p_{k+1} / ||p_{k+1}||, the mean over V_{k+1} of
    <p_k, p>^2 is 1 + (a^2 / d) ||u||^2. Whatever the angle of p and h_k, an entry r of g_{k+1} = relu(W_{k+1} h_k) has,
    in units of ||h_k||, E u^2 = 1 / (2 d), E r u^2 <= 2 / (sqrt(2 pi) d^(3/2)) and E r^2 u^2 <= 3 / (2 d^2), so that

        E <c, r>^2 (1 + (a^2/d) ||u||^2) <= (1 + a^2/2) E <c, r>^2 + (a^2/d^3) (3 ||c||^2 / 2 + (2/pi) (C^2 - ||c||^2))

    with C = sum_i c_i and E <c, r>^2 = ((1/2 - 1/(2 pi)) ||c||^2 + C^2 / (2 pi)) / d. Then the mean over layer k, where
    E ||h_k||^2 = ||h_{k-1}||^2 + a^2 ||c||^2 given c, by the moments of half normal numbers.

    Parameters
    ----------
    width : int
        d.
    a : float
        The scaling factor.
    depth : int
        L, at least 2.

    Returns
    -------
    float

    Examples
    --------
    >>> round(product_variance(4, 1.0, 2), 4)
    0.2565
    """
    d, square = check_count("width", width), a**2
    first, second, third, fourth = (
        moment / d ** (order / 2)
        for order, moment in enumerate((1 / math.sqrt(2 * math.pi), 0.5, math.sqrt(2 / math.pi), 1.5), start=1)
    )
    pairs, triples = d * (d - 1), d * (d - 1) * (d - 2)
    # E ||c||^2, E ||c||^4, E C^2, E C^2 ||c||^2, and each weighted by ||h_k||^2.
    norm, norm_square = d * second, d * fourth + pairs * second**2
    total, mixed = d * second + pairs * first**2, d * fourth + pairs * (second**2 + 2 * third * first)
    mixed += triples * first**2 * second
    norm, total = norm + square * norm_square, total + square * mixed
    product = (second - first**2) * norm + first**2 * total
    excess = square / d**3 * (1.5 * norm + (2 / math.pi) * (total - norm))
    bound = square**2 * ((1 + square / 2) * product + excess) * _others(Multiplier(d, RES3), a, depth)
    growth = KAPPA * square * (1.0 + KAPPA * square) ** (depth - 1)
    return float(bound - (growth * neighbour_correlation(d, a)) ** 2)
