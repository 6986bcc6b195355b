"""Confidence sequences: simultaneous coverage over nights, narrowing, and what their grid means."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from simulated_rates import FALSE_ALARM, assert_rate_at_most, generator

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.confidence_sequences import CANDIDATES, Limits, PointSequence, extend
from theory_check.inference.evidence import LARGEST_LOG, catoni_evidence, log_tilted_ratio
from theory_check.inference.intervals import mean_interval

START = PointSequence(version="v", level=0.01, target=(0.0, 0.0), tolerance=0.1)


def test_the_grid_reaches_three_tolerances_beyond_the_target():
    # Three times 0.1 is rounded, and then the steps.
    np.testing.assert_allclose(START.candidates, np.linspace(-0.3, 0.3, 41), rtol=0, atol=1e-15)
    wide = replace(START, target=(1.0, 2.0))
    assert (wide.candidates[0], wide.candidates[-1]) == (pytest.approx(0.7), pytest.approx(2.3))
    share = replace(START, target=(0.95, 1.0), bounds=(0.0, 1.0))
    assert (share.candidates[0], share.candidates[-1]) == (pytest.approx(0.65), 1.0)
    open_ended = replace(START, target=(2.0, math.inf))
    assert (open_ended.candidates[0], open_ended.candidates[-1]) == (pytest.approx(1.7), pytest.approx(2.3))


def brute_force(sequence, nights):
    """The definition: hull of the candidates that no night rejects from outside, and one cell more on each side."""
    grid, threshold = sequence.candidates, math.log(2.0 / sequence.level)
    lower, upper = sequence.bounds
    below, above = np.zeros(CANDIDATES), np.zeros(CANDIDATES)
    for first, second in nights:
        below, above = below + first, above + second
        left = [i for i in range(CANDIDATES) if below[i] < threshold]
        right = [i for i in range(CANDIDATES) if above[i] < threshold]
        low, high = min(left, default=CANDIDATES), max(right, default=-1)
        lower = max(lower, grid[low - 1] if low > 0 else -math.inf)
        upper = min(upper, grid[high + 1] if high < CANDIDATES - 1 else math.inf)
    return lower, upper


rows = st.lists(st.floats(-10, 10), min_size=CANDIDATES, max_size=CANDIDATES).map(np.array)


@given(st.lists(st.tuples(rows, rows), min_size=1, max_size=4))
def test_the_interval_is_the_hull_and_one_cell(nights):
    sequence = START
    for first, second in nights:
        before, sequence = sequence, extend(sequence, first, second)
        assert sequence.now.lower >= before.now.lower
        assert sequence.now.upper <= before.now.upper
    assert (sequence.now.lower, sequence.now.upper) == brute_force(START, nights)
    assert sequence.nights == len(nights)
    assert sequence.limits[0].night == 1


def test_changes_of_the_interval_are_listed():
    nothing, left = np.zeros(CANDIDATES), np.where(START.candidates < -0.2, 9.0, 0.0)
    sequence = extend(extend(extend(extend(START, nothing, nothing), left, nothing), nothing, nothing), left, nothing)
    assert sequence.nights == 4
    assert sequence.limits[0] == Limits(1, -math.inf, math.inf)
    assert [limit.night for limit in sequence.limits] == [1, 2]
    assert sequence.now.lower == pytest.approx(-0.21)
    assert not sequence.supports
    assert extend(sequence, nothing, left[::-1]).now.width == pytest.approx(0.42)


def test_a_quantity_that_moves_empties_the_intersection():
    left, right = np.where(START.candidates < 0.1, 9.0, 0.0), np.where(START.candidates > -0.1, 9.0, 0.0)
    sequence = extend(extend(START, left, np.zeros(CANDIDATES)), -left, right)
    assert sequence.now.width < 0.0
    assert not sequence.supports


def test_accumulated_evidence_stays_finite():
    huge = np.full(CANDIDATES, LARGEST_LOG)
    sequence = extend(extend(START, huge, -huge), huge, -huge)
    assert max(sequence.below) == LARGEST_LOG
    assert all(math.isfinite(value) for value in (*sequence.below, *sequence.above))


def follow(sequence, samples, evidence):
    for sample in samples:
        below, above = evidence(sample, sequence.candidates, sequence.gain)
        sequence = extend(sequence, below, above)
    return sequence


def coin(successes, candidates, gain):
    trials = 200
    return (
        log_tilted_ratio(successes, trials, candidates, gain=gain),
        log_tilted_ratio(trials - successes, trials, 1.0 - candidates, gain=gain),
    )


def heavy(values, candidates, gain):
    # Student's law with 3 degrees of freedom has variance 3.
    return catoni_evidence(values, candidates, variance_bound=3.0, gain=gain)


def missed(sequences, truth):
    return [not s.now.lower <= truth <= s.now.upper for s in sequences]


# The truth lies between two candidates, and for the coin also on one.
worlds = {
    "coin": (lambda g, n: g.binomial(200, 0.3137, n), coin, 0.3137, (0.3, 0.3), 0.12, (0.0, 1.0)),
    "coin on the grid": (lambda g, n: g.binomial(200, 0.3, n), coin, 0.3, (0.3, 0.3), 0.12, (0.0, 1.0)),
    "heavy": (lambda g, n: g.standard_t(3, (n, 50)), heavy, 0.0, (0.071, 0.071), 0.6, (-math.inf, math.inf)),
}


@pytest.mark.parametrize("world", worlds)
def test_the_truth_is_rarely_ever_missed_and_found_ever_more_narrowly(world):
    draw, evidence, truth, target, tolerance, bounds = worlds[world]
    # A night of the heavy law costs milliseconds.
    level, nights, runs = 0.1, 40, 60 if world == "heavy" else 200
    start = PointSequence(version="v", level=level, target=target, tolerance=tolerance, bounds=bounds)
    g = generator(f"narrowing {world}")
    found = [follow(start, draw(g, nights), evidence) for _ in range(runs)]
    assert_rate_at_most(level, missed(found, truth))
    # The intersection is nested: a truth it holds at the end it held on every night.
    widths = np.array([(s.limits[0].width, s.now.width) for s in found])
    # By the formula of PointSequence.gain the width at night 40 is (1 + H_40) / (2 sum i^-1/2) = 0.46 of the first
    # night's, plus two cells of 0.15 tolerances; 0.7 is far from the 1 of a sequence that does not narrow.
    assert (widths[:, 1] < 0.7 * widths[:, 0]).mean() > 0.9


def test_evidence_without_its_compensator_misses_the_truth_too_often():
    draw, evidence, truth, target, tolerance, bounds = worlds["coin on the grid"]
    level, nights, runs = 0.1, 40, 300
    start = PointSequence(version="v", level=level, target=target, tolerance=tolerance, bounds=bounds)
    g = generator("narrowing wrong")

    def wrong(successes, candidates, gain):
        # The mean of the log evidence under the truth is minus the gain.
        return [row + gain for row in evidence(successes, candidates, gain)]

    found = [follow(start, draw(g, nights), wrong) for _ in range(runs)]
    assert sum(missed(found, truth)) > stats.binom.isf(FALSE_ALARM, runs, level)


def test_evidence_tuned_to_one_night_alone_narrows_less():
    g = generator("narrowing gains")
    start = PointSequence(version="v", level=1e-4, target=(0.0, 0.0), tolerance=0.4)
    samples = g.standard_t(3, (300, 400))
    tuned = follow(start, samples, heavy)
    fixed = follow(start, samples, lambda values, candidates, _: heavy(values, candidates, start.gain))
    assert tuned.now.width < 0.6 * fixed.now.width
    # After one night both are the same, and close to the interval of that night.
    first = tuned.limits[0]
    interval = mean_interval(samples[0], variance_bound=3.0, alpha=1e-4)
    cell = float(np.diff(start.candidates)[0])
    assert first == fixed.limits[0]
    # Rounded outward to the grid.
    assert first.lower <= interval.lower <= first.lower + cell
    assert first.upper - cell <= interval.upper <= first.upper


def test_support_is_the_interval_inside_the_tolerance():
    inside = replace(START, limits=(Limits(1, -0.09, 0.1),))
    assert inside.supports
    assert not replace(START, limits=(Limits(1, -0.09, 0.11),)).supports
    assert not START.supports


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: replace(START, level=0.0), "level"),
        (lambda: replace(START, tolerance=0.0), "positive tolerance"),
        (lambda: replace(START, target=(-math.inf, math.inf)), "finite end"),
        (lambda: extend(START, [0.0], [0.0]), "41 candidates"),
        (lambda: extend(START, np.full(CANDIDATES, math.nan), np.zeros(CANDIDATES)), "41 candidates"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(SpecificationError, match=message):
        call()
