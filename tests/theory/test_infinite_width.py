"""Infinite width: closed forms, simulated networks, quoted exponents and their limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_layer_laws import a_branch, a_layer
from scipy.linalg import toeplitz
from scipy.special import gammaln, logsumexp

from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.inference.intervals import quantile_interval
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.covariances import fractional_noise
from theory_check.theory import moments
from theory_check.theory.arc_kernel import arc
from theory_check.theory.infinite_width import (
    displacement_slope,
    effective_exponents,
    limiting_exponent,
    log_displacement,
    wide_network,
)

RELU = a_branch()
BRANCHES = [RELU, a_branch("res-3", 0.3), a_branch("res-3", 1.0), a_branch("res-1"), a_branch("linear")]


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@settings(deadline=None, max_examples=10)
@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=30))
def test_independent_layers(branch, scaling):
    """E1: the product of 1 + kappa a^2, exact at every width; log D keeps its relative accuracy."""
    network = wide_network(branch, np.eye(len(scaling))[0], scaling)
    kind = "linear" if branch.name == "linear" else "res-3"
    law = a_layer(1, kind, branch.activation.negative_slope)
    # 30 sums of a few roundings
    assert network.log_norm_ratio[-1] == pytest.approx(moments.log_norm_ratio_moment(law, scaling), rel=1e-12)
    assert network.log_displacement[-1] == pytest.approx(math.log(moments.mean_displacement(law, scaling)), abs=1e-12)


@pytest.mark.parametrize("branch", [a_branch("linear"), a_branch("res-3", 1.0)], ids=str)
@pytest.mark.parametrize(("a", "depth"), [(0.01, 50), (0.5, 20), (10.0, 400)])
def test_tied_weights(branch, a, depth):
    """(I + a A)^L h_0 with E ||A^j h_0||^2 = 1 and different powers uncorrelated: sum_j binomial(L, j)^2 a^(2j).

    At a = 10, L = 400 it is about exp(1915), far above double precision.
    """
    network = wide_network(branch, np.ones(depth), a, depth)
    j = np.arange(1, depth + 1)
    log_terms = 2 * (gammaln(depth + 1) - gammaln(j + 1) - gammaln(depth - j + 1) + j * math.log(a))
    # sums of L^2 positive terms; log-gamma of 400 to 1e-13
    assert network.log_displacement[-1] == pytest.approx(logsumexp(log_terms), rel=1e-11)
    assert network.log_norm_ratio[-1] == pytest.approx(np.logaddexp(0, logsumexp(log_terms)), rel=1e-11, abs=1e-12)


def test_second_order():
    """E D = a^2 sum rho arc(rho)/2 + O(a^4)."""
    rho = fractional_noise(0.8, 40)
    displacement = math.exp(wide_network(RELU, rho, 1e-4, 40).log_displacement[-1])
    expected = 1e-8 / 2 * np.sum(toeplitz(rho * arc(rho)))
    # the next order is a^2 L^2H = 1e-6
    assert displacement == pytest.approx(expected, rel=1e-5)


def test_layouts_of_the_correlation_agree():
    rho = fractional_noise(0.7, 25)
    matrix = toeplitz(fractional_noise(0.7, 25))
    fixed = np.asfortranarray(matrix)
    fixed.flags.writeable = False
    values = [wide_network(RELU, r, 0.3, 25).log_norm_ratio for r in (rho, matrix, fixed)]
    values.append(wide_network(RELU, rho, np.full(25, 0.3), inner_correlation=matrix).log_norm_ratio)
    for other in values[1:]:
        np.testing.assert_array_equal(values[0], other)


def simulated(rng, n, width, branch, correlation, a):
    """D of n networks, weights correlated across layers by a Cholesky factor; h_0 Gaussian."""
    L = correlation.shape[0]
    root = np.linalg.cholesky(correlation + 1e-12 * np.eye(L))
    found = np.empty(n)
    for i in range(n):
        V = (root @ rng.standard_normal((L, width * width))).reshape(L, width, width) / math.sqrt(width)
        if branch.name == "res-3":
            W = (root @ rng.standard_normal((L, width * width))).reshape(L, width, width) / math.sqrt(width)
        h = start = rng.standard_normal(width)
        for k in range(L):
            pre = W[k] @ h if branch.name == "res-3" else h
            h = h + a * V[k] @ (np.where(pre > 0, pre, branch.activation.negative_slope * pre))
        found[i] = np.sum((h - start) ** 2) / np.sum(start**2)
    return found


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("branch", "hurst", "a"),
    [(RELU, 0.9, 0.06), (RELU, 0.2, 0.2), (a_branch("res-1"), 0.8, 0.06), (a_branch("res-3", 1.0), 0.8, 0.06)],
    ids=str,
)
def test_simulated_networks(branch, hurst, a, evidence):
    """The median of averages of four networks, d = 64, L = 20; the bias of width and skewness is of order 1/d.

    One D has a relative spread of 0.2 to 0.3, so that 500 give the median to 6.1 * 0.3/sqrt(500) = 8% at this level.
    """
    rng = np.random.Generator(np.random.Philox(evidence.seed))
    L = 20
    correlation = toeplitz(fractional_noise(hurst, L))
    values = simulated(rng, 500, 64, branch, correlation, a).reshape(-1, 4).mean(axis=1)
    interval = quantile_interval(values, 0.5, alpha=evidence.level)
    target = math.exp(wide_network(branch, correlation, a, L).log_displacement[-1])
    # 8% for the interval, 4% for where it lies, the rest for terms of order 1/d
    evidence.supports(interval, target=(target, target), margin=0.18 * target)
    independent = math.exp(wide_network(branch, np.eye(L), a, L).log_displacement[-1])
    evidence.refutes(interval, target=(independent, independent), margin=0.05 * independent)
    if branch.name == "res-3" and hurst > 0.5:
        # W independent across layers: the process enters once (a difference of 13% only at H = 0.2)
        once = wide_network(branch, correlation, a, L, inner_correlation=np.eye(L)).log_displacement[-1]
        evidence.refutes(interval, target=(math.exp(once), math.exp(once)), margin=0.05 * math.exp(once))


@pytest.mark.parametrize(
    ("hurst", "stationary", "contour"),
    [(0.6, 0.564, 0.525), (0.7, 0.667, 0.604), (0.8, 0.770, 0.700), (0.9, 0.866, 0.814)],
)
def test_quoted_exponents(hurst, stationary, contour):
    """Section 6 of the theory, L = 1000, to its three digits."""
    found = effective_exponents(RELU, hurst, 1000)
    assert found.stationary.error < 1e-7
    assert found.contour.error < 1e-7
    assert found.stationary.value == pytest.approx(stationary, abs=5.5e-4)
    assert found.contour.value == pytest.approx(contour, abs=5e-4)
    # and what they are roots of, by coarser differences: (log 1.1)^2/6 of the third derivative, of order 1
    slope = log_displacement(RELU, hurst, found.stationary.value, 1050) - log_displacement(
        RELU, hurst, found.stationary.value, 950
    )
    assert slope / math.log(1050 / 950) == pytest.approx(0.0, abs=2e-3)
    assert log_displacement(RELU, hurst, found.contour.value, 1000) == pytest.approx(0.0, abs=1e-7)
    for beta in (found.stationary.value - 0.01, found.stationary.value + 0.01):
        assert abs(displacement_slope(RELU, hurst, beta, 1000).value) > 5e-3


def test_exponents_of_independent_layers():
    """H = 1/2: D = (1 + a^2/2)^L - 1, so the contour is at a^2 = 2 (2^(1/L) - 1)."""
    found = effective_exponents(RELU, 0.5, 700)
    beta = -math.log(2 * math.expm1(math.log(2) / 700)) / (2 * math.log(700))
    assert found.contour.value == pytest.approx(beta, abs=found.contour.error)
    # (E1) d/dlog L of L log(1 + L^(-2 beta)/2) = 0, solved by bisection
    low, high = 0.4, 0.6
    for _ in range(60):
        middle = (low + high) / 2
        a2 = 700 ** (-2 * middle) / 2
        low, high = (middle, high) if math.log1p(a2) > 2 * middle * a2 / (1 + a2) else (low, middle)
    assert found.stationary.value == pytest.approx(low, abs=found.stationary.error)


@pytest.mark.parametrize(("hurst", "limit"), [(0.3, 0.5), (0.5, 0.5), (0.7, 0.7), (0.75, 0.75), (0.9, 0.9)])
def test_exponents_extrapolate_to_the_critical_one(hurst, limit):
    """C3: max(H, 1/2), from depths up to 1000; the exponent at L = 1000 itself is off by 0.02 to 0.04."""
    found = limiting_exponent(RELU, hurst, (63, 125, 250, 500, 1000))
    assert found.value == pytest.approx(limit, abs=found.error)
    assert found.error < 0.015
    # a neighbouring exponent is told apart
    assert abs(found.value - (limit + 0.02)) > found.error


def test_wide_linear_and_res1_spread_at_beta_equal_to_hurst():
    """H < 1/2, infinite width first: sum of rho is L^2H, so the transition of linear and res-1 is at H, not at 1/2."""
    for branch in (a_branch("linear"), a_branch("res-1")):
        slopes = [displacement_slope(branch, 0.25, beta, 2000).value for beta in (0.2, 0.3)]
        assert slopes[0] > 0.05
        # small D: 2H - 2 beta, with corrections of order D = L^(-0.1) and of the quadratic term
        assert slopes[1] < -0.05
    assert displacement_slope(RELU, 0.25, 0.4, 2000).value > 0.05


def test_mistakes():
    rho = np.eye(4)[0]
    for bad in (
        lambda: wide_network(RELU, rho, 0.1, 5),
        lambda: wide_network(RELU, 2 * rho, 0.1, 4),
        lambda: wide_network(a_branch("linear"), rho, 0.1, 4, inner_correlation=rho),
        lambda: wide_network(Branch("res-2"), rho, 0.1, 4),
        lambda: limiting_exponent(RELU, 0.7, (100, 200, 400)),
        lambda: displacement_slope(RELU, 0.7, 0.5, 3),
    ):
        with pytest.raises(SpecificationError):
            bad()
    with pytest.raises(HypothesisError):
        limiting_exponent(a_branch("linear"), 0.7)


def test_branches_that_the_recursion_excludes_are_refused_with_the_hypothesis_that_fails():
    for branch, reason in (
        (Branch("res-2"), "needs a branch without bias, not res-2"),
        (Branch("res-3", Activation("tanh")), "needs a piecewise linear activation, not res-3 tanh"),
    ):
        with pytest.raises(HypothesisError, match=f"the recursion {reason}"):
            wide_network(branch, np.eye(4)[0], 0.1, 4)
