"""The exact law of the one-layer log-multiplier log M for Gaussian weights (E2, E19), numerically.

Notation
    M = (1 + sqrt(tau) z)^2 + tau chi2_{d-1}, tau = a^2 S (see ``multiplier``); y = log M; nu = d/2 - 1.

Given tau, M / tau is a noncentral chi-square (d degrees of freedom, noncentrality 1 / tau), so the density of y is

    f(y) = (1 / 2 tau) exp(-(sqrt(m) - 1)^2 / (2 tau)) m^(d/4 + 1/2) e^(-x) I_nu(x),   m = e^y, x = sqrt(m) / tau,

where every factor is computed without cancellation for any small tau. f is analytic in the strip |Im y| < pi/2, so
its Fourier transform phi decays geometrically, and a uniform grid of step h = pi / c, with phi negligible beyond c,
carries f to rounding: Fourier integrals by the trapezoidal rule (aliases come from frequencies above 2c - u), the
distribution function by integrating the sinc interpolant,

    F(x) = sum_j h f(y_j) [1/2 + Si(pi (x - y_j) / h) / pi].

S is integrated by the rule of ``scale_mixture``: one grid (a *panel*) for each of its nodes.

Envelope. M / tau is also chi2_{d + 2J} with J ~ Poisson(1 / (2 tau)), and the law of chi2_{2x} / 2 has the Mellin
transform Gamma(x + iu) / Gamma(x), so

    |phi(u)| <= E exp(-G(d/2 + J, u) / 2)

with the G of ``gamma_decay``. The right side decreases in u: it bounds phi on a whole half-line.

Exact up to rounding; `CHARACTERISTIC_ERROR` is the accuracy that the characteristic function is held to.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.theory.gamma_decay import decay_frequency, log_gamma_decay
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.scale_mixture import scale_nodes

ComplexArray = NDArray[np.complex128]

CHARACTERISTIC_ERROR = 1e-12
"""Bound held on the error of the characteristic function of one layer (mass defect, aliasing, rounding)."""

CDF_ERROR = 1e-8
"""Bound held on the error of `LogMultiplier.cdf` (interpolation)."""

_LOG_NEGLIGIBLE = 36.0
_REACH = 11.0
_FLUSH = 300.0  # weights below exp(-300) are cleared: subnormal numbers slow every product down
_OVERSAMPLING = 8
_AT_ONCE = 2**15  # values of panels that are interpolated together: they stay in the cache


@dataclass(frozen=True, eq=False)
class Panel:
    """The density of log M given one value of tau on a uniform grid.

    Parameters
    ----------
    tau
        a^2 S.
    mass
        Weight of this value of S.
    start, step
        Grid: y_j = start + j step.
    weights
        mass * step * f(y_j).
    band
        Frequency above which the characteristic function is negligible.
    """

    tau: float
    mass: float
    start: float
    step: float
    weights: FloatArray = field(repr=False)
    band: float

    @property
    def nodes(self) -> FloatArray:
        """Grid points y_j."""
        return self.start + self.step * np.arange(self.weights.size, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class LogMultiplier:
    """The law of log M for one layer; `mean` and `variance` are accurate to rounding.

    Parameters
    ----------
    multiplier, a
        What it is the law of.
    atom
        Probability that log M = 0 exactly.
    panels
        The absolutely continuous part.
    """

    multiplier: Multiplier
    a: float
    atom: float
    panels: tuple[Panel, ...] = field(repr=False)

    @functools.cached_property
    def mean(self) -> float:
        """E log M."""
        return float(sum(p.weights @ p.nodes for p in self.panels))

    @functools.cached_property
    def variance(self) -> float:
        """Var log M."""
        mean = self.mean
        return float(sum(p.weights @ (p.nodes - mean) ** 2 for p in self.panels)) + self.atom * mean**2

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(log M <= x), absolute error below `CDF_ERROR`."""
        return self.continuous_cdf(x) + self.atom * (np.asarray(x, dtype=np.float64) >= 0)

    def continuous_cdf(self, x: ArrayLike) -> FloatArray:
        """Return the part of the distribution function that the atom does not carry."""
        points = np.asarray(x, dtype=np.float64)
        size = max(1, _AT_ONCE // len(self.panels))
        parts = [self._tables.evaluate(part, self._masses).sum(axis=0) for part in _parts(points.ravel(), size)]
        return np.concatenate(parts).reshape(points.shape)

    @functools.cached_property
    def _masses(self) -> FloatArray:
        return np.array([[panel.mass] for panel in self.panels])

    @functools.cached_property
    def _tables(self) -> HermiteTable:
        return HermiteTable.stack([_cumulative_table(panel, self.multiplier.width) for panel in self.panels])

    def log_mgf(self, p: FloatArray) -> FloatArray:
        """Logarithm of E M^p over the grids, which is E M^p itself for moderate p.

        Moderate: above -d/4 and within a few units of 1 / (standard deviation). Beyond, E M^p may be infinite, and this
        is the moment of the law restricted to the grids (that leave out less than 1e-17). Exponents are capped at 600,
        where the result is useless but finite.
        """
        total = np.full(p.shape, self.atom)
        for panel in self.panels:
            total += np.exp(np.minimum(np.multiply.outer(p, panel.nodes), 600.0)) @ panel.weights
        return np.asarray(np.log(total), dtype=np.float64)

    def characteristic(self, spacing: float, count: int) -> ComplexArray:
        """E e^{iu log M} minus the atom, at u = (k + 1/2) spacing, k = 0..count-1.

        u is split as (coarse + fine), which turns the sum over the grid into a small matrix product.
        """
        result = np.zeros(count, dtype=np.complex128)
        highest = spacing * count
        for panel in self.panels:
            if 2 * highest * panel.tau * (highest + self.multiplier.width) < CHARACTERISTIC_ERROR / 100:
                result += panel.mass  # |phi - 1| <= |u E log M| + u^2 E (log M)^2 / 2 is below rounding
                continue
            active = min(count, math.ceil(panel.band / spacing + 0.5))
            columns = math.ceil(math.sqrt(active))
            rows = math.ceil(active / columns)
            y = panel.nodes
            coarse = np.exp(1j * spacing * np.multiply.outer(0.5 + columns * np.arange(rows), y)) * panel.weights
            fine = np.exp(1j * spacing * np.multiply.outer(y, np.arange(columns)))
            # einsum rather than BLAS: digits and time do not depend on the number of threads
            result[:active] += np.einsum("ij,jk->ik", coarse, fine).ravel()[:active]
        return result

    @functools.cached_property
    def _degrees(self) -> tuple[FloatArray, FloatArray]:
        return _halved_degrees(self)

    def envelope(self, u: float) -> float:
        """Return a decreasing bound on |E e^{iu log M} - atom| (see the head of the module)."""
        x, weights = self._degrees
        return float(weights @ np.exp(-np.minimum(log_gamma_decay(x, u) / 2, _FLUSH)))


@dataclass(frozen=True, eq=False)
class HermiteTable:
    """Cubic Hermite interpolation of a distribution function from its values and densities on a uniform grid.

    Or of several at once, their nodes one after the other: ``start``, ``step``, ``first`` (index of the first node) and
    ``last`` (number of the last node within its table) are then columns (tables, 1).
    """

    start: float | FloatArray
    step: float | FloatArray
    values: FloatArray = field(repr=False)
    slopes: FloatArray = field(repr=False)
    first: int | NDArray[np.intp] = 0
    last: int | NDArray[np.intp] = -1

    @classmethod
    def stack(cls, tables: Sequence[HermiteTable]) -> HermiteTable:
        """Return the tables as one, whose values at points (points,) have shape (tables, points)."""
        sizes = np.array([[table.values.size] for table in tables])
        return cls(
            np.array([[table.start] for table in tables]),
            np.array([[table.step] for table in tables]),
            np.concatenate([table.values for table in tables]),
            np.concatenate([table.slopes for table in tables]),
            np.cumsum(sizes, axis=0) - sizes,
            sizes - 1,
        )

    @functools.cached_property
    def _cubics(self) -> FloatArray:
        """Coefficients of t^0 to t^3 between each node and the next; behind the last of a table none are read."""
        step = self.step if isinstance(self.last, int) else np.repeat(self.step, self.last.ravel() + 1)
        slopes = step * self.slopes
        rise, following = np.roll(self.values, -1) - self.values, np.roll(slopes, -1)
        return np.stack([self.values, slopes, 3 * rise - 2 * slopes - following, slopes + following - 2 * rise])

    def evaluate(self, x: FloatArray, above: float | FloatArray) -> FloatArray:
        """Value at x: 0 below the grid and ``above`` beyond it."""
        position = (x - self.start) / self.step
        last = self.values.size - 1 if isinstance(self.last, int) else self.last
        node = np.minimum(np.maximum(np.floor(position), 0), last - 1)
        t = np.minimum(np.maximum(position - node, 0.0), 1.0)
        index = self.first + node.astype(np.intp)
        c0, c1, c2, c3 = (np.take(coefficients, index) for coefficients in self._cubics)
        found = np.asarray(c0 + t * (c1 + t * (c2 + t * c3)))
        np.copyto(found, above, where=position >= last)
        np.copyto(found, 0.0, where=position <= 0)
        return found


def _parts(points: FloatArray, size: int) -> list[FloatArray]:
    """Cut an array into pieces of that size, at least one."""
    return [points[first : first + size] for first in range(0, max(points.size, 1), size)]


def log_multiplier(multiplier: Multiplier, a: float) -> LogMultiplier:
    """Return the law of log M at scaling ``a`` (non-zero), Gaussian weights."""
    if not (math.isfinite(a) and a != 0):
        raise SpecificationError(f"the scaling of a layer must be finite and non-zero, not {a!r}")
    scales, masses = scale_nodes(multiplier)
    panels = tuple(_panel(multiplier.width, a * a * s, m) for s, m in zip(scales, masses, strict=True))
    return LogMultiplier(multiplier, a, multiplier.atom, panels)


def log_multiplier_density(width: int, tau: float, y: FloatArray) -> FloatArray:
    """Density of log M given tau.

    Parameters
    ----------
    width : int
        Dimension d of the hidden state.
    tau : float
        a^2 S, positive.
    y : float64 array
        Values of log M.

    Returns
    -------
    float64 array

    Examples
    --------
    At width 1 M = (1 + z)^2 for tau = 1: z = 0 and z = -2 give log M = 0.

    >>> density = log_multiplier_density(1, 1.0, np.zeros(1))
    >>> round(float(density[0]), 9) == round((1.0 + math.exp(-2.0)) / math.sqrt(8.0 * math.pi), 9)
    True
    """
    from scipy.special import ive

    root = np.exp(y / 2)
    x = root / tau
    nu = width / 2 - 1
    if width == 1:  # I_{-1/2} is elementary; the general routine reflects through K_{1/2}
        bessel = (1 + np.exp(-2 * x)) / np.sqrt(2 * np.pi * x)
    else:
        # Hankel's expansion beyond the range of the general routine: its terms decrease at least like 1e-4.
        mu, z = 4 * nu * nu, np.maximum(x, max(1e8, 1e3 * nu * nu))
        series = 1 - (mu - 1) / (8 * z) * (1 - (mu - 9) / (16 * z) * (1 - (mu - 25) / (24 * z)))
        bessel = np.where(x < z, ive(nu, np.minimum(x, z)), series / np.sqrt(2 * np.pi * x))
    exponent = y * (width + 2) / 4 - np.expm1(y / 2) ** 2 / (2 * tau)
    return np.asarray(np.exp(exponent) * bessel / (2 * tau), dtype=np.float64)


def _band(width: int, tau: float) -> float:
    """Frequency above which the characteristic function given tau is negligible.

    Found at an x that few values of d/2 + J exceed; the tests compare the result with the true transform.
    """
    rate = 1 / (2 * tau)
    return decay_frequency(width / 2 + rate + 2 * math.sqrt(rate) + 1, _LOG_NEGLIGIBLE)


def _panel(width: int, tau: float, mass: float) -> Panel:
    """Grid that carries all but about 1e-19 of the law given tau, and most of its exponential tilts."""
    root = math.sqrt(tau)
    tail = max(0.0, math.sqrt(width - 1) - _REACH)
    upper = math.log((1 + _REACH * root) ** 2 + tau * (math.sqrt(width - 1) + _REACH) ** 2)
    near = max(0.0, 1 - _REACH * root) ** 2 + tau * tail**2
    # P(M <= m) <= (m / 2 tau)^(d/2) / Gamma(d/2 + 1): a ball of radius sqrt(m / tau) under the normal density.
    power = math.log(2 * tau) + 2 / width * (math.lgamma(width / 2 + 1) - 40.0)
    lower = max(power, math.log(near)) if near > 0 else power
    band = _band(width, tau)
    step = math.pi / band
    count = math.ceil((upper - lower) / step) + 1
    y = lower + step * np.arange(count, dtype=np.float64)
    weights = step * log_multiplier_density(width, tau, y)
    weights[weights < math.exp(-_FLUSH)] = 0.0
    return Panel(tau, mass, lower, step, mass * weights, band)


def _cumulative_table(panel: Panel, width: int) -> HermiteTable:
    """Integral of the sinc interpolant of a panel on a grid `_OVERSAMPLING` times finer."""
    from scipy.special import sici

    n, fine = panel.weights.size, _OVERSAMPLING
    size = fine * (n - 1) + 1
    kernel = 0.5 + sici(np.pi * np.arange(-fine * n, fine * n) / fine)[0] / np.pi
    phases = [np.convolve(panel.weights, kernel[phase::fine])[n : 2 * n] for phase in range(fine)]
    values = np.stack(phases, axis=1).ravel()[:size]
    y = panel.start + panel.step / fine * np.arange(size, dtype=np.float64)
    return HermiteTable(
        panel.start, panel.step / fine, values, panel.mass * log_multiplier_density(width, panel.tau, y)
    )


def _halved_degrees(law: LogMultiplier) -> tuple[FloatArray, FloatArray]:
    """Points x and weights of a law that stochastically dominates d/2 + J, jointly over the panels.

    The Poisson law of each panel is cut into blocks (single integers when they fit) that are moved to their upper end;
    what lies beyond the last block goes to a point where the bound of the envelope is 1.
    """
    from scipy.special import pdtr

    rate = np.array([1 / (2 * p.tau) for p in law.panels])[:, None]
    mass = np.array([p.mass for p in law.panels])[:, None]
    spread = np.sqrt(rate)
    edges = np.floor(rate + (spread + 1) * np.linspace(-9.0, 13.0, 64))
    edges = np.maximum.accumulate(np.maximum(edges, 0.0), axis=1)
    below = pdtr(edges, np.broadcast_to(rate, edges.shape))
    weights = mass * np.diff(below, axis=1, prepend=0.0)
    beyond = mass.sum() - weights.sum()
    keep = weights > 0
    x = np.append(law.multiplier.width / 2 + edges[keep], 1e300)
    return x, np.append(weights[keep], max(float(beyond), 0.0) + 1e-16)
