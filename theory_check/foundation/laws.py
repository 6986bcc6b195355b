"""Laws on the real line as frozen values: limit laws, laws to plan with, and nearby false laws.

A law may have atoms. Its distribution function alone tells them: F(x-) is F a few units in the last place below x, so
that a lattice that is reached with rounding keeps its jumps, and a smaller difference than 1e-9 is no jump.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_number, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.stored_values import stored

#: F + 4 t F (1 - F) increases for |t| up to here.
LARGEST_TILT = 0.25


#: How far below a value its left limit is taken, relative to it, and the smallest jump.
_BELOW = 2.0**-44
_LEAST_JUMP = 1e-9

#: How far cdf and quantile may be from inverses of each other: laws that are computed have errors.
_LEAST_FIT = 1e-3


class Law(Hashable, Protocol):
    """A law on the real line; every law of the package that is compared with samples has these methods."""

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function at points of any shape."""

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantiles of probabilities of any shape."""


#: Probabilities at which a law from elsewhere is looked at.
_LOOKED_AT = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def check_law(law: Law) -> None:
    """Raise unless the two functions of a law fit each other at a few points, up to its atoms.

    Examples
    --------
    >>> check_law(Normal(0.0, 1.0))
    >>> check_law(Mirrored(Normal(0.0, 1.0)))
    """
    if type(law) is Normal:
        check_number("the mean of a normal law", law.mean)
        check_positive("the variance of a normal law", law.variance)
        return
    p = np.array(_LOOKED_AT)
    points = _row(law, "quantile", law.quantile(p), p.shape)
    if not (np.all(np.isfinite(points)) and np.all(np.diff(points) >= 0.0)):
        raise SpecificationError(
            f"law {law!r}: its quantiles at {p.tolist()} are {points.tolist()}; they must increase"
        )
    reached = _row(law, "cdf", law.cdf(points), p.shape)
    before = _row(law, "cdf", left_limits(law.cdf, points), p.shape)
    if not np.all((reached >= p - _LEAST_FIT) & (before <= p + _LEAST_FIT) & (reached <= 1.0) & (before >= 0.0)):
        raise SpecificationError(
            f"law {law!r}: its cdf at the quantiles of {p.tolist()} is {reached.tolist()}; it must be these, or "
            "jump over them"
        )


def _row(law: Law, name: str, values: object, shape: tuple[int, ...]) -> FloatArray:
    found = np.asarray(values)
    if found.shape != shape or found.dtype.kind not in "fiu":
        raise SpecificationError(
            f"law {law!r}: its {name} of an array of shape {shape} gives {found.dtype} of shape {found.shape}; it must "
            "give a number for each"
        )
    return found


def left_limits(
    cdf: Callable[[FloatArray], ArrayLike],
    values: FloatArray,
    at: FloatArray | None = None,
    steps: FloatArray | float = 0.0,
) -> FloatArray:
    """Return F(x-) at each value: F(x) but where there is an atom.

    Parameters
    ----------
    cdf : callable
        F.
    values : float64 array
        The points x.
    at : float64 array, optional
        F(x) where it is known.
    steps : float64 array, optional
        How far below each value its left limit is taken, at least.

    Returns
    -------
    float64 array

    Examples
    --------
    >>> left_limits(lambda x: np.floor(10.0 * x) / 10.0, np.array([0.3, 0.35, 0.7])).round(1).tolist()
    [0.2, 0.3, 0.6]
    """
    sizes = np.abs(values)
    # Zero has the step of the smallest other value.
    sizes = np.where(sizes > 0.0, sizes, np.min(sizes, initial=1.0, where=sizes > 0.0))
    below = np.minimum(values - np.maximum(_BELOW * sizes, steps), np.nextafter(values, -math.inf))
    here = np.asarray(cdf(values) if at is None else at, dtype=np.float64)
    before = np.asarray(cdf(below), dtype=np.float64)
    return np.where(here - before > _LEAST_JUMP, before, here)


@stored
def law_distance(first: Law, second: Law) -> float:
    """Return the largest difference of two laws at and left of 200 quantiles of each: their distance, from below."""
    points = np.concatenate([_quantiles(first), _quantiles(second)])
    before = left_limits(first.cdf, points) - left_limits(second.cdf, points)
    return float(np.max(np.abs([first.cdf(points) - second.cdf(points), before])))


@lru_cache(maxsize=64)  # a predicted law is compared with all its variants, and they with one another
def _quantiles(law: Law) -> FloatArray:
    return law.quantile((np.arange(200) + 0.5) / 200)


@dataclass(frozen=True)
class Normal:
    """N(mean, variance)."""

    mean: float
    variance: float

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        from scipy.special import ndtr

        return np.asarray(ndtr((np.asarray(x, dtype=np.float64) - self.mean) / math.sqrt(self.variance)))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        from scipy.special import ndtri

        return np.asarray(self.mean + math.sqrt(self.variance) * ndtri(p), dtype=np.float64)

    def density(self, x: ArrayLike) -> FloatArray:
        """Return the density."""
        z = (np.asarray(x, dtype=np.float64) - self.mean) / math.sqrt(self.variance)
        return np.asarray(np.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi * self.variance))


@dataclass(frozen=True)
class LogNormal:
    """The law of exp(X) for a normal X."""

    logarithm: Normal

    @classmethod
    def of_moments(cls, mean: float, variance: float) -> LogNormal:
        """Return the lognormal law of that mean and variance."""
        spread = math.log1p(variance / mean**2)
        return cls(Normal(math.log(mean) - spread / 2.0, spread))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        values = np.asarray(x, dtype=np.float64)
        return np.where(values > 0.0, self.logarithm.cdf(np.log(np.maximum(values, np.finfo(np.float64).tiny))), 0.0)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        return np.exp(self.logarithm.quantile(p))


@dataclass(frozen=True)
class ScaledChiSquare:
    """The law of ``scale * chi2_degrees / degrees``; with ``root`` that of its square root."""

    degrees: int
    scale: float = 1.0
    root: bool = False

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        from scipy.special import gammainc

        values = np.maximum(np.asarray(x, dtype=np.float64), 0.0)
        square = values * values if self.root else values
        return np.asarray(gammainc(self.degrees / 2.0, self.degrees * square / (2.0 * self.scale)))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        from scipy.special import gammaincinv

        square = 2.0 * self.scale / self.degrees * np.asarray(gammaincinv(self.degrees / 2.0, p))
        return np.sqrt(square) if self.root else square

    def density(self, x: ArrayLike) -> FloatArray:
        """Return the density."""
        from scipy.special import gammaln

        values = np.asarray(x, dtype=np.float64)
        square = values * values if self.root else values
        half, rate = self.degrees / 2.0, self.degrees / (2.0 * self.scale)
        log_density = half * math.log(rate) - gammaln(half) + (half - 1.0) * np.log(square) - rate * square
        return np.asarray(np.exp(log_density) * (2.0 * values if self.root else 1.0))


@dataclass(frozen=True)
class Shifted:
    """The law of X + shift."""

    law: Law
    shift: float

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        return self.law.cdf(np.asarray(x, dtype=np.float64) - self.shift)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        return self.law.quantile(p) + self.shift


@dataclass(frozen=True)
class Mirrored:
    """The law of -X."""

    law: Law

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        return 1.0 - left_limits(self.law.cdf, -np.asarray(x, dtype=np.float64))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        return -self.law.quantile(1.0 - np.asarray(p, dtype=np.float64))


@dataclass(frozen=True)
class Tilted:
    """A law at Kolmogorov distance exactly ``|distance|`` from another: F + 4 t F (1 - F), t = distance without atoms.

    Positive distances move probability down, negative ones up. The nearest false statement that a distance test can
    meet. F of a law with atoms may leave out 1/2, where the difference is largest: t is larger then.
    """

    law: Law
    distance: float

    def __post_init__(self) -> None:
        if abs(self._tilt) > LARGEST_TILT:
            largest = LARGEST_TILT * self.distance / self._tilt
            raise SpecificationError(f"a tilted law has distance at most {largest:g}, not {self.distance!r}")

    @cached_property
    def _tilt(self) -> float:
        largest = _largest_tilt(self.law)
        # A law without an atom there has 1/2 up to the rounding of its quantile.
        return self.distance if largest > 1.0 - _LEAST_JUMP else self.distance / max(largest, 2.0**-1000)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        probability = self.law.cdf(x)
        return probability + 4.0 * self._tilt * probability * (1.0 - probability)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function: solves the quadratic in F."""
        t = 4.0 * self._tilt
        q = np.asarray(p, dtype=np.float64)
        return self.law.quantile(2.0 * q / (1.0 + t + np.sqrt((1.0 + t) ** 2 - 4.0 * t * q)))


@stored
def _largest_tilt(law: Law) -> float:
    """Return the supremum of 4 F (1 - F): 1, unless an atom leaves out F = 1/2."""
    middle = law.quantile(np.array([0.5]))
    nearest = np.concatenate([law.cdf(middle), left_limits(law.cdf, middle)])
    return float(np.max(4.0 * nearest * (1.0 - nearest)))
