"""Intervals of a mean, a distance and an order, whose promises hold at a sample size fixed in advance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from theory_check.calibration.classical import bootstrap_test, peeking_t_test, t_test, z_test
from theory_check.calibration.known_laws import Law, bent, bernoulli, lognormal, normal, pareto, ties, uniform
from theory_check.calibration.scenarios import BoolArray, Case, Method, control, each, stated_mean
from theory_check.foundation.arrays import FloatArray
from theory_check.inference import design
from theory_check.inference.intervals import Interval, kolmogorov_interval, mean_interval, quantile_interval
from theory_check.inference.rates import slope_interval

#: Sizes of the power law whose order is estimated: its quantity at size L is the median of X / L.
SIZES = (8, 16, 32, 64)
ORDER = -1.0


# Mean


def _reject_with_variance(understated: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean that Catoni's interval misses; the variance is divided by `understated`, which should be 1."""
    bound = hypothesis.variance / understated
    return each(
        samples, lambda row: not mean_interval(row, variance_bound=bound, alpha=level).contains(hypothesis.mean)
    )


_reject_mean = partial(_reject_with_variance, 1.0)


def _plant_mean(level: float, power: float) -> Iterator[Case]:
    for law, n in ((uniform(), 300), (lognormal(2.0), 1000), (pareto(2.5), 300)):
        reach = design.mean_resolution(variance_bound=law.variance, observations=n, alpha=level, power=power)
        for deviation in (reach, -reach):
            yield stated_mean(law, deviation, n, _reject_mean)


MEAN = Method(
    name="mean",
    title="Mean, Catoni with a proved variance",
    function="inference.intervals.mean_interval",
    promise="misses the mean with probability at most $\\alpha$ if the variance is at most the stated one, "
    "whatever the tails",
    timed=Case(lognormal(2.0), 10**6, _reject_mean),
    nulls=(
        Case(lognormal(2.0), 1000, _reject_mean),
        *(
            Case(law, 100, _reject_mean)
            for law in (lognormal(3.0), pareto(2.5), bernoulli(0.001), uniform(), ties(5), normal())
        ),
    ),
    controls=(
        control("t-test", lognormal(2.0), 1000, t_test, levels=(1e-3,)),
        control("t-test", lognormal(3.0), 1000, t_test, levels=(1e-3,)),
        control("t-test", lognormal(2.0), 30_000, t_test, levels=(1e-3,), near=True, most_repetitions=10**4),
        control("z-test", lognormal(2.0), 1000, z_test, levels=(1e-3,)),
        control("percentile bootstrap", lognormal(2.0), 1000, bootstrap_test),
        control("t-test", normal(), 1000, peeking_t_test, monitored=True),
        control("Catoni with a quarter of the variance", uniform(), 100, partial(_reject_with_variance, 4.0)),
    ),
    plant=_plant_mean,
)


# Kolmogorov distance


def reject_distance(distance: float, looseness: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject a distance from the predicted law that the interval misses.

    Parameters
    ----------
    distance : float
        The stated one.
    looseness : float
        The level is multiplied by it; it should be 1.
    samples : float64 array (repetitions, observations)
    hypothesis : Law
        The predicted law.
    level : float

    Returns
    -------
    bool array (repetitions,)
    """
    alpha = looseness * level
    return each(samples, lambda row: not kolmogorov_interval(row, hypothesis.cdf, alpha=alpha).contains(distance))


_reject_law = partial(reject_distance, 0.0, 1.0)


def _plant_distance(level: float, power: float) -> Iterator[Case]:
    for n in (100, 1000):
        reach = design.kolmogorov_resolution(observations=n, alpha=level, power=power)
        words = f"stated law uniform, distance {reach:.3g}"
        yield Case(bent(reach), n, _reject_law, hypothesis=uniform(), deviation=words)


DISTANCE = Method(
    name="distance",
    title="Kolmogorov distance to a law",
    function="inference.intervals.kolmogorov_interval",
    promise="misses the distance to a continuous law with probability at most $\\alpha$, and rejects the true law with "
    "probability exactly $\\alpha$",
    timed=Case(lognormal(2.0), 10**6, _reject_law),
    nulls=(
        *(
            Case(law, n, _reject_law, sense="exactly")
            for law, n in ((lognormal(2.0), 1000), (pareto(2.5), 100), (uniform(), 10), (normal(), 100))
        ),
        *(
            Case(law, 100, partial(reject_distance, distance, 1.0), hypothesis=uniform(), procedure=procedure)
            for procedure, law, distance in (
                ("distance 0.1 of two laws", bent(0.1), 0.1),
                ("distance 0.2 of tied values", ties(5), 0.2),
            )
        ),
    ),
    controls=(control("Kolmogorov at twice its level", uniform(), 100, partial(reject_distance, 0.0, 2.0)),),
    plant=_plant_distance,
)


# Order of a power law


def _reject_order(order: float, looseness: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject an order of the medians of X / L over four sizes L that the slope interval misses.

    Each sample is shared out among the sizes. The level of the components is multiplied by `looseness`, which should
    be 1, and stated without it. The law of X does not enter.
    """
    del hypothesis
    share = level / len(SIZES)

    def decide(row: FloatArray) -> bool:
        parts = row.reshape(len(SIZES), -1)
        found = [
            quantile_interval(part * float(size) ** ORDER, 0.5, alpha=looseness * share)
            for part, size in zip(parts, SIZES, strict=True)
        ]
        components = [Interval(i.estimate, i.lower, i.upper, share, i.method) for i in found]
        return not slope_interval(np.log(SIZES), components, alpha=level).contains(order)

    return each(samples, decide)


_reject_true_order = partial(_reject_order, ORDER, 1.0)


def _plant_order(level: float, power: float) -> Iterator[Case]:
    count = len(SIZES)
    for law, n in ((lognormal(1.0), 2000), (uniform(), 2000)):
        low, high = design.quantile_margin(
            0.5, observations=n // count, alpha=level / count, miss=(1.0 - power) / count
        )
        median = law.quantile_at(0.5)
        reach = max(math.log(law.quantile_at(high) / median), math.log(median / law.quantile_at(low)))
        margin = design.slope_margin(np.log(SIZES), component_margin=reach)
        for order in (ORDER + margin, ORDER - margin):
            words = f"stated order {order:.3g} instead of {ORDER:g}"
            yield Case(law, n, partial(_reject_order, order, 1.0), deviation=words)


SLOPE = Method(
    name="slope",
    title="Order of a power law, simultaneous intervals",
    function="inference.rates.slope_interval",
    promise="misses the order with probability at most $\\alpha$, the sum of the levels of its components",
    timed=Case(lognormal(1.0), 10**6, _reject_true_order),
    nulls=(Case(lognormal(1.0), 400, _reject_true_order),),
    controls=(
        control("components at level 1/2, said to be at 1/80", uniform(), 400, partial(_reject_order, ORDER, 40.0)),
    ),
    plant=_plant_order,
    shortage=4,
)
