"""Networks along one smooth path: the bounds at the critical scaling, and width 1."""

from __future__ import annotations

import math

import numpy as np
import pytest
from one_layer_laws import a_branch

from theory_check.networks.path_laws import PathLaw
from theory_check.theory.smooth_paths import displacement_bounds, scalar_explosion

PATH = PathLaw.parse("smooth:length=0.1")
LINEAR, RES_3 = a_branch("linear"), a_branch("res-3")


def test_bounds_at_the_critical_exponent_hold_for_tied_matrices_too():
    """The upper bound is proved for every covariance along the layers; norms of matrices show how far off it is."""
    low, high = displacement_bounds(LINEAR, PATH.correlation, 12, 64)
    assert 0.0 < low < 1.0 < high
    rng = np.random.Generator(np.random.Philox(5))
    norms = np.linalg.norm(rng.standard_normal((2000, 12, 12)) / math.sqrt(12.0), 2, axis=(1, 2))
    # At most 1/40 of the means of norms exceed it: of 2000, fewer than 84 with probability 1 - 1e-6.
    assert np.sum(np.expm1(norms) ** 2 > high) < 84
    assert displacement_bounds(RES_3, PATH.correlation, 12, 64)[1] > high


def test_bounds_that_are_left_less_often_are_wider():
    often, rarely = (displacement_bounds(LINEAR, PATH.correlation, 12, 64, miss=miss) for miss in (0.1, 0.01))
    assert rarely[0] < often[0] < often[1] < rarely[1]


def test_explosion_at_width_one_is_a_matter_of_sign():
    """Paths of one entry by themselves, without the networks: prod (1 + a V_k) >= 3."""
    depth, runs = 256, 20000
    functions = PATH.grid_functions(depth)
    rng = np.random.Generator(np.random.Philox(6))
    paths = rng.standard_normal((runs, len(functions))) @ functions
    ratio = np.prod(1.0 + paths / math.sqrt(depth), axis=1)
    found = np.mean((ratio - 1.0) ** 2 >= 4.0)
    explosion = [scalar_explosion(PATH.correlation, n, 0.5, 4.0) for n in (depth, 2**8, 2**12)]
    # Five standard errors of a proportion, and the omitted terms of order 1/L with a constant of one.
    assert found == pytest.approx(explosion[0], abs=5.0 * 0.5 / math.sqrt(runs) + 1.0 / depth)
    assert abs(explosion[2] - 0.5) < abs(explosion[1] - 0.5)
