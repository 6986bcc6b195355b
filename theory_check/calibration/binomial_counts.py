"""Methods that rest on the binomial law: probabilities, quantiles and distances between quantiles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from theory_check.calibration.classical import peeking_binomial_test, wald_test
from theory_check.calibration.known_laws import Law, bernoulli, lognormal, pareto, ties, uniform
from theory_check.calibration.scenarios import BoolArray, Case, Method, control, each
from theory_check.foundation.arrays import FloatArray
from theory_check.inference import design
from theory_check.inference.intervals import (
    proportion_interval,
    quantile_interval,
    quantile_ranks,
    quantile_spread_interval,
)

_QUARTILES = (0.25, 0.75)


# Probability


def _reject_proportion(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the probability that the Clopper-Pearson interval misses."""
    trials = samples.shape[1]
    counts, position = np.unique(samples.sum(axis=1).astype(np.int64), return_inverse=True)
    missed = [not proportion_interval(k, trials, alpha=level).contains(hypothesis.mean) for k in counts.tolist()]
    return np.array(missed, dtype=np.bool_)[position]


def _plant_proportion(level: float, power: float) -> Iterator[Case]:
    for p, n in ((0.1, 1000), (0.5, 200)):
        reach = design.proportion_resolution((p, p), trials=n, alpha=level, power=power)
        for truth in (p + reach, p - reach):
            if truth > 0.0:
                yield Case(
                    bernoulli(truth), n, _reject_proportion, hypothesis=bernoulli(p), deviation=f"stated p = {p:g}"
                )


PROPORTION = Method(
    name="proportion",
    title="Probability, Clopper-Pearson",
    function="inference.intervals.proportion_interval",
    promise="misses the probability of independent trials with probability at most $\\alpha$",
    timed=Case(bernoulli(0.1), 10**6, _reject_proportion),
    nulls=tuple(
        Case(bernoulli(p), n, _reject_proportion) for p, n in ((0.1, 100), (0.1, 1000), (0.001, 1000), (0.5, 50))
    ),
    controls=(
        control("Clopper-Pearson", bernoulli(0.1), 1000, peeking_binomial_test, monitored=True),
        control("normal approximation (Wald)", bernoulli(0.001), 1000, wald_test),
    ),
    plant=_plant_proportion,
)


# Quantiles


def _reject_quantile(probability: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
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


def _plant_quantile(level: float, power: float) -> Iterator[Case]:
    for p, law, n in ((0.5, lognormal(2.0), 500), (0.9, uniform(), 500)):
        for reached in design.quantile_resolution(p, observations=n, alpha=level, power=power):
            hypothesis = law.shifted(law.quantile_at(reached) - law.quantile_at(p))
            words = f"stated {p:g}-quantile is the {reached:.3g}-quantile"
            yield Case(law, n, partial(_reject_quantile, p), hypothesis=hypothesis, deviation=words)


_reject_median = partial(_reject_quantile, 0.5)

QUANTILE = Method(
    name="quantile",
    title="Quantile, order statistics",
    function="inference.intervals.quantile_interval",
    promise="misses a quantile of any law with probability at most $\\alpha$",
    timed=Case(lognormal(2.0), 10**6, _reject_median),
    nulls=(
        *(
            Case(law, n, _reject_median, procedure="median")
            for law, n in (
                (pareto(2.5), 100), (uniform(), 100), (ties(5), 100), (bernoulli(0.1), 100), (lognormal(2.0), 1000),
            )
        ),
        *(
            Case(law, 100, partial(_reject_quantile, 0.9), procedure="0.9-quantile")
            for law in (lognormal(3.0), ties(5))
        ),
    ),
    controls=(control("median with both ranks off by one", uniform(), 20, _reject_with_ranks_off),),
    plant=_plant_quantile,
)  # fmt: skip


def _reject_spread(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
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


def _plant_spread(level: float, power: float) -> Iterator[Case]:
    for law, n in ((uniform(), 1000), (lognormal(1.0), 1000)):
        (a, b), (c, d) = (
            tuple(law.quantile_at(p) for p in ends)
            for ends in design.quantile_spread_resolution(*_QUARTILES, observations=n, alpha=level, power=power)
        )
        low, high = (law.quantile_at(p) for p in _QUARTILES)
        for stated, words in ((c - b, "narrow"), (d - a, "wide")):
            factor = stated / (high - low)
            deviation = f"stated spread too {words}, factor {factor:.3g}"
            yield Case(law, n, _reject_spread, hypothesis=law.scaled(factor), deviation=deviation)


SPREAD = Method(
    name="quantile-spread",
    title="Distance between quartiles, order statistics",
    function="inference.intervals.quantile_spread_interval",
    promise="misses the distance between two quantiles of any law with probability at most $\\alpha$",
    timed=Case(lognormal(2.0), 10**6, _reject_spread),
    nulls=tuple(Case(law, 100, _reject_spread) for law in (lognormal(2.0), pareto(2.5), uniform(), ties(5))),
    controls=(control("1.35 standard deviations, chi-square", lognormal(1.0), 100, _reject_normal_spread),),
    plant=_plant_spread,
    shortage=4,
)
