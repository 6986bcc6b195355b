from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.laws import left_limits
from theory_check.inference.intervals import kolmogorov_interval
from theory_check.inference.kolmogorov import kolmogorov_radius, kolmogorov_statistic, kolmogorov_tail, planning_radius

alphas = st.floats(1e-9, 0.9)


def uniform_cdf(x):
    return np.clip(x, 0.0, 1.0)


def nested(wide, narrow):
    return wide.inside(-math.inf, math.inf) and wide.lower <= narrow.lower and narrow.upper <= wide.upper


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=50), alpha=st.floats(1e-6, 0.9))
def test_distances_agree_with_scipy(values, alpha):
    interval = kolmogorov_interval(values, uniform_cdf, alpha=alpha)
    reference = stats.ks_1samp(values, uniform_cdf, method="exact")
    # Two ways to round the same difference.
    assert interval.estimate == pytest.approx(reference.statistic, abs=1e-14)
    # Duality of test and interval, away from the boundary: the radius has a safety of 1e-4 of its level.
    assume(abs(interval.estimate - kolmogorov_radius(len(values), alpha)) > 1e-3)
    assert (interval.lower > 0.0) == (reference.pvalue < alpha)


def test_the_radius_of_one_value_is_known():
    # D_1 = max(U, 1 - U), so P(D_1 > x) = 2 (1 - x) for x >= 1/2; the level is met to 1e-4 above 0.02.
    for alpha in (0.01, 0.3, 0.9):
        assert kolmogorov_radius(1, alpha) == pytest.approx(1 - alpha / 2, abs=1e-4)


@pytest.mark.parametrize("observations", [1, 2, 10, 100, 139, 145, 1000, 2000])
@pytest.mark.parametrize("alpha", [0.9, 0.1, 0.021, 0.02, 1e-3, 1e-6, 1e-12])
def test_the_radius_has_the_exact_level(observations, alpha):
    radius = kolmogorov_radius(observations, alpha)
    assert radius <= math.sqrt(math.log(2 / alpha) / (2 * observations))
    tail = stats.kstwo.sf(radius, observations)
    # Never above the level but for the rounding of the reference, 1e-15 absolute where it is 1 - cdf.
    assert tail <= alpha * (1 + 1e-9) + 1e-14
    # Below by the safety of 1e-4 above 0.02; below 0.02 by what rounding near a radius of 1 does to (1 - radius)^n.
    if alpha > 1e-9:
        assert tail >= alpha * (1 - 2e-4)


@pytest.mark.parametrize("alpha", [0.3, 1e-3, 1e-8])
def test_the_radius_decreases_across_the_limit_of_the_exact_inversion(alpha):
    sizes = [1, 2, 5, 100, 139, 140, 141, 1999, 2000, 2001, 2002, 2010, 2100, 10**4, 10**6, 10**8]
    radii = [kolmogorov_radius(n, alpha) for n in sizes]
    assert all(later <= earlier for earlier, later in itertools.pairwise(radii))
    # Massart's radius is (1 / 6n) / radius too large in relative terms: 0.0017 at 2000 for a radius of 0.05.
    ratio = kolmogorov_radius(2100, alpha) / kolmogorov_radius(2000, alpha) / math.sqrt(2000 / 2100)
    assert ratio == pytest.approx(1, abs=0.003)


def test_the_radius_stays_sensible_at_absurd_levels():
    assert kolmogorov_radius(1, 1e-300) <= 1.0
    assert kolmogorov_radius(1000, 1e-300) <= math.sqrt(math.log(2e300) / 2000)


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.integers(0, 64), min_size=1, max_size=50), alpha=alphas)
def test_distances_follow_increasing_maps(values, alpha):
    shares = np.array(values) / 64
    before = kolmogorov_interval(shares, uniform_cdf, alpha=alpha)
    # Dyadic numbers: x -> 8 x - 3 and back is exact.
    assert kolmogorov_interval(8 * shares - 3, lambda x: uniform_cdf((x + 3) / 8), alpha=alpha) == before
    # A decreasing map exchanges the two one-sided statistics, up to rounding of i / n.
    mirror = kolmogorov_interval(1 - shares, uniform_cdf, alpha=alpha)
    assert mirror.estimate == pytest.approx(before.estimate, abs=1e-15)


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=50), pair=st.tuples(alphas, alphas).map(sorted))
def test_distances_are_nested_in_alpha(values, pair):
    assume(pair[1] > 1.001 * pair[0])
    wide, narrow = (kolmogorov_interval(values, uniform_cdf, alpha=alpha) for alpha in pair)
    assert nested(wide, narrow)
    assert wide.inside(0.0, 1.0)


