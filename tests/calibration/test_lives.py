"""Lives of a ledger: evidence that is fair, nights as the schedule says, histories that are replayed as a whole."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from scipy import stats

from theory_check.calibration import lives
from theory_check.calibration.lives import (
    CLAIMS,
    NEAR_ONE,
    NIGHTS,
    evidence_of,
    law_of_evidence,
    life,
    started,
    version,
)
from theory_check.calibration.looks import NETWORK, TINY
from theory_check.claims.checks import EXACT, check
from theory_check.claims.judging import Look, log_evidence
from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import Sample
from theory_check.inference.evidence import log_average
from theory_check.inference.nights import processes, trajectories

POINTS = [point for points in CLAIMS.values() for point in points]
LEVEL = 0.005


def numbers(name, shape):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode()))).random(shape)


@pytest.mark.parametrize("place", [0, 2, 4])
def test_the_evidence_of_a_night_has_a_mean_of_at_most_1_where_the_statement_is_true_alone(place):
    point = POINTS[place]
    for chance, fair in ((point.chance, True), (point.chance + 0.15, False)):
        values, chances = law_of_evidence(point, LEVEL, chance)
        # Roundings of some thousand terms, here and below.
        assert chances.sum() == pytest.approx(1.0, abs=1e-12)
        assert (float(np.dot(np.exp(values), chances)) <= 1.0 + 1e-12) == fair


def test_evidence_is_that_of_the_findings_of_any_such_sample():
    rng = np.random.default_rng(3)
    for point in POINTS:
        uniform = numbers("night", (4, 2))
        found = evidence_of(point, LEVEL, uniform, point.chance + 0.1)
        stated = check("x", NETWORK, "q", point.estimator, (point.target,) * 2, margin=TINY, basis=EXACT)
        planned = PlannedCheck("x", stated, LEVEL, 2 * NETWORK.block_size)
        for row, value in zip(uniform, found, strict=True):
            upper = stats.binom.ppf(row, NETWORK.block_size, point.chance + 0.1)
            halves = [rng.permutation(np.where(np.arange(NETWORK.block_size) < k, *point.values[::-1])) for k in upper]
            sample = Sample(NETWORK, 0, {"values": np.concatenate(halves)}, 0.0)
            first = Look(planned, [sample.first(planned.looks[0])], 0)
            look = first if first.verdict == "refuted" else Look(planned, [sample], 1)
            # Sums of thousands of terms in another order.
            assert log_evidence(planned, look.samples, look.number) == pytest.approx(value, abs=1e-10)


def test_a_claim_has_the_mean_evidence_of_its_points():
    samples = numbers("life", (1, 5 * 2 * len(POINTS)))
    found = lives._evidence(samples, 0.05)
    assert found.shape == (1, 5, len(CLAIMS))
    place = 0
    for claim, points in enumerate(CLAIMS.values()):
        level = 0.05 / len(CLAIMS) / len(points)
        each = [
            evidence_of(point, level, samples.reshape(5, len(POINTS), 2)[:, place + i], point.chance)
            for i, point in enumerate(points)
        ]
        place += len(points)
        for night in range(5):
            # A logarithm of a few terms of size 1: some thousand units of its last place.
            assert found[0, night, claim] == pytest.approx(log_average([row[night] for row in each]), abs=1e-12)


def test_a_life_has_versions_pauses_and_a_clock_that_is_put_back():
    history = life(np.zeros((NIGHTS, len(CLAIMS))), 0.05)
    assert len(history.nights) == NIGHTS
    assert history.level * len(CLAIMS) == pytest.approx(0.05)
    ends = processes(history)
    # Each change, and the return of an earlier version, begins another process; a pause does not.
    assert {claim: process.versions for claim, process in ends.items()} == {"L1": 4, "L2": 2, "L3": 1}
    assert version("L1", NIGHTS - 1) == version("L1", 0)
    assert ends["L3"].nights < NIGHTS
    clocks = [night.started for night in history.nights]
    assert clocks != sorted(clocks)
    assert started(0) == clocks[0]
    # The order in which nights were added decides, whatever the clock showed.
    assert len(trajectories(history)["L2"]) == NIGHTS


def test_a_planted_defect_is_missed_in_fewer_nights_than_its_design_says():
    level, power, runs = 1e-3, 0.99, 500
    case = next(iter(lives._plant(level, power)))
    samples = numbers("defect", (runs, case.observations))
    for part, kept in ((case.observations, True), (case.observations // 4, False)):
        found = int(case.reject(samples[:, :part], case.law, level).sum())
        assert (found >= stats.binom.ppf(1e-6, runs, power)) == kept


def test_a_mean_that_is_off_by_one_per_cent_is_what_is_planted():
    # Roundings of numbers near 1: a few units of the last place, more where they nearly cancel.
    low, high = NEAR_ONE.values
    assert low + (high - low) * NEAR_ONE.chance == pytest.approx(NEAR_ONE.target, abs=1e-15)
    assert (high - low) ** 2 / 4.0 == pytest.approx(NEAR_ONE.estimator.variance_bound, rel=1e-12)
    for case in lives._plant(1e-3, 0.99):
        chance = case.reject.args[1]
        assert abs(low + (high - low) * chance - 1.0) == pytest.approx(0.01, abs=1e-14)
    assert math.isfinite(law_of_evidence(NEAR_ONE, 1e-3, 0.6)[0].max())
