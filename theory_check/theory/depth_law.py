"""The exact law of log R at finite depth and width for Gaussian weights, by inversion of its characteristic function.

Notation
    log R = sum_k log M_k, independent; phi its characteristic function, F its distribution function; p the probability
    that a layer is the identity (2^-d for ReLU, else 0); chi_k = phi_k - p for layer k, with envelope B_k.

Atom and single layers. With ReLU, log R has an atom p^L at 0, and the term with one active layer has a density with a
logarithmic singularity. Both are set apart exactly: F = atom + p^(L-1) sum_k F_k + F_2, where F_k comes from
``one_layer`` and F_2, of mass w, has the transform phi_2 = prod (p + chi_k) - p^L - p^(L-1) sum chi_k. For p = 0 and
L > 1 nothing is set apart.

Inversion (Davies 1973) at half-integer frequencies, spacing delta = 2 pi / T:

    F_2(x) ~ w/2 - sum_{k<n} Im[phi_2((k + 1/2) delta) e^{-i (k + 1/2) delta x}] / (pi (k + 1/2)).

Error bound, the sum of

  * aliasing. The full series is E q(x - X), q the square wave of period 2 T that is 1 on [0, T) and 0 on [-T, 0). It
    differs from the indicator of X <= x only where |X - x| > T, downwards on the left and upwards on the right. With
    T = hi - lo, and lo, hi Chernoff quantiles of level eps, the difference is at most eps for x in [lo, hi], and so is
    the error of F_2 = 0 below lo and F_2 = w above hi;
  * truncation. q(x - .) is the indicator of half a circle of circumference 2 T. Selberg's trigonometric polynomials of
    degree K bracket it, with mean excess 1/(K+1), so that their Fourier coefficients differ from those of q by at most
    1/(K+1) and are at most 1/(K+1) + 1/(pi m) at harmonic m. Harmonics up to 2 n are summed; if |phi_2| <= E beyond,

        |E q(x - X) - sum| <= (4n + 1) w / (K+1) + 2 E sum_{2n<m<=K} [1/(K+1) + 1/(pi m)]
                           <= (4n + 1) w / (K+1) + 2 E (1 + log(K / 2n) / pi),

    and K + 1 = (4n + 1) w / E makes it E (3 + (2/pi) log(2.5 w / E)). Nothing is assumed of the density; E = prod (p +
    B_k) - p^L - p^(L-1) sum B_k, increasing in B and hence decreasing in u, holds on the whole half-line;
  * interpolation of the table of F_2: cubic Hermite, h^4 / 384 times the fourth derivative of the sum, term by term;
  * the error of phi_k (``one_layer.CHARACTERISTIC_ERROR`` per layer), and of the single-layer terms.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the setting; Montgomery, Ten Lectures (1994), chapter 1, for
Selberg's polynomials. Exact for Gaussian weights up to ``error``.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory_check.foundation.arguments import check_between, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.stored_values import stored
from theory_check.theory.inversion import crossing
from theory_check.theory.multiplier import Multiplier, layer_groups
from theory_check.theory.one_layer import (
    CDF_ERROR,
    CHARACTERISTIC_ERROR,
    ComplexArray,
    HermiteTable,
    LogMultiplier,
    log_multiplier,
)

_MAX_FREQUENCIES = 2**21
_MAX_TABLE = 2**22


@dataclass(frozen=True, eq=False)
class DepthLaw:
    """The law of log R = log(||h_L||^2 / ||h_0||^2).

    Parameters
    ----------
    mean, variance
        Of log R; they come from the one-layer law, accurate to rounding.
    error
        Bound on sup |cdf - exact distribution function|.
    lower, upper
        Quantiles beyond which less than ``error`` is left on either side.
    atom
        Probability that log R = 0 exactly.
    frequencies
        Number of values of the characteristic function that were used.
    """

    mean: float
    variance: float
    error: float
    lower: float
    upper: float
    atom: float
    frequencies: int
    _mass: float = field(repr=False)
    _table: HermiteTable | None = field(repr=False)
    _singles: tuple[tuple[float, LogMultiplier], ...] = field(repr=False)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(log R <= x)."""
        return self._evaluate(x, at_zero=True)

    def _evaluate(self, x: ArrayLike, *, at_zero: bool) -> FloatArray:
        """P(log R <= x), or P(log R < x) when the atom is not to count at 0 itself."""
        points = np.asarray(x, dtype=np.float64)
        total = self.atom * (points >= 0 if at_zero else points > 0).astype(np.float64)
        if self._table is not None:
            total += self._table.evaluate(points, self._mass)
        for weight, law in self._singles:
            total += weight * law.continuous_cdf(points)
        return np.clip(total, 0.0, 1.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Smallest x with cdf(x) >= p inside [lower, upper], to rounding."""
        level = np.asarray(p, dtype=np.float64)
        if np.any((level < 0) | (level > 1)):
            raise SpecificationError("a quantile needs probabilities between 0 and 1")
        wanted = level.ravel()
        low, high = np.full(wanted.shape, self.lower), np.full(wanted.shape, self.upper)
        if self.atom > 0 and self.lower <= 0 <= self.upper:
            # An atom can only be at 0; on either side of it the law is continuous.
            below, at = float(self._evaluate(0.0, at_zero=False)), float(self.cdf(0.0))
            low, high = np.where(wanted > below, 0.0, low), np.where(wanted <= at, 0.0, high)
        return crossing(self.cdf, wanted, low, high).reshape(level.shape)


@dataclass(frozen=True)
class KolmogorovDistance:
    """An interval that contains sup_x |F(x) - G(x)|."""

    lower: float
    upper: float


def depth_law(
    multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, tolerance: float = 1e-5
) -> DepthLaw:
    """Return the law of log R for Gaussian weights.

    Parameters
    ----------
    multiplier : Multiplier
        Law of one layer.
    scaling, depth
        A single a with its depth, or the sequence of the a_k (each distinct value costs one law of a layer).
    tolerance : float
        Aim for ``error``, from 1e-10 to 1e-2; the field says what was reached.

    Returns
    -------
    DepthLaw

    Raises
    ------
    SpecificationError
        If every scaling is 0, or the tolerance needs too many frequencies.

    Examples
    --------
    One layer of width 1 has R = (1 + a z)^2, so that R <= 1 for -2/a <= z <= 0:

    >>> round(float(depth_law(Multiplier(1), 1.0, 1).cdf(0.0)), 6)
    0.47725
    """
    check_between("tolerance", tolerance, 1e-10, 1e-2)
    values, counts = layer_groups(scaling, depth)
    counts, values = counts[values > 0], values[values > 0]
    if values.size == 0:
        raise SpecificationError("every scaling is 0: log R is 0")
    layers = _Layers(multiplier.atom, tuple(log_multiplier(multiplier, float(a)) for a in values), counts)
    mean = float(counts @ [law.mean for law in layers.laws])
    variance = float(counts @ [law.variance for law in layers.laws])
    p, L = layers.atom, layers.depth
    weights = counts * p ** (L - 1)
    keep_singles = float(weights.sum()) * (1 - p) > tolerance / 20
    singles = tuple(zip(weights.tolist(), layers.laws, strict=True)) if keep_singles else ()
    error = float(weights.sum()) * (CDF_ERROR if keep_singles else 1 - p)
    lower, upper = layers.chernoff(math.log(4 / tolerance))
    if L == 1:
        return DepthLaw(mean, variance, error, lower, upper, p, 0, 0.0, None, singles)
    span = upper - lower
    mass = 1 - p**L - float(weights.sum()) * (1 - p)
    limit = layers.truncation(mass, tolerance / 4, 2 * math.pi / span)
    count = math.ceil(limit * span / (2 * math.pi))
    truncated = _truncation_error(layers.bound(limit), mass)
    if truncated > tolerance / 4:
        raise SpecificationError(
            f"tolerance {tolerance:g} needs over {_MAX_FREQUENCIES} frequencies at depth {L:g}; accept a larger one"
        )
    transform = layers.characteristic(2 * math.pi / span, count)
    table, interpolated = _invert(transform, mass, lower, span, tolerance / 20)
    k = np.arange(count) + 0.5
    layer_error = L * CHARACTERISTIC_ERROR * float(np.sum(1 / (np.pi * k)))
    error += tolerance / 4 + truncated + interpolated + layer_error
    return DepthLaw(mean, variance, error, lower, upper, p**L, count, mass, table, singles)


def log_norm_ratio_characteristic(
    multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, frequency: float
) -> complex:
    """E e^{i t log R} at the frequency t > 0 for Gaussian weights, within `CHARACTERISTIC_ERROR` per layer.

    Parameters
    ----------
    multiplier, scaling, depth
        As for :func:`depth_law`.
    frequency : float
        t, positive.

    Returns
    -------
    complex

    Examples
    --------
    Layers are independent:

    >>> one, two = (log_norm_ratio_characteristic(Multiplier(3), 0.5, depth, frequency=1.0) for depth in (1, 2))
    >>> abs(two - one**2) < 1e-11
    True
    """
    check_positive("frequency", frequency)
    values, counts = layer_groups(scaling, depth)
    laws = [log_multiplier(multiplier, float(a)) for a in values if a > 0]
    # Half-integer multiples of 2 t begin with t.
    layers = np.array([law.atom + law.characteristic(2 * frequency, 1)[0] for law in laws], dtype=np.complex128)
    return complex(np.prod(layers ** counts[values > 0]))


@stored
def distance_to_normal(law: DepthLaw, mean: float, variance: float) -> KolmogorovDistance:
    """Kolmogorov distance between a depth law and N(mean, variance).

    Both functions increase, so between two points x < x' of a grid their difference is at most
    max(F(x') - G(x), G(x') - F(x)): the interval holds for every real x, numerical error of ``law`` included.

    Parameters
    ----------
    law : DepthLaw
        The law of log R.
    mean, variance : float
        Of the normal law; the variance is positive.

    Returns
    -------
    KolmogorovDistance

    Examples
    --------
    >>> distance_to_normal(depth_law(Multiplier(3), 0.1, 50), 100.0, 1.0).lower > 0.999
    True
    """
    from scipy.special import ndtr

    sd = math.sqrt(check_positive("variance", variance))
    points = np.linspace(
        min(law.lower, mean - 8 * sd), max(law.upper, mean + 8 * sd), 20_001 if law._singles else 200_001
    )
    if law.atom > 0:
        points = np.union1d(points, [0.0])
    F, before, G = law.cdf(points), law._evaluate(points, at_zero=False), ndtr((points - mean) / sd)
    on_grid = max(float(np.max(np.abs(F - G))), float(np.max(np.abs(before - G))))
    between = max(float(np.max(before[1:] - G[:-1])), float(np.max(G[1:] - F[:-1])), float(G[0]), float(1 - F[-1]))
    return KolmogorovDistance(max(0.0, on_grid - law.error), min(1.0, max(on_grid, between) + law.error))


@dataclass(frozen=True, eq=False)
class _Layers:
    """Distinct one-layer laws and how many layers follow each."""

    atom: float
    laws: tuple[LogMultiplier, ...]
    counts: FloatArray

    @functools.cached_property
    def depth(self) -> float:
        return float(self.counts.sum())

    def chernoff(self, log_level: float) -> tuple[float, float]:
        """Points that log R leaves on either side with probability at most exp(-log_level).

        P(log R > x) <= exp(K(t) - t x), K the cumulant function of the law restricted to the grids of the one-layer
        laws: what they leave out has a probability below 1e-17 per layer, while for t < -d/2 the full K is infinite.
        """
        sd = max(math.sqrt(law.variance) for law in self.laws)
        total = math.sqrt(float(self.counts @ [law.variance for law in self.laws]))
        t = np.geomspace(0.005, 1.0, 50) * min(12 / total, 5 / sd)

        def cumulant(tilt: FloatArray) -> FloatArray:
            return np.asarray(self.counts @ np.array([law.log_mgf(tilt) for law in self.laws]), dtype=np.float64)

        upper = np.min((cumulant(t) + log_level) / t)
        lower = np.max(-(cumulant(-t) + log_level) / t)
        return float(lower), float(upper)

    def bound(self, u: float) -> float:
        """Decreasing bound on |phi_2|."""
        envelopes = np.minimum([law.envelope(u) for law in self.laws], 1 - self.atom)
        return float(self._compose(envelopes[:, None])[0])

    def characteristic(self, spacing: float, count: int) -> ComplexArray:
        """phi_2 at half-integer multiples of the spacing."""
        return self._compose(np.array([law.characteristic(spacing, count) for law in self.laws]))

    def _compose(self, chi: NDArray[Any]) -> NDArray[Any]:
        """Return the part of prod (p + chi_k)^{n_k} with two active layers at least."""
        p, L = self.atom, self.depth
        product = np.prod((p + chi) ** self.counts[:, None], axis=0)
        return np.asarray(product - p**L - p ** (L - 1) * (self.counts @ chi))

    def truncation(self, mass: float, target: float, start: float) -> float:
        """Return a frequency whose truncation error is at most ``target``, within 3% of the least one.

        Beyond the most frequencies that are used the search ends without it.
        """
        high = start
        while _truncation_error(self.bound(high), mass) > target and high < _MAX_FREQUENCIES * start:
            high *= 2
        low = high / 2
        while high > 1.03 * low and high > start:
            middle = math.sqrt(low * high)
            if _truncation_error(self.bound(middle), mass) > target:
                low = middle
            else:
                high = middle
        return high


def _truncation_error(bound: float, mass: float) -> float:
    """E (3 + (2/pi) log(2.5 w / E)), for a bound E on the rest of the transform of a law of mass w."""
    if bound <= 0:
        return 0.0
    return bound * (3 + 2 / math.pi * math.log(max(1.0, 2.5 * mass / bound)))


def _invert(
    transform: ComplexArray, mass: float, lower: float, span: float, target: float
) -> tuple[HermiteTable, float]:
    """Table of F_2 on [lower, lower + span] and a bound on its interpolation error.

    The cells are refined until that bound is below ``target`` (or the table is as large as allowed).
    """
    count = transform.size
    k = np.arange(count) + 0.5
    u = 2 * math.pi / span * k
    coefficients = transform / (math.pi * k)
    size = max(1024, 2 ** math.ceil(math.log2(8 * count)))
    fourth = float(np.sum(np.abs(coefficients) * u**4)) / 384
    while fourth * (span / size) ** 4 > target and size < _MAX_TABLE:
        size *= 2
    # e^{-i u_k (lower + j span / size)} = e^{-i u_k lower} e^{-i pi j / size} e^{-2 i pi j k / size}
    half_turn = np.exp(-1j * math.pi * np.arange(size) / size)
    shifted = coefficients * np.exp(-1j * u * lower)
    sums = half_turn * np.fft.fft(shifted, size)
    derivatives = half_turn * np.fft.fft(u * shifted, size)
    values = mass / 2 - sums.imag
    # The sum changes sign over one span, its derivative too.
    values = np.append(values, mass - values[0])
    slopes = np.append(derivatives.real, -derivatives.real[0])
    return HermiteTable(lower, span / size, values, slopes), fourth * (span / size) ** 4
