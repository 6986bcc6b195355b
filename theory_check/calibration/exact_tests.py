"""Tests with exact p-values: a known law, the equivalence of a probability, Gaussian variances and vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from theory_check.calibration.laws import Law, bent, bernoulli, lognormal, normal, ties, uniform
from theory_check.calibration.methods import BoolArray, Case, Method, each
from theory_check.foundation.arrays import FloatArray
from theory_check.inference import design
from theory_check.inference.equivalence import equivalence_test, proportion_test
from theory_check.inference.gaussian import covariance_test, mean_vector_test, norms_test, scale_test, variance_interval
from theory_check.inference.goodness_of_fit import anderson_darling_test, cramer_von_mises_test, kolmogorov_test
from theory_check.inference.significance import Test

LawTest = Callable[[ArrayLike, Callable[[FloatArray], ArrayLike]], Test]
VectorTest = Callable[[ArrayLike], Test]

#: Coordinates of the vectors that a sample is cut into.
WIDTH = 4


# A law that is known exactly


def reject_law(test: LawTest, looseness: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the law by a p-value of at most the level times `looseness`, which should be 1."""
    return each(samples, lambda row: test(row, hypothesis.cdf).rejects(looseness * level))


def _reject_fitted_law(test: LawTest, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject a normal law after its mean and variance were fitted to the sample, as if they were known."""
    fitted = (samples - samples.mean(axis=1, keepdims=True)) / samples.std(axis=1, ddof=1, keepdims=True)
    return reject_law(test, 1.0, fitted, hypothesis, level)


def _plant_law(
    test: LawTest, resolution: Callable[..., float], depth: float, level: float, power: float
) -> tuple[Case, ...]:
    """Bend the uniform law at 1/2 by the excess whose distance from it is the resolution; `depth` is distance/excess.

    The distance of the integrated tests is the root of the mean square of a triangle: the excess over sqrt(3).
    """
    n = 1000
    reach = resolution(observations=n, alpha=level, power=power)
    return (
        Case(
            law=bent(reach / depth),
            hypothesis=uniform(),
            observations=n,
            reject=partial(reject_law, test, 1.0),
            deviation=f"stated law uniform, distance {reach:.3g}",
        ),
    )


def _law_method(name: str, title: str, promise: str, test: LawTest, nulls: tuple[tuple[Law, int], ...]) -> Method:
    resolutions = {
        "kolmogorov-test": (design.kolmogorov_resolution, 1.0),
        "cramer-von-mises": (design.cramer_von_mises_resolution, 1.0 / math.sqrt(3.0)),
        "anderson-darling": (design.anderson_darling_resolution, 1.0 / math.sqrt(3.0)),
    }
    reject = partial(reject_law, test, 1.0)
    return Method(
        name=name,
        title=title,
        function=f"inference.goodness_of_fit.{test.__name__}",
        promise=promise,
        timed=Case(law=lognormal(2.0), observations=10**6, reject=reject),
        nulls=tuple(Case(law=law, observations=n, reject=reject, sense="exactly") for law, n in nulls),
        controls=(
            Case(
                procedure=f"{title.partition(',')[0]}, p-value halved",
                law=uniform(),
                observations=50,
                reject=partial(reject_law, test, 2.0),
                levels=(0.05,),
            ),
            Case(
                procedure=f"{title.partition(',')[0]}, mean and variance fitted",
                law=normal(),
                observations=50,
                reject=partial(_reject_fitted_law, test),
                sense="exactly",
                levels=(0.05,),
            ),
        ),
        plant=partial(_plant_law, test, *resolutions[name]),
        shortage=4,
    )


KOLMOGOROV = _law_method(
    "kolmogorov-test",
    "Kolmogorov test, exact",
    "rejects a true continuous law with probability exactly $\\alpha$",
    kolmogorov_test,
    ((lognormal(2.0), 30), (uniform(), 10)),
)

# From a thousand values on the true level of both differs from the limit law's by less than a nightly run can see.
CRAMER = _law_method(
    "cramer-von-mises",
    "Cramér-von Mises test, limit law",
    "rejects a true continuous law with probability $\\alpha$ in the limit of many values",
    cramer_von_mises_test,
    ((lognormal(2.0), 1000), (uniform(), 1000)),
)

ANDERSON = _law_method(
    "anderson-darling",
    "Anderson-Darling test, limit law",
    "rejects a true continuous law with probability $\\alpha$ in the limit of many values",
    anderson_darling_test,
    ((lognormal(2.0), 1000), (normal(), 1000)),
)


# Equivalence of a probability


def show_equivalence(bounds: tuple[float, float], samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject that the probability is not strictly between the bounds."""
    del hypothesis
    trials = samples.shape[1]
    return each(samples, lambda row: equivalence_test(int(row.sum()), trials, bounds).rejects(level))


def _show_by_absence(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Call a probability equal to 1/2 because a test of 1/2 does not reject."""
    del hypothesis
    trials = samples.shape[1]
    return each(samples, lambda row: not proportion_test(int(row.sum()), trials, 0.5).rejects(level))


def _plant_equivalence(level: float, power: float) -> tuple[Case, ...]:
    truth, n = 0.5, 500
    margin = design.equivalence_margin(truth, trials=n, alpha=level, miss=1.0 - power)
    return (
        Case(
            law=bernoulli(truth),
            observations=n,
            reject=partial(show_equivalence, (truth - margin, truth + margin)),
            deviation=f"stated p outside {truth:g} ± {margin:.3g}",
        ),
    )


EQUIVALENCE = Method(
    name="equivalence",
    title="Equivalence of a probability, two binomial tests",
    function="inference.equivalence.equivalence_test",
    promise="finds a probability between two bounds that is not with probability at most $\\alpha$",
    timed=Case(law=bernoulli(0.5), observations=10**6, reject=partial(show_equivalence, (0.45, 0.55))),
    nulls=tuple(
        Case(
            procedure=f"between {low:g} and {high:g}",
            law=bernoulli(p),
            observations=n,
            reject=partial(show_equivalence, (low, high)),
        )
        for p, low, high, n in ((0.6, 0.4, 0.6, 1000), (0.1, 0.1, 0.2, 2000), (0.001, 0.0, 0.001, 5000))
    ),
    controls=(
        Case(
            procedure="equivalence because no difference is seen",
            law=bernoulli(0.6),
            observations=100,
            reject=_show_by_absence,
            levels=(0.05,),
        ),
    ),
    plant=_plant_equivalence,
)


# Gaussian variance


def reject_variance(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the variance that the chi-square interval misses."""
    return each(samples, lambda row: not variance_interval(row, alpha=level).contains(hypothesis.variance))


def _plant_variance(level: float, power: float) -> tuple[Case, ...]:
    n = 200
    reach = design.variance_resolution(degrees=n - 1, alpha=level, power=power)
    return tuple(
        Case(
            law=normal().scaled(math.sqrt(factor)),
            hypothesis=normal(),
            observations=n,
            reject=reject_variance,
            deviation=f"stated variance 1 instead of {factor:.3g}",
        )
        for factor in (1.0 + reach, 1.0 - reach)
    )


VARIANCE = Method(
    name="variance",
    title="Variance of Gaussian values, chi-square",
    function="inference.gaussian.variance_interval",
    promise="misses the variance of independent Gaussian values with probability exactly $\\alpha$",
    timed=Case(law=normal(), observations=10**6, reject=reject_variance),
    nulls=tuple(
        Case(law=law, observations=n, reject=reject_variance, sense="exactly")
        for law, n in ((normal(), 10), (normal().scaled(3.0).shifted(-5.0), 1000))
    ),
    controls=tuple(
        Case(
            procedure="chi-square without normality",
            law=law,
            observations=100,
            reject=reject_variance,
            sense="exactly",
            levels=(0.05,),
        )
        for law in (lognormal(1.0), ties(5))
    ),
    plant=_plant_variance,
)


# Gaussian vectors


def reject_vectors(test: VectorTest, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Cut each sample into vectors, whiten them by mean and variance of the law, and reject that they are N(0, I)."""
    white = (samples - hypothesis.mean) / math.sqrt(hypothesis.variance)
    return each(white, lambda row: test(row.reshape(-1, WIDTH)).rejects(level))


def _reject_unordered(test: VectorTest, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject after the values of every sample were sorted: neighbours, which share a vector, are alike."""
    return reject_vectors(test, np.sort(samples, axis=1), hypothesis, level)


def _reject_correlated(correlation: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Give the first two coordinates of every vector a correlation and test the covariance."""
    vectors = samples.reshape(len(samples), -1, WIDTH).copy()
    vectors[..., 1] = correlation * vectors[..., 0] + math.sqrt(1.0 - correlation**2) * vectors[..., 1]
    return reject_vectors(covariance_test, vectors.reshape(samples.shape), hypothesis, level)


def _plant_vectors(level: float, power: float) -> tuple[Case, ...]:
    n = 200
    norm = design.mean_vector_resolution(WIDTH, observations=n, alpha=level, power=power)
    correlation = design.covariance_resolution(WIDTH, observations=n, alpha=level, power=power)
    return (
        Case(
            procedure="mean",
            law=normal().shifted(norm / math.sqrt(WIDTH)),
            hypothesis=normal(),
            observations=n * WIDTH,
            reject=partial(reject_vectors, mean_vector_test),
            deviation=f"stated mean 0 instead of norm {norm:.3g}",
        ),
        Case(
            procedure="covariance",
            law=normal(),
            observations=n * WIDTH,
            reject=partial(_reject_correlated, correlation),
            deviation=f"stated correlation 0 instead of {correlation:.3g}",
        ),
    )


VECTORS = Method(
    name="vectors",
    title="Gaussian vectors: mean, scale, norms, covariance",
    function="inference.gaussian.covariance_test",
    promise="and its companions reject independent standard Gaussian vectors with probability exactly $\\alpha$",
    timed=Case(law=normal(), observations=10**6, reject=partial(reject_vectors, covariance_test)),
    nulls=tuple(
        Case(procedure=procedure, law=law, observations=n, reject=partial(reject_vectors, test), sense="exactly")
        for procedure, test, law, n in (
            ("mean", mean_vector_test, normal(), 100),
            ("scale", scale_test, normal(), 100),
            ("norms", norms_test, normal(), 60),
            ("covariance of as many vectors as coordinates", covariance_test, normal(), WIDTH**2),
            ("covariance", covariance_test, normal().scaled(3.0).shifted(-5.0), 400),
        )
    ),
    controls=(
        Case(
            procedure="covariance test of sorted values",
            law=normal(),
            observations=100,
            reject=partial(_reject_unordered, covariance_test),
            levels=(0.05,),
        ),
        Case(
            procedure="norms of vectors that are not Gaussian",
            law=uniform(),
            observations=200,
            reject=partial(reject_vectors, norms_test),
            sense="exactly",
            levels=(0.05,),
        ),
    ),
    plant=_plant_vectors,
)
