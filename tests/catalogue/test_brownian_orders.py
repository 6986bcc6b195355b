"""What the claims on strong and weak orders predict, and whether they are planned with the spread of networks."""

from __future__ import annotations

import numpy as np
import pytest
from planned_laws import assert_planned_well, planned_medians

from theory_check.catalogue.brownian_orders import P6_DOMAIN, linear_orders, strong_order
from theory_check.claims import PROFILES, Order
from theory_check.experiments.spelling import brownian_networks
from theory_check.simulation.runner import run_experiments


@pytest.mark.parametrize("planned", planned_medians(strong_order), ids=lambda p: p.id)
def test_the_law_that_a_median_is_planned_with_is_no_narrower_than_the_sampled_one(planned):
    assert_planned_well(planned.check, 384, planned.check.experiments[:1])


@pytest.mark.parametrize("name", PROFILES)
def test_exact_slopes_steepen_to_the_order_of_the_limit(name):
    strong, weak, error = linear_orders.checks(PROFILES[name])
    for check in (strong, weak):
        assert isinstance(check.estimator, Order)
        assert check.basis.exact
        assert -1.0 < check.target[0] < -0.8
        # Local slopes of (1 + 1/2L)^2L - (1 + 1/L)^L tend to -1 from above.
        local = np.diff(np.log(check.estimator.errors)) / np.log(2.0)
        assert np.all(np.diff(local) < 0.0)
        assert local[-1] > -1.0
    assert error.target[0] == pytest.approx((1 + 1 / 32) ** 32 - (1 + 1 / 4) ** 4, rel=1e-13)


def test_noise_that_is_not_shared_is_simulated_and_refuted():
    check = strong_order.checks(PROFILES["quick"])[0]
    assert [experiment.noise for experiment in check.experiments] == ["shared", "independent"]
    wrong = next(v for v in check.variants if v.estimator is not None)
    samples = list(run_experiments(dict.fromkeys(check.experiments, 1000), 3, threads=1).values())
    assert wrong.estimator.interval(samples, 1e-6).lower > -0.25 > check.estimator.interval(samples, 1e-6).upper


# Medians over 12,000 to 68,352 networks of three doublings, with standard errors of 0.0015 to 0.004.
@pytest.mark.parametrize(
    ("activation", "width", "depth", "median"),
    [("relu", 6, 16, -0.477), ("relu", 8, 16, -0.479), ("relu", 24, 16, -0.481), ("relu", 6, 64, -0.488),
     ("tanh", 6, 16, -0.497), ("tanh", 24, 16, -0.493)],
)  # fmt: skip
def test_the_finest_margin_leaves_room_for_the_error_of_a_slope(activation, width, depth, median):
    deep = brownian_networks("res-1", activation=activation, width=width, depth=depth, doublings=3)
    [check] = P6_DOMAIN.build(deep, 0.1)
    assert abs(median - check.target[0]) < check.basis.allowance * check.margin
