"""Evidence over nights: the recursion against its sum, and how often and how soon it refutes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from simulated_rates import FALSE_ALARM, assert_rate_at_most, generator

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.evidence import LARGEST_LOG, log_calibrated
from theory_check.inference.nights import (
    ClaimNight,
    EvidenceProcess,
    History,
    Night,
    advance,
    check_new_night,
    processes,
    trajectories,
)

logs = st.floats(-40, 40)


def follow(log_evidence, level=1e-3):
    process, path = EvidenceProcess(level), []
    for value in log_evidence:
        process = advance(process, "v1", value)
        path.append(process)
    return path


def brute_force(log_evidence):
    """log of the sum over start nights, each product written out."""
    terms = [
        math.log(6.0 / (math.pi * j) ** 2) + math.fsum(log_evidence[j - 1 :]) for j in range(1, len(log_evidence) + 1)
    ]
    return float(np.logaddexp.reduce(terms))


@given(st.lists(logs, min_size=1, max_size=30))
def test_the_recursion_is_the_sum_over_start_nights(values):
    assert max(values) <= 40.0
    process = follow(values)[-1]
    # Thirty steps, each with a few roundings of numbers below 1200.
    assert process.log_evidence == pytest.approx(min(brute_force(values), LARGEST_LOG), abs=1e-10) or (
        # Evidence that was cut on the way stays below the sum.
        process.log_peak == LARGEST_LOG and process.log_evidence <= brute_force(values)
    )


@given(st.lists(logs, min_size=1, max_size=20), st.integers(0, 19), st.floats(0, 5))
def test_more_evidence_on_a_night_is_more_evidence_after_it(values, place, more):
    raised = list(values)
    raised[place % len(values)] += more
    first, second = follow(values)[-1], follow(raised)[-1]
    # Two recursions that round differently.
    assert second.log_evidence >= first.log_evidence - 1e-10
    assert second.log_peak >= first.log_peak - 1e-10


@given(st.lists(logs, min_size=1, max_size=20), st.integers(1, 19))
def test_the_mixture_forgets_what_came_before_a_start(values, start):
    whole, tail = follow(values)[-1].log_evidence, brute_force(values[-start:])
    # A product that starts later keeps at least its share of the weights, w_(t-s) >= w_t w_s.
    entered = math.log(6.0 / (math.pi * len(values)) ** 2)
    assert whole >= min(tail + entered, LARGEST_LOG) - 1e-10


def test_once_refuted_stays_refuted_until_a_new_version():
    process = advance(EvidenceProcess(1e-3), "v1", 30.0)
    assert process.refuted
    process = advance(process, "v1", -60.0)
    assert process.log_evidence < 0.0
    assert process.refuted
    restarted = advance(process, "v2", 0.0)
    assert not restarted.refuted
    assert (restarted.versions, restarted.nights) == (2, 1)
    # The second version has a quarter of the level of the first: 1/alpha_2 is four times 1/alpha_1.
    assert restarted.log_needed == pytest.approx(process.log_needed + math.log(4.0), rel=1e-14)
    # A version that comes back is a third one: its level was spent before.
    assert advance(restarted, "v1", 0.0).versions == 3


def test_the_threshold_is_one_over_the_level():
    process = EvidenceProcess(1e-3)
    needed = -math.log(1e-3 * 6.0 / math.pi**2)
    assert process.log_needed == pytest.approx(needed, rel=1e-15)
    entered = math.log(6.0 / math.pi**2)
    # A hundredth of a unit on either side.
    assert not advance(process, "v", needed - entered - 0.01).refuted
    assert advance(process, "v", needed - entered + 0.01).refuted


def test_evidence_stays_finite():
    path = follow([LARGEST_LOG] * 3)
    # The first night has the share log(6/pi^2) = -0.5; the others are cut.
    assert [process.log_evidence for process in path] == [pytest.approx(LARGEST_LOG, abs=1.0)] * 3
    assert math.isfinite(advance(path[-1], "v1", -1e6).log_evidence)


# The worst e-values: mean 1 exactly, by calibrating uniform p-values, or by a fair game for everything or little.
games = {
    "calibrated": lambda g, shape: np.vectorize(log_calibrated)(np.log(1.0 - g.random(shape))),
    # e = 20 with probability 1/20 - 0.0475, so that the mean is 1: 20 a + 0.95 (1 - a) = 1.
    "lottery": lambda g, shape: np.log(np.where(g.random(shape) < 0.05 / 19.05, 20.0, 0.95)),
    "gaussian": lambda g, shape: 0.5 * g.standard_normal(shape) - 0.125,
}


def crossings(log_evidence, level):
    """Whether each row ever crosses, all rows at once: the recursion, vectorised."""
    runs, nights = log_evidence.shape
    now, peak = np.full(runs, -np.inf), np.full(runs, -np.inf)
    for t in range(nights):
        now = log_evidence[:, t] + np.logaddexp(now, math.log(6.0 / (math.pi * (t + 1)) ** 2))
        peak = np.maximum(peak, now)
    return peak >= -math.log(level)


@pytest.mark.parametrize("game", games)
def test_a_true_claim_is_rarely_ever_refuted(game):
    level, nights, runs = 0.05, 400, 3000
    values = games[game](generator(f"nights {game}"), (runs, nights))
    found = crossings(values, level)
    assert_rate_at_most(level, found)
    # Without the weights on later starts, as many nights refute nearly everything: the bound has teeth.
    unweighted = np.full(runs, -np.inf)
    ever = np.zeros(runs, dtype=bool)
    for t in range(nights):
        unweighted = values[:, t] + np.logaddexp(unweighted, 0.0)
        ever |= unweighted >= -math.log(level)
    assert sum(ever) > stats.binom.isf(FALSE_ALARM, runs, level)


def test_the_vectorised_recursion_is_the_process():
    values = games["gaussian"](generator("nights twin"), (20, 30)) * 4.0
    level = 0.05
    # restart_level gives the first version 6/pi^2 of its level.
    single = [follow(row.tolist(), level * math.pi**2 / 6.0)[-1].refuted for row in values]
    assert single == crossings(values, level).tolist()
    assert 0 < sum(single) < 20


def nights_to_detect(log_evidence, defect, level):
    """Nights after the defect until the mixture, and the plain product, reach 1/level; both one more than all at most.

    A crossing before the defect counts as detection at once.
    """
    mixture, product = -math.inf, 0.0
    found = [None, None]
    for t, value in enumerate(log_evidence):
        mixture = value + np.logaddexp(mixture, math.log(6.0 / (math.pi * (t + 1)) ** 2))
        product += value
        for which, now in enumerate((mixture, product)):
            if found[which] is None and now >= -math.log(level):
                found[which] = max(t + 1 - defect, 0)
    return tuple(len(log_evidence) - defect + 1 if f is None else f for f in found)


def test_a_defect_at_night_200_is_found_in_a_third_of_the_time():
    # One-sided p-values of a normal statistic that moves by 2.6 standard deviations after 200 nights; level 1e-5.
    runs, defect, level, shift = 200, 200, 1e-5, 2.6
    z = generator("defect").standard_normal((runs, defect + 100))
    z[:, defect:] += shift
    values = np.vectorize(log_calibrated)(stats.norm.logsf(z))
    mixture, product = np.array([nights_to_detect(row, defect, level) for row in values]).T

    def drift(moved):
        density = stats.norm(moved).pdf
        return integrate.quad(lambda x: log_calibrated(stats.norm.logsf(x)) * density(x), moved - 9.0, moved + 9.0)[0]

    # What has to be gained, over what a night gains: 9 nights, and 29 with what 200 true nights took away.
    share = math.pi**2 * defect**2 / 6.0
    expected = (math.log(share / level) / drift(shift), (-math.log(level) - defect * drift(0.0)) / drift(shift))
    assert [round(nights) for nights in expected] == [9, 29]
    # A night gains 2.46 with deviation 2.11: the passage time deviates by 2.6 (mixture) and 5.3 (product), the medians
    # of 200 by 0.25 and 0.5; whole nights add up to one.
    assert abs(np.median(mixture) - 9) <= 2
    assert abs(np.median(product) - 29) <= 2
    assert (product > 2 * mixture).mean() > 0.9


def night(seed, **claims):
    return Night(seed, "2026-01-01T00:00:00+00:00", {c: ClaimNight(v, e) for c, (v, e) in claims.items()})


def test_the_history_replays_each_claim_on_the_nights_that_checked_it():
    nights = (night(1, E1=("a", 1.0), P1=("x", 0.5)), night(2, E1=("a", -1.0)), night(3, E1=("b", 2.0), P1=("x", 0.25)))
    history = History("quick", 1e-5, nights)
    paths = trajectories(history)
    assert [p.nights for p in paths["E1"]] == [1, 2, 1]
    assert [p.nights for p in paths["P1"]] == [1, 2]
    assert paths["P1"] == tuple(replace(p, version="x") for p in follow([0.5, 0.25], 1e-5))
    assert processes(history)["E1"] == advance(paths["E1"][1], "b", 2.0)
    assert all(p.level == 1e-5 for path in paths.values() for p in path)


def test_a_seed_counts_once_and_a_profile_is_for_life():
    history = History("quick", 1e-5, (night(7), night(8)))
    check_new_night(history, seed=9, profile="quick")
    with pytest.raises(SpecificationError, match=r"^seed 8 is in the history already, as night 2; [^\n]*$"):
        check_new_night(history, seed=8, profile="quick")
    with pytest.raises(SpecificationError, match=r"^the history is one of profile quick; [^\n]*$"):
        check_new_night(history, seed=9, profile="nightly")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EvidenceProcess(0.0), "level"),
        (lambda: History("quick", 1.0), "level"),
        (lambda: advance(EvidenceProcess(0.1), "", 0.0), "version must name"),
        (lambda: advance(EvidenceProcess(0.1), "v", math.nan), "log_evidence"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(SpecificationError, match=message):
        call()
