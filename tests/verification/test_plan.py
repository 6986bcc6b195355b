"""What a run costs: expected and at most, before anything is simulated."""

from __future__ import annotations

import pytest
from plans import plan_of

from theory_check.catalogue.regimes import all_claims
from theory_check.claims.claim import PROFILES, Regime
from theory_check.experiments.machine_costs import ESTIMATED, MachineCosts
from theory_check.experiments.workload import Workload
from theory_check.foundation import stored_values
from theory_check.foundation.errors import BudgetError
from theory_check.verification import plan as plans
from theory_check.verification import run as verification
from theory_check.verification.plan import Plan, check_budget, find_claim, machine_costs, plan_run, planned_costs
from theory_check.verification.run import verify


def test_costs_grow_with_the_profile():
    (row,) = planned_costs([find_claim("P4")], PROFILES.values())
    assert [cost.replicates for cost in row] == sorted(cost.replicates for cost in row)
    expected, most = zip(*(cost.seconds(ESTIMATED) for cost in row), strict=True)
    assert list(expected) == sorted(expected)
    assert all(0.2 * high < low < 0.8 * high for low, high in zip(expected, most, strict=True))


def test_the_cost_of_a_claim_is_that_of_its_points():
    checks = plan_run(["E8"], PROFILES["quick"]).checks
    ((cost,),) = planned_costs([find_claim("E8")], [PROFILES["quick"]])
    work = [
        Workload.of(
            (experiment, getattr(check, number)) for check in checks for experiment in check.experiments
        ).seconds
        for number in ("expected", "replicates")
    ]
    assert cost.seconds(ESTIMATED) == pytest.approx(work)
    costs = MachineCosts({kind: 2.0 for kind, _, _ in cost.works})
    assert cost.seconds(costs) == pytest.approx([2.0 * seconds for seconds in work])


def test_a_run_is_announced_with_what_it_takes_besides_simulating():
    plan = plan_run(["E8", "E11"], PROFILES["quick"])
    besides = plan.seconds(ESTIMATED) - plan.expected.seconds
    assert besides > 0.01 * len(plan.checks)
    kinds = {experiment.kind for experiment, _ in plan.expected.merged.values()}
    twice = MachineCosts(dict.fromkeys(kinds, 2.0))
    assert plan.seconds(twice) == pytest.approx(2.0 * plan.seconds(ESTIMATED))


def test_listed_costs_are_stored(monkeypatch, tmp_path):
    monkeypatch.setattr(stored_values, "values_folder", lambda: tmp_path)
    claims, quick = [find_claim("E3"), find_claim("E8")], [PROFILES["quick"]]
    first = planned_costs(claims, quick)
    for name in ("_values", "_read"):
        monkeypatch.setattr(stored_values, name, {})
    monkeypatch.setattr(plans, "plan_claim", None)
    assert planned_costs(claims, quick) == first


def test_a_plan_beyond_its_budget_is_refused_before_anything_is_simulated(monkeypatch, tmp_path):
    def simulated(*arguments, **options):
        raise AssertionError("simulated")

    monkeypatch.setattr(verification, "decide", simulated)
    plan = plan_run(["E3", "P4"], PROFILES["quick"])
    total, most = plan.expected.seconds, plan.workload.seconds
    with pytest.raises(BudgetError) as caught:
        verify(["E3", "P4"], budget=total / 4.0, folder=tmp_path / "parts")
    assert not (tmp_path / "parts").exists()
    first, *points = str(caught.value).splitlines()
    assert f"needs about {total:.3g} s of processor time, at most {most:.3g} s, its budget" in first
    assert len(points) == 5
    costs = {check.id: Workload.of((e, check.expected) for e in check.experiments).seconds for check in plan.checks}
    assert [line.split()[0] for line in points] == sorted(costs, key=lambda name: -costs[name])[:5]
    assert all("a margin of" in line for line in points)


def test_a_plan_within_its_budget_runs():
    plan = plan_run(["E8"], PROFILES["quick"])
    total = plan.expected.seconds
    check_budget(plan, total * (1.0 + 1e-9))
    with pytest.raises(BudgetError):
        check_budget(plan, 0.99 * total)
    with pytest.raises(BudgetError):
        check_budget(plan, 1.5 * total, MachineCosts({"any": 2.0}))


def test_a_long_plan_times_the_machine_once_and_keeps_what_it_finds(monkeypatch, tmp_path):
    monkeypatch.setattr(stored_values, "values_folder", lambda: tmp_path)
    plan = plan_run(["E8"], PROFILES["quick"])
    assert machine_costs(plan, 1) == ESTIMATED
    monkeypatch.setattr(plans, "_WORTH_TIMING", 0.0)
    found = machine_costs(plan, 1)
    assert found.factors.keys() == {union.kind for union, _ in plan.workload.merged.values()}
    assert machine_costs(plan, 1) == found


def test_every_claim_is_expected_to_need_less_than_it_may():
    for claim in all_claims():
        alone = Regime(name="", title="", text="", formula="", claims=(claim,))
        plan = Plan(PROFILES["quick"], ((alone, ((claim, plan_of(claim.id)),)),))
        assert all(0 < check.expected <= check.replicates for check in plan.checks)
        assert plan.expected.work <= plan.workload.work
