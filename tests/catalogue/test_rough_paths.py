"""The claim on Gaussian paths, smooth and rough: what it plans with and what it refutes."""

from __future__ import annotations

import pytest
from planned_laws import assert_planned_well, planned_medians

from theory_check.catalogue.rough_paths import rough_paths
from theory_check.claims import PROFILES
from theory_check.theory.orders import rough_path_order


@pytest.mark.parametrize("planned", planned_medians(rough_paths), ids=lambda p: p.id)
def test_planned_laws_are_wide_enough_and_targets_near_enough(planned):
    assert_planned_well(planned.check, 256, planned.check.experiments)


def test_the_order_one_is_refuted_where_paths_are_rough_only():
    rough = [check for check in rough_paths.checks(PROFILES["quick"]) if check.name.endswith("-error")]
    for check in rough:
        smoothness = check.experiments[0].path.smoothness
        named = {variant.name for variant in check.variants}
        assert ("order 1" in named) == (rough_path_order(smoothness) < 1.0)
    assert any(check.experiments[0].path.smoothness < 0.5 for check in rough)
