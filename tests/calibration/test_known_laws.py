from __future__ import annotations

import itertools
import math
import pickle
import zlib

import numpy as np
import pytest
from scipy import integrate, stats

from theory_check.calibration.known_laws import bent, bernoulli, lognormal, normal, pareto, ties, uniform
from theory_check.foundation.errors import SpecificationError

# Chance that a correct law fails a check here, for the fixed seeds as drawn once.
FALSE_ALARM = 1e-6

laws = {
    law.name: law
    for law in (
        lognormal(1.0), lognormal(2.0), lognormal(3.0), pareto(2.5), normal(), uniform(), bent(0.2), bernoulli(0.1),
        bernoulli(0.001), ties(2), ties(5), uniform().shifted(-2.0), lognormal(1.0).shifted(0.3).scaled(4.0),
        ties(4).scaled(0.5).shifted(1.0),
    )
}  # fmt: skip
continuous = [name for name in laws if laws[name].continuous]
discrete = [name for name in laws if not laws[name].continuous]


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


def moment(law, power):
    """E X^power as the integral of the quantile function over the unit interval, in pieces that end where it bends."""
    # Much of the second moment of a lognormal law with sigma = 3 sits 6 standard deviations out.
    edges = [-np.inf, -6.0, -3.0, 0.0, 3.0, 6.0, 12.0, np.inf]

    def integrand(z):
        # 1 - cdf loses its digits beyond z = 8; the lognormal is written in z itself there.
        return law(z) ** power * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)

    return math.fsum(
        integrate.quad(integrand, a, b, epsabs=0.0, epsrel=1e-11, limit=200)[0] for a, b in itertools.pairwise(edges)
    )


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_moments_of_the_lognormal_law(sigma):
    law = lognormal(sigma)

    def value(z):
        return math.exp(min(sigma * z - 0.5 * sigma**2, 300.0))

    # Two digits above the accuracy asked of the quadrature.
    assert moment(value, 1) == pytest.approx(law.mean, rel=1e-9)
    assert moment(value, 2) - law.mean**2 == pytest.approx(law.variance, rel=1e-9)


def test_moments_of_the_pareto_law():
    known = stats.pareto(2.5, scale=0.6)
    law = pareto(2.5)
    # The same closed forms, up to a few roundings.
    assert (law.mean, law.variance) == pytest.approx((known.mean(), known.var()), rel=1e-12)
    x = np.linspace(0.0, 20.0, 50)
    np.testing.assert_allclose(law.cdf(x), known.cdf(x), atol=1e-14)


@pytest.mark.parametrize("name", [name for name in laws if laws[name].support[1] < math.inf])
def test_moments_of_laws_on_an_interval(name):
    law = laws[name]
    # A million midpoints of the quantile function: its steps cost at most the support over a million each.
    p = (np.arange(10**6) + 0.5) / 10**6
    x = law.quantile(p)
    width = law.support[1] - law.support[0]
    assert x.mean() == pytest.approx(law.mean, abs=1e-6 * width)
    assert x.var() == pytest.approx(law.variance, abs=2e-6 * width**2)
    assert law.support[0] <= x.min() <= x.max() <= law.support[1]


@pytest.mark.parametrize("name", continuous)
def test_samples_have_the_distribution_function(name):
    law = laws[name]
    x = law.draw(generator(name), (100, 50))
    assert x.shape == (100, 50)
    assert stats.ks_1samp(x.ravel(), law.cdf, method="exact").pvalue > FALSE_ALARM
    # The check has power: a shift by a tenth of the distance between the quartiles is seen in 5000 values.
    off = 0.1 * (law.quantile_at(0.75) - law.quantile_at(0.25))
    assert stats.ks_1samp(x.ravel() + off, law.cdf, method="exact").pvalue < FALSE_ALARM


@pytest.mark.parametrize("name", discrete)
def test_samples_have_the_probabilities(name):
    law = laws[name]
    x = law.draw(generator(name), (100, 200)).ravel()
    points = np.unique(law.quantile((np.arange(10**5) + 0.5) / 10**5))
    assert set(np.unique(x)) <= set(points)
    below = np.concatenate([[0.0], law.cdf(points)])
    for point, chance in zip(points, np.diff(below), strict=True):
        count = int((x == point).sum())
        assert stats.binomtest(count, x.size, chance).pvalue > FALSE_ALARM / points.size


@pytest.mark.parametrize("name", laws)
def test_the_quantile_function_inverts_the_distribution_function(name):
    law = laws[name]
    p = np.array([0.0011, 0.1001, 0.3, 0.5, 0.77, 0.9, 0.99])
    q = law.quantile(p)
    # F(q-) <= p <= F(q), up to a few roundings.
    assert np.all(law.cdf(q) >= p - 1e-12)
    assert np.all(law.cdf(np.nextafter(q, -np.inf) - 1e-6 * (law.quantile_at(0.9999) - q + 1.0)) <= p)
    if law.continuous:
        np.testing.assert_allclose(law.cdf(q), p, rtol=1e-12)


def test_the_bent_law_is_at_its_distance_from_the_uniform_one():
    law = bent(0.07)
    x = np.linspace(0.0, 1.0, 1001)
    distance = np.abs(law.cdf(x) - uniform().cdf(x))
    assert distance.max() == pytest.approx(0.07)
    assert x[distance.argmax()] == 0.5


@pytest.mark.parametrize("name", laws)
def test_laws_can_be_sent_to_another_process(name):
    law = laws[name]
    copy = pickle.loads(pickle.dumps(law))
    assert copy.identity == law.identity
    np.testing.assert_array_equal(copy.draw(generator("p"), (2, 3)), law.draw(generator("p"), (2, 3)))


def test_laws_of_one_stream_are_coupled():
    true, moved = lognormal(2.0), lognormal(2.0).shifted(3.0)
    assert true.stream == moved.stream
    np.testing.assert_array_equal(moved.draw(generator("c"), (2, 5)), true.draw(generator("c"), (2, 5)) + 3.0)
    # Names are rounded, identities are not.
    assert true.shifted(1.0).identity != true.shifted(1.0 + 1e-12).identity
    assert true.shifted(1.0).name == true.shifted(1.0 + 1e-12).name


def test_impossible_laws_are_refused():
    with pytest.raises(SpecificationError, match="index above 2"):
        pareto(2.0)
    with pytest.raises(SpecificationError, match="between 0 and 1/2"):
        bent(0.5)
    with pytest.raises(SpecificationError, match="positive and finite"):
        uniform().scaled(0.0)
