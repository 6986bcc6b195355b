"""The diffusion of the cosine against one layer, finite volumes, its infinite-width limit and simulated networks."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import integrate, stats
from two_cosines import cosines_after

from theory_check.foundation.errors import SpecificationError
from theory_check.theory.correlation_diffusion import CorrelationDiffusion, cosine_table
from theory_check.theory.correlation_flow import correlation_flow


@pytest.mark.parametrize(("width", "slope", "cosine"), [(3, 0.0, 0.3), (2, 0.3, -0.6)])
def test_drift_and_variance_of_one_layer(width, slope, cosine):
    """E over W by an average, E over V by Wick's rule: the second derivative of the cosine along the layer.

    For h + a V g, E_V of the cosine is c + a^2/2 tr(Hess c Cov), with the covariance of V (g, g') known, and the
    derivatives of c are taken numerically: no formula of the module enters.
    """
    states = np.zeros((2, width))
    states[0, 0] = 1.0
    states[1, :2] = 2 * cosine, 2 * math.sqrt(1 - cosine**2)

    def c(x):
        h, k = x.reshape(2, width)
        return h @ k / math.sqrt((h @ h) * (k @ k))

    x0, step, n = states.ravel(), 1e-3, 2 * width
    eye = np.eye(n) * step
    hessian = np.array([[c(x0 + u + v) - c(x0 + u - v) - c(x0 - u + v) + c(x0 - u - v) for v in eye] for u in eye]) / (
        4 * step**2
    )
    gradient = np.array([c(x0 + u) - c(x0 - u) for u in eye]) / (2 * step)
    # E <g, g'> over W: equal weights in the angle of the pair of pre-activations
    angle = 2 * math.pi * (np.arange(20_000) + 0.5) / 20_000
    pre = np.stack([np.cos(angle), 2 * np.cos(angle - math.acos(cosine))])
    post = np.where(pre > 0, pre, slope * pre)
    # The radius squared has mean 2; the sum over the d rows of W and their variance 1/d cancel; V has 1/d again.
    covariance = 2 * post @ post.T / angle.size / width
    full = np.kron(covariance, np.eye(width))
    diffusion = CorrelationDiffusion(width, slope)
    # differences: step^2 times fourth derivatives of order 10; kinks of the integrand: (2 pi/20000)^2
    assert float(diffusion.drift(cosine)) == pytest.approx(np.sum(hessian * full) / 2, abs=3e-5)
    assert float(diffusion.variance_rate(cosine)) == pytest.approx(gradient @ full @ gradient, abs=3e-5)


def test_the_formula_of_the_catalogue():
    """E13 as printed, ReLU."""
    from theory_check.theory.arc_kernel import arc

    c, d = np.linspace(-1, 1, 21), 7
    r = arc(c)
    drift = (d * (r - c) + c + c**2 * r - 2 * r) / (2 * d)
    # a dozen roundings of numbers up to d
    np.testing.assert_allclose(CorrelationDiffusion(d).drift(c), drift, atol=1e-15)
    np.testing.assert_allclose(CorrelationDiffusion(d).variance_rate(c), (1 - c**2) * (1 - c * r) / d, atol=1e-15)


def chain(diffusion, start, time, count):
    """Law of a birth-death chain on a uniform grid of the angle with the same drift and variance, reflected at pi."""
    theta = np.linspace(0, math.pi, count + 1)
    c, step = np.cos(theta), math.pi / count
    inside = slice(1, count)
    sine = np.sin(theta[inside])
    variance = diffusion.variance_rate(c[inside]) / sine**2
    # Ito: the drift of acos(c)
    drift = -diffusion.drift(c[inside]) / sine - c[inside] / sine * variance / 2
    up = np.append(variance / 2 / step**2 + drift / 2 / step, 0.0)
    down = np.append(variance / 2 / step**2 - drift / 2 / step, 0.0)
    # zero flux at pi: as much comes back from the last cell, half as wide, as goes in
    down[-1] = 2 * (diffusion.variance_rate(c[-3]) / math.sin(theta[-3]) ** 2) / 2 / step**2
    Q = np.zeros((count + 1, count + 1))
    i = np.arange(1, count + 1)
    Q[i, i - 1] = down
    Q[i[:-1], i[:-1] + 1] = up[:-1]
    Q -= np.diag(Q.sum(axis=1))
    from scipy.linalg import expm

    place = np.argmin(np.abs(theta - math.acos(start)))
    assert theta[place] == pytest.approx(math.acos(start), abs=1e-12)
    return c, expm(time * Q)[place]


@pytest.mark.parametrize(("width", "start", "time"), [(2, 0.0, 1.0), (3, -0.5, 0.7), (5, 0.5, 2.0)])
def test_finite_differences_agree(width, start, time):
    """Another equation (in the angle, as derived), another method; second order, so the errors fall fourfold."""
    diffusion = CorrelationDiffusion(width)
    law = diffusion.law(start, time)
    moments = []
    for count in (90, 180):
        c, p = chain(diffusion, start, time, count)
        moments.append([p @ c, p @ c**2 - (p @ c) ** 2])
    extrapolated = (4 * np.array(moments[1]) - moments[0]) / 3
    # what remains is of fourth order, or third at the reflecting end of d = 2 (some 1e-5 of the mass is near it)
    np.testing.assert_allclose([law.mean.value, law.variance.value], extrapolated, atol=5e-5)
    assert law.mean.error < 1e-9
    assert law.variance.error < 1e-9


@pytest.mark.parametrize(("width", "start"), [(2, -1.0), (3, 0.2), (10, -1.0), (40, 0.9)])
def test_the_law_has_the_moments(width, start):
    law = CorrelationDiffusion(width).law(start)
    c = np.linspace(-1, 1, 20_001)
    F = law.cdf(c)
    assert F[-1] == pytest.approx(1.0, abs=law.cdf_error + 1e-12)
    assert np.all(np.diff(F) >= -2 * law.cdf_error)
    # integration by parts; trapezoids of 1e-4, on a function whose derivative is at worst of order (1 + c)^(-1/2)
    tolerance = 2 * law.cdf_error + 1e-6
    assert 1 - integrate.trapezoid(F, c) == pytest.approx(law.mean.value, abs=tolerance)
    second = 1 - integrate.trapezoid(2 * c * F, c)
    assert second - law.mean.value**2 == pytest.approx(law.variance.value, abs=3 * tolerance)


def test_wide_networks_follow_the_flow():
    """d (E c - flow) and d Var c converge: they change by O(1/d) between d and 4 d."""
    flow = float(correlation_flow(-0.3, [1.0])[0])
    found = []
    for width in (200, 800):
        law = CorrelationDiffusion(width).law(-0.3, tolerance=1e-2)
        found.append(width * np.array([law.mean.value - flow, law.variance.value]))
    # second-order terms are a few units over 200; the flow is good to 1e-11, times 800
    np.testing.assert_allclose(found[1], found[0], rtol=0.02)


def test_time_is_additive():
    """Chapman and Kolmogorov for the mean: E c_{s+t} = E E[c_{s+t} | c_s], with the law of c_s."""
    diffusion = CorrelationDiffusion(4, 0.2)
    half = diffusion.law(0.1, 0.5)
    c = np.linspace(-1, 1, 401)
    later = np.array([diffusion.law(x, 0.5, tolerance=1.0).mean.value for x in c[::8]])
    # the mean as a function of the start is smooth: a polynomial of degree 12 through 51 points
    mean = np.polynomial.Chebyshev.fit(c[::8], later, 12)
    F = half.cdf(c)
    middle = mean(c[-1]) - integrate.trapezoid(F * mean.deriv()(c), c)
    # trapezoids of 1/200 on a smooth function: 2e-6; the fit: 1e-5
    assert diffusion.law(0.1, 1.0).mean.value == pytest.approx(middle, abs=3e-5)


@pytest.mark.statistical
@pytest.mark.parametrize(("width", "cosine", "slope"), [(3, 0.0, 0.0), (2, -0.5, 0.2)])
def test_simulated_networks(width, cosine, slope, evidence):
    depth, law = 64, CorrelationDiffusion(width, slope).law(cosine)
    # without Ito's terms: mean on the flow, the same spread
    flow = float(correlation_flow(cosine, [1.0], slope=slope)[0])
    shifted = SimpleNamespace(cdf=lambda c: law.cdf(c - flow + law.mean.value))
    # finite depth: O(1/L), some 0.01
    evidence.law(
        lambda rng, n: cosines_after(rng, n, width, cosine, depth**-0.5, depth, slope), law, margin=0.03,
        wrong={"on the flow": shifted},
    )  # fmt: skip


def test_the_ends():
    law = CorrelationDiffusion(5).law(1.0)
    assert law.mean.value == 1.0
    np.testing.assert_array_equal(law.cdf([0.9, 1.0]), [0.0, 1.0])
    # near c = 1 the deficit is geometric Brownian: E e_t = e_0 exp(2 q t), Var = (E e)^2 (exp(8 q t) - 1), up to the
    # pull of the gap, of relative order d q sqrt(e)
    e, q = 1e-8, 1 / 10
    law = CorrelationDiffusion(5).law(1 - e, tolerance=1.0)
    assert (1 - law.mean.value) / e == pytest.approx(math.exp(2 * q), rel=1e-3)
    # c = -1 is left at rate q (d - 1), with corrections of order sqrt(1 + c) = 1e-2
    law = CorrelationDiffusion(6).law(-1.0, 1e-4, tolerance=1.0)
    assert (law.mean.value + 1) / 1e-4 == pytest.approx(5 / 12, rel=1e-2)
    # Bessel: 1 + c is gamma with shape (d - 1)/2 for short times
    law = CorrelationDiffusion(6).law(-1.0, 0.02, tolerance=1e-3)
    x = np.array([0.004, 0.01, 0.02])
    gamma = stats.gamma(2.5, scale=2 * 0.02 / 12 * 1.0)
    # short-time corrections of order sqrt(1 + c), 0.1, on the drift of a few percent of the spread
    np.testing.assert_allclose(law.cdf(x - 1), gamma.cdf(x), atol=0.02)


def test_mistakes():
    with pytest.raises(SpecificationError):
        CorrelationDiffusion(1)
    with pytest.raises(SpecificationError):
        CorrelationDiffusion(3).law(1.5)
    with pytest.raises(SpecificationError):
        CorrelationDiffusion(3).law(0.5, -1.0)
    with pytest.raises(SpecificationError):
        CorrelationDiffusion(3, math.inf)


@pytest.mark.parametrize(("width", "slope", "start"), [(4, 0.0, -0.5), (10, 0.3, 0.3), (20, 0.0, -0.5)])
def test_the_table_is_the_law(width, slope, start):
    table, law = cosine_table(width, slope, start), CorrelationDiffusion(width, slope).law(start)
    x = np.linspace(-1.0, 1.0, 4321)
    # What the table's law is computed to, and the bound of the docstring for linear interpolation.
    np.testing.assert_allclose(table.cdf(x), np.maximum.accumulate(law.cdf(x)), rtol=0.0, atol=1e-5 + 1e-6)
    p = (np.arange(20_000) + 0.5) / 20_000
    np.testing.assert_allclose(table.cdf(table.quantile(p)), p, rtol=0.0, atol=1e-9)
    # Midpoint rule for a bounded monotone function: at most the range, 2, over twice the number of points.
    assert table.quantile(p).mean() == pytest.approx(law.mean.value, abs=5e-5)


def test_the_density_integrates_to_the_distribution_function():
    table = cosine_table(10, 0.0, 0.3)
    x = np.linspace(-0.6, 0.9, 3001)
    density = table.density(x)
    integral = np.sum((density[1:] + density[:-1]) / 2.0) * (x[1] - x[0])
    # A central difference of step 2e-3 is off by 1e-6 times the third derivative, about 100 for a deviation of 1/4.
    assert integral == pytest.approx(float(np.diff(table.cdf(x[[0, -1]]))[0]), abs=2e-4)
