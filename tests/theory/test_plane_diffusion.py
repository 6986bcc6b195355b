"""The limit law of two coordinates against halving, the mean of an exact equation, one coordinate, and networks."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.experiments.spelling import network
from theory_check.foundation.laws import Normal
from theory_check.inference.intervals import kolmogorov_interval
from theory_check.simulation.runner import simulate
from theory_check.theory.plane_diffusion import ERROR, plane_diffusion_law
from theory_check.theory.scalar_diffusion import tanh_diffusion_law

GRID = np.linspace(-6.0, 3.0, 400)


def distance(first, second):
    return float(np.max(np.abs(first.cdf(GRID) - second.cdf(GRID))))


def test_the_error_is_found_by_halving():
    law, coarse = plane_diffusion_law(1.0), plane_diffusion_law(1.0, spacing=0.1)
    # An error of order delta^2 is a third of the difference.
    assert distance(law, coarse) / 3.0 <= ERROR
    assert distance(law, Normal(0.0, 2.0)) > 50.0 * ERROR
    assert distance(law, plane_diffusion_law(1.0, shared=False)) > 40.0 * ERROR


def test_own_noises_make_two_coordinates_of_width_1():
    """Of H_1 and H_2 independent, log((H_1^2 + H_2^2)/2) by quantiles of the law at width 1, which no lattice made."""
    one = tanh_diffusion_law(1.0)
    squares = np.exp(one.quantile((np.arange(2000) + 0.5) / 2000))
    sums = np.sort(np.log((squares[:, None] + squares) / 2.0).ravel())
    # The quantiles of the small squares, of which there are few, are steps of 1/2000.
    assert (
        np.max(np.abs(np.searchsorted(sums, GRID) / sums.size - plane_diffusion_law(1.0, shared=False).cdf(GRID)))
        < 2e-3
    )


@pytest.mark.parametrize("depth", [64])
def test_networks_tend_to_it(depth):
    deep = network("res-1", activation="tanh", width=2, depth=depth, input="ones", kernel="dense")
    values = simulate(deep, 20_000, 20261126).column("log_norm_ratio")
    # The distance at depth 16 is 0.005, and of order 1/L; the radius of the interval is 0.02.
    assert kolmogorov_interval(values, plane_diffusion_law(1.0).cdf, alpha=1e-6).lower <= 0.0013 + ERROR
    for wrong in (Normal(0.0, 2.0), plane_diffusion_law(1.0, shared=False)):
        assert kolmogorov_interval(values, wrong.cdf, alpha=1e-6).lower > 0.0013 + ERROR
