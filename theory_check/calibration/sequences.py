"""Sequential methods, whose promises hold however often one looks: a rejection after any observation counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from theory_check.calibration.known_laws import Law, bernoulli, lognormal, normal, pareto, ties, uniform
from theory_check.calibration.scenarios import BoolArray, Case, Method, control, each, stated_mean
from theory_check.foundation.arrays import FloatArray
from theory_check.inference import design
from theory_check.inference.betting import (
    bounded_mean_evidence,
    bounded_mean_sequence,
    nonnegative_mean_evidence,
    nonnegative_mean_interval,
)
from theory_check.inference.catoni import mean_evidence, mean_sequence
from theory_check.inference.sequential import ConfidenceSequence


def _ever_misses(sequence: ConfidenceSequence, value: float) -> bool:
    return bool(((sequence.lower > value) | (sequence.upper < value)).any())


# Bounded observations


def _reject_bounded(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean of values in a known interval once the evidence of the bets reaches 1/level."""
    return each(
        samples,
        lambda row: bounded_mean_evidence(row, hypothesis.mean, support=hypothesis.support).crossing(level) is not None,
    )


def _reject_bounded_sequence(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean of values in a known interval once the confidence sequence misses it."""
    return each(
        samples,
        lambda row: _ever_misses(bounded_mean_sequence(row, support=hypothesis.support, alpha=level), hypothesis.mean),
    )


def _reject_with_foresight(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    r"""Reject by bets on a deviation that is estimated with the present value included.

    The factor :math:`1 + \lambda_i (x_i - m)`, :math:`\lambda_i = d_i / (d_i^2 + s^2)` cut to [-1, 1], has a mean of
    about 1 + 1/i, because the estimated deviation :math:`d_i` knows :math:`x_i`.
    """
    deviations = samples - hypothesis.mean
    counts = np.arange(1, samples.shape[1] + 1)
    estimates = np.cumsum(deviations, axis=1) / counts
    bets = np.clip(estimates / (estimates**2 + hypothesis.variance), -1.0, 1.0)
    capital = np.cumsum(np.log1p(bets * deviations), axis=1)
    return np.asarray(capital.max(axis=1) >= -np.log(level))


def _plant_bounded(level: float, power: float) -> Iterator[Case]:
    for p, n in ((0.1, 1000), (0.5, 500)):
        reach = design.bounded_mean_resolution(p, observations=n, alpha=level, power=power)
        for truth in (p + reach, p - reach):
            if truth > 0.0:
                words = f"stated p = {p:g}"
                yield Case(
                    bernoulli(truth), n, _reject_bounded, hypothesis=bernoulli(p), deviation=words, monitored=True
                )


BOUNDED = Method(
    name="betting-bounded",
    title="Mean of bounded values, betting",
    function="inference.betting.bounded_mean_evidence",
    promise="ever rejects the mean of values in a known interval with probability at most $\\alpha$",
    timed=Case(uniform(), 10**6, _reject_bounded),
    nulls=(
        *(
            Case(law, 1000, _reject_bounded, monitored=True)
            for law in (bernoulli(0.1), bernoulli(0.001), uniform(), ties(5))
        ),
        Case(
            bernoulli(0.1), 30, _reject_bounded_sequence,
            procedure="confidence sequence", monitored=True, levels=(0.05,),
        ),
    ),
    controls=(
        control("betting with the present value in view", uniform(), 1000, _reject_with_foresight, monitored=True),
    ),
    plant=_plant_bounded,
    shortage=4,
)  # fmt: skip


# Non-negative observations


def _reject_at_price(price: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject an upper bound on the mean of non-negative values once the evidence reaches 1/level.

    The bound is the mean times `price`, which should be 1.
    """
    bound = price * hypothesis.mean
    return each(samples, lambda row: nonnegative_mean_evidence(row, bound).crossing(level) is not None)


def _reject_below_limit(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject a mean below the lower confidence limit."""
    return each(samples, lambda row: not nonnegative_mean_interval(row, alpha=level).contains(hypothesis.mean))


_reject_nonnegative = partial(_reject_at_price, 1.0)


def _plant_nonnegative(level: float, power: float) -> Iterator[Case]:
    for law, n in ((lognormal(1.0), 1000), (pareto(2.5), 1000)):
        excess = design.nonnegative_mean_resolution(
            law.mean, observations=n, variance_bound=law.variance, alpha=level, power=power
        )
        words = f"stated mean at most {law.mean:g}"
        yield Case(law.shifted(excess), n, _reject_nonnegative, hypothesis=law, deviation=words, monitored=True)


NONNEGATIVE = Method(
    name="betting-nonnegative",
    title="Mean of non-negative values, betting",
    function="inference.betting.nonnegative_mean_evidence",
    promise="ever rejects a true upper bound on the mean with probability at most $\\alpha$, whatever the tails",
    timed=Case(lognormal(2.0), 10**6, _reject_nonnegative),
    nulls=(
        *(
            Case(law, 1000, _reject_nonnegative, monitored=True)
            for law in (lognormal(1.0), lognormal(2.0), lognormal(3.0), pareto(2.5), uniform(), bernoulli(0.001))
        ),
        Case(lognormal(1.0), 100, _reject_below_limit, procedure="lower limit"),
    ),
    controls=(
        control("betting at a price a tenth too low", uniform(), 1000, partial(_reject_at_price, 0.9), monitored=True),
    ),
    plant=_plant_nonnegative,
    shortage=4,
)


# Bounded variance


def _reject_variance_bounded(
    understated: float, planned: bool, samples: FloatArray, hypothesis: Law, level: float
) -> BoolArray:
    """Reject the mean once Catoni's evidence reaches 1/level, with or without a planned number of observations.

    The variance is divided by `understated`, which should be 1.
    """
    bound, n = hypothesis.variance / understated, samples.shape[1] if planned else None
    return each(
        samples,
        lambda row: (
            mean_evidence(row, hypothesis.mean, variance_bound=bound, alpha=level, observations=n).crossing(level)
            is not None
        ),
    )


def _reject_variance_bounded_sequence(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean once Catoni's confidence sequence misses it."""
    return each(
        samples,
        lambda row: _ever_misses(mean_sequence(row, variance_bound=hypothesis.variance, alpha=level), hypothesis.mean),
    )


_reject_planned = partial(_reject_variance_bounded, 1.0, True)
_reject_unplanned = partial(_reject_variance_bounded, 1.0, False)


def _plant_catoni(level: float, power: float) -> Iterator[Case]:
    for law, n in ((normal(), 300), (lognormal(2.0), 1000)):
        v = law.variance
        planned = design.mean_resolution(variance_bound=v, observations=n, alpha=level, power=power)
        unplanned = design.mean_sequence_resolution(variance_bound=v, observations=n, alpha=level, power=power)
        for deviation in (planned, -planned):
            yield stated_mean(law, deviation, n, _reject_planned, monitored=True)
        yield stated_mean(law, unplanned, n, _reject_unplanned, procedure=_UNPLANNED, monitored=True)


_UNPLANNED = "no planned number of observations"

CATONI = Method(
    name="catoni",
    title="Mean with a proved variance, sequential Catoni",
    function="inference.catoni.mean_evidence",
    promise="ever rejects the mean with probability at most $\\alpha$ if the variance is at most the stated one, "
    "whatever the tails",
    timed=Case(lognormal(2.0), 10**6, _reject_planned),
    nulls=(
        *(
            Case(law, 1000, _reject_planned, monitored=True)
            for law in (
                *(lognormal(sigma) for sigma in (1.0, 2.0, 3.0)),
                *(pareto(2.5), bernoulli(0.1), bernoulli(0.001), normal()),
            )
        ),
        Case(pareto(2.5), 1000, _reject_unplanned, procedure=_UNPLANNED, monitored=True),
        Case(
            normal(), 30, _reject_variance_bounded_sequence,
            procedure="confidence sequence", monitored=True, levels=(0.05,),
        ),
    ),
    controls=(
        control(
            "evidence with a quarter of the variance", normal(), 1000, partial(_reject_variance_bounded, 4.0, True),
            monitored=True,
        ),
    ),
    plant=_plant_catoni,
)  # fmt: skip
