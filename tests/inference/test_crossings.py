"""Crossings of curves, and the evidence of signs on where the median of a decreasing quantity is zero."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.inference.crossings import OUTSIDE, crossing_log_p, last_crossings

BETAS = (0.4, 0.5, 0.6, 0.7)
GRID = (0.44, 0.47, 0.48, 0.52, 0.53, 0.56)


def test_a_row_crosses_where_it_is_zero_for_the_last_time():
    values = np.array([
        [2.0, 1.0, -1.0, -2.0],  # halfway
        [3.0, 3.0, 3.0, -1.0],  # at three quarters of the last step
        [1.0, -1.0, 1.0, -1.0],  # twice: the last one counts
        [1.0, 0.0, -1.0, -1.0],  # zero is not positive
        [1.0, 1.0, 1.0, 1.0],
        [-1.0, -1.0, -1.0, -1.0],
        [1.0, -np.inf, -np.inf, -np.inf],  # a network that did not move at all
    ])  # fmt: skip
    expected = [0.55, 0.675, 0.65, 0.5, OUTSIDE, -OUTSIDE, 0.4]
    assert last_crossings(np.array(BETAS), values) == pytest.approx(expected)


def test_p_values_of_a_true_exponent_are_at_most_uniform():
    rng = np.random.Generator(np.random.Philox(6))
    # Normal values whose mean at beta is 10 (0.47 - beta).
    samples = (rng.standard_normal((101, len(GRID))) + 10.0 * (0.47 - np.array(GRID)) for _ in range(400))
    log_p = [crossing_log_p(GRID, values, [0.47])[0][0] for values in samples]
    for level in (0.01, 0.1, 0.3):
        assert np.sum(np.array(log_p) <= math.log(level)) <= stats.binom.isf(1e-6, 400, level)
