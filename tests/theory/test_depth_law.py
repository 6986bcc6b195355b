"""The law of log R against direct convolution, characteristic-function-free references and Monte Carlo."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_layer_laws import a_layer
from scipy import integrate, special, stats

from theory_check.foundation.errors import SpecificationError
from theory_check.theory.depth_law import depth_law, distance_to_normal, log_norm_ratio_characteristic
from theory_check.theory.limits import explosion_law, lognormal_limit
from theory_check.theory.one_layer import CDF_ERROR, log_multiplier

GRID = [
    (kind, d, beta, L)
    for kind in ("linear", "res-3")
    for d in (1, 2, 3, 10, 40, 100)
    for beta in (0.25, 0.5, 1.0)
    for L in (1, 10, 100, 1000, 10000)
]


@pytest.mark.parametrize(("kind", "d", "beta", "L"), GRID)
def test_a_finer_law_agrees_within_the_bounds(kind, d, beta, L):
    """Two independent choices of window and cut-off: the difference must be below the sum of the announced errors."""
    law = a_layer(d, kind)
    coarse = depth_law(law, L**-beta, L)
    fine = depth_law(law, L**-beta, L, tolerance=2e-6)
    assert coarse.error < 1.1e-5
    x = np.linspace(coarse.lower, coarse.upper, 201)
    assert np.max(np.abs(coarse.cdf(x) - fine.cdf(x))) <= coarse.error + fine.error


@pytest.mark.parametrize(
    ("law", "a"),
    [
        (a_layer(1), 0.7),
        (a_layer(1, "res-3"), 0.7),
        (a_layer(2, "res-3"), 1.0),
        (a_layer(3, "res-3", 0.01), 0.5),
        (a_layer(10), 0.5),
    ],
    ids=str,
)
def test_two_layers_by_direct_convolution(law, a):
    """P(log M_1 + log M_2 <= x) bracketed by cells of log M_2, since F_1 increases: no inversion, no window."""
    one = log_multiplier(law, a)
    exact_law = depth_law(law, a, 2)
    edges = np.concatenate(([-90.0], np.linspace(-12.0, 5.0, 3001), [30.0]))
    cells = np.diff(one.continuous_cdf(edges))
    points = one.mean + 2 * math.sqrt(one.variance) * np.array([-0.7, 0.05, 1.2])
    reached = one.cdf(points[:, None] - edges) @ np.stack([np.append(0.0, cells), np.append(cells, 0.0)], axis=1)
    alone = one.atom * one.cdf(points)
    # one law of a layer is wrong by CDF_ERROR at most, in the cells and in F_1
    slack = exact_law.error + 4 * CDF_ERROR
    values = exact_law.cdf(points)
    assert np.all(reached[:, 0] + alone - slack <= values)
    assert np.all(values <= reached[:, 1] + alone + slack)
    # the bracket is worth something: cells of 0.006 and the mass outside the fine part
    assert np.all(reached[:, 1] - reached[:, 0] < 0.02)


def test_one_layer_is_the_one_layer_law():
    law = a_layer(3, "res-3")
    x = np.linspace(-3, 3, 41)
    np.testing.assert_array_equal(depth_law(law, 0.5, 1).cdf(x), np.clip(log_multiplier(law, 0.5).cdf(x), 0, 1))


def test_groups_and_sequences_agree():
    law = a_layer(5, "res-3", 0.1)
    one, two = depth_law(law, 0.3, 6), depth_law(law, [0.3] * 3 + [-0.3] * 3 + [0.0])
    assert one.mean == pytest.approx(two.mean, rel=1e-14)
    mixed = depth_law(law, [0.5, 0.1, 0.3])
    parts = [log_multiplier(law, a) for a in (0.5, 0.1, 0.3)]
    assert mixed.mean == pytest.approx(sum(p.mean for p in parts), rel=1e-13)
    assert mixed.variance == pytest.approx(sum(p.variance for p in parts), rel=1e-13)
    # the mean and variance again, from the distribution function
    x = np.linspace(mixed.lower, mixed.upper, 20001)
    F = mixed.cdf(x)
    mean = x[-1] - integrate.trapezoid(F, x)
    width = x[-1] - x[0]
    assert mean == pytest.approx(mixed.mean, abs=width * mixed.error + width * (x[1] - x[0]) / 10)


def test_unequal_scalings_of_a_relu_network_with_atoms():
    """d = 1, ReLU, two unequal layers: condition on which layers are alive; the joint term by convolution."""
    law = a_layer(1, "res-3")
    mixed = depth_law(law, [0.6, 0.9])
    assert mixed.atom == 0.25
    first, second = log_multiplier(law, 0.6), log_multiplier(law, 0.9)
    fine = np.concatenate(([-90.0], np.linspace(-12.0, 5.0, 3001), [30.0]))
    cells = np.diff(second.continuous_cdf(fine))
    for x in (-1.0, 0.0, 0.5):
        bounds = [cells @ first.continuous_cdf(x - edge) for edge in (fine[1:], fine[:-1])]
        rest = 0.5 * float(first.continuous_cdf(x)) + 0.5 * float(second.continuous_cdf(x)) + 0.25 * (x >= 0)
        assert bounds[0] + rest - 2e-5 <= float(mixed.cdf(x)) <= bounds[1] + rest + 2e-5


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 60),
    st.sampled_from([("linear", 0.0), ("res-3", 0.0), ("res-3", 0.2)]),
    st.floats(0.01, 1.0),
    st.integers(3, 200),
)
def test_distribution_functions(width, branch, a, depth):
    law = depth_law(a_layer(width, *branch), a, depth)
    x = np.linspace(law.lower - 1, law.upper + 1, 501)
    F = law.cdf(x)
    assert np.all(np.diff(F) >= -2 * law.error)
    assert F[0] <= law.error
    assert F[-1] >= 1 - law.error
    p = np.array([0.01, 0.3, 0.5, 0.99])
    q = law.quantile(p)
    assert np.all(np.diff(q) >= 0)
    assert np.all(law.cdf(q) >= p - 1e-9)
    assert np.all(law.cdf(q - 1e-6) <= p + 2 * law.error + law.atom + 1e-4)


def test_quantiles_stop_at_the_atom():
    law = depth_law(a_layer(1, "res-3"), 0.5, 2)
    before = float(law.cdf(-1e-12))
    assert law.quantile(before + 0.1) == 0.0
    assert law.quantile(before / 2) < 0
    assert law.quantile(before + 0.3) > 0
    with pytest.raises(SpecificationError):
        law.quantile(1.5)


@pytest.mark.parametrize(
    ("law", "a", "depth"),
    [(a_layer(1, "res-3"), 0.7, 5), (a_layer(2), 0.5, 20), (a_layer(10, "res-3", 0.1), 0.4, 8)],
)
def test_simulated_networks(law, a, depth):
    """50,000 dense networks, seed fixed. Dvoretzky-Kiefer-Wolfowitz: sup |F_n - F| > eps with probability at most
    2 exp(-2 n eps^2), which is 1e-9 at eps = sqrt(log(2e9) / (2 n)) = 0.0147.
    """
    rng, n, d = np.random.default_rng(20220614), 50_000, law.width
    h = np.zeros((n, d))
    h[:, 0] = 1.0
    for _ in range(depth):
        g = h
        if law.has_inner:
            pre = np.einsum("nij,nj->ni", rng.standard_normal((n, d, d)), h) / math.sqrt(d)
            g = np.where(pre > 0, pre, law.slope * pre)
        h = h + a * np.einsum("nij,nj->ni", rng.standard_normal((n, d, d)), g) / math.sqrt(d)
    sample = np.log(np.sum(h**2, axis=1))
    values, counts = np.unique(sample, return_counts=True)
    reached = np.cumsum(counts)
    exact = depth_law(law, a, depth)
    # F_n and F are compared at the jumps and just below them, for the atom of dead layers
    gap = max(
        np.max(np.abs(exact.cdf(values) - reached / n)),
        np.max(np.abs(exact.cdf(values - 1e-12) - (reached - counts) / n)),
    )
    assert gap <= math.sqrt(math.log(2e9) / (2 * n)) + exact.error


def test_distance_to_normal_shrinks_like_the_inverse_depth():
    """Berry-Esseen at beta = 1/2: skewness of the sum is O(1/L) here (third cumulants are O(a^4) a layer), means are
    off by O(1/L): the distance decreases tenfold with L, up to its own O(1/L) relative corrections.
    """
    law = a_layer(40, "res-3")
    limit = lognormal_limit(law)
    distances = [distance_to_normal(depth_law(law, L**-0.5, L), limit.mean, limit.variance) for L in (10, 100, 1000)]
    for gap in distances:
        assert 0 <= gap.lower <= gap.upper
        assert gap.upper - gap.lower < 1e-4
    assert distances[0].lower > 5 * distances[1].upper
    assert distances[1].lower > 5 * distances[2].upper
    centred = explosion_law(law, 0.1, 100)
    better = distance_to_normal(depth_law(law, 0.1, 100), centred.mean, centred.variance)
    assert better.upper < distances[1].lower


def test_distance_between_a_depth_law_and_a_shifted_normal():
    """Far from the law the distance is 1; at the law's own moments with L large it is the skewness term."""
    law = depth_law(a_layer(3), 0.1, 50)
    assert distance_to_normal(law, 100.0, 0.01).lower > 0.999
    with pytest.raises(SpecificationError):
        distance_to_normal(law, 0.0, 0.0)


