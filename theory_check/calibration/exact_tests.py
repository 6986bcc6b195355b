"""Tests with exact p-values: a known law, the equivalence of a probability, Gaussian variances and vectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from theory_check.calibration.known_laws import Law, bent, bernoulli, lognormal, normal, ties, uniform
from theory_check.calibration.scenarios import BoolArray, Case, Method, control, each
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


def _reject_law(test: LawTest, looseness: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the law by a p-value of at most the level times `looseness`, which should be 1."""
    return each(samples, lambda row: test(row, hypothesis.cdf).rejects(looseness * level))


def _reject_fitted_law(test: LawTest, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject a normal law after its mean and variance were fitted to the sample, as if they were known."""
    fitted = (samples - samples.mean(axis=1, keepdims=True)) / samples.std(axis=1, ddof=1, keepdims=True)
    return _reject_law(test, 1.0, fitted, hypothesis, level)


def _plant_law(
    test: LawTest, resolution: Callable[..., float], depth: float, level: float, power: float
) -> tuple[Case, ...]:
    """Bend the uniform law at 1/2 by the excess whose distance from it is the resolution; `depth` is distance/excess.

    The distance of the integrated tests is the root of the mean square of a triangle: the excess over sqrt(3).
    """
    n = 1000
    reach = resolution(observations=n, alpha=level, power=power)
    words = f"stated law uniform, distance {reach:.3g}"
    return (Case(bent(reach / depth), n, partial(_reject_law, test, 1.0), hypothesis=uniform(), deviation=words),)


def _law_method(name: str, title: str, promise: str, test: LawTest, nulls: tuple[tuple[Law, int], ...]) -> Method:
    resolutions = {
        "kolmogorov-test": (design.kolmogorov_resolution, 1.0),
        "cramer-von-mises": (design.cramer_von_mises_resolution, 1.0 / math.sqrt(3.0)),
        "anderson-darling": (design.anderson_darling_resolution, 1.0 / math.sqrt(3.0)),
    }
    reject, short = partial(_reject_law, test, 1.0), title.partition(",")[0]
    return Method(
        name=name,
        title=title,
        function=f"inference.goodness_of_fit.{test.__name__}",
        promise=promise,
        timed=Case(lognormal(2.0), 10**6, reject),
        nulls=tuple(Case(law, n, reject, sense="exactly") for law, n in nulls),
        controls=(
            control(f"{short}, p-value halved", uniform(), 50, partial(_reject_law, test, 2.0)),
            control(
                f"{short}, mean and variance fitted", normal(), 50, partial(_reject_fitted_law, test), sense="exactly"
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


def _show_equivalence(bounds: tuple[float, float], samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject that the probability is not strictly between the bounds."""
    del hypothesis
    trials = samples.shape[1]
    return each(samples, lambda row: equivalence_test(int(row.sum()), trials, bounds).rejects(level))


def _show_by_absence(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Call a probability equal to 1/2 because a test of 1/2 does not reject."""
    del hypothesis
    trials = samples.shape[1]
    return each(samples, lambda row: not proportion_test(int(row.sum()), trials, 0.5).rejects(level))


def _plant_equivalence(level: float, power: float) -> Iterator[Case]:
    truth, n = 0.5, 500
    margin = design.equivalence_margin(truth, trials=n, alpha=level, miss=1.0 - power)
    show = partial(_show_equivalence, (truth - margin, truth + margin))
    yield Case(bernoulli(truth), n, show, deviation=f"stated p outside {truth:g} ± {margin:.3g}")


EQUIVALENCE = Method(
    name="equivalence",
    title="Equivalence of a probability, two binomial tests",
    function="inference.equivalence.equivalence_test",
    promise="finds a probability between two bounds that is not with probability at most $\\alpha$",
    timed=Case(bernoulli(0.5), 10**6, partial(_show_equivalence, (0.45, 0.55))),
    nulls=tuple(
        Case(bernoulli(p), n, partial(_show_equivalence, (low, high)), procedure=f"between {low:g} and {high:g}")
        for p, low, high, n in ((0.6, 0.4, 0.6, 1000), (0.1, 0.1, 0.2, 2000), (0.001, 0.0, 0.001, 5000))
    ),
    controls=(control("equivalence because no difference is seen", bernoulli(0.6), 100, _show_by_absence),),
    plant=_plant_equivalence,
)


# Gaussian variance


def _reject_variance(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the variance that the chi-square interval misses."""
    return each(samples, lambda row: not variance_interval(row, alpha=level).contains(hypothesis.variance))


def _plant_variance(level: float, power: float) -> Iterator[Case]:
    n = 200
    reach = design.variance_resolution(degrees=n - 1, alpha=level, power=power)
    for factor in (1.0 + reach, 1.0 - reach):
        law, words = normal().scaled(math.sqrt(factor)), f"stated variance 1 instead of {factor:.3g}"
        yield Case(law, n, _reject_variance, hypothesis=normal(), deviation=words)


VARIANCE = Method(
    name="variance",
    title="Variance of Gaussian values, chi-square",
    function="inference.gaussian.variance_interval",
    promise="misses the variance of independent Gaussian values with probability exactly $\\alpha$",
    timed=Case(normal(), 10**6, _reject_variance),
    nulls=tuple(
        Case(law, n, _reject_variance, sense="exactly")
        for law, n in ((normal(), 10), (normal().scaled(3.0).shifted(-5.0), 1000))
    ),
    controls=tuple(
        control("chi-square without normality", law, 100, _reject_variance, sense="exactly")
        for law in (lognormal(1.0), ties(5))
    ),
    plant=_plant_variance,
)


# Gaussian vectors


def _reject_vectors(test: VectorTest, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Cut each sample into vectors, whiten them by mean and variance of the law, and reject that they are N(0, I)."""
    white = (samples - hypothesis.mean) / math.sqrt(hypothesis.variance)
    return each(white, lambda row: test(row.reshape(-1, WIDTH)).rejects(level))


def _reject_unordered(test: VectorTest, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject after the values of every sample were sorted: neighbours, which share a vector, are alike."""
    return _reject_vectors(test, np.sort(samples, axis=1), hypothesis, level)


def _reject_correlated(correlation: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Give the first two coordinates of every vector a correlation and test the covariance."""
    vectors = samples.reshape(len(samples), -1, WIDTH).copy()
    vectors[..., 1] = correlation * vectors[..., 0] + math.sqrt(1.0 - correlation**2) * vectors[..., 1]
    return _reject_vectors(covariance_test, vectors.reshape(samples.shape), hypothesis, level)


def _plant_vectors(level: float, power: float) -> Iterator[Case]:
    n = 200
    norm = design.mean_vector_resolution(WIDTH, observations=n, alpha=level, power=power)
    correlation = design.covariance_resolution(WIDTH, observations=n, alpha=level, power=power)
    moved = normal().shifted(norm / math.sqrt(WIDTH))
    yield Case(
        moved, n * WIDTH, partial(_reject_vectors, mean_vector_test),
        procedure="mean", hypothesis=normal(), deviation=f"stated mean 0 instead of norm {norm:.3g}",
    )  # fmt: skip
    yield Case(
        normal(), n * WIDTH, partial(_reject_correlated, correlation),
        procedure="covariance", deviation=f"stated correlation 0 instead of {correlation:.3g}",
    )  # fmt: skip


VECTORS = Method(
    name="vectors",
    title="Gaussian vectors: mean, scale, norms, covariance",
    function="inference.gaussian.covariance_test",
    promise="and its companions reject independent standard Gaussian vectors with probability exactly $\\alpha$",
    timed=Case(normal(), 10**6, partial(_reject_vectors, covariance_test)),
    nulls=tuple(
        Case(law, n, partial(_reject_vectors, test), procedure=procedure, sense="exactly")
        for procedure, test, law, n in (
            ("mean", mean_vector_test, normal(), 100),
            ("scale", scale_test, normal(), 100),
            ("norms", norms_test, normal(), 60),
            ("covariance of as many vectors as coordinates", covariance_test, normal(), WIDTH**2),
            ("covariance", covariance_test, normal().scaled(3.0).shifted(-5.0), 400),
        )
    ),
    controls=(
        control("covariance test of sorted values", normal(), 100, partial(_reject_unordered, covariance_test)),
        control(
            "norms of vectors that are not Gaussian", uniform(), 200, partial(_reject_vectors, norms_test),
            sense="exactly",
        ),
    ),
    plant=_plant_vectors,
)  # fmt: skip
