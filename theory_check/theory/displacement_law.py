"""The law of the displacement near the identity, to first order in L a^2 and in 1/L.

Notation
    S = kappa L a^2, t = S/d; e = h_0 with ||e|| = 1, x = h - e; g the branch at h, s = ||g||^2, G_4 = sum_j g_j^4;
    c the excess kurtosis of the entries; v the relative variance of the layers' clock, below. F and f are distribution
    function and density of chi2_d / d, y = d/2 - 1 - d z/2; N is the Laplace operator.

x is a martingale whose steps a V g have, given h, the covariance a^2 (s/d) I with E s = kappa ||e + x||^2 = kappa (1 +
2 <x, e> + ||x||^2). With A = t N/2 and time k/L, its generator is A + 2 <x, e> A + ||x||^2 A + (v/2) A^2:

  * two variances a^2 s/d in the place of their mean give a^4 Var(s) N^2/(8 d^2) a layer, and the fourth cumulants
    c G_4/d^2 of the coordinates of V g give a^4 c E G_4 sum_i (d/dx_i)^4/(24 d^2), which acts on functions of ||x|| as
    3/(d + 2) times N^2: so L v = Var(s)/kappa^2 + c E G_4/((d + 2) kappa^2);
  * <x, e> A, of order sqrt(t), counts twice, ||x||^2 A once. Gaussian integration by parts at Z_r = N(0, r t I),
    E <Z_r, e> H = r t E dH/de and E ||Z_r||^2 H = r t d E H + (r t)^2 E N H, and d^2/de^2 = 2 A/(d t) on functions of
    ||x|| give for the first the integral over q < r < 1 of 4 q t [(1 + 2/d) A^2 + (2 r/d) A^3], for the second that
    over r < 1 of r t d A + 2 r^2 t A^2. So

    E phi(x) = [1 + t ((d/2) A + (4/3)(1 + 1/d) A^2 + A^3/d) + (v/2) A^2] E phi(Z_1).

A^n acts on E phi(Z) as the n-th derivative for a factor of the variance; on P(||Z||^2 <= S z) it gives

    P(D <= S z) = F(z) + z f(z) [-t d/2 + ((4/3)(1 + 1/d) t + v/2)(y + 2) - (t/d)(y^2 + 6 y + 7 - d/2)].

Check: E D = S + S^2/2, and for Gaussian weights the terms of order S^3 and S^2/L of E D^2 are those of ``moments``.
The same holds for D*, for a direction of the gradient at the output that is uniform: a step a W^T D V^T p has the law
of a step forward where V and W have one symmetric law.

Source: derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import ScaledChiSquare, law_distance
from theory_check.theory.entry_laws import fourth_moments
from theory_check.theory.inversion import crossing
from theory_check.theory.multiplier import Multiplier


@dataclass(frozen=True)
class DisplacementLaw:
    """The law of D / S to first order; :func:`first_order_displacement` makes it for a network.

    Parameters
    ----------
    width : int
        d.
    time : float
        S, small.
    spread : float
        v, small.
    """

    width: int
    time: float
    spread: float

    @property
    def limit(self) -> ScaledChiSquare:
        """The law of D / S at S = v = 0."""
        return ScaledChiSquare(self.width)

    @property
    def error(self) -> float:
        """A bound of the next order of the distribution function, as a part of what S and v move.

        The mean moves by S/2, which is S sqrt(d/8) deviations, and moments of D have the next order S with factors from
        1 to 2: twice S (1 + sqrt(d/8)). Of v the next order is v^2 A^4 / 8, at most v d / 3 of what v moves, which is
        more where d is large and S small.
        """
        by_time, by_spread = (
            law_distance(self.limit, DisplacementLaw(self.width, *parts))
            for parts in ((self.time, 0.0), (0.0, self.spread))
        )
        most = 2.0 * (self.time + abs(self.spread)) * (1.0 + math.sqrt(self.width / 8.0)) * (by_time + by_spread)
        return max(most, self.width * abs(self.spread) / 3.0 * by_spread)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        z = np.maximum(np.asarray(x, dtype=np.float64), np.finfo(np.float64).tiny)
        d, t, k = self.width, self.time / self.width, self.width / 2.0 - 1.0
        y = k - d * z / 2.0
        terms = -t * d / 2.0 + (4.0 / 3.0 * (1.0 + 1.0 / d) * t + self.spread / 2.0) * (y + 2.0)
        terms -= t / d * (y * y + 6.0 * y + 6.0 - k)
        return np.clip(self.limit.cdf(z) + z * self.limit.density(z) * terms, 0.0, 1.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        level = np.asarray(p, dtype=np.float64)
        middle = np.ravel(self.limit.quantile(level))
        return crossing(self.cdf, level.ravel(), 0.5 * middle, 2.0 * middle).reshape(level.shape)


def first_order_displacement(multiplier: Multiplier, excess: float, scaling: float, depth: int) -> DisplacementLaw:
    """Return the law of D / (kappa L a^2) or D* / (kappa L a^2) to first order.

    Parameters
    ----------
    multiplier : Multiplier
        Any for Gaussian weights, else linear or ReLU, of gain 1.
    excess : float
        Kurtosis of the entries minus 3.
    scaling : float
    depth : int

    Returns
    -------
    DisplacementLaw

    Examples
    --------
    >>> law = first_order_displacement(Multiplier(4), 0.0, 1 / 128, 128)
    >>> round(law.time, 7), law.spread, law.error < 2e-4
    (0.0078125, 0.0, True)
    """
    d, kappa = multiplier.width, multiplier.kappa
    spread = d * d * multiplier.scale_moment(2) / kappa**2 - 1.0
    if excess != 0.0:
        moments = fourth_moments(multiplier, excess)
        spread += (moments.squared_scale + excess * moments.branch / (d + 2)) / kappa**2
    return DisplacementLaw(d, kappa * depth * scaling**2, spread / depth)
