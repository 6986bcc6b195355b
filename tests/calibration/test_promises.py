from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from scipy import stats

from theory_check.calibration.binomial_counts import PROPORTION
from theory_check.calibration.fixed_samples import DISTANCE, reject_distance
from theory_check.calibration.promises import calibrate, exit_code, find_methods, judge_rate
from theory_check.calibration.trials import FAMILY_LEVEL, Profile, count_promises, plan_trials
from theory_check.foundation.errors import SpecificationError

PROFILE = Profile("test", 400, 100, (0.05,))
CATALOGUE = tuple(replace(m, timed=replace(m.timed, observations=1000)) for m in (PROPORTION, DISTANCE))
SHARE = 1e-5


BASE = plan_trials(replace(PROPORTION, plant=None), PROFILE)[0]


def trial(sense, promise):
    return replace(BASE, case=replace(BASE.case, sense=sense), promise=promise, repetitions=1000)


@pytest.mark.parametrize(("sense", "promise"), [("at most", 0.05), ("at most", 0.001), ("at least", 0.99)])
def test_one_sided_verdicts_are_those_of_the_exact_binomial_test(sense, promise):
    verdicts = set()
    for count in [*range(0, 120), *range(900, 1001)]:
        found = judge_rate(trial(sense, promise), count, SHARE)
        tail = stats.binom.sf(count - 1, 1000, promise) if sense == "at most" else stats.binom.cdf(count, 1000, promise)
        # Incomplete beta functions, good to about 1e-12 in the tails here.
        assert found.p_value == pytest.approx(tail, rel=1e-9)
        assert (found.verdict == "refuted") == (tail <= SHARE / 2)
        verdicts.add(found.verdict)
    assert verdicts == {"consistent", "refuted"}


def test_an_exact_promise_is_broken_on_both_sides():
    verdicts = [judge_rate(trial("exactly", 0.05), count, SHARE).verdict for count in range(0, 200)]
    consistent = [count for count, verdict in enumerate(verdicts) if verdict == "consistent"]
    assert consistent == list(range(consistent[0], consistent[-1] + 1))
    for count in range(200):
        tail = min(stats.binom.cdf(count, 1000, 0.05), stats.binom.sf(count - 1, 1000, 0.05))
        assert (tail > SHARE / 2) == (count in consistent)
    assert 0 < consistent[0] < 50 < consistent[-1] < 199


def test_intervals_are_those_of_clopper_and_pearson():
    for count in (0, 3, 1000):
        found = judge_rate(trial("at most", 0.05), count, SHARE)
        known = stats.binomtest(count, 1000).proportion_ci(1.0 - SHARE, method="exact")
        # SciPy finds these ends as roots, to about 1e-12.
        assert (found.lower, found.upper) == pytest.approx((known.low, known.high), abs=1e-10)


@pytest.fixture(scope="module")
def record():
    return calibrate(profile=PROFILE, seed=3, threads=1, catalogue=CATALOGUE)


def test_a_record_says_what_was_asked_and_found(record):
    assert (record.profile, record.seed, record.selection, record.run.threads) == ("test", 3, (), 1)
    assert record.family_level == FAMILY_LEVEL
    assert [method.name for method in record.methods] == ["proportion", "distance"]
    assert len(record.promises) == count_promises(CATALOGUE, PROFILE)
    assert set(record.run.versions) == {"python", "theory-check", "numpy", "numba", "scipy"}
    assert all(record.run.seconds[method.name] > 0.0 for method in record.methods)
    assert not any(rate.control for rate in record.promises)
    assert all(rate.lower <= rate.rate <= rate.upper for rate in (*record.promises, *record.controls))


def test_a_selection_changes_no_finding(record):
    alone = calibrate(["distance"], profile=PROFILE, seed=3, threads=1, catalogue=CATALOGUE)
    assert alone.selection == ("distance",)
    assert alone.methods[0].rates == record.methods[1].rates


def test_another_seed_draws_other_samples(record):
    other = calibrate(profile=PROFILE, seed=4, threads=1, catalogue=CATALOGUE)
    assert [r.count for r in other.promises] != [r.count for r in record.promises]


def test_a_broken_method_is_caught():
    # The true statement of the catalogue, judged at three times the level.
    wrong = tuple(
        replace(case, reject=partial(reject_distance, 0.0, 3.0)) for case in DISTANCE.nulls if case.sense == "exactly"
    )
    broken = replace(CATALOGUE[1], nulls=wrong)
    found = calibrate(profile=PROFILE, seed=3, threads=1, catalogue=[CATALOGUE[0], broken])
    assert found.outcome == "promise refuted"
    assert exit_code(found) == 1
    assert {rate.method for rate in found.promises if not rate.as_expected} == {"distance"}


def test_a_timid_method_breaks_an_exact_promise_only():
    timid = partial(reject_distance, 0.0, 0.01)
    for sense, verdict in (("exactly", "refuted"), ("at most", "consistent")):
        cases = tuple(replace(case, reject=timid, sense=sense) for case in DISTANCE.nulls[:1])
        method = replace(CATALOGUE[1], nulls=cases, plant=None)
        found = calibrate(profile=Profile("test", 1000, 1, (0.05,)), seed=3, threads=1, catalogue=[method])
        assert [rate.verdict for rate in found.promises] == [verdict]


def test_a_control_that_keeps_its_promise_is_caught():
    sound = replace(PROPORTION.nulls[0], procedure="sound", levels=(0.05,))
    blind = replace(CATALOGUE[0], controls=(sound,))
    found = calibrate(profile=PROFILE, seed=3, threads=1, catalogue=[blind])
    assert [rate.procedure for rate in found.controls if not rate.as_expected] == ["sound"]
    assert found.outcome == "control not refuted"
    assert exit_code(found) == 3


def test_methods_are_found_by_name():
    assert find_methods([]) != ()
    # In the order of the catalogue, once.
    assert [m.name for m in find_methods(["slope", "mean", "slope"])] == ["mean", "slope"]
    with pytest.raises(SpecificationError, match=r"unknown method 'maen'; accepted: mean, .*; did you mean mean"):
        find_methods(["maen"])
    with pytest.raises(SpecificationError, match="unknown profile 'slow'"):
        calibrate(profile="slow")
    with pytest.raises(SpecificationError, match="number of threads is 0"):
        calibrate(threads=0)
    with pytest.raises(SpecificationError, match="seed is -1"):
        calibrate(seed=-1)
