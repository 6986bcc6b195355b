r"""Sums of correlated weights: where a network moves little, its displacement is that of one sum.

Notation
    u = h_0/|h_0|, g_k = u (linear) or relu(W_k u) (res-3), rho the autocovariance of the weights along the layers, L
    depth, d width, a scaling factor, Q = sum_{k,l<L} rho(k - l) E<g_k, g_l>, arc as in ``arc_kernel``.

To first order (h_L - h_0)/|h_0| = a sum_k V_k g_k. Given the W, a coordinate of the sum is normal of variance q/d, with
q = sum rho(k - l) <g_k, g_l>, so that

    E D / a^2 = E q = Q,   E D^2 / a^4 = (1 + 2/d) E q^2,   Q = sum rho (linear), sum rho arc(rho) / 2 (res-3),

because W_k u and W_l u are normal of correlation rho(k - l). For linear branches q = Q, and d D/(a^2 Q) is chi-square
of d degrees of freedom. For res-3 the triangle inequality in mean square gives

    (E q^2)^(1/2) <= sum |rho(k - l)| (E <g_k, g_l>^2)^(1/2),   E <g_k, g_l>^2 = (m(rho) + (d - 1) arc(rho)^2/4) / d,

m(r) = E relu(x)^2 relu(y)^2 at correlation r.

Several inputs. D averaged over n independent isotropic inputs has the variance of one of them over n, plus (1 - 1/n)
times the covariance of two. With the same sum s = sum rho(k - l) <g_k, g'_l> for two inputs u, u', that covariance is
2 E s^2/d plus the covariance of q and q'. Linear branches have s = Q <u, u'>, E s^2 = Q^2/d, and a constant q. For
res-3 W_k u' is c W_k u + (1 - c^2)^(1/2) times an independent copy, c = <u, u'>: in Hermite polynomials of order j the
covariance of q and q' is c^j times a part of Var q; the odd orders vanish with the sign of u', hence Cov(q, q') <=
E c^2 Var q = Var q/d. The cosine of W_k u and W_l u' is r = rho <u, u'>, of mean square rho^2/d and fourth moment
3 rho^4/(d (d + 2)). The even coefficients of the series of arc and m are positive, hence by their values at 0 and 1

    arc(r) <= 1/pi + r/2 + (1/2 - 1/pi) r^2,   (m(r) + m(-r))/2 <= 1/4 + r^2/2,

whose means bound E <g_k, g'_l>^2 as above, and E s^2 by the triangle inequality. The terms left out of D are of even
order: E D/a^2 is off by a relative O(a^2 L^4), less than the rounding of the weights where a is a millionth.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arrays import FloatArray
from theory_check.theory.arc_kernel import arc, squared_arc


def sum_over_pairs(values: FloatArray) -> float:
    """Return the sum over pairs of L layers of a function of their distance, given at 0, ..., L - 1.

    Parameters
    ----------
    values : float64 array, shape (L,)

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> sum_over_pairs(np.array([1.0, 0.5, 0.25]))
    5.5
    """
    counts = np.arange(len(values), 0, -1) * np.where(np.arange(len(values)) == 0, 1.0, 2.0)
    return math.fsum((counts * values).tolist())


def rectified_variance(width: int, correlations: FloatArray, inputs: int = 1) -> float:
    """Bound the variance of D/a^2, averaged over the inputs, for res-3 with ReLU, both matrices so correlated.

    Parameters
    ----------
    width : int
    correlations : float64 array, shape (L,)
        rho(0), ..., rho(L - 1).
    inputs : int

    Returns
    -------
    float

    Examples
    --------
    For one layer and one input it is exact, (1 + 2/d)(d + 5)/(4 d) - 1/4:

    >>> import numpy as np
    >>> rectified_variance(2, np.array([1.0]))
    1.5
    """
    rho, kernel = np.abs(correlations), arc(correlations) / 2.0
    squares = (squared_arc(correlations) + (width - 1) * kernel**2) / width
    square = sum_over_pairs(rho * np.sqrt(squares)) ** 2
    mean_square = sum_over_pairs(correlations * kernel) ** 2
    one = (1.0 + 2.0 / width) * square - mean_square
    second, fourth, bend = rho**2 / width, 3.0 * rho**4 / (width * (width + 2)), 0.5 - 1.0 / math.pi
    arcs = 1.0 / math.pi**2 + (0.25 + 2.0 * bend / math.pi) * second + bend**2 * fourth
    crossed = (0.25 + 0.5 * second + (width - 1) * arcs / 4.0) / width
    two = 2.0 / width * sum_over_pairs(rho * np.sqrt(crossed)) ** 2 + (square - mean_square) / width
    return one / inputs + (1.0 - 1.0 / inputs) * two
