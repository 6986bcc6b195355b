"""Moments of linear layers with orthogonal weights, by quadrature and with matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.foundation.errors import NumericalOverflowError
from theory_check.inference.intervals import mean_interval
from theory_check.theory.orthogonal_layers import orthogonal_norm_ratio_moment


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
def test_moments_of_orthogonal_layers_by_quadrature(order):
    """A coordinate of a uniform unit vector is +-1 at width 1, a cosine at width 2, uniform at width 3."""
    angles = (np.arange(64) + 0.5) * math.pi / 64
    nodes, weights = np.polynomial.legendre.leggauss(16)
    for width, values, probabilities in (
        (1, np.array([-1.0, 1.0]), np.full(2, 0.5)),
        (2, np.cos(angles), np.full(64, 1.0 / 64)),
        (3, nodes, 0.5 * weights),
    ):
        layer = probabilities @ (1.0 + 0.7**2 + 2.0 * 0.7 * values) ** order
        found = orthogonal_norm_ratio_moment(width, 0.7, 3, order)
        assert found == pytest.approx(layer**3, rel=1e-13)  # rounding of sums of 64 numbers below 5, cubed


def test_moments_of_orthogonal_layers_at_the_edges():
    assert orthogonal_norm_ratio_moment(5, 0.0, 7, 4) == 1.0
    # Rounding of the logarithm, 553, by which a power is multiplied.
    assert orthogonal_norm_ratio_moment(3, 1e60, 1, 2) == pytest.approx(1e240, rel=553 * 2.0**-51)
    with pytest.raises(NumericalOverflowError):
        orthogonal_norm_ratio_moment(3, 1e200, 2, 4)


@pytest.mark.statistical
def test_orthogonal_matrices_have_these_moments_and_not_the_gaussian_ones(evidence):
    width, count = 5, 20_000
    matrices = stats.ortho_group.rvs(width, size=count, random_state=np.random.default_rng(evidence.seed))
    ratio = np.sum((np.eye(width)[0] + matrices[:, :, 0]) ** 2, axis=1)
    target = orthogonal_norm_ratio_moment(width, 1.0, 1, 2)
    fourth = orthogonal_norm_ratio_moment(width, 1.0, 1, 4)
    interval = mean_interval(ratio**2, variance_bound=fourth - target**2, alpha=evidence.level)
    # Half of the excess of Gaussian entries, 2 a^4/d.
    evidence.supports(interval, target=(target, target), margin=0.2)
    assert target + 2.0 / width > interval.upper
