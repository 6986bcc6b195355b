"""Evidence that accumulates from night to night: e-values of nights, their process, and its confidence sequence."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from theory_check.calibration.known_laws import Law, bernoulli, lognormal, ties, uniform
from theory_check.calibration.scenarios import BoolArray, Case, Method, control, each
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.confidence_sequences import PointSequence, extend
from theory_check.inference.evidence import (
    bernoulli_evidence,
    log_calibrated,
    log_tilted_ratio,
    mean_evidence,
    quantile_evidence,
    tilted_calibration,
)
from theory_check.inference.nights import EvidenceProcess, advance

#: Nights that a sample is cut into, where one value is not a night of its own.
NIGHTS = 10

#: A night's e-value from its values, the hypothesis and the level: its logarithm.
NightEvidence = Callable[[FloatArray, Law, float], float]


def _refuted(log_values: FloatArray, level: float) -> bool:
    """Whether the process that starts afresh every night ever reaches the level."""
    process = EvidenceProcess(level)
    for value in log_values.tolist():
        process = advance(process, "version", value)
    return process.refuted


# p-values of nights


def _calibrated(p: FloatArray) -> FloatArray:
    return np.array([log_calibrated(value) for value in np.log(p).tolist()])


def _tilted(p: FloatArray) -> FloatArray:
    return tilted_calibration(np.log(p), gain=2.0)


def _misscaled(p: FloatArray) -> FloatArray:
    """Return the logarithm of p^(-1/2), of mean 2: half of it would be an e-value."""
    return np.asarray(-0.5 * np.log(p))


def _reciprocal(p: FloatArray) -> FloatArray:
    return np.asarray(-np.log(p))


def _counted_thrice(p: FloatArray) -> FloatArray:
    return np.repeat(_tilted(p), 3)


def _reject_p_values(
    calibrator: Callable[[FloatArray], FloatArray], samples: FloatArray, hypothesis: Law, level: float
) -> BoolArray:
    """Reject by the evidence over nights, each with one p-value."""
    # A p-value is not 0; the law of U is that of 1 - U.
    p = hypothesis.cdf(1.0 - samples)
    return each(p, lambda row: _refuted(calibrator(row), level))


_reject_calibrated = partial(_reject_p_values, _calibrated)

NIGHTLY = Method(
    name="nights",
    title="p-values of nights, mixture over start nights",
    function="inference.nights.advance",
    promise="ever refutes a true claim with probability at most $\\alpha$, however many nights follow",
    timed=None,
    nulls=(
        Case(uniform(), 30, _reject_calibrated, monitored=True),
        Case(uniform(), 30, partial(_reject_p_values, _tilted), procedure="one exponent", monitored=True),
    ),
    controls=tuple(
        control(procedure, uniform(), 30, partial(_reject_p_values, calibrator), monitored=True)
        for procedure, calibrator in (
            ("e-value mis-scaled by a factor 2", _misscaled),
            ("1/p taken for an e-value", _reciprocal),
            ("every night counted three times", _counted_thrice),
        )
    ),
)


# e-values from the values of nights


def _of_probability(row: FloatArray, hypothesis: Law, level: float) -> float:
    del level
    return bernoulli_evidence(int(row.sum()), row.size, (hypothesis.mean, hypothesis.mean))


def _of_median(row: FloatArray, hypothesis: Law, level: float) -> float:
    del level
    median = hypothesis.quantile_at(0.5)
    return quantile_evidence(row, 0.5, (median, median))


def _of_mean(row: FloatArray, hypothesis: Law, level: float) -> float:
    null = (hypothesis.mean, hypothesis.mean)
    return mean_evidence(row, variance_bound=hypothesis.variance, null=null, alpha=level)


def _largest_ratio(row: FloatArray, hypothesis: Law, level: float) -> float:
    """Return the log likelihood ratio of the best probability in hindsight: no e-value."""
    del level
    from scipy.special import xlogy

    k, n, p = float(row.sum()), row.size, hypothesis.mean
    return float(xlogy(k, k / (n * p)) + xlogy(n - k, (n - k) / (n * (1.0 - p))))


def _reject_nights(evidence: NightEvidence, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Cut each sample into nights and reject by their evidence."""
    return each(
        samples,
        lambda row: _refuted(
            np.array([evidence(night, hypothesis, level) for night in row.reshape(NIGHTS, -1)]), level
        ),
    )


def _reject_sequence(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the probability that the confidence sequence of the nights ever misses."""
    p = hypothesis.mean

    def decide(row: FloatArray) -> bool:
        # A target that is off: nothing of the sequence is centred on the truth.
        sequence = PointSequence(
            version="version", level=level, target=(0.9 * p, 0.9 * p), tolerance=0.1 * p, bounds=(0.0, 1.0)
        )
        for night in row.reshape(NIGHTS, -1):
            k, n, grid, gain = int(night.sum()), night.size, sequence.candidates, sequence.gain
            below = log_tilted_ratio(k, n, grid, gain=gain)
            above = log_tilted_ratio(n - k, n, 1.0 - grid, gain=gain)
            sequence = extend(sequence, below, above)
        return any(not limits.lower <= p <= limits.upper for limits in sequence.limits)

    return each(samples, decide)


HISTORY = Method(
    name="history",
    title="Evidence of nights: probability, median, mean",
    function="inference.evidence.bernoulli_evidence",
    promise="and its companions ever refute a true statement, night after night, with probability at most $\\alpha$",
    timed=Case(bernoulli(0.1), 10**6, partial(_reject_nights, _of_probability)),
    nulls=(
        *(
            Case(law, n, partial(_reject_nights, evidence), procedure=procedure, monitored=True)
            for procedure, evidence, law, n in (
                ("probability", _of_probability, bernoulli(0.1), 1000),
                ("median", _of_median, ties(5), 400),
                ("mean", _of_mean, lognormal(2.0), 1000),
            )
        ),
        Case(
            bernoulli(0.1), 1000, _reject_sequence,
            procedure="confidence sequence of a probability", monitored=True, levels=(0.05,),
        ),
    ),
    controls=(
        control(
            "largest likelihood ratio in hindsight", bernoulli(0.1), 1000, partial(_reject_nights, _largest_ratio),
            monitored=True,
        ),
    ),
)  # fmt: skip
