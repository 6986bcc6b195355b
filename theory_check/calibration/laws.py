"""Laws with known mean, variance, distribution function and quantiles: the worlds in which a method is calibrated.

A law draws from a NumPy generator. Laws that are functions of one another name the same stream, so that they turn the
same numbers into their values: a method judges a true statement and a false one on coupled samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
    name : str
        In words, with rounded numbers.
    stream : str
        Name of the random numbers that it draws.
    draw : callable
        Samples of the given shape from a generator: one repetition a row.
    mean, variance : float
        Exact.
    cdf, quantile : callable
        Distribution function and its generalised inverse, on arrays.
    support : tuple of float
        Smallest and largest value, possibly infinite.
    continuous : bool
        Whether the distribution function is.
    """

    name: str
    stream: str
    draw: Draw
    mean: float
    variance: float
    cdf: Map
    quantile: Map
    support: tuple[float, float]
    continuous: bool = True

    @property
    def identity(self) -> tuple[str, str, float, float]:
        """What tells it from other laws: its name alone is rounded."""
        return self.stream, self.name, self.mean, self.variance

    def quantile_at(self, probability: float) -> float:
        """Return one quantile."""
        return float(self.quantile(np.array([probability]))[0])

    def shifted(self, by: float) -> Law:
        """Return the law of X + by."""
        low, high = self.support
        return Law(
            f"{self.name}, shifted by {by:.3g}",
            self.stream,
            partial(_draw_affine, self.draw, 1.0, by),
            self.mean + by,
            self.variance,
            partial(_affine_cdf, self.cdf, 1.0, by),
            partial(_affine_quantile, self.quantile, 1.0, by),
            (low + by, high + by),
            self.continuous,
        )

    def scaled(self, factor: float) -> Law:
        """Return the law of factor X, for a positive factor."""
        if not 0.0 < factor < math.inf:
            raise SpecificationError(f"the factor of a scaled law must be positive and finite, got {factor!r}")
        low, high = self.support
        return Law(
            f"{self.name}, times {factor:.3g}",
            self.stream,
            partial(_draw_affine, self.draw, factor, 0.0),
            factor * self.mean,
            factor**2 * self.variance,
            partial(_affine_cdf, self.cdf, factor, 0.0),
            partial(_affine_quantile, self.quantile, factor, 0.0),
            (factor * low, factor * high),
            self.continuous,
        )


def lognormal(sigma: float) -> Law:
    r"""Return the law of :math:`\exp(\sigma Z - \sigma^2/2)`: mean 1, variance :math:`e^{\sigma^2} - 1`."""
    return Law(
        f"lognormal, σ = {sigma:g}",
        f"lognormal:sigma={sigma!r}",
        partial(_draw_lognormal, sigma),
        1.0,
        math.expm1(sigma**2),
        partial(_lognormal_cdf, sigma),
        partial(_lognormal_quantile, sigma),
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
        f"Pareto, index {index:g}",
        f"pareto:index={index!r}",
        partial(_draw_pareto, index, start),
        1.0,
        1.0 / (index * (index - 2.0)),
        partial(_pareto_cdf, index, start),
        partial(_pareto_quantile, index, start),
        (start, math.inf),
    )


def normal() -> Law:
    """Return the standard normal law."""
    return Law(
        "normal", "normal", Generator.standard_normal, 0.0, 1.0, _normal_cdf, _normal_quantile, (-math.inf, math.inf)
    )


def uniform() -> Law:
    """Return the uniform law on [0, 1]."""
    return Law("uniform", "uniform", Generator.random, 0.5, 1.0 / 12.0, _uniform_cdf, _uniform_quantile, (0.0, 1.0))


def bent(excess: float) -> Law:
    """Return the law on [0, 1] whose distribution function is linear up to (1/2, 1/2 + excess) and from there on.

    Its Kolmogorov distance from the uniform law is `excess`, attained at 1/2 alone.
    """
    if not 0.0 < excess < 0.5:
        raise SpecificationError(f"the excess must lie strictly between 0 and 1/2, got {excess!r}")
    low, high = 0.5 + excess, 0.5 - excess
    mean = low * 0.25 + high * 0.75
    # E X^2 of the uniform laws on the two halves is 1/12 and 7/12.
    variance = (low + 7.0 * high) / 12.0 - mean**2
    quantile = partial(_bent_quantile, excess)
    return Law(
        f"uniform bent by {excess:.3g}",
        "uniform",
        partial(_draw_by_quantile, quantile),
        mean,
        variance,
        partial(_bent_cdf, excess),
        quantile,
        (0.0, 1.0),
    )


