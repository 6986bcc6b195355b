"""Autocovariances of weight processes at equally spaced times, free of cancellation.

Notation. A kernel is the correlation of a stationary Gaussian process X: k(x) = E X_t X_{t+x}, k(0) = 1, x >= 0 a lag
in natural units. Its defect is 1 - k(x). Increments over a step h, normalised to unit variance, have the correlation

    r(n) = [2 k(n h) - k((n - 1) h) - k((n + 1) h)] / (2 (1 - k(h)))
         = - int_{-h}^{h} (h - |s|) k''(n h + s) ds / (2 (1 - k(h)))        (n >= 2).

The first form loses 2^-53 / (1 - k(h)) to cancellation: 10^-8 for a smooth process of length 0.1 on a grid of 10^5
points. The second does not; it is used where 1 - k(h) is small. Source of the kernels: Rasmussen, Williams, *Gaussian
Processes for Machine Learning* (2006), chapter 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.definitions import Parameters

#: Below this defect the integral replaces the difference, which is good to 4 2^-53 / 0.1 above.
_SMALL_DEFECT = 0.1

#: Gauss-Legendre points on each half of [-h, h]. The nearest singularity, at lag 0, is as far from the half as the half
#: is long: the error falls as (3 + sqrt 8)^-24 = 4e-19.
_QUADRATURE_POINTS = 12


@dataclass(frozen=True, kw_only=True)
class StationaryKernel:
    """Correlation of a stationary process as a function of the lag in natural units.

    Attributes
    ----------
    rate : callable
        Natural units in a unit of time.
    correlation, defect, curvature : callable
        k(x), 1 - k(x) without cancellation, and k''(x) for x > 0.
    """

    rate: Callable[[Parameters], float]
    correlation: Callable[[FloatArray, Parameters], FloatArray]
    defect: Callable[[float, Parameters], float]
    curvature: Callable[[FloatArray, Parameters], FloatArray]

    def of_lags(self, parameters: Parameters, lags: FloatArray) -> FloatArray:
        """Return the correlations of values whose times differ by ``lags``, of a kernel that is smooth at 0."""
        return self.correlation(self.rate(parameters) * np.abs(lags), parameters)

    def values(self, parameters: Parameters, step: float, lags: int) -> FloatArray:
        """Return the correlations k(n h).

        Parameters
        ----------
        parameters : mapping
        step : float
            h in time.
        lags : int
            How many, n = 0 .. lags - 1.

        Returns
        -------
        array, shape (lags,)
        """
        x = self.rate(parameters) * step * np.arange(lags, dtype=np.float64)
        correlations = np.ones(lags)
        correlations[1:] = self.correlation(x[1:], parameters)
        return correlations

    def increments(self, parameters: Parameters, step: float, lags: int) -> FloatArray:
        """Return the correlations r(n) of normalised increments over steps h.

        Parameters
        ----------
        parameters : mapping
        step : float
            h in time.
        lags : int
            How many, n = 0 .. lags - 1.

        Returns
        -------
        array, shape (lags,)

        Raises
        ------
        SpecificationError
            If the step is a multiple of the period, so that increments are zero.
        """
        h = self.rate(parameters) * step
        half_variance = self.defect(h, parameters)
        if half_variance == 0.0:
            raise SpecificationError(f"increments over a time of {step:g}, a multiple of the period, are zero")
        if half_variance >= _SMALL_DEFECT:
            k = self.values(parameters, step, lags + 1)
            differences = np.concatenate([[0.0], 2.0 * k[1:-1] - k[:-2] - k[2:]])
        else:
            differences = np.zeros(max(lags, 2))
            differences[1] = self.defect(2.0 * h, parameters) - 2.0 * half_variance
            centres = h * np.arange(2, lags)
            nodes, masses = (np.asarray(a, np.float64) for a in np.polynomial.legendre.leggauss(_QUADRATURE_POINTS))
            for node, mass in zip((nodes + 1.0) / 2.0, masses / 2.0, strict=True):
                weight = -mass * h * h * (1.0 - node)
                both = self.curvature(centres - node * h, parameters) + self.curvature(centres + node * h, parameters)
                differences[2:] += weight * both
        correlations = differences[:lags] / (2.0 * half_variance)
        correlations[0] = 1.0
        return correlations


def _exponential(x: FloatArray, _parameters: Parameters) -> FloatArray:
    return np.exp(-x)


def _rbf(x: FloatArray, _parameters: Parameters) -> FloatArray:
    return np.exp(-x * x / 2.0)


def _rbf_curvature(x: FloatArray, _parameters: Parameters) -> FloatArray:
    return np.asarray((x * x - 1.0) * np.exp(-x * x / 2.0))


def _periodic(x: FloatArray, parameters: Parameters) -> FloatArray:
    return np.asarray(np.exp(-2.0 * (np.sin(x / 2.0) / parameters["length"]) ** 2))


def _periodic_defect(x: float, parameters: Parameters) -> float:
    rest = math.remainder(x, 2.0 * math.pi)
    # Whole periods, but for the rounding of their quotients.
    if abs(rest) < 1e-12 * x:
        return 0.0
    return -math.expm1(-2.0 * (math.sin(rest / 2.0) / parameters["length"]) ** 2)


def _periodic_curvature(x: FloatArray, parameters: Parameters) -> FloatArray:
    steepness = parameters["length"] ** -2.0
    slope = steepness * np.sin(x)
    return np.asarray((slope * slope - steepness * np.cos(x)) * _periodic(x, parameters))


def _bessel(power: float, order: float, x: FloatArray, nu: float) -> FloatArray:
    """Return 2^(1 - nu) / Gamma(nu) x^power K_order(x); for nu < 10 and x > 1e-14 no factor leaves double precision."""
    from scipy.special import kve

    constant = 2.0 ** (1.0 - nu) / math.gamma(nu)
    return np.asarray(constant * x**power * kve(order, x) * np.exp(-x))


def _matern(x: FloatArray, parameters: Parameters) -> FloatArray:
    nu = parameters["nu"]
    return _bessel(nu, nu, x, nu)


def _matern_defect(x: float, parameters: Parameters) -> float:
    """Return 1 - k(x): by the series of K_nu at 0 for nu < 3/4, else by integrating -k'(s) = c s^nu K_{nu-1}(s)."""
    nu = parameters["nu"]
    if x >= 1.0:
        return 1.0 - float(_matern(np.array(x), parameters))
    if nu < 0.75:
        # k(x) = sum_j (x/2)^2j / (j! (1-nu)_j) - c (x/2)^2nu sum_j (x/2)^2j / (j! (1+nu)_j), c = Gamma(1-nu) /
        # Gamma(1+nu); after 12 terms less than 2^-24 / 12!^2 is left.
        square = x * x / 4.0
        rough = math.gamma(1.0 - nu) / math.gamma(1.0 + nu) * math.pow(square, nu)
        total, smooth = rough, 1.0
        for j in range(1, 12):
            rough *= square / (j * (j + nu))
            smooth *= square / (j * (j - nu))
            total += rough - smooth
        return float(total)
    from scipy.integrate import quad

    def slope(s: float) -> float:
        return float(_bessel(nu, nu - 1.0, np.array(s), nu))

    # full_output: no warning when roundings keep it from going below 1e-13.
    return float(quad(slope, 0.0, x, epsabs=0.0, epsrel=1e-13, limit=200, full_output=1)[0])


