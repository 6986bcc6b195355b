"""Procedures of textbooks and twins with one flaw: each breaks its promise somewhere, and a calibration must see it.

All of them act on many samples at once, one per row, and reject a hypothesis at a nominal level.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from theory_check.calibration.known_laws import Law
from theory_check.calibration.scenarios import BoolArray
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import stream_key
from theory_check.inference.binomial import rejection_count

#: A procedure that is monitored looks for the first time after so many observations.
FIRST_LOOK = 10

_RESAMPLES = 1000


def t_test(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean by Student's test: exact for normal observations only.

    Parameters
    ----------
    samples : float64 array (repetitions, observations)
    hypothesis : Law
    level : float

    Returns
    -------
    bool array (repetitions,)
    """
    from scipy.special import stdtrit

    n = samples.shape[1]
    return np.asarray(np.abs(_studentized(samples, hypothesis.mean)) > stdtrit(n - 1, 1.0 - level / 2.0))


def z_test(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean by the normal approximation with the estimated variance.

    Parameters
    ----------
    samples : float64 array (repetitions, observations)
    hypothesis : Law
    level : float

    Returns
    -------
    bool array (repetitions,)
    """
    from scipy.special import ndtri

    return np.asarray(np.abs(_studentized(samples, hypothesis.mean)) > ndtri(1.0 - level / 2.0))


def bootstrap_test(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean if it lies outside the percentile bootstrap interval.

    All samples share the choices of the resamples, so that a matrix product computes every resampled mean; each sample
    alone is resampled as usual.

    Parameters
    ----------
    samples : float64 array (repetitions, observations)
    hypothesis : Law
    level : float

    Returns
    -------
    bool array (repetitions,)
    """
    means = samples @ _resampling_weights(samples.shape[1])
    low, high = np.quantile(means, [level / 2.0, 1.0 - level / 2.0], axis=1)
    return np.asarray((hypothesis.mean < low) | (hypothesis.mean > high))


def peeking_t_test(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the mean if Student's test does after any number of observations from the tenth on.

    Parameters
    ----------
    samples : float64 array (repetitions, observations)
    hypothesis : Law
    level : float

    Returns
    -------
    bool array (repetitions,)
    """
    from scipy.special import stdtrit

    counts = np.arange(FIRST_LOOK, samples.shape[1] + 1)
    centred = samples - hypothesis.mean
    sums = np.cumsum(centred, axis=1)[:, FIRST_LOOK - 1 :]
    squares = np.cumsum(centred**2, axis=1)[:, FIRST_LOOK - 1 :]
    spread = (squares - sums**2 / counts) / (counts - 1)
    critical = stdtrit(counts - 1, 1.0 - level / 2.0)
    return np.asarray((np.abs(sums) > critical * np.sqrt(counts * spread)).any(axis=1))


def peeking_binomial_test(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject the probability if the Clopper-Pearson interval misses it after any number of trials from the tenth on.

    Parameters
    ----------
    samples : float64 array (repetitions, observations)
    hypothesis : Law
    level : float

    Returns
    -------
    bool array (repetitions,)
    """
    below, above = _rejection_counts(samples.shape[1], hypothesis.mean, level)
    successes = np.cumsum(samples, axis=1)[:, FIRST_LOOK - 1 :]
    return np.asarray(((successes <= below) | (successes >= above)).any(axis=1))


def wald_test(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Reject a probability outside p +- z sqrt(p (1 - p) / n) with the estimated p.

    Parameters
    ----------
    samples : float64 array (repetitions, observations)
    hypothesis : Law
    level : float

    Returns
    -------
    bool array (repetitions,)
    """
    from scipy.special import ndtri

    n = samples.shape[1]
    estimates = samples.mean(axis=1)
    radius = ndtri(1.0 - level / 2.0) * np.sqrt(estimates * (1.0 - estimates) / n)
    return np.asarray(np.abs(estimates - hypothesis.mean) > radius)


def _studentized(samples: FloatArray, mean: float) -> FloatArray:
    n = samples.shape[1]
    return np.asarray((samples.mean(axis=1) - mean) * np.sqrt(n) / samples.std(axis=1, ddof=1))


@lru_cache(maxsize=2)
def _resampling_weights(observations: int) -> FloatArray:
    """Return how often each observation enters each resample, over their number: shape (observations, resamples)."""
    generator = np.random.Generator(np.random.Philox(key=stream_key(0, f"bootstrap:n={observations}")))
    draws = generator.multinomial(observations, np.full(observations, 1.0 / observations), size=_RESAMPLES)
    return np.ascontiguousarray(draws.T / observations)


@lru_cache(maxsize=16)
def _rejection_counts(trials: int, probability: float, level: float) -> tuple[FloatArray, FloatArray]:
    """Return, for every number of trials from the first look on, the counts that reject below and above."""
    sizes = range(FIRST_LOOK, trials + 1)
    above = [rejection_count(n, probability, level / 2.0) for n in sizes]
    below = [n - rejection_count(n, 1.0 - probability, level / 2.0) for n in sizes]
    return np.array(below, dtype=np.float64), np.array(above, dtype=np.float64)
