"""Crossings of sweeps and brackets of medians: where they are, what they cover, and what they refuse to decide."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

from theory_check.claims import Basis, CriticalPoint, Normal, check, claim, crossing, median
from theory_check.claims.estimators.critical_point import log_mean_square
from theory_check.claims.judging import evaluate
from theory_check.claims.observables import Observable
from theory_check.claims.planning import plan_check
from theory_check.experiments.cell import Sample
from theory_check.experiments.sweep import Sweep
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.crossings import OUTSIDE
from theory_check.inference.intervals import quantile_interval
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights
from theory_check.simulation.runner import run_experiments

BETAS = (0.4, 0.5, 0.6, 0.7)
SWEEP = Sweep(width=4, depth=6, weights=Weights("fgn"), betas=BETAS, gradients=False)


def sample_of(logarithms, betas=BETAS):
    """Give a sweep, whose columns have an axis of inputs, the values of log D."""
    return Sample(replace(SWEEP, betas=betas), 0, {"log_displacement": 0.5 * np.asarray(logarithms, float)}, 0.0)


def test_the_displacement_is_averaged_over_inputs():
    logarithms = np.log(np.array([[[1.0, 3.0]] * 4]))
    assert log_mean_square(sample_of(logarithms), "log_displacement") == pytest.approx(np.full((1, 4), math.log(2.0)))


def test_the_growth_between_depths_is_that_of_pairs():
    deep = sample_of([[[3.0], [2.0], [0.0], [-3.0]]])
    shallow = sample_of([[[1.0]] * 4])
    assert crossing(other=1)([deep, shallow]) == pytest.approx([0.55])
    with pytest.raises(SpecificationError, match="the same betas"):
        crossing(other=1)([deep, sample_of([[[1.0]] * 2], (0.4, 0.5))])


def test_a_crossing_of_a_sweep_is_where_its_own_curve_says():
    """Simulated networks: on a ten times finer grid every crossing is the same to the curvature of its log D."""
    coarse = replace(SWEEP, width=20, depth=50, betas=tuple(np.round(np.arange(0.3, 0.9, 0.05), 4).tolist()),
                     input=Input("gaussian", 2))  # fmt: skip
    fine = replace(coarse, betas=tuple(np.round(np.arange(0.3, 0.851, 0.005), 4).tolist()))
    samples = run_experiments({coarse: 20, fine: 20}, 3, threads=1)
    first, second = (crossing()([samples[sweep]]) for sweep in (coarse, fine))
    assert np.all(np.abs(second) < OUTSIDE)
    # |f''| h^2 / (8 |f'|), with log D = 2 (beta_c - beta) log L + ... of a curvature below 100 and a slope above 8.
    assert np.abs(first - second).max() < 100 * 0.05**2 / (8 * 8)


@dataclass(frozen=True)
class Line:
    """Normal laws with mean slope * (centre - beta) and unit variance."""

    centre: float = 0.5
    slope: float = 10.0

    def __call__(self, beta: float) -> Normal:
        return Normal(self.slope * (self.centre - beta), 1.0)


GRID = (0.44, 0.47, 0.48, 0.52, 0.53, 0.56)
TARGET, MARGIN, LEVEL, MISS = (0.5, 0.5), 0.04, 1e-3, 1e-3


def bracket(values=None, betas=GRID, law=None):
    """Return the estimator of values that are drawn for a test."""
    return CriticalPoint(Observable("drawn", lambda samples: values), betas, law or Line())


def draw(rng, n, centre=0.5, betas=GRID):
    return np.stack([Line(centre)(beta).quantile(rng.random(n)) for beta in betas], axis=1)


def test_a_bracket_is_what_medians_at_the_divided_level_say():
    values = draw(np.random.Generator(np.random.Philox(1)), 400)
    found = bracket(values).interval([], LEVEL)
    medians = [quantile_interval(column, 0.5, alpha=LEVEL / len(GRID)) for column in values.T]
    assert found.lower == max(b for b, m in zip(GRID, medians, strict=True) if m.lower > 0.0) < 0.5
    assert found.upper == min(b for b, m in zip(GRID, medians, strict=True) if m.upper < 0.0) > 0.5
    assert found.lower <= found.estimate <= found.upper


def test_a_side_without_a_decided_sign_is_open_and_contradictions_decide_nothing():
    up, down = np.ones(50), -np.ones(50)
    assert bracket(np.stack([up] * 6, axis=1)).interval([], LEVEL).upper == math.inf
    assert bracket(np.stack([down] * 6, axis=1)).interval([], LEVEL).lower == -math.inf
    contradiction = bracket(np.stack([down, up, up, up, up, up], axis=1)).interval([], LEVEL)
    assert (contradiction.lower, contradiction.upper) == (-math.inf, math.inf)


def test_brackets_miss_no_more_often_than_their_level():
    """At a level of 0.2, with a median of exactly zero at one beta, where it costs most."""
    rng = np.random.Generator(np.random.Philox(2))
    repetitions, level = 400, 0.2
    misses = 0
    for _ in range(repetitions):
        found = bracket(draw(rng, 101, centre=0.47)).interval([], level)
        misses += not found.contains(0.47)
    # 1e-6 quantile of the number of misses at the level.
    assert misses <= stats.binom.isf(1e-6, repetitions, level)


def test_the_planned_sample_keeps_the_promise_and_a_third_of_it_does_not():
    rng = np.random.Generator(np.random.Philox(3))
    n = bracket().replicates(TARGET, MARGIN, LEVEL, MISS)

    def kept(n):
        found = [bracket(draw(rng, n)).interval([], LEVEL) for _ in range(200)]
        return sum(f.inside(TARGET[0] - MARGIN, TARGET[1] + MARGIN) for f in found)

    # 200 intervals at a miss rate of 1e-3: five misses have probability 3e-6.
    assert kept(n) >= 196
    assert kept(n // 3) < 190


def test_a_margin_without_betas_cannot_be_planned():
    with pytest.raises(SpecificationError, match="holds no beta on one side"):
        bracket().replicates(TARGET, 0.02, LEVEL, MISS)


def test_the_resolution_is_the_shift_that_is_detected_99_times_in_a_hundred():
    rng = np.random.Generator(np.random.Philox(4))
    n = 300
    shift = bracket().resolution(TARGET, n, LEVEL)
    assert 0.02 < shift < 0.1
    for sign in (-1.0, 1.0):
        found = [bracket(draw(rng, n, 0.5 + sign * shift)).interval([], LEVEL) for _ in range(300)]
        # 1e-6 quantile of the number of detections at 99%.
        assert sum(not f.contains(0.5) for f in found) >= stats.binom.ppf(1e-6, 300, 0.99)
    assert bracket(betas=(0.2, 0.3)).resolution(TARGET, n, LEVEL) == math.inf
    assert bracket().resolution(TARGET, 3, LEVEL) == math.inf


def test_evidence_agrees_with_the_interval_about_what_is_excluded():
    values = draw(np.random.Generator(np.random.Philox(5)), 400)
    estimator = bracket(values)
    found = estimator.interval([], LEVEL)
    inside = estimator.log_evidence([], (found.lower, found.upper), LEVEL)
    below, above = (estimator.log_evidence([], null, LEVEL) for null in ((0.3, 0.43), (0.57, 0.8)))
    assert inside < -math.log(LEVEL) < min(below, above)
    at_most, at_least = estimator.sided_evidence([], np.array([0.3, 0.5, 0.8]), 7.0)
    assert at_most[0] > at_most[1] >= at_most[2]
    assert at_least[2] > at_least[1] >= at_least[0]


def test_a_check_with_a_sweep_is_planned_merged_run_and_printed():
    estimator = median(crossing(), Normal(0.5, 0.05**2))
    made = check("sweep", SWEEP, "median crossing", estimator, 0.5, margin=0.2, basis=Basis("a test"))

    @claim("X1", title="t")
    def stated(profile):
        """A statement."""
        return made

    planned = plan_check(stated, made, 1e-5)
    other = replace(planned.check.experiments[0], betas=(0.45,), gradients=True)
    samples = run_experiments({**planned.requests, other: planned.replicates}, 1, threads=1)
    finding = evaluate(planned, [samples[experiment] for experiment in planned.experiments])
    assert finding.network == "res-3, width 4, depth 6, 4 betas from 0.4 to 0.7, fgn weights, gaussian input"
    assert finding.replicates == planned.replicates > 1
    assert math.isfinite(finding.log_evidence)