def bernoulli(probability: float) -> Law:
    """Return the law of 1 with this probability, otherwise 0."""
    return Law(
        f"Bernoulli, p = {probability:.3g}",
        "uniform",
        partial(_draw_bernoulli, probability),
        probability,
        probability * (1.0 - probability),
        partial(_bernoulli_cdf, probability),
        partial(_bernoulli_quantile, probability),
        (0.0, 1.0),
        continuous=False,
    )


def ties(values: int) -> Law:
    """Return the uniform law on that many equally spaced values from 0 to 1."""
    return Law(
        f"{values} tied values",
        "uniform",
        partial(_draw_ties, values),
        0.5,
        (values + 1.0) / (12.0 * (values - 1.0)),
        partial(_ties_cdf, values),
        partial(_ties_quantile, values),
        (0.0, 1.0),
        continuous=False,
    )


# Module-level functions, bound to their parameters by ``partial``, can be sent to another process.


def _draw_affine(draw: Draw, factor: float, offset: float, generator: Generator, shape: tuple[int, int]) -> FloatArray:
    return factor * draw(generator, shape) + offset


def _affine_cdf(cdf: Map, factor: float, offset: float, x: FloatArray) -> FloatArray:
    return cdf((np.asarray(x) - offset) / factor)


def _affine_quantile(quantile: Map, factor: float, offset: float, p: FloatArray) -> FloatArray:
    return factor * quantile(p) + offset


def _draw_by_quantile(quantile: Map, generator: Generator, shape: tuple[int, int]) -> FloatArray:
    return quantile(generator.random(shape))


def _draw_lognormal(sigma: float, generator: Generator, shape: tuple[int, int]) -> FloatArray:
    values = generator.standard_normal(shape)
    values *= sigma
    values -= 0.5 * sigma**2
    return np.exp(values, out=values)


def _lognormal_cdf(sigma: float, x: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return _normal_cdf(np.log(np.maximum(x, 0.0)) / sigma + 0.5 * sigma)


def _lognormal_quantile(sigma: float, p: FloatArray) -> FloatArray:
    return np.exp(sigma * _normal_quantile(p) - 0.5 * sigma**2)


def _draw_pareto(index: float, start: float, generator: Generator, shape: tuple[int, int]) -> FloatArray:
    # 1 - U lies in (0, 1].
    return np.asarray(start * (1.0 - generator.random(shape)) ** (-1.0 / index))


def _pareto_cdf(index: float, start: float, x: FloatArray) -> FloatArray:
    return np.asarray(1.0 - (start / np.maximum(x, start)) ** index)


def _pareto_quantile(index: float, start: float, p: FloatArray) -> FloatArray:
    return np.asarray(start * (1.0 - np.asarray(p)) ** (-1.0 / index))


def _normal_cdf(x: FloatArray) -> FloatArray:
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def _normal_quantile(p: FloatArray) -> FloatArray:
    from scipy.special import ndtri

    return np.asarray(ndtri(p))


def _uniform_cdf(x: FloatArray) -> FloatArray:
    return np.clip(x, 0.0, 1.0)


def _uniform_quantile(p: FloatArray) -> FloatArray:
    return np.array(p, dtype=np.float64)


def _bent_cdf(excess: float, x: FloatArray) -> FloatArray:
    return np.interp(x, [0.0, 0.5, 1.0], [0.0, 0.5 + excess, 1.0])


def _bent_quantile(excess: float, p: FloatArray) -> FloatArray:
    return np.interp(p, [0.0, 0.5 + excess, 1.0], [0.0, 0.5, 1.0])


def _draw_bernoulli(probability: float, generator: Generator, shape: tuple[int, int]) -> FloatArray:
    # 1 - U lies in (0, 1], so that probability 0 never gives a success and 1 always.
    return (1.0 - generator.random(shape) <= probability).astype(np.float64)


def _bernoulli_cdf(probability: float, x: FloatArray) -> FloatArray:
    x = np.asarray(x)
    return np.where(x < 0.0, 0.0, np.where(x < 1.0, 1.0 - probability, 1.0))


def _bernoulli_quantile(probability: float, p: FloatArray) -> FloatArray:
    return (np.asarray(p) > 1.0 - probability).astype(np.float64)


def _draw_ties(values: int, generator: Generator, shape: tuple[int, int]) -> FloatArray:
    return np.floor(values * generator.random(shape)) / (values - 1.0)


def _ties_cdf(values: int, x: FloatArray) -> FloatArray:
    # A billionth of a step keeps a value that is itself one step, after rounding, on its own side.
    return np.clip(np.floor(np.asarray(x) * (values - 1.0) + 1e-9) + 1.0, 0.0, values) / values


def _ties_quantile(values: int, p: FloatArray) -> FloatArray:
    return np.clip(np.ceil(np.asarray(p) * values - 1e-9) - 1.0, 0.0, values - 1.0) / (values - 1.0)