@pytest.mark.parametrize("unit", [1.0, 1 / 3, 1e-300, 1e300])
@pytest.mark.parametrize("count", [1, 500])
def test_a_lattice_told_by_a_tolerance_has_atoms(unit, count):
    law = stats.poisson(3.0)
    drawn = law.rvs(size=count, random_state=1)
    places, counts = np.unique(drawn, return_counts=True)
    reached = np.cumsum(counts) / count
    left = np.concatenate([[0.0], reached[:-1]])
    # sup |F_n - F| is at an atom or just below it, where F is F of the integer before.
    expected = max(np.abs(reached - law.cdf(places)).max(), np.abs(left - law.cdf(places - 1)).max())

    def cdf(x):
        return law.cdf(np.floor(np.asarray(x) / unit + 1e-9))

    # A value that is alone in its sample is not known to be an atom; its own step is below the tolerance.
    found, _ = kolmogorov_statistic(drawn * unit, cdf)
    # Differences of shares and of values of one distribution function, all at most 1: some roundings of 1e-16.
    assert found == pytest.approx(expected if count > 1 else max(expected, law.cdf(places[0])), abs=1e-12)


@settings(deadline=None, max_examples=100)
@given(
    values=st.lists(st.integers(-64, 64), min_size=1, max_size=40, unique=True),
    steps=st.sampled_from([1, 2, 5, 8, 10**6]),
)
def test_left_limits_that_are_not_asked_for_would_change_nothing(values, steps):
    sample = np.sort(values) / 64

    def cdf(x):
        return np.floor(steps * np.clip(x + 0.5, 0.0, 1.0)) / steps

    # sup |F_n - F|, with F at and left of every value.
    places = np.arange(len(values) + 1) / len(values)
    above, below = places[1:] - cdf(sample), left_limits(cdf, sample) - places[:-1]
    assert kolmogorov_statistic(sample, cdf)[0] == max(above.max(), below.max())


def test_tied_values_count_together():
    # F_n jumps from 0 to 1 at 0.3: the largest difference is on the upper side.
    assert kolmogorov_interval([0.3] * 4, uniform_cdf, alpha=0.5).estimate == pytest.approx(0.7, abs=1e-15)


@pytest.mark.parametrize("wrong", [1.5, -0.1, math.nan])
def test_a_cdf_returns_probabilities(wrong):
    with pytest.raises(SpecificationError, match="cdf must return probabilities"):
        kolmogorov_interval([0.1, 0.2], lambda x: np.full(x.shape, wrong), alpha=0.05)


@pytest.mark.parametrize(
    ("cdf", "message"),
    [
        (lambda x: 1.0 - uniform_cdf(x), "must not decrease"), (stats.norm, "must return probabilities, got"),
        (stats.norm(), "must be a function"), (lambda x: np.array(["a"] * x.size), "must return probabilities, got"),
    ],
)  # fmt: skip
def test_what_is_no_cdf_is_refused(cdf, message):
    with pytest.raises(SpecificationError, match=message):
        kolmogorov_interval([0.1, 0.2], cdf, alpha=0.05)


def test_a_cdf_is_vectorised():
    with pytest.raises(SpecificationError, match="one probability per value"):
        kolmogorov_interval([0.1, 0.2], lambda _: 0.5, alpha=0.05)


# Tails


