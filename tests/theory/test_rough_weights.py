"""Rough weights: the sum S, second-order means and the lognormal limit, against brute force and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_layer_laws import a_layer
from scipy import stats
from scipy.linalg import toeplitz

from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.inference.intervals import quantile_interval
from theory_check.networks.covariances import fractional_noise
from theory_check.theory import limits
from theory_check.theory.arc_kernel import arc
from theory_check.theory.rough_weights import (
    drift_correction,
    finite_interaction_sum,
    interaction_sum,
    linear_leading_mean,
    long_memory_displacement,
    rough_lognormal_limit,
)


def weights(rng, root, n, width):
    L = root.shape[0]
    return (root @ rng.standard_normal((L, n * width * width))).reshape(L, n, width, width) / math.sqrt(width)


@pytest.mark.parametrize("hurst", [0.05, 0.2, 0.35, 0.45])
def test_the_sum_by_brute_force(hurst):
    """N terms and the leading tail sum_{n>N} rho(n)/pi = -(N+1/2)^(2H-1) H/pi, whose next order is rho^2/2 summed."""
    N = 10**6
    rho = fractional_noise(hurst, N + 1)[1:]
    direct = math.fsum((rho * arc(rho)).tolist())
    # telescoping, exact: sum_{n>N} rho = -((N+1)^2H - N^2H)/2
    direct -= N ** (2 * hurst) * math.expm1(2 * hurst * math.log1p(1 / N)) / 2 / math.pi
    found = interaction_sum(hurst)
    # what is left: b_1^2/2 N^(4H-3)/(3-4H) with b_1^2 < 1/64; the difference above loses N^2H eps N of itself
    assert found.value == pytest.approx(direct, abs=N ** (4 * hurst - 3) / 128 / (3 - 4 * hurst) + 1e-13)
    assert found.error < 1e-14


def test_the_sum_is_discontinuous_at_one_half():
    assert interaction_sum(0.5).value == 0.0
    # f is of order b_1^2 = ((1 - 2H)/2)^2 plus rho(1)^2/2
    assert interaction_sum(0.4999).value == pytest.approx(-1 / (2 * math.pi), abs=1e-7)
    # at any finite depth nothing jumps: the sum of |rho| is about (1 - 2H) log L
    assert finite_interaction_sum(0.4999, 1000) == pytest.approx(0.0, abs=1e-3)
    with pytest.raises(HypothesisError):
        interaction_sum(0.6)


@settings(deadline=None)
@given(st.floats(0.02, 0.4))
def test_finite_sums_converge(hurst):
    """The missing tail is rho/pi summed, L^(2H-1)/(2 pi (2H + 1)...) in absolute value below L^(2H-1)/pi."""
    L = 4000
    assert abs(finite_interaction_sum(hurst, L) - interaction_sum(hurst).value) <= L ** (2 * hurst - 1) / math.pi


@pytest.mark.parametrize(("width", "depth", "hurst"), [(2, 4, 0.2), (3, 3, 0.8), (1, 6, 0.3)])
def test_second_order_of_linear_networks_by_their_hessian(width, depth, hurst):
    """E of a quadratic form of Gaussian weights: half the trace of the Hessian of log R times the covariance."""

    def log_ratio(flat):
        h = np.zeros(width)
        h[0] = 1.0
        for V in flat.reshape(depth, width, width):
            h = h + V @ h
        return math.log(h @ h)

    n, step = depth * width**2, 1e-3
    eye = np.eye(n) * step
    hessian = np.array(
        [[log_ratio(u + v) - log_ratio(u - v) - log_ratio(v - u) + log_ratio(-u - v) for v in eye] for u in eye]
    ) / (4 * step**2)
    covariance = np.kron(toeplitz(fractional_noise(hurst, depth)), np.eye(width**2)) / width
    brute = np.sum(hessian * covariance) / 2
    # differences: step^2 times fourth derivatives (up to about 100), times the number of terms
    assert linear_leading_mean(width, hurst, 1.0, depth) == pytest.approx(brute, abs=2e-3)


def second_order_mean(width, rho, scaling):
    """E log R of res-3 with ReLU to order a^2, from the sum over all pairs of layers."""
    L, Q = rho.size, np.sum(toeplitz(rho * arc(rho)))
    return scaling**2 / 2 * ((1 - 2 / width) * Q + (Q - L) / width)


def test_second_order_relations():
    rough = rough_lognormal_limit(7, 0.3, depth=500)
    # the law's mean is the second-order mean at L a^2 = 1, exactly
    assert second_order_mean(7, fractional_noise(0.3, 500), 500**-0.5) == pytest.approx(rough.mean)
    white = rough_lognormal_limit(7, 0.5, 2.0)
    limit = limits.lognormal_limit(a_layer(7, "res-3"), 2.0)
    assert (white.mean, white.variance) == pytest.approx((limit.mean, limit.variance))
    # E R of the law is exp of the second-order mean of R: ((1 + 2S)/2 + S/d)
    law, S = rough_lognormal_limit(5, 0.2), interaction_sum(0.2).value
    assert law.mean + law.variance / 2 == pytest.approx((1 + 2 * S) / 2 + S / 5)
    # the correction removes -L/d: twice a^2/(2d) a layer, in the square
    assert 2 * drift_correction(4, 0.1) * 500 == pytest.approx(0.01 * 500 / 4)


@pytest.mark.statistical
def test_simulated_res3_networks(evidence):
    """C5 at d = 4, H = 0.2, L = 100: log R against the law with S of that depth."""
    d, L, hurst = 4, 100, 0.2
    root = np.linalg.cholesky(toeplitz(fractional_noise(hurst, L)))

    def log_squared_ratios(rng, n):
        V, W = weights(rng, root, n, d), weights(rng, root, n, d)
        h = np.zeros((n, d))
        h[:, 0] = 1.0
        for k in range(L):
            pre = np.maximum(np.einsum("nij,nj->ni", W[k], h), 0)
            h = h + L**-0.5 * np.einsum("nij,nj->ni", V[k], pre)
        return np.log(np.sum(h**2, axis=1))

    def in_parts(rng, n):
        return np.concatenate([log_squared_ratios(rng, min(2500, n - k)) for k in range(0, n, 2500)])

    law, white = rough_lognormal_limit(d, hurst, depth=L), rough_lognormal_limit(d, 0.5)
    shift = finite_interaction_sum(hurst, L) / d * 3
    wrong = {
        "independent layers": stats.norm(white.mean, math.sqrt(white.variance)),
        "without the derivative term S/d": stats.norm(law.mean - shift, math.sqrt(law.variance)),
    }
    # O(1/L) in mean and variance, 0.01
    evidence.law(in_parts, stats.norm(law.mean, math.sqrt(law.variance)), margin=0.035, wrong=wrong)


@pytest.mark.statistical
@pytest.mark.parametrize(("width", "beta"), [(2, 0.3), (3, 0.35), (5, 0.35)])
def test_simulated_linear_networks_contract(width, beta, evidence):
    """C6 at H = 0.2, L = 200: the median of log R is the leading-order mean, and adding a^2/(2d) h removes -L/d."""
    rng = np.random.Generator(np.random.Philox(evidence.seed))
    L, n, a = 200, 5000, 200.0**-beta
    V = weights(rng, np.linalg.cholesky(toeplitz(fractional_noise(0.2, L))), n, width)
    plain = np.zeros((2, n, width))
    plain[:, :, 0] = 1.0
    for k in range(L):
        plain = plain + a * np.einsum("nij,mnj->mni", V[k], plain)
        plain[1] *= 1 + drift_correction(width, a)
    contracted, corrected = np.log(np.sum(plain**2, axis=2))
    target = linear_leading_mean(width, 0.2, a, L)
    without = target + a * a * L / width
    # the interval: 6.4 * 2 a sqrt(L^2H/(d n)), at most 4% of a^2 L/d; the rest for the next order and the skewness
    margin = 0.1 * a * a * L / width
    intervals = [quantile_interval(x, 0.5, alpha=evidence.level / 2) for x in (contracted, corrected)]
    evidence.supports(intervals[0], target=(target, target), margin=margin)
    evidence.refutes(intervals[0], target=(without, without), margin=margin)
    evidence.supports(intervals[1], target=(without, without), margin=margin)


def test_mistakes():
    with pytest.raises(SpecificationError):
        rough_lognormal_limit(0, 0.2)
    for bad in (lambda: long_memory_displacement(0.5), lambda: rough_lognormal_limit(3, 0.6)):
        with pytest.raises(HypothesisError):
            bad()