def test_distance_sees_the_atom():
    """With probability 1/4 log R = 0 exactly: no continuous law is closer than half the jump."""
    law = depth_law(a_layer(1, "res-3"), 0.5, 2)
    gap = distance_to_normal(law, law.mean, law.variance)
    assert gap.upper >= gap.lower >= 0.125 - law.error


def test_explosion_is_normal_when_centred_exactly():
    """E7 at beta = 0.1: centred at L E log M the law is normal within L^{-1/2} (skewness); centred at the limit rate it
    is off by about (1 + 5/d)(1 - 2/d)(1 - 4/d) L a^4 / 8, here 1.3 standard deviations.
    """
    law, L, beta = a_layer(10, "res-3"), 10**4, 0.1
    normal = explosion_law(law, L**-beta, L)
    exact = depth_law(law, L**-beta, L)
    assert exact.mean == pytest.approx(normal.mean, rel=1e-12)
    centred = distance_to_normal(exact, normal.mean, normal.variance)
    assert centred.upper < L**-0.5
    rate = law.kappa * (1 - 2 / 10) * L ** (1 - 2 * beta)
    off = distance_to_normal(exact, rate, normal.variance)
    # two normal laws of equal variance are 2 Phi(shift / 2) - 1 apart; then the triangle inequality
    shift = (rate - normal.mean) / math.sqrt(normal.variance)
    assert shift > 1.2
    apart = 2 * special.ndtr(shift / 2) - 1
    assert apart - centred.upper <= off.upper
    assert off.lower <= apart + centred.upper


