"""Whether the claims on Euler's scheme along smooth paths are planned with the spread of networks."""

from __future__ import annotations

import pytest
from planned_laws import assert_planned_well, planned_medians

from theory_check.catalogue.path_orders import smooth_order, tied_order


@pytest.mark.parametrize("planned", planned_medians(smooth_order, tied_order), ids=lambda p: p.id)
def test_the_law_that_a_median_is_planned_with_is_no_narrower_than_the_sampled_one(planned):
    assert_planned_well(planned.check, 384, planned.check.experiments[:1])
