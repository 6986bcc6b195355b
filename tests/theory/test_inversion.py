"""Inversion of increasing functions against closed forms, at jumps and at flat stretches."""

import numpy as np
from scipy.special import ndtr, ndtri

from theory_check.theory.inversion import crossing


def between(increasing, level, low, high):
    level = np.array(level)
    return crossing(increasing, level, np.full(level.shape, low), np.full(level.shape, high))


def test_a_smooth_function_is_inverted_to_rounding():
    level = np.linspace(0.001, 0.999, 500)
    found = between(ndtr, level, -8.0, 8.0)
    # Rounding of the probabilities, 1e-16, over the density, at least 3e-3; the bracket is closed at 4e-15 of its ends.
    np.testing.assert_allclose(found, ndtri(level), rtol=0, atol=1e-13)
    assert np.all(ndtr(found) >= level)


def test_few_evaluations_suffice():
    asked = []

    def counted(x):
        asked.append(x.size)
        return ndtr(x)

    between(counted, np.linspace(0.01, 0.99, 200), -8.0, 8.0)
    # 60 bisections of all levels would ask 12000 times.
    assert sum(asked) < 4000


def test_a_jump_is_found():
    found = between(lambda x: np.where(x < 0.3, 0.1 * x, 0.5 + 0.1 * x), [0.2, 0.4], -1.0, 1.0)
    np.testing.assert_allclose(found, 0.3, rtol=0, atol=1e-13)


def test_levels_that_are_reached_at_once_or_never():
    found = between(ndtr, [0.0, 1.0 + 1e-9], -2.0, 3.0)
    assert found.tolist() == [-2.0, 3.0]
