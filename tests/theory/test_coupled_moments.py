from __future__ import annotations

import itertools

import numpy as np
import pytest
from one_layer_laws import a_layer

from theory_check.foundation.errors import SpecificationError
from theory_check.theory.coupled_moments import coupled_moments
from theory_check.theory.moments import mean_displacement, norm_ratio_moment, norm_ratio_variance
from theory_check.theory.orders import mean_square_error

PAIRS = [(1, 2), (2, 4), (3, 12), (16, 512)]
each_pair = pytest.mark.parametrize(("coarse", "fine"), PAIRS)
each_width = pytest.mark.parametrize("width", [1, 2, 10])


@each_pair
@each_width
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_known_moments(coarse, fine, width, gain):
    found = coupled_moments(width, coarse, fine, gain=gain)
    error = mean_square_error(coarse, fine, gain=gain)
    # Sums of positive terms, about 1e-16 a step of the largest moment; differences of them lose the digits in common.
    assert found.squared_error[0] == pytest.approx(error, abs=1e-12)
    assert found.norm_ratio_difference[0] == pytest.approx(error, abs=1e-12)
    # <y - x, h>: rows 0, 1 and 3 are x, y and h.
    mean, square = found.mean[1, 3] - found.mean[0, 3], found.second[:2, 3, :2, 3]
    assert mean == pytest.approx(0.0, abs=1e-12)
    # The difference is isotropic given the past: a coordinate has 1/width of its square.
    assert square[1, 1] - 2 * square[0, 1] + square[0, 0] == pytest.approx(error / width, abs=1e-12)
    multiplier, scaling = a_layer(width, gain=gain), coarse**-0.5
    mean, variance = found.mean[0, 0], found.second[0, 0, 0, 0] - found.mean[0, 0] ** 2
    assert mean == pytest.approx(norm_ratio_moment(multiplier, scaling, coarse), rel=1e-12)
    assert variance == pytest.approx(norm_ratio_variance(multiplier, scaling, coarse), rel=1e-11)
    overlap = found.second[0, 3, 0, 3]
    assert overlap == pytest.approx(1 + mean_displacement(multiplier, scaling, coarse) / width, rel=1e-12)


@pytest.mark.parametrize("width", [1, 3, 7])
def test_one_coarse_step_by_hand(width):
    """N = 1 against 2: the squared error is |V_2 V_1 h|^2 / 4, a product of two chi-squares over 4 d^2."""
    mean, variance = coupled_moments(width, 1, 2).squared_error
    assert mean == pytest.approx(1 / 4, rel=1e-13)
    assert variance == pytest.approx(((1 + 2 / width) ** 2 - 1) / 16, rel=1e-12)


def test_all_moments_of_width_one_by_enumeration():
    """At width 1 weights are numbers: moments up to the fourth are those of the three-point law on 0 and +-sqrt 3.

    Its moments agree with the normal ones up to the fifth, and no weight enters a fourth-degree polynomial of the
    states more often than four times.
    """
    points, chances = np.array([-np.sqrt(3), 0, np.sqrt(3)]), np.array([1 / 6, 2 / 3, 1 / 6])
    mean, second = np.zeros((4, 4)), np.zeros((4, 4, 4, 4))
    for drawn in itertools.product(range(3), repeat=4):
        weights = points[list(drawn)] * 0.5
        x = (1 + weights[0] + weights[1]) * (1 + weights[2] + weights[3])
        held, y = 1 + weights[0] + weights[1], np.prod(1 + weights)
        vectors = np.array([x, y, held, 1.0])
        gram, chance = np.outer(vectors, vectors), np.prod(chances[list(drawn)])
        mean += chance * gram
        second += chance * np.multiply.outer(gram, gram)
    found = coupled_moments(1, 2, 4)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-13)
    np.testing.assert_allclose(found.second, second, rtol=1e-13)


def test_depths_must_divide():
    with pytest.raises(SpecificationError, match="multiple of the coarse depth 2"):
        coupled_moments(3, 2, 5)
