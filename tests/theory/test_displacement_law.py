"""The first order of the law of D: its moments against the exact ones, enumeration, and the size of what is left."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from one_layer_laws import a_layer
from scipy import integrate, stats

from theory_check.theory import moments
from theory_check.theory.displacement_law import DisplacementLaw, first_order_displacement


def moment(law, n):
    """E X^n of a law on the positive numbers."""
    return integrate.quad(lambda z: n * z ** (n - 1) * (1.0 - law.cdf(z)), 0.0, 40.0, epsabs=1e-12, limit=200)[0]


@pytest.mark.parametrize(("branch", "width"), [("linear", 1), ("linear", 4), ("res-3", 4), ("res-3", 20)])
def test_the_first_two_moments_are_exact_to_first_order(branch, width):
    multiplier, depth = a_layer(width, branch), 400
    a = math.sqrt(0.004 / depth / multiplier.kappa)
    law = first_order_displacement(multiplier, 0.0, a, depth)
    mean = moments.mean_displacement(multiplier, a, depth)
    square = moments.displacement_variance(multiplier, a, depth) + mean**2
    limit = moment(law.limit, 2)
    # The first order moves them by 0.002 and about 0.01; the next by S^2 / 6 = 3e-6 of the first, and by less than 100
    # S^2 = 1.6e-3 of the second at width 1, 12 S^2 from width 4 on.
    assert moment(law, 1) == pytest.approx(mean / law.time, abs=1e-5)
    assert moment(law, 2) == pytest.approx(square / law.time**2, rel=1.5e-3 if width == 1 else 2e-4)
    assert abs(square / law.time**2 / limit - 1.0) > 4e-3
    if branch == "res-3":
        still = DisplacementLaw(width, law.time, 0.0)
        assert abs(moment(still, 2) - square / law.time**2) > 3.0 * abs(moment(law, 2) - square / law.time**2)


def test_the_third_moment_is_exact_to_first_order_in_one_dimension():
    """D = (prod (1 + a z_k) - 1)^2, so that E D^3 is a sum of powers of the moments of one factor."""
    depth, time = 400, Fraction(1, 1000)
    square = time / depth
    factors = [sum(math.comb(n, 2 * i) * square**i * math.prod(range(1, 2 * i, 2)) for i in range(4)) for n in range(7)]
    third = float(sum((-1) ** n * math.comb(6, n) * factors[n] ** depth for n in range(7)) / time**3)
    law = first_order_displacement(a_layer(1), 0.0, math.sqrt(square), depth)
    # The first order moves 15 by 0.3525, of which 0.09 by the third power of the generator; the next by 0.0004.
    # The number has four digits.
    assert third == pytest.approx(15.3529, abs=5e-5)
    assert moment(law, 3) == pytest.approx(third, abs=1e-3)


@pytest.mark.parametrize("branch", ["linear", "res-3"])
def test_the_spread_of_one_layer_of_random_signs_by_enumeration(branch):
    """One layer has D = a^2 r: its second moment, over the directions of the plane, is all in the spread."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=4))).reshape(-1, 2, 2) / math.sqrt(2.0)
    squares = []
    for angle in 2.0 * math.pi * (np.arange(24) + 0.5) / 24:
        e = np.array([math.cos(angle), math.sin(angle)])
        hidden = [e] if branch == "linear" else [np.maximum(w @ e, 0.0) for w in signs]
        squares.append([np.sum((v @ g) ** 2) ** 2 for g in hidden for v in signs])
    multiplier = a_layer(2, branch)
    spread = first_order_displacement(multiplier, -2.0, 1.0, 1).spread
    # E X^2 = 1 + 2/d at width 2, times 1 + v.
    assert 2.0 * (1.0 + spread) == pytest.approx(np.mean(squares) / multiplier.kappa**2, rel=1e-12)
    assert first_order_displacement(multiplier, 0.0, 1.0, 1).spread > spread + 0.2


def test_quantiles_invert_the_distribution_function():
    law = DisplacementLaw(20, 0.02, 0.01)
    p = np.linspace(0.01, 0.99, 50)
    assert law.cdf(law.quantile(p)) == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize(("width", "spread"), [(4, 0.02), (20, 0.00125), (400, 0.0004)])
def test_a_random_clock_has_the_law_within_its_error(width, spread):
    """A clock of mean 1 and variance v, a gamma variable, times chi2_d / d, by quadrature."""
    law = DisplacementLaw(width, 0.0, spread)
    z = law.limit.quantile(np.linspace(0.001, 0.999, 200))
    clock = stats.gamma(1.0 / spread, scale=spread).ppf((np.arange(2000) + 0.5) / 2000)
    left = np.max(np.abs(np.mean(law.limit.cdf(z[:, None] / clock), axis=1) - law.cdf(z)))
    # 2,000 points of the clock miss a thousandth of its variance.
    assert left <= law.error + 1e-3 * np.max(np.abs(law.cdf(z) - law.limit.cdf(z)))
    assert left >= 0.1 * law.error
