"""The methods of :mod:`theory_check.inference.intervals`, whose promises hold at a sample size fixed in advance."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from theory_check.calibration.classical import (
    bootstrap_test,
    peeking_binomial_test,
    peeking_t_test,
    t_test,
    wald_test,
    z_test,
)
from theory_check.calibration.laws import Law, bent, bernoulli, lognormal, normal, pareto, ties, uniform
from theory_check.calibration.methods import BoolArray, Case, Method, each
from theory_check.findings import FloatArray
from theory_check.inference import design
from theory_check.inference.intervals import (
    Interval,
    kolmogorov_interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
    quantile_ranks,
    quantile_spread_interval,
)
from theory_check.inference.rates import slope_interval

#: Sizes of the power law whose order is estimated: its quantity at size L is the median of X / L.
SIZES = (8, 16, 32, 64)
ORDER = -1.0

_QUARTILES = (0.25, 0.75)


# Probability


def reject_proportion(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the probability that the Clopper-Pearson interval misses."""
    trials = samples.shape[1]
    counts, position = np.unique(samples.sum(axis=1).astype(np.int64), return_inverse=True)
    missed = [not proportion_interval(k, trials, alpha=level).contains(hypothesis.mean) for k in counts.tolist()]
    return np.array(missed, dtype=np.bool_)[position]


def _plant_proportion(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for p, n in ((0.1, 1000), (0.5, 200)):
        reach = design.proportion_resolution((p, p), trials=n, alpha=level, power=power)
        cases += [
            Case(
                law=bernoulli(p + sign * reach),
                hypothesis=bernoulli(p),
                observations=n,
                reject=reject_proportion,
                deviation=f"stated p = {p:g}",
            )
            for sign in (1, -1)
            if p + sign * reach > 0.0
        ]
    return tuple(cases)


PROPORTION = Method(
    name="proportion",
    title="Probability, Clopper-Pearson",
    function="inference.intervals.proportion_interval",
    promise="misses the probability of independent trials with probability at most $\\alpha$",
    timed=Case(law=bernoulli(0.1), observations=10**6, reject=reject_proportion),
    nulls=tuple(
        Case(law=bernoulli(p), observations=n, reject=reject_proportion)
        for p, n in ((0.1, 100), (0.1, 1000), (0.001, 1000), (0.5, 50))
    ),
    controls=(
        Case(
            procedure="Clopper-Pearson",
            law=bernoulli(0.1),
            observations=1000,
            reject=peeking_binomial_test,
            levels=(0.05,),
            monitored=True,
        ),
        Case(
            procedure="normal approximation (Wald)",
            law=bernoulli(0.001),
            observations=1000,
            reject=wald_test,
            levels=(0.05,),
        ),
    ),
    plant=_plant_proportion,
)


# Quantiles


def reject_quantile(probability: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the quantile that the interval between two order statistics misses."""
    stated = hypothesis.quantile_at(probability)
    return each(samples, lambda row: not quantile_interval(row, probability, alpha=level).contains(stated))


def _reject_with_ranks_off(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the median outside an interval whose two ranks are off by one, inward."""
    n = samples.shape[1]
    low, high = quantile_ranks(n, 0.5, alpha=level)
    ordered = np.sort(samples, axis=1)
    stated = hypothesis.quantile_at(0.5)
    return np.asarray((stated < ordered[:, low]) | (stated > ordered[:, high - 2]))


def _plant_quantile(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for p, law, n in ((0.5, lognormal(2.0), 500), (0.9, uniform(), 500)):
        low, high = design.quantile_resolution(p, observations=n, alpha=level, power=power)
        truth = law.quantile_at(p)
        cases += [
            Case(
                law=law,
                hypothesis=law.shifted(law.quantile_at(reached) - truth),
                observations=n,
                reject=partial(reject_quantile, p),
                deviation=f"stated {p:g}-quantile is the {reached:.3g}-quantile",
            )
            for reached in (low, high)
        ]
    return tuple(cases)


QUANTILE = Method(
    name="quantile",
    title="Quantile, order statistics",
    function="inference.intervals.quantile_interval",
    promise="misses a quantile of any law with probability at most $\\alpha$",
    timed=Case(law=lognormal(2.0), observations=10**6, reject=partial(reject_quantile, 0.5)),
    nulls=(
        *(
            Case(law=law, observations=100, reject=partial(reject_quantile, 0.5), procedure="median")
            for law in (pareto(2.5), uniform(), ties(5), bernoulli(0.1))
        ),
        Case(law=lognormal(2.0), observations=1000, reject=partial(reject_quantile, 0.5), procedure="median"),
        Case(law=lognormal(3.0), observations=100, reject=partial(reject_quantile, 0.9), procedure="0.9-quantile"),
        Case(law=ties(5), observations=100, reject=partial(reject_quantile, 0.9), procedure="0.9-quantile"),
    ),
    controls=(
        Case(
            procedure="median with both ranks off by one",
            law=uniform(),
            observations=20,
            reject=_reject_with_ranks_off,
            levels=(0.05,),
        ),
    ),
    plant=_plant_quantile,
)


def reject_spread(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the distance between the quartiles that its interval misses."""
    low, high = (hypothesis.quantile_at(p) for p in _QUARTILES)
    return each(samples, lambda row: not quantile_spread_interval(row, *_QUARTILES, alpha=level).contains(high - low))


def _reject_normal_spread(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the distance between the quartiles by the chi-square interval of the variance of a normal law."""
    from scipy.special import chdtri, ndtri

    n = samples.shape[1]
    low, high = (hypothesis.quantile_at(p) for p in _QUARTILES)
    squares = (n - 1) * samples.var(axis=1, ddof=1) / ((high - low) / (2.0 * ndtri(0.75))) ** 2
    return np.asarray((squares > chdtri(n - 1, level / 2.0)) | (squares < chdtri(n - 1, 1.0 - level / 2.0)))


def _plant_spread(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for law, n in ((uniform(), 1000), (lognormal(1.0), 1000)):
        (a, b), (c, d) = (
            tuple(law.quantile_at(p) for p in ends)
            for ends in design.quantile_spread_resolution(*_QUARTILES, observations=n, alpha=level, power=power)
        )
        low, high = (law.quantile_at(p) for p in _QUARTILES)
        for stated, words in ((c - b, "narrow"), (d - a, "wide")):
            factor = stated / (high - low)
            cases.append(
                Case(
                    law=law,
                    hypothesis=law.scaled(factor),
                    observations=n,
                    reject=reject_spread,
                    deviation=f"stated spread too {words}, factor {factor:.3g}",
                )
            )
    return tuple(cases)


SPREAD = Method(
    name="quantile-spread",
    title="Distance between quartiles, order statistics",
    function="inference.intervals.quantile_spread_interval",
    promise="misses the distance between two quantiles of any law with probability at most $\\alpha$",
    timed=Case(law=lognormal(2.0), observations=10**6, reject=reject_spread),
    nulls=tuple(
        Case(law=law, observations=100, reject=reject_spread)
        for law in (lognormal(2.0), pareto(2.5), uniform(), ties(5))
    ),
    controls=(
        Case(
            procedure="1.35 standard deviations, chi-square",
            law=lognormal(1.0),
            observations=100,
            reject=_reject_normal_spread,
            levels=(0.05,),
        ),
    ),
    plant=_plant_spread,
    shortage=4,
)


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
                lognormal(1.0),
                lognormal(3.0),
                pareto(2.5),
                bernoulli(0.1),
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
    nulls=tuple(Case(law=law, observations=400, reject=_reject_true_order) for law in (lognormal(1.0), uniform())),
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