def one_sided_by_recursion(n, d):
    """P(D_n+ <= d) = n! times the volume of u_1 <= ... <= u_n with u_i >= i/n - d, by integrating polynomials."""
    coefficients = np.array([1.0])
    for i in range(1, n + 1):
        # Integrate over u_i from max(i/n - d, 0) to u_{i+1}.
        lower = max(i / n - d, 0.0)
        integral = np.concatenate([[0.0], coefficients / np.arange(1, coefficients.size + 1)])
        integral[0] = -np.polynomial.polynomial.polyval(lower, integral)
        coefficients = integral
    return math.factorial(n) * np.polynomial.polynomial.polyval(1.0, coefficients)


@pytest.mark.parametrize("observations", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("distance", [0.7, 0.8, 0.95])
def test_small_tails_are_twice_the_one_sided_volume(observations, distance):
    # Beyond 1/2 both one-sided events cannot happen together for so few values, so the union bound is exact. The volume
    # is 1 minus the tail, known to 1e-15 absolute; the sum of polynomials of degree 8 loses two digits.
    expected = 2.0 * (1.0 - one_sided_by_recursion(observations, distance))
    found = kolmogorov_tail(observations, distance)
    if found <= 0.02:
        assert found == pytest.approx(expected, abs=1e-12)
    else:
        # 1e-4 on the safe side, by construction.
        assert expected <= found <= expected * 1.00011


@pytest.mark.parametrize("observations", [1, 2, 10, 100, 141, 2000, 30_000])
@pytest.mark.parametrize("scaled", [0.6, 0.9, 1.3, 1.7, 2.5, 4.0, 8.0])
def test_tails_agree_with_scipy_and_err_to_the_safe_side(observations, scaled):
    distance = scaled / math.sqrt(observations)
    if not 0.5 / observations < distance < 1.0:
        assert kolmogorov_tail(observations, distance) in (0.0, 1.0)
        return
    found, reference = kolmogorov_tail(observations, distance), stats.kstwo.sf(distance, observations)
    union = 2.0 * special.smirnov(observations, distance)
    # Two sums of up to n terms: 1e-11. Above 0.02 the tail carries its safety of 1e-4.
    if found <= 0.02:
        assert found == pytest.approx(union, rel=1e-11)
        assert found >= reference * (1.0 - 1e-9)
    else:
        assert reference * (1.0 - 1e-9) <= found <= reference * 1.00011


@example(observations=10**7, scaled=2.7, alpha=1e-6)
@example(observations=10**9, scaled=1.0, alpha=0.3)
@settings(deadline=None, max_examples=60)
@given(
    observations=st.integers(1, 3000),
    scaled=st.floats(0.3, 6.0),
    alpha=st.floats(1e-12, 0.9),
)
def test_tail_and_radius_are_inverse(observations, scaled, alpha):
    distance = scaled / math.sqrt(observations)
    radius = kolmogorov_radius(observations, alpha)
    # The radius is solved to 1e-11 of itself, and rounded up by as much.
    assume(abs(distance / radius - 1.0) > 1e-9)
    assert (kolmogorov_tail(observations, distance) <= alpha) == (distance > radius)
    assert planning_radius(observations, alpha) >= radius


def test_the_tail_decreases_in_the_distance_and_in_the_size():
    for n in (1, 7, 150, 5000):
        tails = [kolmogorov_tail(n, d) for d in np.linspace(0.0, 1.0, 100)]
        assert all(a >= b for a, b in itertools.pairwise(tails))
    sizes = [10**5, 10**6, 10**6 + 1, 10**7]
    tails = [kolmogorov_tail(n, 0.003) for n in sizes]
    assert all(a >= b for a, b in itertools.pairwise(tails))


def test_beyond_the_sum_the_bound_is_hardly_larger():
    # Maag and Dicaire's expansion of the tail, good to order 1/n; Massart's bound exceeds it by exp(2 d / 3).
    d = 2.7e-3
    for n in (10**6, 10**6 + 1000):
        expanded = 2 * math.exp(-((6 * n * d + 1) ** 2) / (18 * n))
        excess = 0.0 if n == 10**6 else 2 * d / 3
        assert kolmogorov_tail(n, d) == pytest.approx(expanded * math.exp(excess), rel=3e-5)
