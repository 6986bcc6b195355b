"""Weight gradients (E10): no plausible mistake goes unnoticed, and every layer has the same prediction."""

from __future__ import annotations

from itertools import pairwise

from theory_check.catalogue.weight_gradients import weight_gradients
from theory_check.claims import PROFILES, Distance, Mean
from theory_check.claims.planning import plan_claim

CHECKS = [planned.check for planned in plan_claim(weight_gradients, PROFILES["quick"])]


def test_every_mistake_is_refuted_somewhere_and_far_from_the_truth():
    names = set()
    for check in CHECKS:
        assert check.variants
        for variant in check.variants:
            if not variant.sized:
                names.add(variant.name)
            if variant.target is not None:
                assert abs(variant.target[0] - 1.0) >= (2.0 - 1e-9) * check.margin
    assert len(names) == 15
    by_branch = {
        branch: {v.name for c in CHECKS if c.name.startswith(branch) for v in c.variants}
        for branch in ("linear", "res-3")
    }
    for branch in by_branch:
        assert "L in the place of L - 1" in by_branch[branch]
        assert {n for n in by_branch[branch] if n.startswith("the profile")} == {n for n in names if "profile" in n}


def test_first_middle_and_last_layers_of_every_network_and_of_both_matrices():
    pairs = (1, 2, 7, 8)
    cells = {check.experiments[0] for check in CHECKS}
    assert any(cell.weight_gradients == pairs for cell in cells)
    for cell in (cell for cell in cells if cell.weight_gradients != pairs):
        depth = cell.network.depth
        assert cell.weight_gradients in ((1, depth // 2, depth), (2,))
        outer = [c for c in CHECKS if c.experiments[0] == cell and "-V" in c.name]
        inner = [c for c in CHECKS if c.experiments[0] == cell and "-W" in c.name]
        assert len(outer) == len(cell.weight_gradients)
        assert len(inner) == (len(outer) if cell.network.branch.has_inner else 0)
    betas = {c.network.scaling.beta for c in cells}
    assert betas == {0.25, 0.5, 1.0, None}


def test_one_prediction_for_all_layers_of_a_network():
    for first, second in pairwise([check for check in CHECKS if "-schedule-" not in check.name]):
        if first.experiments == second.experiments and isinstance(first.estimator, Mean):
            units = [str(check.estimator.observable).rpartition(" / ")[2] for check in (first, second)]
            assert units[0] == units[1]
            assert first.estimator.variance_bound == second.estimator.variance_bound
        if first.experiments == second.experiments and isinstance(first.estimator, Distance):
            assert first.estimator.law is second.estimator.law
