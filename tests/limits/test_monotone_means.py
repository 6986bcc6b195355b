"""Monotonicity of the exact means: in the depth, the scaling factor, beta and the variance of the weights.

Every layer multiplies a mean by 1 + kappa a^2, kappa growing with the variance. Along a = L^-beta the mean is a
function of L log(1 + x), x = kappa L^(-2 beta), whose derivative has the sign of (1 + x) log(1 + x)/x - 2 beta: the
quotient is above 1, and at most 2 log 2 for x up to 1. What is compared differs by 1e-7 of a mean at least, by
rounding 1e-13.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from theory_check import strategies
from theory_check.theory import moments
from theory_check.theory.limits import lognormal_limit
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.weight_gradients import mean_weight_gradient

MEANS = {
    "R": moments.norm_ratio_moment,
    "D": moments.mean_displacement,
    "variance of R": moments.norm_ratio_variance,
    "variance of D": moments.displacement_variance,
    "gradient of a weight": mean_weight_gradient,
}

gains = st.integers(1, 30).map(lambda n: n / 10.0)
multipliers = st.builds(Multiplier, st.integers(1, 40), strategies.closed_branches(), gains)
factors = st.integers(1, 100).map(lambda n: n / 100.0)
depths = st.integers(2, 60)
names = st.sampled_from(sorted(MEANS))


@given(names, multipliers, factors, depths)
def test_means_grow_with_depth_factor_and_variance(name, multiplier, a, depth):
    mean = MEANS[name]
    value = mean(multiplier, a, depth)
    assert mean(multiplier, a, depth + 1) > value
    assert mean(multiplier, 1.1 * a, depth) > value
    assert mean(replace(multiplier, gain=1.1 * multiplier.gain), a, depth) > value


@given(names, multipliers, st.integers(0, 150), depths)
def test_means_fall_with_beta(name, multiplier, hundredths, depth):
    mean, beta = MEANS[name], hundredths / 100.0
    assert mean(multiplier, depth ** -(beta + 0.05), depth) < mean(multiplier, depth**-beta, depth)


@given(st.sampled_from(["R", "D"]), multipliers.filter(lambda m: m.kappa <= 1.0), depths)
def test_along_a_power_of_the_depth_means_grow_up_to_one_half_and_fall_from_three_quarters(name, multiplier, depth):
    mean = MEANS[name]
    for beta, grows in ((0.0, True), (0.3, True), (0.5, True), (0.75, False), (1.0, False)):
        shallow, deep = (mean(multiplier, n**-beta, n) for n in (depth, 2 * depth))
        assert (deep > shallow) == grows


@given(st.integers(1, 40), strategies.closed_branches())
def test_the_mean_logarithm_has_no_such_order(width, branch):
    """The near statement that fails: typical norms grow with the variance from width 3 on only."""
    once, twice = (lognormal_limit(Multiplier(width, branch, gain)).mean for gain in (1.0, 2.0))
    assert (twice > once) == (width > 2)
