"""Laws as values: inverse functions, densities, and the distance of a tilted law."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.laws import Mirrored, Normal, ScaledChiSquare, Tilted, law_distance, left_limits

LAWS = [
    (Normal(0.3, 2.0), stats.norm(0.3, np.sqrt(2.0))),
    (ScaledChiSquare(5, 0.7), stats.gamma(2.5, scale=2 * 0.7 / 5)),
    (ScaledChiSquare(4, 3.0, root=True), stats.nakagami(2.0, scale=np.sqrt(3.0))),
]


@pytest.mark.parametrize(("law", "reference"), LAWS)
def test_laws_agree_with_scipy(law, reference):
    p = np.linspace(0.001, 0.999, 101)
    x = reference.ppf(p)
    # 1e-12: both sides are a few roundings away from the same special functions.
    np.testing.assert_allclose(law.cdf(x), p, rtol=1e-12)
    # The normal quantile passes through 0, where only the absolute rounding of its terms, below 1e-15, is left.
    np.testing.assert_allclose(law.quantile(p), x, rtol=1e-12, atol=1e-14)
    # Both exponentiate a sum of logarithms, here below 30, each rounded to 2e-16 of itself.
    np.testing.assert_allclose(law.density(x), reference.pdf(x), rtol=1e-12)


@given(st.floats(-0.25, 0.25), st.sampled_from([law for law, _ in LAWS]))
def test_a_tilted_law_is_a_law_at_the_stated_distance(distance, law):
    tilted = Tilted(law, distance)
    p = np.linspace(0.0, 1.0, 2001)[1:-1]
    x = law.quantile(p)
    assert np.all(np.diff(tilted.cdf(x)) >= 0.0)
    # p = 1/2, where the tilt is largest, is on the grid; the rest is rounding.
    assert np.max(np.abs(tilted.cdf(x) - law.cdf(x))) == pytest.approx(abs(distance), abs=1e-12)
    # The quantile loses digits where the tilted function is flat, which is where its own function forgives them.
    np.testing.assert_allclose(tilted.cdf(tilted.quantile(p)), p, rtol=0.0, atol=1e-12)


def test_a_tilt_that_leaves_the_unit_interval_is_refused():
    with pytest.raises(SpecificationError, match=r"at most 0\.25"):
        Tilted(Normal(0.0, 1.0), 0.3)


def test_a_mirrored_law_is_that_of_the_negative():
    law, reference = Mirrored(ScaledChiSquare(5, 0.7)), stats.gamma(2.5, scale=2 * 0.7 / 5)
    x = np.linspace(-3.0, 0.5, 50)
    # 1e-12: a few roundings of the same special functions and one difference from 1.
    np.testing.assert_allclose(law.cdf(x), reference.sf(-x), rtol=0.0, atol=1e-12)
    np.testing.assert_allclose(law.quantile(law.cdf(x[:40])), x[:40], rtol=1e-9)


class Scipy:
    """A law of SciPy, times a unit."""

    def __init__(self, law, unit=1.0):
        self.law, self.unit = law, unit

    def cdf(self, x):
        return self.law.cdf(np.asarray(x) / self.unit)

    def quantile(self, p):
        return self.law.ppf(p) * self.unit


@pytest.mark.parametrize("unit", [1.0, 0.1, 1e-200, 1e200])
def test_left_limits_see_atoms_and_nothing_else(unit):
    lattice = Scipy(stats.poisson(3.0), unit)
    k = np.arange(20)
    # 0.1 k / 0.1 is not k for every k: the step below is wider than such roundings.
    # Jumps below 1e-9 are none.
    expected = np.append(0.0, stats.poisson(3.0).cdf(k[:-1]))
    np.testing.assert_allclose(left_limits(lattice.cdf, k * unit), expected, rtol=0.0, atol=1e-9)
    smooth = Scipy(stats.norm(2.0, 3.0), unit)
    values = np.linspace(-5.0, 5.0, 41) * unit
    assert left_limits(smooth.cdf, values).tolist() == smooth.cdf(values).tolist()


@pytest.mark.parametrize("distance", [-0.2, 0.05, 0.2])
@pytest.mark.parametrize(
    "law", [stats.poisson(3.0), stats.bernoulli(0.5), stats.binom(3, 0.3)], ids=["poisson", "coin", "binomial"]
)
def test_a_tilted_law_with_atoms_is_at_the_stated_distance(law, distance):
    tilted = Tilted(Scipy(law), distance)
    x = np.arange(-1, 30)
    probabilities = np.diff(tilted.cdf(x))
    assert np.all(probabilities >= 0.0)
    assert np.max(np.abs(tilted.cdf(x) - law.cdf(x))) == pytest.approx(abs(distance), abs=1e-12)
    assert law_distance(Scipy(law), tilted) == pytest.approx(abs(distance), abs=1e-12)


def test_a_tilt_is_smaller_where_the_law_leaves_out_the_middle():
    # F takes 0, 0.9 and 1: 4 F (1 - F) is 0.36 at most.
    rare = Scipy(stats.bernoulli(0.1))
    assert law_distance(rare, Tilted(rare, 0.08)) == pytest.approx(0.08, abs=1e-12)
    with pytest.raises(SpecificationError, match=r"at most 0\.09,"):
        Tilted(rare, 0.1)


def test_the_mirror_of_a_law_with_atoms_has_its_atoms_at_the_negative():
    law = Mirrored(Scipy(stats.bernoulli(0.3)))
    np.testing.assert_allclose(law.cdf([-1.5, -1.0, -0.5, 0.0]), [0.0, 0.3, 0.3, 1.0], atol=1e-12)
