"""Laws with known mean, variance, distribution function and quantiles: the worlds in which a method is calibrated.

A law draws from a NumPy generator. Laws that are functions of one another name the same stream, so that they turn the
same numbers into their values: a method judges a true statement and a false one on coupled samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError

Draw = Callable[[Generator, tuple[int, int]], FloatArray]
Map = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Law:
    """A law of real observations.

    Attributes
    ----------
    recipe : tuple
        The function that builds it and the arguments: what another process is sent.
    name : str
        In words, with rounded numbers.
    stream : str
        Name of the random numbers that it draws.
    draw : callable
        Samples of the given shape from a generator: one row per repetition.
    mean, variance : float
        Exact.
    cdf, quantile : callable
        Distribution function and its generalised inverse, on arrays.
    support : tuple of float
        Smallest and largest value, possibly infinite.
    continuous : bool
        Whether the distribution function is.
    """

    recipe: tuple[Any, ...]
    name: str
    stream: str
    draw: Draw
    mean: float
    variance: float
    cdf: Map
    quantile: Map
    support: tuple[float, float]
    continuous: bool = True

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.recipe[0], self.recipe[1:]

    @property
    def identity(self) -> tuple[str, str, float, float]:
        """Identity among laws; the name rounds parameters."""
        return self.stream, self.name, self.mean, self.variance

    def quantile_at(self, probability: float) -> float:
        """Return one quantile."""
        return float(self.quantile(np.array([probability]))[0])

    def shifted(self, by: float) -> Law:
        """Return the law of X + by."""
        return _affine(self, 1.0, by, f"shifted by {by:.3g}")

    def scaled(self, factor: float) -> Law:
        """Return the law of factor X, for a positive factor."""
        if not 0.0 < factor < math.inf:
            raise SpecificationError(f"the factor of a scaled law must be positive and finite, got {factor!r}")
        return _affine(self, factor, 0.0, f"times {factor:.3g}")


def _affine(law: Law, factor: float, offset: float, words: str) -> Law:
    low, high = law.support
    return Law(
        (_affine, law, factor, offset, words),
        f"{law.name}, {words}",
        law.stream,
        lambda generator, shape: factor * law.draw(generator, shape) + offset,
        factor * law.mean + offset,
        factor**2 * law.variance,
        lambda x: law.cdf((np.asarray(x) - offset) / factor),
        lambda p: factor * law.quantile(p) + offset,
        (factor * low + offset, factor * high + offset),
        law.continuous,
    )


def lognormal(sigma: float) -> Law:
    r"""Return the law of :math:`\exp(\sigma Z - \sigma^2/2)`: mean 1, variance :math:`e^{\sigma^2} - 1`."""

    def draw(generator: Generator, shape: tuple[int, int]) -> FloatArray:
        values = generator.standard_normal(shape)
        values *= sigma
        values -= 0.5 * sigma**2
        return np.exp(values, out=values)

    def cdf(x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return _normal_cdf(np.log(np.maximum(x, 0.0)) / sigma + 0.5 * sigma)

    return Law(
        (lognormal, sigma),
        f"lognormal, σ = {sigma:g}",
        f"lognormal:sigma={sigma!r}",
        draw,
        1.0,
        math.expm1(sigma**2),
        cdf,
        lambda p: np.exp(sigma * _normal_quantile(p) - 0.5 * sigma**2),
        (0.0, math.inf),
    )


def pareto(index: float) -> Law:
    r"""Return the law with tail :math:`(x_0/x)^a` from :math:`x_0 = (a-1)/a` on, a > 2: mean 1, variance 1/(a(a-2)).

    Its moments of order a and above are infinite.
    """
    if index <= 2.0:
        raise SpecificationError(f"a Pareto law of finite variance has an index above 2, got {index!r}")
    start = (index - 1.0) / index
    return Law(
        (pareto, index),
        f"Pareto, index {index:g}",
        f"pareto:index={index!r}",
        # 1 - U lies in (0, 1].
        lambda generator, shape: np.asarray(start * (1.0 - generator.random(shape)) ** (-1.0 / index)),
        1.0,
        1.0 / (index * (index - 2.0)),
        lambda x: np.asarray(1.0 - (start / np.maximum(x, start)) ** index),
        lambda p: np.asarray(start * (1.0 - np.asarray(p)) ** (-1.0 / index)),
        (start, math.inf),
    )


def normal() -> Law:
    """Return the standard normal law."""
    ends = (-math.inf, math.inf)
    return Law((normal,), "normal", "normal", Generator.standard_normal, 0.0, 1.0, _normal_cdf, _normal_quantile, ends)


def uniform() -> Law:
    """Return the uniform law on [0, 1]."""
    return Law(
        (uniform,),
        "uniform",
        "uniform",
        Generator.random,
        0.5,
        1.0 / 12.0,
        lambda x: np.clip(x, 0.0, 1.0),
        lambda p: np.array(p, dtype=np.float64),
        (0.0, 1.0),
    )


def bent(excess: float) -> Law:
    """Return the law on [0, 1] whose distribution function is linear up to (1/2, 1/2 + excess) and from there on.

    Its Kolmogorov distance from the uniform law is `excess`, attained at 1/2 alone.
    """
    if not 0.0 < excess < 0.5:
        raise SpecificationError(f"the excess must lie strictly between 0 and 1/2, got {excess!r}")
    low, high = 0.5 + excess, 0.5 - excess
    mean = low * 0.25 + high * 0.75

    def quantile(p: FloatArray) -> FloatArray:
        return np.interp(p, [0.0, 0.5 + excess, 1.0], [0.0, 0.5, 1.0])

    return Law(
        (bent, excess),
        f"uniform bent by {excess:.3g}",
        "uniform",
        lambda generator, shape: quantile(generator.random(shape)),
        mean,
        # E X^2 of the uniform laws on the two halves is 1/12 and 7/12.
        (low + 7.0 * high) / 12.0 - mean**2,
        lambda x: np.interp(x, [0.0, 0.5, 1.0], [0.0, 0.5 + excess, 1.0]),
        quantile,
        (0.0, 1.0),
    )


def bernoulli(probability: float) -> Law:
    """Return the law of 1 with this probability, otherwise 0."""
    failure = 1.0 - probability
    return Law(
        (bernoulli, probability),
        f"Bernoulli, p = {probability:.3g}",
        "uniform",
        # 1 - U lies in (0, 1], so that probability 0 never gives a success and 1 always.
        lambda generator, shape: (1.0 - generator.random(shape) <= probability).astype(np.float64),
        probability,
        probability * failure,
        lambda x: np.where(np.asarray(x) < 0.0, 0.0, np.where(np.asarray(x) < 1.0, failure, 1.0)),
        lambda p: (np.asarray(p) > failure).astype(np.float64),
        (0.0, 1.0),
        continuous=False,
    )


def ties(values: int) -> Law:
    """Return the uniform law on that many equally spaced values from 0 to 1."""
    last = values - 1.0
    return Law(
        (ties, values),
        f"{values} tied values",
        "uniform",
        lambda generator, shape: np.floor(values * generator.random(shape)) / last,
        0.5,
        (values + 1.0) / (12.0 * last),
        # A billionth of a step keeps a value that is itself one step, after rounding, on its own side.
        lambda x: np.clip(np.floor(np.asarray(x) * last + 1e-9) + 1.0, 0.0, values) / values,
        lambda p: np.clip(np.ceil(np.asarray(p) * values - 1e-9) - 1.0, 0.0, last) / last,
        (0.0, 1.0),
        continuous=False,
    )


def _normal_cdf(x: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def _normal_quantile(p: FloatArray) -> FloatArray:
    from scipy.special import ndtri

    return np.asarray(ndtri(p))
