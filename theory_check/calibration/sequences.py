"""Sequential methods, whose promises hold however often one looks: a rejection after any observation counts."""

from __future__ import annotations

from functools import partial

import numpy as np

from theory_check.calibration.laws import Law, bernoulli, lognormal, normal, pareto, ties, uniform
from theory_check.calibration.methods import BoolArray, Case, Method, each
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


def reject_bounded(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean of values in a known interval once the evidence of the bets reaches 1/level."""
    return each(
        samples,
        lambda row: bounded_mean_evidence(row, hypothesis.mean, support=hypothesis.support).crossing(level) is not None,
    )


def reject_bounded_sequence(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
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


def _plant_bounded(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for p, n in ((0.1, 1000), (0.5, 500)):
        reach = design.bounded_mean_resolution(p, observations=n, alpha=level, power=power)
        cases += [
            Case(
                law=bernoulli(truth),
                hypothesis=bernoulli(p),
                observations=n,
                reject=reject_bounded,
                deviation=f"stated p = {p:g}",
                monitored=True,
            )
            for truth in (p + reach, p - reach)
            if truth > 0.0
        ]
    return tuple(cases)


BOUNDED = Method(
    name="betting-bounded",
    title="Mean of bounded values, betting",
    function="inference.betting.bounded_mean_evidence",
    promise="ever rejects the mean of values in a known interval with probability at most $\\alpha$",
    timed=Case(law=uniform(), observations=10**6, reject=reject_bounded),
    nulls=(
        *(
            Case(law=law, observations=1000, reject=reject_bounded, monitored=True)
            for law in (bernoulli(0.1), bernoulli(0.001), uniform(), ties(5))
        ),
        Case(
            procedure="confidence sequence",
            law=bernoulli(0.1),
            observations=30,
            reject=reject_bounded_sequence,
            monitored=True,
            levels=(0.05,),
        ),
    ),
    controls=(
        Case(
            procedure="betting with the present value in view",
            law=uniform(),
            observations=1000,
            reject=_reject_with_foresight,
            monitored=True,
            levels=(0.05,),
        ),
    ),
    plant=_plant_bounded,
    shortage=4,
)


# Non-negative observations


def reject_nonnegative(price: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject an upper bound on the mean of non-negative values once the evidence reaches 1/level.

    The bound is the mean times `price`, which should be 1.
    """
    bound = price * hypothesis.mean
    return each(samples, lambda row: nonnegative_mean_evidence(row, bound).crossing(level) is not None)


def _reject_below_limit(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject a mean below the lower confidence limit."""
    return each(samples, lambda row: not nonnegative_mean_interval(row, alpha=level).contains(hypothesis.mean))


_reject_nonnegative = partial(reject_nonnegative, 1.0)


def _plant_nonnegative(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for law, n in ((lognormal(1.0), 1000), (pareto(2.5), 1000)):
        excess = design.nonnegative_mean_resolution(
            law.mean, observations=n, variance_bound=law.variance, alpha=level, power=power
        )
        cases.append(
            Case(
                law=law.shifted(excess),
                hypothesis=law,
                observations=n,
                reject=_reject_nonnegative,
                deviation=f"stated mean at most {law.mean:g}",
                monitored=True,
            )
        )
    return tuple(cases)


NONNEGATIVE = Method(
    name="betting-nonnegative",
    title="Mean of non-negative values, betting",
    function="inference.betting.nonnegative_mean_evidence",
    promise="ever rejects a true upper bound on the mean with probability at most $\\alpha$, whatever the tails",
    timed=Case(law=lognormal(2.0), observations=10**6, reject=_reject_nonnegative),
    nulls=(
        *(
            Case(law=law, observations=1000, reject=_reject_nonnegative, monitored=True)
            for law in (lognormal(1.0), lognormal(2.0), lognormal(3.0), pareto(2.5), uniform(), bernoulli(0.001))
        ),
        Case(procedure="lower limit", law=lognormal(1.0), observations=100, reject=_reject_below_limit),
    ),
    controls=(
        Case(
            procedure="betting at a price a tenth too low",
            law=uniform(),
            observations=1000,
            reject=partial(reject_nonnegative, 0.9),
            monitored=True,
            levels=(0.05,),
        ),
    ),
    plant=_plant_nonnegative,
    shortage=4,
)


# Bounded variance


def reject_variance_bounded(
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


def reject_variance_bounded_sequence(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean once Catoni's confidence sequence misses it."""
    return each(
        samples,
        lambda row: _ever_misses(mean_sequence(row, variance_bound=hypothesis.variance, alpha=level), hypothesis.mean),
    )


_reject_planned = partial(reject_variance_bounded, 1.0, True)
_reject_unplanned = partial(reject_variance_bounded, 1.0, False)


def _plant_catoni(level: float, power: float) -> tuple[Case, ...]:
    cases = []
    for law, n in ((normal(), 300), (lognormal(2.0), 1000)):
        v = law.variance
        planned = design.mean_resolution(variance_bound=v, observations=n, alpha=level, power=power)
        unplanned = design.mean_sequence_resolution(variance_bound=v, observations=n, alpha=level, power=power)
        cases += [
            Case(
                law=law,
                hypothesis=law.shifted(deviation),
                observations=n,
                reject=reject,
                procedure=procedure,
                deviation=f"stated mean {'+' if deviation > 0 else '-'} {abs(deviation):.3g}",
                monitored=True,
            )
            for deviation, reject, procedure in (
                (planned, _reject_planned, ""),
                (-planned, _reject_planned, ""),
                (unplanned, _reject_unplanned, "no planned number of observations"),
            )
        ]
    return tuple(cases)


CATONI = Method(
    name="catoni",
    title="Mean with a proved variance, sequential Catoni",
    function="inference.catoni.mean_evidence",
    promise="ever rejects the mean with probability at most $\\alpha$ if the variance is at most the stated one, "
    "whatever the tails",
    timed=Case(law=lognormal(2.0), observations=10**6, reject=_reject_planned),
    nulls=(
        *(
            Case(law=law, observations=1000, reject=_reject_planned, monitored=True)
            for law in (
                lognormal(1.0),
                lognormal(2.0),
                lognormal(3.0),
                pareto(2.5),
                bernoulli(0.1),
                bernoulli(0.001),
                normal(),
            )
        ),
        Case(
            procedure="no planned number of observations",
            law=pareto(2.5),
            observations=1000,
            reject=_reject_unplanned,
            monitored=True,
        ),
        Case(
            procedure="confidence sequence",
            law=normal(),
            observations=30,
            reject=reject_variance_bounded_sequence,
            monitored=True,
            levels=(0.05,),
        ),
    ),
    controls=(
        Case(
            procedure="evidence with a quarter of the variance",
            law=normal(),
            observations=1000,
            reject=partial(reject_variance_bounded, 4.0, True),
            monitored=True,
            levels=(0.05,),
        ),
    ),
    plant=_plant_catoni,
)
