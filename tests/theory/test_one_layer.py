"""The one-layer law against SciPy's noncentral chi-square, closed forms, quadrature and Poisson mixtures."""

import math

import numpy as np
import pytest
from one_layer_laws import a_layer
from scipy import integrate, special, stats

from theory_check.foundation.errors import SpecificationError
from theory_check.theory import moments
from theory_check.theory.one_layer import CDF_ERROR, CHARACTERISTIC_ERROR, log_multiplier, log_multiplier_density

SCALINGS = [1.0, 0.3, 1e-2, 1e-4]
LAWS = [
    a_layer(d, kind, slope)
    for d in (1, 2, 3, 10, 100)
    for kind, slope in (("linear", 0.0), ("res-3", 0.0), ("res-3", 0.01))
]


def mass_defect(one):
    return abs(one.atom + sum(panel.weights.sum() for panel in one.panels) - 1)


@pytest.mark.parametrize("a", SCALINGS)
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_mass_and_moments(law, a):
    one = log_multiplier(law, a)
    assert mass_defect(one) < CHARACTERISTIC_ERROR / 5
    for order in (1, 2):
        exact = math.log1p(moments.multiplier_moment_excess(law, a, order))
        # e^(2y) magnifies the rounding of the upper panels (a = 1, d = 1: E M^2 = 7)
        assert one.log_mgf(np.array([float(order)]))[0] == pytest.approx(exact, abs=CHARACTERISTIC_ERROR)


@pytest.mark.parametrize("a", SCALINGS)
@pytest.mark.parametrize("width", [1, 2, 3, 10, 100])
def test_linear_cdf_is_noncentral_chi_square(width, a):
    one, tau = log_multiplier(a_layer(width), a), a * a / width
    x = one.mean + math.sqrt(one.variance) * np.linspace(-6, 6, 201)
    # SciPy's ncx2 holds about 1e-11 up to noncentrality 1e10
    np.testing.assert_allclose(one.cdf(x), stats.ncx2.cdf(np.exp(x) / tau, width, 1 / tau), rtol=0, atol=CDF_ERROR)


@pytest.mark.parametrize("a", [1.0, 0.1, 1e-3])
def test_one_dimensional_cdf_is_elementary(a):
    """d = 1: M = (1 + a z)^2, so P(M <= m) is a difference of two normal probabilities."""
    one = log_multiplier(a_layer(1), a)
    root = np.exp(np.linspace(-20, 6, 301) / 2)
    exact = stats.norm.cdf((root - 1) / a) - stats.norm.cdf((-root - 1) / a)
    np.testing.assert_allclose(one.cdf(2 * np.log(root)), exact, rtol=0, atol=CDF_ERROR)


def test_relu_in_one_dimension():
    """d = 1, ReLU: the atom 1/2 at 0; otherwise M = (1 + a |w| z)^2, integrated over w by adaptive quadrature."""
    a = 0.8
    one = log_multiplier(a_layer(1, "res-3"), a)
    for x in (-3.0, -0.2, 0.0, 0.3, 2.0):
        root = math.exp(x / 2)

        def integrand(w, root=root):
            inside = stats.norm.cdf((root - 1) / (a * w)) - stats.norm.cdf((-root - 1) / (a * w))
            return stats.norm.pdf(w) * inside

        value = integrate.quad(integrand, 0, 1, epsabs=1e-11)[0] + integrate.quad(integrand, 1, 10, epsabs=1e-11)[0]
        assert float(one.cdf(x)) == pytest.approx(value + 0.5 * (x >= 0), abs=CDF_ERROR)


@pytest.mark.parametrize("a", [1.0, 0.3, 0.05])
@pytest.mark.parametrize("width", [1, 2, 3, 10])
def test_mean_and_variance_of_linear_by_poisson_mixture(width, a):
    """M / tau is chi2_{d+2J}, J ~ Poisson(1/(2 tau)): moments of log chi2 are polygammas."""
    one, tau = log_multiplier(a_layer(width), a), a * a / width
    rate = 1 / (2 * tau)
    J = np.arange(int(rate + 12 * math.sqrt(rate) + 60))
    w = stats.poisson.pmf(J, rate)
    w /= w.sum()
    centred = special.digamma(width / 2 + J) + math.log(2 * tau)
    mean = w @ centred
    variance = w @ (special.polygamma(1, width / 2 + J) + (centred - mean) ** 2)
    # scipy's Poisson probabilities hold about 1e-13, times |centred| up to log(2 tau) = 7
    assert one.mean == pytest.approx(mean, abs=1e-11)
    assert one.variance == pytest.approx(variance, abs=1e-11)


@pytest.mark.parametrize("tau", [20.0, 1.0, 0.1, 0.01])
@pytest.mark.parametrize("width", [1, 2, 3, 10, 100])
def test_characteristic_function_by_poisson_mixture(width, tau):
    one = log_multiplier(a_layer(width), math.sqrt(width * tau))
    band, count = one.panels[0].band, 300
    spacing = 1.2 * band / count
    u = (np.arange(count) + 0.5) * spacing
    rate = 1 / (2 * tau)
    J = np.arange(int(rate + 14 * math.sqrt(rate) + 60))
    w = stats.poisson.pmf(J, rate)
    x = width / 2 + J[:, None]
    exact = w @ np.exp(special.loggamma(x + 1j * u) - special.gammaln(x) + 1j * u * math.log(2 * tau))
    np.testing.assert_allclose(one.characteristic(spacing, count), exact, rtol=0, atol=CHARACTERISTIC_ERROR)
    assert np.abs(exact[u > band]).max() < CHARACTERISTIC_ERROR / 100
    envelope = np.array([one.envelope(v) for v in u])
    assert np.all(envelope >= np.abs(exact) - CHARACTERISTIC_ERROR)
    assert np.all(np.diff(envelope) <= 0)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_envelope_of_mixtures(law):
    one = log_multiplier(law, 0.4)
    transform = np.abs(one.characteristic(0.5, 200))
    envelope = np.array([one.envelope(0.5 * (k + 0.5)) for k in range(200)])
    assert np.all(envelope >= transform - CHARACTERISTIC_ERROR)


def test_extreme_widths_and_scales():
    """Bessel functions beyond their routine's range, and gains that spread log M over tens of units."""
    for law, a in (
        (a_layer(1000), 1e-6),
        (a_layer(3, gain=1e6), 1.0),
        (a_layer(400, "res-3", gain=50.0), 1.0),
    ):
        assert mass_defect(log_multiplier(law, a)) < CHARACTERISTIC_ERROR


def test_density_crosses_to_the_expansion_smoothly():
    """At d = 3 the Bessel function is elementary: I_{1/2}(x) e^{-x} = (1 - e^{-2x}) / sqrt(2 pi x)."""
    for tau in (1.0, 1e-6, 1e-8, 1e-9, 1e-12):
        y = 2 * np.log1p(math.sqrt(tau) * np.linspace(-0.9, 6, 50))
        x = np.exp(y / 2) / tau
        bessel = -np.expm1(-2 * x) / np.sqrt(2 * math.pi * x)
        exact = np.exp(1.25 * y - np.expm1(y / 2) ** 2 / (2 * tau)) * bessel / (2 * tau)
        np.testing.assert_allclose(log_multiplier_density(3, tau, y), exact, rtol=1e-12)


def test_sign_of_the_scaling_is_irrelevant_and_zero_is_refused():
    law = a_layer(4, "res-3")
    assert log_multiplier(law, -0.3).mean == log_multiplier(law, 0.3).mean
    for a in (0.0, math.inf):
        with pytest.raises(SpecificationError):
            log_multiplier(law, a)
