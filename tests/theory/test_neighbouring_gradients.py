"""Products and differences of neighbouring gradients, against explicit matrices and against averages of one layer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import mean_interval
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.neighbouring_gradients import (
    RES3,
    mean_squared_difference,
    neighbour_correlation,
    product_variance,
    squared_difference_variance,
    unweighted_correlation,
)
from theory_check.theory.weight_gradients import mean_weight_gradient, weight_gradient_variance


def gradients(relu, width, depth, a, count, rng):
    """All gradients as whole matrices, (count, depth, d, d) for V and W; h_0 and p_L are two fixed unit vectors."""
    V, W = rng.standard_normal((2, depth, count, width, width)) / math.sqrt(width)
    hidden, kept = np.zeros((count, width)), []
    hidden[:, 0] = 1.0
    for k in range(depth):
        pre = np.einsum("nij,nj->ni", W[k], hidden) if relu else hidden
        kept.append((hidden, np.maximum(pre, 0.0) if relu else pre, pre > 0.0))
        hidden = hidden + a * np.einsum("nij,nj->ni", V[k], kept[-1][1])
    p, outer, inner = np.full((count, width), width**-0.5), [], []
    for k in range(depth - 1, -1, -1):
        h, g, active = kept[k]
        pulled = np.einsum("nji,nj->ni", V[k], p) * (active if relu else 1.0)
        outer.append(a * p[:, :, None] * g[:, None, :])
        inner.append(a * pulled[:, :, None] * h[:, None, :])
        p = p + a * (np.einsum("nji,nj->ni", W[k], pulled) if relu else pulled)
    return np.stack(outer[::-1], axis=1), np.stack(inner[::-1], axis=1)


@pytest.mark.statistical
@pytest.mark.parametrize(("width", "depth", "a"), [(2, 2, 1.0), (3, 4, 0.5), (6, 3, 0.7)])
def test_differences_in_linear_networks(width, depth, a, evidence):
    rng = np.random.Generator(np.random.Philox(evidence.seed))
    outer, _ = gradients(False, width, depth, a, 40_000, rng)
    mean, variance = mean_squared_difference(a, depth), squared_difference_variance(width, a, depth)
    for k in range(depth - 1):
        squares = np.sum((outer[:, k + 1] - outer[:, k]) ** 2, axis=(1, 2)) / mean
        level = evidence.level / (depth - 1)
        found = mean_interval(squares, variance_bound=variance / mean**2, alpha=level)
        # The variance of the mean of 40,000 is below .008^2; L - 1 in the place of L - 2 is farther off than .2.
        evidence.supports(found, target=(1.0, 1.0), margin=0.1, exact=True)
        evidence.refutes(found, target=(1.0 + a**2, 1.0 + a**2), exact=True)
        # Its own standard deviation is within 10%: fourth moments of products of a few chi-squares.
        assert np.var(squares) == pytest.approx(variance / mean**2, rel=0.1)


def test_the_two_sides_of_a_linear_difference():
    """One network by the formula of the derivation: a^2 (p (V_k h)^T - V_{k+1}^T p h^T)."""
    rng = np.random.default_rng(5)
    V, h, p, a = rng.standard_normal((2, 4, 4)), rng.standard_normal(4), rng.standard_normal(4), 0.3
    lower, upper = a * np.outer(p + a * V[1].T @ p, h), a * np.outer(p, h + a * V[0] @ h)
    np.testing.assert_allclose(upper - lower, a**2 * (np.outer(p, V[0] @ h) - np.outer(V[1].T @ p, h)), atol=1e-14)


@pytest.mark.statistical
@pytest.mark.parametrize(("width", "depth", "a"), [(2, 2, 1.0), (4, 3, 1.0), (8, 4, 0.5)])
def test_products_in_res3_networks(width, depth, a, evidence):
    rng = np.random.Generator(np.random.Philox(evidence.seed))
    outer, inner = gradients(True, width, depth, a, 60_000, rng)
    layer_law = Multiplier(width, RES3), a, depth
    mean, variance = mean_weight_gradient(*layer_law), weight_gradient_variance(*layer_law)
    correlation, bound = neighbour_correlation(width, a), product_variance(width, a, depth) / mean**2
    share = evidence.level / (2 * (depth - 1))
    for k in range(depth - 1):
        products = np.sum(outer[:, k] * outer[:, k + 1], axis=(1, 2)) / mean
        found = mean_interval(products, variance_bound=bound, alpha=share)
        evidence.supports(found, target=(correlation, correlation), margin=0.08, exact=True)
        evidence.refutes(found, target=(correlation / 2, correlation / 2), margin=0.04)
        # A bound that holds for every angle of p and h is a half too large at width 2 and 20% at width 8.
        assert 0.5 * bound < np.var(products) < 1.02 * bound
        found = mean_interval(
            np.sum(inner[:, k] * inner[:, k + 1], axis=(1, 2)) / mean,
            variance_bound=1 + variance / mean**2,
            alpha=share,
        )
        # The first order, a^2 / (pi d) <= .16, up to a factor: far from what V has.
        evidence.supports(found, target=(0.0, a**2 / (math.pi * width)), margin=0.09)
        evidence.refutes(found, target=(correlation, correlation), margin=0.05)


@pytest.mark.parametrize(("width", "a"), [(1, 0.7), (2, 1.0), (3, 2.0), (20, 0.25)])
def test_the_weighted_root_is_that_of_one_layer(width, a):
    """E[S sqrt(M)] / E S and E sqrt(M) by simulation of S and M themselves, without the weighting."""
    rng, count = np.random.default_rng(11), 400_000
    active = np.maximum(rng.standard_normal((count, width)), 0.0)
    total, scale = active.sum(axis=1), a * np.sqrt(np.sum(active**2, axis=1)) / width
    rest = rng.chisquare(width - 1, count) if width > 1 else np.zeros(count)
    root = np.sqrt((1 + scale * rng.standard_normal(count)) ** 2 + scale**2 * rest)
    unit = math.pi * (1 + a**2 / 2)
    weighted = total * root / total.mean() / unit
    # Five standard errors of a ratio of means, and of a mean.
    error = 5 * np.std(weighted - total * weighted.mean() / total.mean()) / math.sqrt(count)
    assert neighbour_correlation(width, a) == pytest.approx(weighted.mean(), abs=error)
    assert unweighted_correlation(width, a) == pytest.approx(
        root.mean() / unit, abs=5 * np.std(root / unit) / count**0.5
    )
    # The two are farther apart than the errors: dependence of S and M is seen.
    assert neighbour_correlation(width, a) - unweighted_correlation(width, a) > (error if width < 20 else 0.0)


def test_the_plateau_is_one_over_pi():
    # The correction is of the order of a^2 and of a^2 / d.
    assert neighbour_correlation(60, 0.01) == pytest.approx(1 / math.pi, rel=1e-4)


@pytest.mark.parametrize("call", [lambda: neighbour_correlation(61, 0.5), lambda: mean_squared_difference(0.5, 1)])
def test_sizes_without_a_prediction_are_refused(call):
    with pytest.raises(SpecificationError):
        call()
