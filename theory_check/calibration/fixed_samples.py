"""Intervals of a mean, a distance and an order, whose promises hold at a sample size fixed in advance."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from theory_check.calibration.classical import bootstrap_test, peeking_t_test, t_test, z_test
from theory_check.calibration.laws import Law, bent, bernoulli, lognormal, normal, pareto, ties, uniform
from theory_check.calibration.methods import BoolArray, Case, Method, each
from theory_check.foundation.arrays import FloatArray
from theory_check.inference import design
from theory_check.inference.intervals import Interval, kolmogorov_interval, mean_interval, quantile_interval
from theory_check.inference.rates import slope_interval

#: Sizes of the power law whose order is estimated: its quantity at size L is the median of X / L.
SIZES = (8, 16, 32, 64)
ORDER = -1.0


# Mean


def reject_mean(understated: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean that Catoni's interval misses; the variance is divided by `understated`, which should be 1."""
    bound = hypothesis.variance / understated
    return each(
        samples, lambda row: not mean_interval(row, variance_bound=bound, alpha=level).contains(hypothesis.mean)
    )


_reject_mean = partial(reject_mean, 1.0)


def _plant_mean(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for law, n in ((uniform(), 300), (lognormal(2.0), 1000), (pareto(2.5), 300)):
        reach = design.mean_resolution(variance_bound=law.variance, observations=n, alpha=level, power=power)
        cases += [
            Case(
                law=law,
                hypothesis=law.shifted(sign * reach),
                observations=n,
                reject=_reject_mean,
                deviation=f"stated mean {'+' if sign > 0 else '-'} {reach:.3g}",
            )
            for sign in (1, -1)
        ]
    return tuple(cases)


MEAN = Method(
    name="mean",
    title="Mean, Catoni with a proved variance",
    function="inference.intervals.mean_interval",
    promise="misses the mean with probability at most $\\alpha$ if the variance is at most the stated one, "
    "whatever the tails",
    timed=Case(law=lognormal(2.0), observations=10**6, reject=_reject_mean),
    nulls=(
        Case(law=lognormal(2.0), observations=1000, reject=_reject_mean),
        *(
            Case(law=law, observations=100, reject=_reject_mean)
            for law in (
                lognormal(3.0),
                pareto(2.5),
                bernoulli(0.001),
                uniform(),
                ties(5),
                normal(),
            )
        ),
    ),
    controls=(
        *(
            Case(
                procedure="t-test",
                law=lognormal(sigma),
                observations=n,
                reject=t_test,
                levels=(1e-3,),
                most_repetitions=cap,
            )
            for sigma, n, cap in ((2.0, 1000, math.inf), (3.0, 1000, math.inf), (2.0, 10**5, 10**4))
        ),
        Case(procedure="z-test", law=lognormal(2.0), observations=1000, reject=z_test, levels=(1e-3,)),
        Case(
            procedure="percentile bootstrap",
            law=lognormal(2.0),
            observations=1000,
            reject=bootstrap_test,
            levels=(0.05,),
        ),
        Case(
            procedure="t-test",
            law=normal(),
            observations=1000,
            reject=peeking_t_test,
            levels=(0.05,),
            monitored=True,
        ),
        Case(
            procedure="Catoni with a quarter of the variance",
            law=uniform(),
            observations=100,
            reject=partial(reject_mean, 4.0),
            levels=(0.05,),
        ),
    ),
    plant=_plant_mean,
)


# Kolmogorov distance


def reject_distance(distance: float, looseness: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject a distance from the predicted law that the interval misses.

    The level is multiplied by `looseness`, which should be 1.
    """
    alpha = looseness * level
    return each(samples, lambda row: not kolmogorov_interval(row, hypothesis.cdf, alpha=alpha).contains(distance))


_reject_law = partial(reject_distance, 0.0, 1.0)


def _plant_distance(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for n in (100, 1000):
        reach = design.kolmogorov_resolution(observations=n, alpha=level, power=power)
        cases.append(
            Case(
                law=bent(reach),
                hypothesis=uniform(),
                observations=n,
                reject=_reject_law,
                deviation=f"stated law uniform, distance {reach:.3g}",
            )
        )
    return tuple(cases)


DISTANCE = Method(
    name="distance",
    title="Kolmogorov distance to a law",
    function="inference.intervals.kolmogorov_interval",
    promise="misses the distance to a continuous law with probability at most $\\alpha$, and rejects the true law with "
    "probability exactly $\\alpha$",
    timed=Case(law=lognormal(2.0), observations=10**6, reject=_reject_law),
    nulls=(
        *(
            Case(law=law, observations=n, reject=_reject_law, sense="exactly")
            for law, n in ((lognormal(2.0), 1000), (pareto(2.5), 100), (uniform(), 10), (normal(), 100))
        ),
        Case(
            procedure="distance 0.1 of two laws",
            law=bent(0.1),
            hypothesis=uniform(),
            observations=100,
            reject=partial(reject_distance, 0.1, 1.0),
        ),
        Case(
            procedure="distance 0.2 of tied values",
            law=ties(5),
            hypothesis=uniform(),
            observations=100,
            reject=partial(reject_distance, 0.2, 1.0),
        ),
    ),
    controls=(
        Case(
            procedure="Kolmogorov at twice its level",
            law=uniform(),
            observations=100,
            reject=partial(reject_distance, 0.0, 2.0),
            levels=(0.05,),
        ),
    ),
    plant=_plant_distance,
)


# Order of a power law


def reject_order(order: float, looseness: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
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


_reject_true_order = partial(reject_order, ORDER, 1.0)


def _plant_order(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for law, n in ((lognormal(1.0), 2000), (uniform(), 2000)):
        count = len(SIZES)
        low, high = design.quantile_margin(
            0.5, observations=n // count, alpha=level / count, miss=(1.0 - power) / count
        )
        median = law.quantile_at(0.5)
        reach = max(math.log(law.quantile_at(high) / median), math.log(median / law.quantile_at(low)))
        margin = design.slope_margin(np.log(SIZES), component_margin=reach)
        cases += [
            Case(
                law=law,
                observations=n,
                reject=partial(reject_order, ORDER + sign * margin, 1.0),
                deviation=f"stated order {ORDER + sign * margin:.3g} instead of {ORDER:g}",
            )
            for sign in (1, -1)
        ]
    return tuple(cases)


SLOPE = Method(
    name="slope",
    title="Order of a power law, simultaneous intervals",
    function="inference.rates.slope_interval",
    promise="misses the order with probability at most $\\alpha$, the sum of the levels of its components",
    timed=Case(law=lognormal(1.0), observations=10**6, reject=_reject_true_order),
    nulls=(Case(law=lognormal(1.0), observations=400, reject=_reject_true_order),),
    controls=(
        Case(
            procedure="components at level 1/2, said to be at 1/80",
            law=uniform(),
            observations=400,
            reject=partial(reject_order, ORDER, 40.0),
            levels=(0.05,),
        ),
    ),
    plant=_plant_order,
    shortage=4,
)