def test_two_wide_layers_against_known_sum():
    """linear, d = 2, a huge: M / tau -> chi2_2, so log R - L log tau is a sum of log-exponentials."""
    a, L = 1e4, 4
    law = depth_law(a_layer(2), a, L)
    tau = a * a / 2
    # E log chi2_2 = log 2 + digamma(1); corrections are of order 1 / tau = 2e-8
    assert law.mean == pytest.approx(L * (math.log(2 * tau) + special.digamma(1)), abs=1e-6)
    assert law.variance == pytest.approx(L * special.polygamma(1, 1), abs=1e-6)
    # product of 2 exponentials: P(E_1 E_2 > t) = 2 sqrt(t) K_1(2 sqrt(t))
    two = depth_law(a_layer(2), a, 2)
    t = np.geomspace(1e-3, 20, 50)
    exact = 1 - 2 * np.sqrt(t) * special.kv(1, 2 * np.sqrt(t))
    np.testing.assert_allclose(two.cdf(np.log(t) + 2 * math.log(2 * tau)), exact, rtol=0, atol=two.error + 1e-6)


def test_infinitesimal_steps_follow_the_normal_law():
    """beta = 1/2 at L = 10^6, d = 40: the distance to the limit is O(1/L) plus the announced error."""
    law = a_layer(40)
    exact = depth_law(law, 1e-3, 10**6)
    x = np.linspace(exact.lower, exact.upper, 101)
    normal = stats.norm(0.95, math.sqrt(0.1)).cdf(x)
    # (1 - 2/d)(1 - 4/d)/2 = 0.43 and 0.14 in mean and variance over L, times the density 1.3: below 1e-6
    np.testing.assert_allclose(exact.cdf(x), normal, rtol=0, atol=exact.error + 2e-6)


def test_arguments_are_checked():
    with pytest.raises(SpecificationError):
        depth_law(a_layer(2), 0.1, 10, tolerance=1.0)
    with pytest.raises(SpecificationError):
        depth_law(a_layer(2), [0.0, 0.0])
    with pytest.raises(SpecificationError, match="frequencies"):
        depth_law(a_layer(1, "res-3"), 0.1, 2, tolerance=1e-10)


@pytest.mark.parametrize("law", [a_layer(1), a_layer(3, "res-3"), a_layer(10), a_layer(20, "res-3", 0.1)], ids=str)
@pytest.mark.parametrize("frequency", [0.3, 2.0])
def test_the_characteristic_function_integrates_the_law(law, frequency):
    """E e^{itX} = e^{it hi} - it int e^{itx} F(x) dx by parts, from the distribution function alone."""
    a, depth = 0.3, 12
    exact = depth_law(law, a, depth, tolerance=1e-7)
    x = np.linspace(exact.lower, exact.upper, 20_001)
    below = exact.cdf(x)
    value = np.exp(1j * frequency * x[-1]) - 1j * frequency * integrate.trapezoid(np.exp(1j * frequency * x) * below, x)
    found = log_norm_ratio_characteristic(law, a, depth, frequency=frequency)
    # The law's error over the range, and the trapezoidal rule across the jump at 0: one cell of 5e-4 times the atom.
    step = x[1] - x[0]
    slack = frequency * (exact.upper - exact.lower) * 2e-6 + 4e-7 + frequency * step * exact.atom + 1e-6
    assert abs(found - value) < slack
    # Layers of unequal scaling multiply, and their order does not matter.
    both = log_norm_ratio_characteristic(law, [0.1, 0.4, 0.1], frequency=frequency)
    parts = [log_norm_ratio_characteristic(law, [b], frequency=frequency) for b in (0.4, 0.1, 0.1)]
    assert both == pytest.approx(np.prod(parts), abs=1e-12)


def test_a_characteristic_function_needs_a_positive_frequency():
    for frequency in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(SpecificationError, match="frequency"):
            log_norm_ratio_characteristic(a_layer(3), 0.1, 2, frequency=frequency)
