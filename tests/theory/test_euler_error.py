"""The recursion of two networks of infinite width along one path of weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from one_layer_laws import a_branch

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.path_laws import PathLaw
from theory_check.theory.euler_error import (
    wide_displacement,
    wide_displacement_slope,
    wide_error_slope,
    wide_euler_error,
)
from theory_check.theory.orders import mean_square_error, rough_path_order, tied_wide_error

LINEAR = a_branch("linear")


def tied(lags):
    return np.ones_like(lags)


@pytest.mark.parametrize(("coarse", "fine"), [(1, 2), (4, 8), (3, 12), (64, 128)])
def test_tied_weights_have_the_known_error(coarse, fine):
    # Squared errors of 1e-5 left of three numbers near 2: 1e-16 * 2 / 1e-5 relative, and a few roundings a layer.
    assert wide_euler_error(LINEAR, tied, coarse, fine) == pytest.approx(tied_wide_error(coarse, fine), rel=1e-8)


@pytest.mark.parametrize("name", ["linear", "res-1", "res-3"])
def test_two_layers_by_hand(name):
    """Depths 1 and 2: h_1 = h_0 + V_0 g, h'_2 = h_0 + V_0 g / 2 + V_1 g' / 2."""
    rho, branch = 0.6, a_branch(name)

    def arc(r):
        return (math.sqrt(1 - r * r) + r * (math.pi / 2 + math.asin(r))) / math.pi

    def pairing(overlap, first, second, correlation):
        if name == "linear":
            return overlap
        r = overlap / math.sqrt(first * second) * (correlation if name == "res-3" else 1.0)
        return 0.5 * math.sqrt(first * second) * arc(r)

    kappa = branch.activation.second_moment
    middle = 1 + kappa / 4  # ||h'_1||^2, and <h'_1, h_0> = 1
    cross = rho * pairing(1.0, 1.0, middle, rho)
    coarse = 1 + kappa
    fine = middle + kappa * middle / 4 + 2 * cross / 4
    overlap = 1 + kappa / 2 + cross / 2
    expected = math.sqrt(coarse - 2 * overlap + fine)
    found = wide_euler_error(branch, lambda lags: np.where(np.abs(lags) > 0.0, rho, 1.0), 1, 2)
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_network_is_at_no_distance_from_itself():
    # A root of what rounding leaves of three numbers near 2.
    assert wide_euler_error(a_branch("res-3"), PathLaw.parse("ou").correlation, 8, 8) < 1e-7


def test_paths_without_memory_have_the_error_of_brownian_motion():
    """Correlation 0 between layers: a = 1/L on both, so (1 + 1/N^2)^N and (1 + 1/L^2)^L with an overlap of 1/(L N)."""
    coarse, fine = 4, 8
    found = wide_euler_error(LINEAR, lambda lags: (np.abs(lags) < 1e-12).astype(float), coarse, fine)
    # Only weights at common times are shared: every layer of the coarse one with one of the fine one.
    squares = (1 + coarse**-2) ** coarse - 2 * (1 + 1 / (coarse * fine)) ** coarse + (1 + fine**-2) ** fine
    assert found == pytest.approx(math.sqrt(squares), rel=1e-10)
    assert found**2 > mean_square_error(coarse, fine) / fine


@pytest.mark.parametrize("path", ["smooth:length=0.5", "ou", "matern:nu=0.25,length=0.5"])
def test_slopes_tend_to_the_order_of_the_path(path):
    law = PathLaw.parse(path)
    order = rough_path_order(law.smoothness)
    far = [abs(wide_error_slope(LINEAR, law.correlation, (n, 2 * n)) + order) for n in (8, 32, 128)]
    assert far[2] < far[0] < 0.05
    assert far[2] < 0.01


def test_the_regimes_of_smooth_weights():
    correlation = PathLaw.parse("smooth:length=0.1").correlation
    for beta in (1.25, 1.5, 2.0):
        # The second term is of relative order T^2 = L^(2 - 2 beta), with a constant below 1/10.
        slope = wide_displacement_slope(LINEAR, correlation, beta, 256, 1024)
        assert slope == pytest.approx(1.0 - beta, abs=0.1 * 256 ** (2.0 - 2.0 * beta) + 1e-4)
    assert wide_displacement_slope(LINEAR, correlation, 1.0, 256, 1024) == pytest.approx(0.0, abs=1e-3)
    deep = [wide_displacement(LINEAR, correlation, 0.5, depth) for depth in (256, 1024)]
    # log E D grows like sqrt(L), and like 2 sqrt(L) were the weights tied.
    assert 1.6 < deep[1] / deep[0] < 2.4
    assert deep[1] < 2.0 * math.sqrt(1024.0)


def test_what_is_not_covered_is_refused():
    with pytest.raises(SpecificationError, match="must divide"):
        wide_euler_error(LINEAR, tied, 3, 8)
    with pytest.raises(SpecificationError, match="needs a linear branch or ReLU, not res-3 leaky"):
        wide_euler_error(a_branch("res-3", 0.5), tied, 2, 4)
