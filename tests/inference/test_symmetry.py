"""The test of symmetry: its level for laws of every kind, ties and no moments, and what it sees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.inference import symmetry_test

#: Symmetric laws: light, heavy, with ties, with an atom at 0, and all of one size.
LAWS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "rounded": lambda rng, shape: np.round(3.0 * rng.standard_normal(shape)),
    "sparse": lambda rng, shape: rng.choice([-1.0, 0.0, 1.0], shape, p=[0.1, 0.8, 0.1]),
    "signs": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
}


@pytest.mark.parametrize("law", LAWS)
def test_a_symmetric_law_is_rarely_called_asymmetric(law):
    rng, runs = np.random.default_rng(20261126), 2000
    samples = LAWS[law](rng, (runs, 120))
    p_values = np.array([symmetry_test(sample).p_value for sample in samples])
    for alpha in (0.01, 0.1):
        # Exact binomial at level 1e-6 about a rate of alpha.
        assert np.sum(p_values <= alpha) <= stats.binom.isf(1e-6, runs, alpha)


def test_the_level_is_exact_enumeration_for_five_signs():
    sizes = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 5)).reshape(5, -1).T
    p_values = np.array([symmetry_test(row * sizes).p_value for row in signs])
    for alpha in np.unique(p_values):
        assert np.mean(p_values <= alpha) <= alpha


def test_a_law_without_a_third_moment_of_its_own_is_seen_to_be_asymmetric():
    # Mean and third moment 0, variance 2.
    values, masses = [2.0, -1.0, -3.0, 1.0], [0.2, 0.5, 0.05, 0.25]
    for power, expected in ((1, 0.0), (2, 2.0), (3, 0.0)):
        assert math.isclose(np.dot(masses, np.power(values, power)), expected, abs_tol=1e-12)
    sample = np.random.default_rng(1).choice(values, 2**12, p=masses)
    assert symmetry_test(sample).p_value < 1e-9


def test_zeros_say_nothing():
    assert symmetry_test(np.zeros(20)).p_value == 1.0
    ones = np.concatenate([np.ones(12), np.zeros(50)])
    assert symmetry_test(ones).p_value == pytest.approx(4.0 * 2.0**-12)