def _matern_curvature(x: FloatArray, parameters: Parameters) -> FloatArray:
    nu = parameters["nu"]
    return _bessel(nu, nu - 2.0, x, nu) - _bessel(nu - 1.0, nu - 1.0, x, nu)


RBF = StationaryKernel(
    rate=lambda p: 1.0 / p["length"],
    correlation=_rbf,
    defect=lambda x, _: -math.expm1(-x * x / 2.0),
    curvature=_rbf_curvature,
)
MATERN = StationaryKernel(
    rate=lambda p: math.sqrt(2.0 * p["nu"]) / p["length"],
    correlation=_matern,
    defect=_matern_defect,
    curvature=_matern_curvature,
)
PERIODIC = StationaryKernel(
    rate=lambda p: 2.0 * math.pi / p["period"],
    correlation=_periodic,
    defect=_periodic_defect,
    curvature=_periodic_curvature,
)
ORNSTEIN_UHLENBECK = StationaryKernel(
    rate=lambda p: 1.0 / p["length"],
    correlation=_exponential,
    defect=lambda x, _: -math.expm1(-x),
    curvature=_exponential,
)


def ou_correlation(parameters: Parameters, lags: FloatArray) -> FloatArray:
    """Return exp(-|lag| / length)."""
    return np.asarray(np.exp(-np.abs(lags) / parameters["length"]))


def matern_correlation(parameters: Parameters, lags: FloatArray) -> FloatArray:
    """Return 2^(1 - nu) / Gamma(nu) x^nu K_nu(x), x = sqrt(2 nu) |lag| / length, by logarithms, and 1 at lag 0."""
    from scipy.special import gammaln, kve

    nu = parameters["nu"]
    x = math.sqrt(2.0 * nu) * np.abs(lags) / parameters["length"]
    positive = np.where(x > 0.0, x, 1.0)
    logarithm = (1.0 - nu) * math.log(2.0) - gammaln(nu) + nu * np.log(positive) - positive
    return np.asarray(np.where(x > 0.0, np.exp(logarithm) * kve(nu, positive), 1.0))


def fractional_noise(hurst: float, lags: int) -> FloatArray:
    """Return the correlations of fractional Gaussian noise, the unit increments of fractional Brownian motion.

    rho(n) = (|n + 1|^2H - 2 |n|^2H + |n - 1|^2H) / 2 (Mandelbrot, Van Ness, 1968), 0 < H <= 1, for n = 0 .. lags - 1,
    to relative accuracy, near H = 1/2 too, where all of them vanish: rho(1) = 2^(2H-1) - 1, and n^2H sum_j b_j n^-2j
    beyond, b_j = binomial(2H, 2j). All b_j have the factor H (2H - 1), nothing cancels (|b_2| <= |b_1| / 2), and at
    n = 2 a term is a quarter of the one before: 27 leave 4^-27 = 6e-17.
    """
    if not 0.0 < hurst <= 1.0:
        raise SpecificationError(f"the Hurst index is {hurst!r}; it must be above 0 and at most 1")
    twice = 2.0 * hurst
    coefficients = [hurst * (twice - 1.0)]
    for j in range(1, 27):
        coefficients.append(coefficients[-1] * (twice - 2 * j) * (twice - 2 * j - 1) / ((2 * j + 1) * (2 * j + 2)))
    rho = np.ones(max(lags, 2))
    rho[1] = math.expm1((twice - 1.0) * math.log(2.0))
    far = np.arange(2, lags, dtype=np.float64)
    square, total = far**-2.0, np.zeros(far.size)
    for coefficient in coefficients[::-1]:
        total = (total + coefficient) * square
    rho[2:] = far**twice * total
    return rho[:lags]
