"""Corrections for the law of the entries against enumeration, sampling with a fixed seed, and quadrature."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from one_layer_laws import a_layer
from scipy import integrate, stats

from theory_check.foundation.errors import HypothesisError
from theory_check.theory.depth_law import depth_law
from theory_check.theory.entry_laws import (
    CorrectedLaw,
    Cumulants,
    exponential_kappa,
    exponential_layer_variance_bound,
    kurtosis_correction,
    norm_ratio_variance_bound,
    ones_shift,
    skewed_variance_bound,
)
from theory_check.theory.moments import norm_ratio_variance
from theory_check.theory.one_layer import log_multiplier


def circle(points):
    """Directions in the plane; trigonometric polynomials of the degrees below are averaged without error."""
    angle = 2 * math.pi * (np.arange(points) + 0.5) / points
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def cumulants(values, weights):
    """The first four cumulants of a discrete law, but for the square of the mean in the last."""
    mean = values @ weights
    second, third, fourth = ((values - mean) ** n @ weights for n in (2, 3, 4))
    return np.array([mean, second, third, fourth - 3.0 * second**2])


def directions(width):
    """Directions and weights that average over the circle or the sphere functions with the symmetries of the cube."""
    if width == 2:
        return circle(24), np.full(24, 1.0 / 24)
    # The part e_1 >= e_2 >= e_3 >= 0 of the sphere, cut where a sum of +-e_i changes its sign, e_1 = e_2 + e_3.
    nodes, weights = np.polynomial.legendre.leggauss(5)
    s, t = (x.ravel() for x in np.meshgrid(0.5 * (nodes + 1.0), 0.5 * (nodes + 1.0), indexing="ij"))
    points, masses = [], []
    for corners in (((1, 0, 0), (1, 1, 0), (2, 1, 1)), ((1, 1, 0), (1, 1, 1), (2, 1, 1))):
        x = np.stack([1.0 - s, s * (1.0 - t), s * t], axis=1) @ np.array(corners, dtype=float)
        size = np.linalg.norm(x, axis=1)
        points.append(x / size[:, None])
        masses.append(np.outer(weights, weights).ravel() * s / size**3 * abs(np.linalg.det(corners)))
    flat = np.concatenate(masses)
    return np.concatenate(points), flat / flat.sum()


def log_multiplier_cumulants(branch, a, width):
    """Cumulants of log M, exactly, for random signs, over uniform directions.

    The columns of V are alike, so that the order of the coordinates of g does not matter.
    """
    rows = np.array(list(itertools.product((-1.0, 1.0), repeat=width))) / math.sqrt(width)
    matrices = np.array(list(itertools.product(rows, repeat=width)))
    chosen = np.array(list(itertools.combinations_with_replacement(range(len(rows)), width)))
    orders = [math.factorial(width) / math.prod(map(math.factorial, Counter(c).values())) for c in chosen.tolist()]
    values, masses = [], []
    for e, mass in zip(*directions(width), strict=True):
        hidden = e[None] if branch == "linear" else np.maximum(rows @ e, 0.0)[chosen]
        shares = np.ones(1) if branch == "linear" else np.array(orders) / len(rows) ** width
        moved = e + a * np.einsum("mij,gj->gmi", matrices, hidden)
        values.append(np.log(np.sum(moved**2, axis=2)).ravel())
        masses.append(np.repeat(mass * shares / len(matrices), len(matrices)))
    return cumulants(np.concatenate(values), np.concatenate(masses))


# At width 2 the factor 1 - 2/d of the mean is 0, and hides the factor 1 - 4/d.
@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("branch", ["linear", "res-3"])
def test_kurtosis_correction_of_random_signs_by_enumeration(branch, width):
    multiplier = a_layer(width, branch)
    a = 0.02
    gaussian = log_multiplier(multiplier, a)
    nodes, weights = (np.concatenate([getattr(p, name) for p in gaussian.panels]) for name in ("nodes", "weights"))
    own = cumulants(np.append(nodes, 0.0), np.append(weights, 1.0 - weights.sum()))
    added = kurtosis_correction(multiplier, -2.0, a, 1)
    difference = log_multiplier_cumulants(branch, a, width) - own
    # The next order is a^6; its constants at these widths, found with a = 0.04 too, are below half of these.
    constants = np.array([[10.0, 9.0, 80.0, 340.0], [0.1, 0.6, 1.5, 25.0]])[width - 2]
    expected = np.array([added.mean, added.variance, added.third, added.fourth])
    assert np.all(np.abs(difference - expected) <= constants * a**6)
    # Without the correction, with the opposite sign, or without a factor of 1 - 4/d, they differ by more.
    assert np.all(np.abs(expected) > 5.0 * constants * a**6)


def test_a_corrected_law_has_the_cumulants_that_are_added():
    law = depth_law(a_layer(40), 1000**-0.5, 1000)
    s = math.sqrt(law.variance)
    added = Cumulants(0.01 * s, 0.01 * s**2, -0.02 * s**3, 0.02 * s**4)
    corrected = CorrectedLaw(law, added)
    p = (np.arange(100_000) + 0.5) / 100_000
    assert np.max(np.abs(corrected.cdf(corrected.quantile(p)) - p)) < 1e-7
    weights = np.full(p.size, 1.0 / p.size)
    found = cumulants(corrected.quantile(p), weights) - cumulants(law.quantile(p), weights)
    # First order: the squares of a hundredth, and the skewness of the law itself, are left.
    assert found / s ** np.arange(1, 5) == pytest.approx([0.01, 0.01, -0.02, 0.02], abs=3e-3)


def test_a_gaussian_law_needs_no_correction():
    for branch in ("linear", "res-3"):
        correction = kurtosis_correction(a_layer(7, branch), 0.0, 0.1, 20)
        assert correction == Cumulants(0.0, 0.0, 0.0, 0.0)
    with pytest.raises(HypothesisError):
        kurtosis_correction(a_layer(7, "res-3", 0.1), 1.0, 0.1, 20)


@pytest.mark.parametrize("branch", ["linear", "res-3"])
def test_variance_bound_is_the_gaussian_variance_at_kurtosis_three(branch):
    multiplier = a_layer(6, branch)
    exact = norm_ratio_variance(multiplier, 0.125, 64)
    # Subtraction of second moments loses two digits.
    assert norm_ratio_variance_bound(multiplier, 3.0, 0.0, 0.125, 64) == pytest.approx(exact, rel=1e-10)
    assert norm_ratio_variance_bound(multiplier, 9.0, 0.0, 0.125, 64) > exact
    assert norm_ratio_variance_bound(multiplier, 1.0, 0.0, 0.125, 64) == pytest.approx(exact, rel=1e-10)


def test_variance_bound_holds_for_one_layer_of_a_skewed_law():
    # Enumeration in the plane: -1/2 and 2 with probabilities 4/5 and 1/5 have skewness 3/2 and kurtosis 13/4.
    values, probabilities = np.array([-0.5, 2.0]), np.array([0.8, 0.2])
    a = 0.7
    bound = norm_ratio_variance_bound(a_layer(2), 3.25, 1.5, a, 1)
    for e in circle(16):
        first = second = 0.0
        for index in itertools.product((0, 1), repeat=4):
            v = values[list(index)].reshape(2, 2) / math.sqrt(2.0)
            p = float(np.prod(probabilities[list(index)]))
            m = float(np.sum((e + a * v @ e) ** 2))
            first, second = first + p * m, second + p * m * m
        # V need only be centred: the mean is exact for a skewed law.
        assert first == pytest.approx(1 + a * a, rel=1e-12)
        assert second - first**2 <= bound
    with pytest.raises(HypothesisError):
        norm_ratio_variance_bound(a_layer(2, "res-3"), 3.25, 1.5, a, 1)


@pytest.mark.parametrize("width", [1, 2, 4, 30])
def test_exponential_kappa_by_quadrature(width):
    law = stats.gamma(width)
    value, _ = integrate.quad(lambda x: (x - width) ** 2 * law.pdf(x), width, width + 60 + 10 * width, epsabs=1e-12)
    assert exponential_kappa(width) == pytest.approx(value / width, rel=1e-7)
    # Edgeworth's first term, with an error of order 1/d.
    edgeworth = (1 + 2 / math.sqrt(width) * math.sqrt(2 / math.pi) / 3) / 2
    assert abs(exponential_kappa(width) - edgeworth) < 0.1 / width


def test_one_exponential_entry():
    assert exponential_kappa(1) == pytest.approx(2 / math.e, rel=1e-12)


def test_the_bound_for_one_layer_of_exponential_entries():
    # Width 1: moments 1, 2, 9 of V = E - 1, and n!/e of the positive part of W.
    second = 1.0 + (6.0 * 1.0 * 2.0 + 4.0 * 2.0 * 6.0 + 9.0 * 24.0) / math.e
    assert second - (1.0 + 2.0 / math.e) ** 2 <= exponential_layer_variance_bound(1)
    for width in (1, 4, 16):
        assert exponential_layer_variance_bound(width) < skewed_variance_bound(width, 9.0, 2.0, 1.0, 1)


def test_shift_from_ones_by_quadrature():
    path, _ = integrate.quad(lambda t: (3 * math.exp(t / 2) - 2) * math.exp(-3 * t / 4), 0, 1)
    assert ones_shift(2.0) == pytest.approx(2.0 * math.sqrt(2 / math.pi) / 6 * path / math.sqrt(2), rel=1e-12)
    assert ones_shift(-2.0) == -ones_shift(2.0)


def test_the_bound_for_skewed_weights_exceeds_every_simpler_case():
    # Symmetric weights have a variance of their own and a larger bound here, which does not know that kappa is 1/2.
    simple = norm_ratio_variance_bound(a_layer(8, "res-3"), 3.0, 0.0, 0.25, 16)
    assert simple < skewed_variance_bound(8, 3.0, 0.0, 0.25, 16) < skewed_variance_bound(8, 3.0, 2.0, 0.25, 16)
    # One layer of width 1 with entries 2 and -1/2: every product of an entry of V and one of W, by hand.
    entries = [(2.0, 0.2), (-0.5, 0.8)]
    moments = [
        sum(p * q * (1.0 + 0.5 * v * max(w, 0.0)) ** (2 * n) for v, p in entries for w, q in entries) for n in (1, 2)
    ]
    assert moments[1] - moments[0] ** 2 <= skewed_variance_bound(1, 3.25, 1.5, 0.5, 1)
