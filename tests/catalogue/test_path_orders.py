"""Whether the claims on Euler's scheme along smooth paths are planned with the spread of networks."""

from __future__ import annotations

import pytest
from planned_laws import assert_planned_well, planned_medians

from theory_check.catalogue.path_orders import C1_DOMAIN, smooth_order, tied_order
from theory_check.experiments.spelling import path_networks


@pytest.mark.parametrize("planned", planned_medians(smooth_order, tied_order), ids=lambda p: p.id)
def test_the_law_that_a_median_is_planned_with_is_no_narrower_than_the_sampled_one(planned):
    assert_planned_well(planned.check, 384, planned.check.experiments[:1])


@pytest.mark.parametrize(("depth", "margin"), [(16, 0.1), (32, 0.05), (640, 0.01)])
def test_a_smaller_margin_needs_deeper_networks(depth, margin):
    """A search found a slope of -0.984 at width 4 and depths from 16 on: the second term, not a refutation."""
    network = path_networks("linear", "tied", width=4, depth=depth, doublings=3)
    (check,) = C1_DOMAIN.checks(network, 0.1)
    # The margin is a product of three numbers.
    assert check.margin == pytest.approx(margin, rel=1e-14)
