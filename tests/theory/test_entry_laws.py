"""Corrections for the law of the entries against enumeration, sampling with a fixed seed, and quadrature."""

from __future__ import annotations

import itertools
import math

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


def log_multiplier_cumulants(branch, a, points=24):
    """Cumulants of log M, exactly, for random signs in the plane, over uniform directions."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=4))).reshape(-1, 2, 2) / math.sqrt(2.0)
    values = []
    for e in circle(points):
        hidden = [e] if branch == "linear" else [np.maximum(w @ e, 0.0) for w in signs]
        values.append([math.log(np.sum((e + a * v @ g) ** 2)) for g in hidden for v in signs])
    flat = np.ravel(values)
    return cumulants(flat, np.full(flat.size, 1.0 / flat.size))


@pytest.mark.parametrize("branch", ["linear", "res-3"])
def test_kurtosis_correction_of_random_signs_by_enumeration(branch):
    multiplier = a_layer(2, branch)
    a = 0.02
    gaussian = log_multiplier(multiplier, a)
    nodes, weights = (np.concatenate([getattr(p, name) for p in gaussian.panels]) for name in ("nodes", "weights"))
    own = cumulants(np.append(nodes, 0.0), np.append(weights, 1.0 - weights.sum()))
    added = kurtosis_correction(multiplier, -2.0, a, 1)
    difference = log_multiplier_cumulants(branch, a) - own
    # The next order is a^6 with a constant below 10 for the mean and below 200 for the others.
    assert difference[0] == pytest.approx(added.mean, abs=6.4e-10)
    assert difference[1] == pytest.approx(added.variance, abs=2e-9)
    assert difference[2] == pytest.approx(added.third, abs=1.3e-8)
    assert difference[3] == pytest.approx(added.fourth, abs=1.3e-8)
    # Without the correction, or with the opposite sign, they differ by more.
    assert abs(added.variance) > 4e-9
    assert min(abs(added.third), abs(added.fourth)) > 1e-7


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
