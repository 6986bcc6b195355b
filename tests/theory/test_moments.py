"""Exact moments against the catalogue's closed forms, quadrature and full enumeration."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_layer_laws import a_layer
from scipy import stats

from theory_check.foundation.errors import NumericalOverflowError, SpecificationError
from theory_check.theory import moments
from theory_check.theory.scale_mixture import scale_nodes

ROUNDING = 1e-11  # sums of logarithms and log-gammas of size up to 1e3
LAWS = st.builds(
    a_layer,
    width=st.integers(1, 60),
    kind=st.sampled_from(["linear", "res-3"]),
    slope=st.floats(-1.5, 1.5),
    gain=st.floats(0.1, 3),
)
SCALINGS = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8)


def enumerate_rademacher(width, depth, kind, slope, scalings, h0):
    """All values of (R, D, Y), equally likely, over every choice of signs of the weights divided by sqrt(d)."""
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=width * width))) / math.sqrt(width)
    matrices = signs.reshape(-1, width, width)
    states = h0[None, :]
    for a in scalings[:depth]:
        if kind == "linear":
            branch = states[:, None, :]
        else:
            pre = np.einsum("wij,nj->nwi", matrices, states)
            branch = np.where(pre > 0, pre, slope * pre)
        moved = np.einsum("vij,nwj->nwvi", matrices, branch)
        states = (states[:, None, None, :] + a * moved).reshape(-1, width)
    energy = h0 @ h0
    return (
        np.sum(states**2, axis=1) / energy,
        np.sum((states - h0) ** 2, axis=1) / energy,
        states @ h0 / energy,
    )


CASES = [
    (2, 2, "linear", 0.0),
    (2, 1, "res-3", 0.0),
    (2, 2, "res-3", 0.0),
    (2, 2, "res-3", 0.3),
    (3, 1, "linear", 0.0),
    (3, 1, "res-3", 0.0),
    (1, 3, "res-3", 0.2),
]


# (1, 1) makes ties at 0 in W h for signs; the generic input does not.
@pytest.mark.parametrize("h0", ["ones", "generic"])
@pytest.mark.parametrize(("width", "depth", "kind", "slope"), CASES)
def test_symmetric_law_enumerated(width, depth, kind, slope, h0):
    start = np.ones(width) if h0 == "ones" else np.array([1.0, 0.37, -2.1])[:width]
    a = [0.7, 0.4, 0.9][:depth]
    R, D, Y = enumerate_rademacher(width, depth, kind, slope, a, start)
    law = a_layer(width, kind, slope)
    assert R.mean() == pytest.approx(moments.norm_ratio_moment(law, a), rel=ROUNDING)
    assert D.mean() == pytest.approx(moments.mean_displacement(law, a), rel=ROUNDING)
    assert Y.mean() == pytest.approx(1.0, rel=ROUNDING)
    assert (Y**2).mean() == pytest.approx(1 + moments.mean_displacement(law, a) / width, rel=ROUNDING)
    assert np.log((R * Y).mean()) == pytest.approx(moments.log_norm_overlap_moment(law, a), rel=ROUNDING)
    # kurtosis 1 < 3: second moments below the Gaussian values
    assert (R**2).mean() <= moments.norm_ratio_moment(law, a, order=2)
    assert R.var() <= moments.norm_ratio_variance(law, a)
    assert (D**2).mean() <= moments.displacement_second_moment(law, a)
    assert D.var() <= moments.displacement_variance(law, a)


def test_heavy_kurtosis_exceeds_the_gaussian_second_moment():
    """The bound is about kurtosis 3: entries 0 (4/5) and +-sqrt(5) (1/10 each), kurtosis 5, exceed it at d = 2."""
    values, weights = np.array([0.0, math.sqrt(5), -math.sqrt(5)]), np.array([0.8, 0.1, 0.1])
    total = 0.0
    for choice in itertools.product(range(3), repeat=4):
        V = values[list(choice)].reshape(2, 2) / math.sqrt(2)
        h = np.array([1.0, 0.0]) + V @ [1.0, 0.0]
        total += weights[list(choice)].prod() * (h @ h) ** 2
    assert total > moments.norm_ratio_moment(a_layer(2), 1.0, 1, 2)


@pytest.mark.parametrize("a", [1.0, 0.3, 1e-3])
@pytest.mark.parametrize("width", [1, 2, 3, 10, 40])
def test_second_moments_of_the_catalogue(width, a):
    """E3 as printed."""
    d = width
    linear = 1 + a**2 * (2 + 4 / d) + a**4 * (1 + 2 / d)
    relu = 1 + (2 * d + 4) * a**2 / (2 * d) + a**4 * (d**2 + 2 * d) * (5 * d + d**2) / (4 * d**4)
    assert moments.norm_ratio_moment(a_layer(d), a, 5, 2) == pytest.approx(linear**5, rel=ROUNDING)
    assert moments.norm_ratio_moment(a_layer(d, "res-3"), a, 5, 2) == pytest.approx(relu**5, rel=ROUNDING)


@pytest.mark.parametrize("kind", ["linear", "res-3"])
@pytest.mark.parametrize("depth", [1, 3, 50])
def test_displacement_second_moment_of_the_catalogue(kind, depth):
    """E17 as printed, for a constant scaling."""
    d, a = 7, 0.2
    law = a_layer(d, kind, 0.1)
    k = law.kappa * a**2
    printed = (
        moments.norm_ratio_moment(law, a, depth, 2)
        - 4 * (1 + k * (1 + 2 / d)) ** depth
        + 2 * (1 + k) ** depth
        + (4 / d) * ((1 + k) ** depth - 1)
        + 1
    )
    # The printed form cancels terms of order 1 to a result of order depth * a^2.
    assert moments.displacement_second_moment(law, a, depth) == pytest.approx(printed, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 6])
@pytest.mark.parametrize("law", [a_layer(1), a_layer(5), a_layer(2, "res-3"), a_layer(9, "res-3", 0.2)])
def test_multiplier_moments_against_noncentral_chi_square(law, order):
    """Given tau, M / tau is noncentral chi-square; scale integrated by quadrature."""
    a = 0.8
    scales, weights = scale_nodes(law)
    keep = weights > 1e-13  # scipy's moments lose digits at the extreme scales, which weigh nothing
    taus = a * a * scales[keep]
    cumulants = [
        [2 ** (n - 1) * math.factorial(n - 1) * (law.width + n / t) * t**n for n in range(1, order + 1)] for t in taus
    ]
    expected = law.atom
    for kappas, w in zip(cumulants, weights[keep], strict=True):
        m = [1.0]
        for n in range(1, order + 1):
            m.append(sum(math.comb(n - 1, j) * kappas[j] * m[n - 1 - j] for j in range(n)))
        expected += w * m[order]
    # weights below 1e-13 dropped: S^order of the upper tail loses at most this share
    assert moments.multiplier_moment_excess(law, a, order) + 1 == pytest.approx(expected, rel=1e-6)
    if not law.has_inner:
        t = a * a * law.gain / law.width
        assert stats.ncx2(law.width, 1 / t).moment(order) * t**order == pytest.approx(expected, rel=1e-9)


@settings(deadline=None)
@given(LAWS, SCALINGS)
def test_variances_are_consistent(law, a):
    """Var from the second moment, and Jensen: E R^r >= (E R)^r, E D^2 >= (E D)^2."""
    first = moments.log_norm_ratio_moment(law, a)
    second = moments.log_norm_ratio_moment(law, a, order=2)
    assert second >= 2 * first
    assert moments.log_norm_ratio_moment(law, a, order=3) >= 1.5 * second * (1 - ROUNDING)
    mean, square = moments.norm_ratio_moment(law, a), moments.norm_ratio_moment(law, a, order=2)
    assert moments.norm_ratio_variance(law, a) == pytest.approx(square - mean**2, rel=1e-6, abs=1e-12 * square)
    assert moments.displacement_variance(law, a) >= -1e-12 * square


@settings(deadline=None)
@given(LAWS, SCALINGS)
def test_displacement_second_moment_by_recursion(law, a):
    """(E X, E X^2, E D X, E D^2) advanced one layer at a time: no cancellation, so digits are kept at every scale.

    D' = D + 2 a <h - h_0, Vg> + a^2 |Vg|^2 and <h - h_0, h> = (D + X - 1) / 2.
    """
    d, s1, s2 = law.width, law.scale_moment(1), law.scale_moment(2)
    x, xx, dx, dd = 1.0, 1.0, 0.0, 0.0
    for scaling in a:
        first, second = scaling**2 * s1, scaling**4 * s2 * d * (d + 2)
        dd += (2 * d + 4) * first * dx + second * xx
        dx += (d + 2) * first * (dx + xx) - 2 * first * x + second * xx
        xx *= 1 + 2 * (d + 2) * first + second
        x *= 1 + d * first
    # accuracy announced by the function; below 1e-290 the terms leave the range of normal numbers
    assert moments.displacement_second_moment(law, a) == pytest.approx(dd, rel=1e-9, abs=1e-290)


def test_small_scalings_keep_their_digits():
    """As a -> 0, D / (kappa a^2) -> chi2_d / d: E D^2 -> (1 + 2/d) (kappa a^2)^2; no remainder for one layer."""
    law, a = a_layer(10), 1e-4
    assert moments.displacement_second_moment(law, a, 1) == pytest.approx(1.2 * a**4, rel=1e-9)
    assert moments.norm_ratio_variance(law, a, 1) == pytest.approx(4 * a**2 / 10, rel=1e-7)


def test_depth_a_million_without_scaling():
    law = a_layer(40, "res-3")
    assert moments.log_norm_ratio_moment(law, 1.0, 10**6) == pytest.approx(1e6 * math.log(1.5), rel=ROUNDING)
    per_layer = math.log1p(moments.multiplier_moment_excess(law, 1.0, 2))
    assert moments.log_norm_ratio_variance(law, 1.0, 10**6) == pytest.approx(1e6 * per_layer, rel=1e-10)
    assert moments.log_displacement_second_moment(law, 1.0, 10**6) == pytest.approx(1e6 * per_layer, rel=1e-10)
    for function in (
        moments.norm_ratio_moment,
        moments.mean_displacement,
        moments.norm_ratio_variance,
        moments.displacement_second_moment,
    ):
        with pytest.raises(NumericalOverflowError):
            function(law, 1.0, 10**6)


def test_a_network_without_branches():
    law = a_layer(3)
    assert moments.norm_ratio_moment(law, [0.0, 0.0]) == 1
    assert moments.norm_ratio_variance(law, [0.0]) == 0
    assert moments.displacement_second_moment(law, [0.0]) == 0


def test_orders_are_checked():
    assert moments.multiplier_moment_excess(a_layer(3), 0.5, 0) == 0
    with pytest.raises(SpecificationError):
        moments.multiplier_moment_excess(a_layer(3), 0.5, -1)


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_bias_enumerated(slope):
    """E18 over all signs of V, W and b, two layers, d = 1 (V, W variance 1, b = +-0.6)."""
    a, h0, bias, total, count = [0.8, 0.5], 1.3, 0.6, 0.0, 0
    for v1, w1, b1, v2, w2, b2 in itertools.product([-1.0, 1.0], repeat=6):
        h = h0
        for scaling, v, w, b in ((a[0], v1, w1, b1), (a[1], v2, w2, b2)):
            pre = w * h + bias * b
            h += scaling * v * (pre if pre > 0 else slope * pre)
        total, count = total + h**2 / h0**2, count + 1
    law = a_layer(1, "res-3", slope)
    energy = bias**2 / h0**2
    assert moments.biased_norm_ratio_mean(law, a, bias_energy=energy) == pytest.approx(total / count, rel=ROUNDING)
    growth = math.prod(1 + law.kappa * x**2 for x in a)
    assert moments.biased_norm_ratio_mean(law, a, bias_energy=energy) == pytest.approx((1 + energy) * growth - energy)
    assert moments.biased_displacement_mean(law, a, bias_energy=0.0) == moments.mean_displacement(law, a)


def test_bias_arguments_are_checked():
    with pytest.raises(SpecificationError):
        moments.biased_displacement_mean(a_layer(2), 0.1, 3, bias_energy=1.0)
    with pytest.raises(SpecificationError):
        moments.biased_displacement_mean(a_layer(2, "res-3"), 0.1, 3, bias_energy=-1.0)


@pytest.mark.parametrize("law", [a_layer(1), a_layer(5, "res-3"), a_layer(8, "res-3", 0.3, 1.7)], ids=str)
def test_the_variance_of_a_multiplier_is_that_of_its_moments(law):
    for a in (0.05, 0.7):
        first, second = (moments.multiplier_moment_excess(law, a, order) for order in (1, 2))
        # (1 + m2) - (1 + m1)^2 cancels to order a^2: four digits at a = 0.05.
        assert moments.multiplier_variance(law, a) == pytest.approx(second - 2 * first - first**2, rel=1e-10)


@pytest.mark.parametrize("kind", ["linear", "res-3"])
def test_the_conditional_variance_of_signs_is_bounded_by_the_gaussian_one(kind):
    """All signs of V and W at width 2, in several directions of h: mean 1 + kappa a^2, variance below the bound."""
    law, a = a_layer(2, kind), 0.6
    signs = [np.array(s).reshape(2, 2) / math.sqrt(2) for s in itertools.product([-1.0, 1.0], repeat=4)]
    for angle in (0.1, 0.5, 0.9, 1.4):
        h = np.array([math.cos(angle), math.sin(angle)])
        branches = [h] if kind == "linear" else [np.maximum(w @ h, 0.0) for w in signs]
        ratios = np.array([np.sum((h + a * v @ g) ** 2) for g in branches for v in signs])
        assert ratios.mean() == pytest.approx(1 + law.kappa * a**2, rel=ROUNDING)
        assert ratios.var() <= moments.multiplier_variance(law, a) * (1 + ROUNDING)
