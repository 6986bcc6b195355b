from __future__ import annotations

import pickle
from importlib import import_module

import pytest

from theory_check.calibration.execution import run_trials
from theory_check.calibration.methods import METHODS
from theory_check.calibration.promises import judge_rate
from theory_check.calibration.trials import FAMILY_LEVEL, PROFILES, Profile, Trial, count_promises, plan_trials
from theory_check.simulation.execution import silent

methods = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


@methods
def test_a_method_has_all_it_needs(method):
    module, _, function = f"theory_check.{method.function}".rpartition(".")
    assert callable(getattr(import_module(module), function))
    assert method.nulls
    assert method.controls
    assert all(control.procedure for control in method.controls)
    assert method.timed is None or method.timed.observations == 10**6
    # A true hypothesis has no deviation, a planted one says what it is.
    assert not any(case.deviation for case in (*method.nulls, *method.controls))
    if method.plant is not None:
        planted = tuple(method.plant(1e-3, 0.99))
        assert planted
        assert all(case.deviation for case in planted)


@methods
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_trials_are_complete(method, profile):
    trials = plan_trials(method, profile)
    assert len({trial.id for trial in trials}) == len(trials)
    assert sum(t.control for t in trials) == len(method.controls) + (method.plant is not None)
    nulls = [t for t in trials if not t.control and t.case.sense != "at least"]
    assert {t.level for t in nulls if not t.case.levels} in (set(), set(profile.levels))
    assert all(t.promise == t.level for t in nulls)
    # At least ten thousand samples decide on a true hypothesis; two thousand where each is a year of nights.
    assert all(t.repetitions >= (2000 if method.name == "lives" else 10**4) for t in nulls)
    for trial in trials:
        assert isinstance(pickle.loads(pickle.dumps(trial)), Trial)


def test_names_are_unique_and_the_family_is_counted():
    assert len({method.name for method in METHODS}) == len(METHODS)
    profile = PROFILES["quick"]
    promises = [t for method in METHODS for t in plan_trials(method, profile) if not t.control]
    assert count_promises(METHODS, profile) == len(promises)
    assert len({trial.id for trial in promises}) == len(promises)


def test_the_example_compares_methods_with_the_t_test():
    trials = [t for method in METHODS for t in plan_trials(method, PROFILES["quick"]) if t.example]
    assert {"t-test", "z-test"} == {t.case.procedure for t in trials if t.control}
    assert len({t.method for t in trials if not t.control}) >= 4


def test_a_planted_deviation_is_known_to_the_control():
    trials = plan_trials(METHODS[0], PROFILES["quick"])
    planted = next(t for t in trials if not t.control and t.case.sense == "at least")
    control = next(t for t in trials if t.control and t.case.sense == "at least")
    assert control.case.observations == planted.case.observations // METHODS[0].shortage
    assert control.hypothesis.identity == planted.hypothesis.identity
    assert (control.level, control.promise) == (planted.level, planted.promise) == PROFILES["quick"].planting


# The many promises get few samples, which find a method that is badly off; the command draws more. The controls get so
# many that each is found out: the nearest are a rate of 10% against 5%, 8 standard deviations away, and 4% misses
# against 1%, 10 of them. What needs more samples is left to the command.
FEW, ENOUGH = Profile("few", 200, 100, (0.05,)), Profile("enough", 1200, 1200, (0.05,))


@methods
def test_promises_are_kept_and_controls_refuted(method):
    promises = [t for t in plan_trials(method, FEW) if not t.control]
    controls = [t for t in plan_trials(method, ENOUGH) if t.control and not t.case.near]
    trials = [*promises, *controls]
    counts = run_trials(trials, 7, threads=1, report=silent)
    share = FAMILY_LEVEL / count_promises(METHODS, FEW)
    findings = [judge_rate(trial, counts[trial.id], share) for trial in trials]
    assert [finding.id for finding in findings if not finding.as_expected] == []
