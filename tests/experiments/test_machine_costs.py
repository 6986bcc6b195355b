"""The model of a machine: estimates times a measured factor for each kind of experiment."""

from __future__ import annotations

import pytest
from hypothesis import given

from theory_check import strategies
from theory_check.experiments.costs import SECONDS_PER_WORK, TRIAL_WORK
from theory_check.experiments.machine_costs import ESTIMATED, MachineCosts, store_costs, stored_costs
from theory_check.experiments.spelling import network
from theory_check.foundation import stored_values

CELL, OTHER = network("linear", "uniform", width=3, depth=4), network("linear", "uniform", width=5, depth=4)


@given(strategies.cells())
def test_a_trial_is_a_small_cell_of_the_same_kind(cell):
    trial = cell.trial
    assert trial.kind == cell.kind
    assert trial == cell or trial.network.depth < cell.network.depth
    assert trial.network.depth == 1 or trial.work_per_block <= max(1.5 * TRIAL_WORK, 2 * cell.work_per_block)


def test_a_kind_has_its_factor_and_another_one_the_median():
    costs = MachineCosts({CELL.kind: 2.0, "a": 3.0, "b": 5.0})
    assert costs.block_seconds(CELL) == pytest.approx(2.0 * SECONDS_PER_WORK * CELL.work_per_block)
    assert costs.block_seconds(OTHER) == pytest.approx(3.0 * SECONDS_PER_WORK * OTHER.work_per_block)
    assert costs.seconds([(CELL, 1), (OTHER, 65)]) == costs.block_seconds(CELL) + 2 * costs.block_seconds(OTHER)
    assert ESTIMATED.factor(CELL.kind) == 1.0


def test_what_was_measured_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(stored_values, "_origin", lambda: "here")
    monkeypatch.setattr(stored_values, "values_folder", lambda: tmp_path)
    assert stored_costs() == ESTIMATED
    store_costs(MachineCosts({"a": 3.0}))
    assert stored_costs() == MachineCosts({"a": 3.0})
    monkeypatch.setattr(stored_values, "_origin", lambda: "elsewhere")
    assert stored_costs() == ESTIMATED
