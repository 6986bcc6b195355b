"""Continuous laws on the real line as frozen values: limit laws, laws to plan with, and nearby false laws."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError

#: F + 4 t F (1 - F) increases for |t| up to here.
LARGEST_TILT = 0.25


class Law(Hashable, Protocol):
    """A continuous law on the real line; every law of the package that is compared with samples has these methods."""

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function at points of any shape."""

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantiles of probabilities of any shape."""


def law_distance(first: Law, second: Law) -> float:
    """Return the largest difference of two continuous laws at 200 quantiles of each: their distance, from below."""
    points = np.concatenate([_quantiles(first), _quantiles(second)])
    return float(np.max(np.abs(first.cdf(points) - second.cdf(points))))


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
    """The law of -X for a continuous X."""

    law: Law

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        return 1.0 - self.law.cdf(-np.asarray(x, dtype=np.float64))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        return -self.law.quantile(1.0 - np.asarray(p, dtype=np.float64))


@dataclass(frozen=True)
class Tilted:
    """A law at Kolmogorov distance exactly ``|distance|`` from another: F + 4 distance F (1 - F).

    Positive distances move probability down, negative ones up. The nearest false statement that a distance test can
    meet.
    """

    law: Law
    distance: float

    def __post_init__(self) -> None:
        if abs(self.distance) > LARGEST_TILT:
            raise SpecificationError(f"a tilted law has distance at most {LARGEST_TILT:g}, not {self.distance!r}")

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        probability = self.law.cdf(x)
        return probability + 4.0 * self.distance * probability * (1.0 - probability)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function: solves the quadratic in F."""
        t = 4.0 * self.distance
        q = np.asarray(p, dtype=np.float64)
        return self.law.quantile(2.0 * q / (1.0 + t + np.sqrt((1.0 + t) ** 2 - 4.0 * t * q)))
