"""Two inputs through a res-3 ReLU network: the law E13 of their cosine, one step at finite width, and the flow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy_twins import LANES, key_of
from scipy import integrate

from theory_check.experiments.cell import Cell
from theory_check.inference.intervals import mean_interval, quantile_interval
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.passes.gram import GramPasses
from theory_check.simulation.runner import simulate

SEED_OF_LAWS = 391
KEY = key_of(SEED_OF_LAWS)

# Error probability of every statistical check; there are fewer than 30.
LEVEL = 1e-9

WIDTH = 8
STEP = 0.02
REPLICATES = 2**20


def arc(c):
    """2 E relu(u) relu(v) for standard normal u, v of correlation c."""
    return (math.sqrt(1 - c * c) + c * (math.pi / 2 + math.asin(c))) / math.pi


def drift(c, width):
    """E13: drift of the cosine per unit of a^2."""
    return (width * (arc(c) - c) + c + c * c * arc(c) - 2 * arc(c)) / (2 * width)


def variance(c, width):
    """E13: squared diffusion coefficient."""
    return 2 * (1 - c * c) * (1 - c * arc(c)) / (2 * width)


def test_arc_is_the_moment_of_two_rectified_normals():
    for c in (-0.7, 0.0, 0.6):
        # By polar coordinates: u = r cos t, v = r cos(t - acos c); E r^2 = 2.
        angle = math.acos(c)
        value, error = integrate.quad(
            lambda t, angle=angle: max(math.cos(t), 0.0) * max(math.cos(t - angle), 0.0), -math.pi, math.pi,
            points=[-math.pi / 2, angle - math.pi / 2, math.pi / 2],
        )  # fmt: skip
        assert abs(2 * 2 * value / (2 * math.pi) - arc(c)) <= 1e-9 + error


def one_layer(cosine):
    """Cosines after one layer with factor +STEP and with -STEP, the same weights."""
    network = Network(Branch("res-3"), WIDTH, 1, Scaling.constant(STEP))
    observed = Input("correlated", 2, cosine)
    cell = Cell(network=network, weights=Weights(), input=observed, kernel="reduced")
    ends = []
    for block in range(REPLICATES // LANES):
        start = Boundary(cell, KEY, block * LANES).hidden()
        passes, pair = GramPasses(cell, KEY, block * LANES), []
        for factor in (STEP, -STEP):
            hidden = start.copy()
            passes.forward(0, np.array([factor]), hidden, np.zeros((2, LANES), np.int64), passes.storage(0))
            inner, first, second = (np.sum(hidden[i] * hidden[j], axis=0) for i, j in ((0, 1), (0, 0), (1, 1)))
            pair.append(inner / np.sqrt(first * second))
        ends.append(pair)
    return np.moveaxis(np.array(ends), 1, 0).reshape(2, -1)


@pytest.mark.parametrize("cosine", [-0.5, 0.6])
def test_one_step_has_the_drift_and_the_variance_of_the_diffusion(cosine):
    """E13 at finite width, d = 8. The mean over both signs of the step has no term of order a: noise of order a^2.

    Bounds on second moments. The cosine of u + e x and v + e y has a second derivative in e of at most 2.31 (|x|^2 +
    |y|^2) + 2 |x| |y| <= 3.31 (|x|^2 + |y|^2) for unit u, v: half of it is the drift, with second moment at most 2.74
    E (|x|^2 + |y|^2)^2 <= 11 E |x|^4; the first derivative is at most |x| + |y|, its fourth moment 16 E |x|^4. Here
    x = V g / ||h||, E |x|^4 = (1 + 2/d) (1 + 5/d) / 4 = 0.51, so the variances are below 6 and 9 (with a tenth for
    the dependence on a).
    """
    ahead, behind = one_layer(cosine)
    found = mean_interval(((ahead + behind) / 2 - cosine) / STEP**2, variance_bound=6.0, alpha=LEVEL)
    squared = mean_interval(((ahead - behind) / (2 * STEP)) ** 2, variance_bound=9.0, alpha=LEVEL)
    # Fourth order: a^2 times moments of order 10.
    slack = 10 * STEP**2
    assert not found.disjoint(drift(cosine, WIDTH) - slack, drift(cosine, WIDTH) + slack)
    assert not squared.disjoint(variance(cosine, WIDTH) - slack, variance(cosine, WIDTH) + slack)
    # Half widths 0.0155 and 0.019. The drift of infinite width, and the noise without the branch cosine arc(c).
    assert abs(found.upper - found.lower) <= 0.04
    wrong = (arc(cosine) - cosine) / 2
    assert found.disjoint(wrong - slack, wrong + slack)
    for factor in (0.5, 2.0):
        assert squared.disjoint(factor * variance(cosine, WIDTH) - slack, factor * variance(cosine, WIDTH) + slack)


def flow(cosine, times):
    """E13 at infinite width: dc/dt = (arc(c) - c)/2."""
    solved = integrate.solve_ivp(
        lambda _, c: [(arc(min(c[0], 1.0)) - c[0]) / 2], (0.0, 1.0), [cosine], t_eval=times, rtol=1e-10, atol=1e-12
    )
    return solved.y[0]


@pytest.mark.parametrize("cosine", [-0.8, 0.0, 0.5])
def test_wide_networks_follow_the_flow(cosine):
    """Medians of the cosine along the depth; the distance from the flow shrinks with the width."""
    depth, times = 200, (0.25, 0.5, 1.0)
    expected, distances = flow(cosine, times), []
    for width in (8, 256):
        network = Network(Branch("res-3"), width, depth, Scaling.power(0.5))
        cell = Cell(
            network=network, weights=Weights(), input=Input("correlated", 2, cosine), kernel="reduced",
            gradients=False, recorded_depths=tuple(int(t * depth) for t in times),
        )  # fmt: skip
        profile = simulate(cell, 512, SEED_OF_LAWS).values["cosine_profile"]
        # The root of a product of two equal norms, a sum and a quotient.
        np.testing.assert_allclose(profile[:, 0], 1.0, rtol=4 * 2.0**-52)
        intervals = [quantile_interval(profile[:, 1, k], 0.5, alpha=LEVEL) for k in range(3)]
        distances.append(max(abs(i.estimate - c) for i, c in zip(intervals, expected, strict=True)))
    # Half width at d = 256: 6.1 x 1.25 sqrt(2 (1 - c^2) t / 512 / 512) < 0.022 sqrt(1 - c^2); terms of order 1/d and
    # 1/L below 0.005.
    for interval, c in zip(intervals, expected, strict=True):
        assert interval.inside(c - 0.035, c + 0.035)
    assert distances[1] < distances[0]
    # Twice the rate: dc/dt = arc(c) - c.
    twice = cosine + 2 * (expected[2] - cosine)
    assert not intervals[2].inside(twice - 0.035, twice + 0.035)
    assert intervals[2].disjoint(twice - 0.01, twice + 0.01)
