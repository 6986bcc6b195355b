"""Mean and variance of log R at finite depth for any symmetric weight law, and what control variates leave of them.

Notation
    As in ``entry_laws``: given a state of direction e, u = <e, V g>, r = ||V g||^2, M = 1 + 2 a u + a^2 r = 1 + X;
    t = s_4 = sum e_i^4 in [1/d, 1], c the excess kurtosis of the entries. l(x) = log max(1 + x, 1/2).
    T = sum_k l(X_k) over the layers, the *floored* log R: log R itself unless a layer more than halves the squared
    norm. E log R is minus infinity where h_L = 0 has positive probability, as for random signs; E T is finite.
    Controls: U = sum 2 a u, Q = sum a^2 (r - kappa), S = sum 4 a^2 (u^2 - kappa/d), martingales of mean 0
    (``theory_check.kernels.controls``); Y = T - U - Q + S/2 has the mean of T.

Domination. If every even moment of an entry is at most that of a normal variable of variance q, then E u^(2j) r^m given
h is at most its value for Gaussian weights of that variance: V is symmetric, so that only monomials of even degree in
every entry have a mean, and their coefficients are not negative; likewise for W, whose coordinates (W h)_i are
symmetric, so that positive parts have half of every even moment. Gaussian values are closed, S as in ``multiplier``:

    mu(j, m) = E u^(2j) r^m = E S^(j+m) (2j - 1)!! prod_{i<m} (d + 2j + 2i).

Taylor. For every x >= -1

    |l - (x - x^2/2 + x^3/3)| <= 1.53 x^4,    |l - (x - x^2/2 + x^3/3 - x^4/4 + x^5/5)| <= 4.48 x^6,
    |l^2 - (x^2 - x^3 + 11 x^4/12 - 5 x^5/6)| <= 6.33 x^6.

Odd powers of u have mean 0 given g. So E l(X) and E l(X)^2, given h, are their terms of order a^2 and a^4, which are
exact functions of c and t, and a remainder of order a^6 that mu bounds: no event is left out, large steps included.
The terms of order a^4 are quadratic in t, where the law of the directions is not known: their range is the remainder.

Variance of Y. l(X) - X + 2 a^2 u^2, less its mean given h, is a martingale difference; it is

    a^3 (8 u^3/3 - 2 u r) + [4 a^4 u^2 r - a^4 r^2/2 + 2 a^5 u r^2 + a^6 r^3/3] + rest,    |rest| <= 1.53 X^4,

so the deviation of the sum is at most the root of the sum of second moments, by the triangle inequality from mu, plus
that of the means given h, which is half their range. The first square drops -(32/3) E u^4 r, which is negative.

Second moment. With m a number near E T and y = Y - m,

    Z = (T - m)^2 - (U^2 - E U^2) - 2 U (Q - S/2) = E U^2 + P^2 + 2 y (U + P) + y^2,    P = Q - S/2,

has the mean of (T - m)^2: differences of two layers are orthogonal, so that E U^2 = sum 4 a^2 kappa/d, and E U P = 0,
its terms of one layer being of odd degree in V. For a martingale with differences of second, third and fourth moments
at most v, f^(3/4) and f given the past,

    E N^4 <= 3 (sum v)^2 + 4 (sum v)^(1/2) sum f^(3/4) + sum f;

for r >= 0 of mean k, E (r - k)^4 <= E r^4 - k^4, since r^4 - k^4 - (r - k)^4 - 4 k^3 (r - k) = 2 k (r - k)^2 (2 r + k).

Source: derived here. Everything is a proven bound but for ``log_multiplier``, which is exact to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from theory_check.foundation.stored_values import stored
from theory_check.theory.entry_laws import Cumulants, kurtosis_correction
from theory_check.theory.estimates import Estimate
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.one_layer import log_multiplier

#: Constant, first and second coefficient.
Quadratic: TypeAlias = tuple[float, float, float]

#: Least multiplier of a layer that T counts.
FLOOR = 0.5

_FOURTH, _SIXTH, _SQUARE_SIXTH = 1.53, 4.48, 6.33

#: Coefficients of x^n in l and in l^2.
_LOGARITHM = {n: (-1.0) ** (n + 1) / n for n in range(1, 6)}
_SQUARE = {2: 1.0, 3: -1.0, 4: 11.0 / 12.0, 5: -5.0 / 6.0}

#: Variance of a normal law whose even moments are at least those of an entry of unit variance. A sum of dominated
#: variables is dominated; 8^(m-1) <= (8/3)^(m/2) (2m - 1)!! for signs that are kept with probability 1/8.
DOMINATING_VARIANCE: Mapping[str, float] = MappingProxyType(
    {"gaussian": 1.0, "uniform": 1.0, "rademacher": 1.0, "triangular": 1.0, "ternary": math.sqrt(8.0 / 3.0)}
)


@stored
def gaussian_layer(multiplier: Multiplier, scaling: float) -> tuple[float, float, float]:
    """Return mean and variance of log M for Gaussian weights, and the mean square of what the floor adds to it.

    Parameters
    ----------
    multiplier : Multiplier
    scaling : float

    Returns
    -------
    (float, float, float)
    """
    law = log_multiplier(multiplier, scaling)
    added = (float(p.weights @ np.maximum(math.log(FLOOR) - p.nodes, 0.0) ** 2) for p in law.panels)
    return law.mean, law.variance, sum(added)


@dataclass(frozen=True)
class ControlledLogarithm:
    """The floored log norm ratio T of a network with the same scaling in all layers.

    Parameters
    ----------
    multiplier : Multiplier
        Linear or ReLU, of gain 1; any for Gaussian weights.
    scaling : float
        a, not 0.
    depth : int
        L.
    excess : float
        Kurtosis of the entries of V and W, minus 3.
    dominating_variance : float
        Of a normal law whose even moments are at least those of the entries; see :data:`DOMINATING_VARIANCE`.

    Raises
    ------
    HypothesisError
        For other slopes or gains with weights that are not Gaussian.

    Examples
    --------
    >>> signs = ControlledLogarithm(Multiplier(40), 1000**-0.5, 1000, excess=-2.0)
    >>> round(signs.mean.value, 5), signs.mean.error < 3e-5
    (0.94957, True)
    >>> round(0.1 / signs.controlled_variance, -4)  # the variance 4/d of the limit, and the bound on what is left
    630000.0
    """

    multiplier: Multiplier
    scaling: float
    depth: int
    excess: float = 0.0
    dominating_variance: float = 1.0

    @cached_property
    def mean(self) -> Estimate:
        """E T; the sum of the means of the layers, each given the past, is within ``error`` of the value too."""
        exact, _ = self._gaussian
        if self._is_gaussian:
            return Estimate(exact, self._floor_error)
        fourth = self.depth * self.scaling**4
        correction = self._correction.mean
        error = fourth * self._spread(self._quadratics[0], correction / fourth)
        error += self.depth * self._remainder(_LOGARITHM, _SIXTH) + self._floor_error
        return Estimate(exact + correction, error)

    @cached_property
    def variance(self) -> Estimate:
        """E (T - m)^2 about m, the value of :attr:`mean`: the variance of T, up to the square of the error of m."""
        mean, exact = self._gaussian
        floor = self._floor_error * (2.0 * math.sqrt(exact + mean**2) + self._floor_error)
        if self._is_gaussian:
            return Estimate(exact, floor)
        fourth, correction = self.depth * self.scaling**4, self._correction
        error = fourth * self._spread(self._quadratics[1], correction.variance / fourth)
        error += self.depth * self._remainder(_SQUARE, _SQUARE_SIXTH) + floor
        # The squared means of the layers, which are within ``apart`` of the Gaussian one.
        apart = (self.mean.error + abs(correction.mean)) / self.depth
        error += self.depth * apart * (apart + 2.0 * abs(mean) / self.depth)
        # The sum of the means given the past moves within the error of m, with the martingale or against it.
        deviation = math.sqrt(exact + abs(correction.variance) + error)
        error += self.mean.error * (2.0 * deviation + self.mean.error)
        return Estimate(exact + correction.variance, error)

    @property
    def halving_probability(self) -> float:
        """Bound P(T != log R), the probability that some layer more than halves the squared norm."""
        law = self._dominating
        return min(1.0, *(self.depth * 4.0**n * self._step_moment(2 * n, law) for n in range(1, 13)))

    @property
    def controlled_variance(self) -> float:
        """Bound Var Y."""
        return (math.sqrt(self.depth) * self._left(2) + self.mean.error) ** 2

    @property
    def second_order_variance(self) -> float:
        """Bound Var (Q - S/2)."""
        length, square = self._deviations
        return self.depth * self.scaling**4 * (length + 2 * square) ** 2

    @property
    def square_variance(self) -> float:
        """Bound Var S."""
        return self.depth * 16.0 * self.scaling**4 * self._deviations[1] ** 2

    @property
    def _deviations(self) -> tuple[float, float]:
        """Bound the deviations of r and u^2 given h."""
        d, kappa, excess, inner = (
            self.multiplier.width, self.multiplier.kappa, max(self.excess, 0.0), self.multiplier.has_inner,
        )  # fmt: skip
        # E s^2 and c E G_4, from the worst direction.
        scale = d * d * self.multiplier.scale_moment(2) + (excess / (2 * d) if inner else 0.0)
        fourth = excess * ((3 + excess) / (2 * d) if inner else 1.0)
        return (
            math.sqrt(scale * (1 + 2 / d) + fourth / d - kappa**2),
            math.sqrt(3 * scale / d**2 + fourth / d**2 - (kappa / d) ** 2),
        )

    @property
    def controlled_square_variance(self) -> float:
        """Bound Var Z."""
        d, a, kappa = self.multiplier.width, self.scaling, self.multiplier.kappa
        projection = self._fourth_norm(4 * a**2 * kappa / d, 2 * a * self._norm(0.5, 0, 4), odd=True)
        far = (self._norm(0, 1, 4) ** 4 - kappa**4) ** 0.25 + 2 * (self._norm(1, 0, 4) ** 4 - (kappa / d) ** 4) ** 0.25
        lengths = self._fourth_norm(self.second_order_variance / self.depth, a**2 * far)
        rest = self._fourth_norm(self._left(2) ** 2, 2 * self._left(4)) + self.mean.error
        return (lengths**2 + 2 * rest * (projection + lengths) + rest**2) ** 2

    # A layer

    @property
    def _is_gaussian(self) -> bool:
        return self.excess == 0.0 and self.dominating_variance == 1.0

    @cached_property
    def _dominating(self) -> Multiplier:
        matrices = 2 if self.multiplier.has_inner else 1
        return replace(self.multiplier, gain=self.multiplier.gain * self.dominating_variance**matrices)

    @cached_property
    def _gaussian(self) -> tuple[float, float]:
        """Mean and variance of log R for Gaussian weights."""
        mean, variance, _ = gaussian_layer(self.multiplier, self.scaling)
        return self.depth * mean, self.depth * variance

    @cached_property
    def _floor_error(self) -> float:
        """Bound the root mean square of T - log R for Gaussian weights."""
        return self.depth * math.sqrt(gaussian_layer(self.multiplier, self.scaling)[2])

    @cached_property
    def _correction(self) -> Cumulants:
        return kurtosis_correction(self.multiplier, self.excess, self.scaling, self.depth)

    @property
    def _quadratics(self) -> tuple[Quadratic, Quadratic]:
        """What the kurtosis adds to E l and E l^2 given h at order a^4, as polynomials in t."""
        d, c = self.multiplier.width, self.excess
        mean, square = (4 / d**2 - 1 / (2 * d), -4 / d**2), (1 / d - 12 / d**2, 44 / 3 / d**2)
        if not self.multiplier.has_inner:
            return (0.0, c * mean[0], c * mean[1]), (0.0, c * square[0], c * square[1])

        def branch(scale: float, first: float, second: float) -> Quadratic:
            # E G_4 is (3 + c t)/(2 d) instead of t, and E s^2 has c t/(2 d) more.
            return 3 * c * first / (2 * d), c * (scale + c * first + 3 * second) / (2 * d), c * c * second / (2 * d)

        scales = -(1 - 2 / d) * (1 - 4 / d) / 2, (d * d - 10 * d + 20) / d**2
        return branch(scales[0], *mean), branch(scales[1], *square)

    def _spread(self, quadratic: Quadratic, centre: float) -> float:
        """Return the largest distance of a quadratic in t from a value."""
        constant, first, second = quadratic
        least = 1.0 / self.multiplier.width
        places = [least, 1.0]
        if second != 0.0:
            places.append(min(max(-first / (2 * second), least), 1.0))
        return max(abs(constant + t * (first + t * second) - centre) for t in places)

    def _norm(self, j: float, m: int, order: int, law: Multiplier | None = None) -> float:
        """Bound (E (|u|^(2j) r^m)^order)^(1/order), given h."""
        law = law or self._dominating
        pairs, lengths = round(j * order), m * order
        log_moment = law.log_scale_moment(pairs + lengths)
        # (2 n - 1)!! = (2 n)! / (2^n n!)
        log_moment += math.lgamma(2 * pairs + 1) - pairs * math.log(2.0) - math.lgamma(pairs + 1)
        log_moment += sum(math.log(law.width + 2 * (pairs + i)) for i in range(lengths))
        return math.exp(log_moment / order)

    def _step_moment(self, n: int, law: Multiplier, least: int = 0) -> float:
        """Bound E X^n given h, or its terms of order a^least and beyond, each counted as positive."""
        return sum(
            math.comb(n, i) * 2.0**i * self.scaling ** (2 * n - i) * self._norm(i / 2, n - i, 1, law)
            for i in range(0, n + 1, 2)
            if 2 * n - i >= least
        )

    def _remainder(self, series: Mapping[int, float], rest: float) -> float:
        """Bound what is beyond order a^4 in the mean of l or l^2 given h, for these weights and for Gaussian ones."""
        return sum(
            rest * self._step_moment(6, law)
            + sum(abs(factor) * self._step_moment(n, law, 6) for n, factor in series.items())
            for law in (self._dominating, self.multiplier)
        )

    def _left(self, order: int) -> float:
        """Bound the norm of order 2 or 4 of l(X) - X + 2 a^2 u^2 given h."""
        a, norm = self.scaling, self._norm
        leading = 2 * norm(0.5, 1, order), 8 / 3 * norm(1.5, 0, order)
        found = a**3 * (math.hypot(*leading) if order == 2 else sum(leading))
        found += a**4 * (4 * norm(1, 1, order) + norm(0, 2, order) / 2)
        found += 2 * a**5 * norm(0.5, 2, order) + a**6 * norm(0, 3, order) / 3
        return found + _FOURTH * math.pow(self._step_moment(4 * order, self._dominating), 1 / order)

    def _fourth_norm(self, second: float, fourth: float, *, odd: bool = False) -> float:
        """Bound the norm of order 4 of a martingale; ``odd``: the third moments of its differences are 0.

        Parameters
        ----------
        second, fourth : float
            Bounds of the second moment of a difference given the past, and of its norm of order 4.
        odd : bool

        Returns
        -------
        float
        """
        total, cubes = self.depth * second, 0.0 if odd else self.depth * fourth**3
        return math.pow(3 * total**2 + 4 * math.sqrt(total) * cubes + self.depth * fourth**4, 0.25)
