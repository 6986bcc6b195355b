from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from one_layer_laws import a_layer

from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.foundation.errors import InterruptedSimulationError, SpecificationError
from theory_check.inference.intervals import kolmogorov_interval, mean_interval, quantile_interval
from theory_check.inference.rates import slope_interval
from theory_check.kernels import KERNEL_VERSION, LANES
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation import euler_maruyama
from theory_check.simulation.euler_maruyama import Ladder, simulate_block
from theory_check.simulation.runner import run_experiments
from theory_check.theory.coupled_moments import coupled_moments
from theory_check.theory.depth_law import depth_law
from theory_check.theory.moments import norm_ratio_moment, norm_ratio_variance
from theory_check.theory.orders import STRONG_ORDER, mean_square_error

SEED = 5


def ladder(branch="linear", *, width=4, depth=2, doublings=2, activation="relu", **fields):
    network = Network(Branch(branch, Activation.parse(activation)), width, depth, Scaling.power(0.5))
    return EulerMaruyama(network=network, doublings=doublings, **fields)


def sample_of(experiment, seed=SEED, replicates=70):
    return run_experiments({experiment: replicates}, seed, threads=1)[experiment]


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column, err_msg=name)


def test_columns():
    values = sample_of(ladder(suprema=True)).values
    shapes = {name: column.shape for name, column in values.items()}
    per_level = dict.fromkeys(("log_norm_ratio", "projection"), (70, 3))
    errors = ("finest_error", "adjacent_error", "finest_supremum", "adjacent_supremum")
    assert shapes == per_level | dict.fromkeys(errors, (70, 2))
    assert set(sample_of(ladder(doublings=0, suprema=True)).values) == set(per_level)
    np.testing.assert_array_equal(values["finest_error"][:, -1], values["adjacent_error"][:, -1])
    # Triangle inequality, with the rounding of norms of order 1.
    assert np.all(values["finest_error"][:, 0] <= values["adjacent_error"].sum(axis=1) + 1e-14)
    assert np.all(values["finest_error"] <= values["finest_supremum"])
    assert np.all(values["adjacent_error"] <= values["adjacent_supremum"])


@pytest.mark.parametrize("noise", ["shared", "independent"])
@pytest.mark.parametrize("branch", ["linear", "res-1"])
def test_columns_are_those_of_the_states(branch, noise, monkeypatch):
    """The states, watched as the block advances, give every column by the formulas of its description."""
    experiment = ladder(branch, depth=3, suprema=True, noise=noise)
    states = []

    class Watched(Ladder):
        def advance(self, first, steps, hidden):
            states.append(hidden.copy().reshape(3, 4, LANES)) if first == 0 else None
            super().advance(first, steps, hidden)
            states.append(hidden.copy().reshape(3, 4, LANES))

    monkeypatch.setattr(euler_maruyama, "Ladder", Watched)
    values = simulate_block(experiment, SEED, 0)
    start, output = states[0][0], states[-1]
    assert len(states) == 4
    for lane in (0, 17, 63):
        unit = np.linalg.norm(start[:, lane])
        for m in range(3):
            vector = output[m, :, lane]
            assert values["log_norm_ratio"][lane, m] == pytest.approx(2 * math.log(np.linalg.norm(vector) / unit))
            assert values["projection"][lane, m] == pytest.approx(vector @ start[:, lane] / unit**2)
        for m in range(2):
            for name, other in (("finest", 2), ("adjacent", m + 1)):
                path = [np.linalg.norm(s[m, :, lane] - s[other, :, lane]) / unit for s in states]
                assert values[f"{name}_error"][lane, m] == pytest.approx(path[-1])
                assert values[f"{name}_supremum"][lane, m] == pytest.approx(max(path))


def test_values_do_not_depend_on_cuts_replicates_or_what_is_observed(monkeypatch):
    experiment = ladder("res-1", suprema=True)
    whole = sample_of(experiment, replicates=3 * LANES).values
    bare = replace(experiment, suprema=False)
    expected = {name: whole[name] for name in whole if "supremum" not in name}
    assert_same(sample_of(bare, replicates=3 * LANES).values, expected)
    assert_same(sample_of(experiment, replicates=5).values, {name: column[:5] for name, column in whole.items()})
    both = run_experiments({bare: 3 * LANES, experiment: 5}, SEED)
    assert_same(both[bare].values, sample_of(bare, replicates=3 * LANES).values)
    assert_same(both[experiment].values, sample_of(experiment, replicates=5).values)
    monkeypatch.setattr(euler_maruyama, "SEGMENT_WEIGHTS", 1)
    assert_same(sample_of(experiment, replicates=3 * LANES).values, whole)


def test_a_block_stops():
    with pytest.raises(InterruptedSimulationError):
        simulate_block(ladder(), SEED, 0, lambda: True)


def test_the_identity_is_what_makes_the_values():
    experiment = ladder()
    assert json.loads(experiment.identity)["kernel_version"] == KERNEL_VERSION
    observed = replace(experiment, suprema=True)
    assert observed.identity == experiment.identity
    assert observed.content_hash != experiment.content_hash
    others = [
        ladder("res-1"),
        ladder(depth=4),
        ladder(doublings=1),
        ladder(noise="independent"),
        ladder(input=Input("sphere")),
        ladder(weights=Weights(variance="he")),
    ]
    assert len({e.identity for e in (experiment, *others)}) == 7
    assert experiment.identity != experiment.doubling(0).identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"branch": "res-3"}, "branch is res-3; Brownian coupling accepts linear and res-1"),
        ({"weights": Weights("uniform")}, "weights are uniform; Brownian coupling accepts gaussian"),
        ({"input": Input(count=2)}, "input is 2 gaussian inputs; Brownian coupling accepts one"),
        ({"doublings": -1}, "number of doublings is -1"),
        ({"doublings": 39}, "depth of the finest network is"),
        ({"noise": "none"}, "unknown noise 'none'"),
    ],
)
def test_what_cannot_be_coupled_is_refused(change, message):
    with pytest.raises(SpecificationError, match=message):
        ladder(**change)


def test_other_scalings_are_refused():
    with pytest.raises(SpecificationError, match=r"scaling is beta 1; Brownian coupling accepts beta 0\.5"):
        EulerMaruyama(network=Network(Branch("linear"), 4, 2, Scaling.power(1.0)), doublings=1)


def test_text():
    assert str(ladder()) == "linear, width 4, depths 2 to 8, one Brownian motion"
    assert str(ladder("res-1", noise="independent")) == "res-1, width 4, depths 2 to 8, independent noise"


@pytest.mark.statistical
def test_every_level_has_the_law_of_the_plain_network(evidence):
    values = sample_of(ladder(depth=1), evidence.seed, 4096).values["log_norm_ratio"]
    laws = [depth_law(a_layer(4), depth**-0.5, depth) for depth in (1, 2, 4)]
    for index, law in enumerate(laws):
        interval = kolmogorov_interval(values[:, index], law.cdf, alpha=evidence.level / 6)
        evidence.admits(interval, target=(0.0, law.error))
    # One layer and four have laws too far apart for one sample.
    for index, law in ((0, laws[2]), (2, laws[0])):
        interval = kolmogorov_interval(values[:, index], law.cdf, alpha=evidence.level / 6)
        evidence.refutes(interval, target=(0.0, 0.0), exact=True)


@pytest.mark.statistical
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_the_strong_error_of_the_linear_branch_is_exact(evidence, gain):
    """Mean squares of errors to the finest network and between neighbours, with the exact variance."""
    weights = Weights(variance={1.0: "unit", 2.0: "he"}[gain])
    experiment = ladder(width=10, depth=4, doublings=3, weights=weights)
    sample = sample_of(experiment, evidence.seed, 2**14)
    depths = experiment.depths
    for name, others in (("finest_error", depths[-1:] * 3), ("adjacent_error", depths[1:])):
        for index, (coarse, fine) in enumerate(zip(depths[:-1], others, strict=True)):
            mean, variance = coupled_moments(10, coarse, fine, gain=gain).squared_error
            squares = sample.column(name)[:, index] ** 2
            interval = mean_interval(squares, variance_bound=variance, alpha=evidence.level / 6)
            evidence.admits(interval, target=(mean, mean))
            # The error to the limit, or to the next depth but one, is another number.
            wrong = mean_square_error(coarse, 2 * fine, gain=gain)
            if name == "adjacent_error":
                evidence.refutes(interval, target=(wrong, wrong), exact=True)


@pytest.mark.statistical
def test_the_mean_norm_ratio_of_every_level(evidence):
    """E R = (1 + 1/L)^L at each depth: the weak error e/(2L), seen without bias because each is a network."""
    experiment = ladder(width=20, depth=1, doublings=3)
    ratios = np.exp(sample_of(experiment, evidence.seed, 2**15).column("log_norm_ratio"))
    multiplier = a_layer(20)
    for index, depth in enumerate(experiment.depths):
        mean = norm_ratio_moment(multiplier, depth**-0.5, depth)
        variance = norm_ratio_variance(multiplier, depth**-0.5, depth)
        interval = mean_interval(ratios[:, index], variance_bound=variance, alpha=evidence.level / 8)
        evidence.admits(interval, target=(mean, mean))
        evidence.refutes(interval, target=(math.e, math.e), exact=True)
    # Differences of adjacent networks have a small exact variance: the weak error itself, ten times sharper.
    for index, depth in enumerate(experiment.depths[:-1]):
        mean, variance = coupled_moments(20, depth, 2 * depth).norm_ratio_difference
        interval = mean_interval(
            ratios[:, index + 1] - ratios[:, index], variance_bound=variance, alpha=evidence.level / 8
        )
        evidence.admits(interval, target=(mean, mean))
        evidence.refutes(interval, target=(0.0, 0.0), exact=True)


def strong_order(experiment, replicates, column, evidence, parts=1):
    """Slope of the median error against depth, from exact simultaneous intervals; medians need no moments."""
    errors = sample_of(experiment, evidence.seed, replicates).column(column)
    depths = experiment.depths[:-1]
    alpha = evidence.level / parts
    intervals = [quantile_interval(column, 0.5, alpha=alpha / len(depths)) for column in errors.T]
    return slope_interval(np.log(depths), intervals, alpha=alpha)


@pytest.mark.statistical
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("column", ["adjacent_error", "adjacent_supremum"])
def test_strong_order_one_half(evidence, activation, column):
    experiment = ladder("res-1", width=8, depth=8, doublings=5, activation=activation, suprema=True)
    slope = strong_order(experiment, 2**13, column, evidence)
    # Local slopes of these errors approach 1/2 as 1/L and reach it within 0.05 from L = 8 on.
    evidence.supports(slope, target=(-STRONG_ORDER, -STRONG_ORDER), margin=0.1)
    for wrong in (-1.0, 0.0):
        evidence.refutes(slope, target=(wrong, wrong), margin=0.1)


@pytest.mark.statistical
def test_a_finite_reference_biases_the_order(evidence):
    """Mean squares to network J behave as 1/L_j - 1/L_J: the slope to a near reference is steeper than 1/2."""
    experiment = ladder("res-1", width=8, depth=8, doublings=3)
    slope = strong_order(experiment, 2**14, "finest_error", evidence)
    predicted = np.polyfit(np.log([8, 16, 32]), 0.5 * np.log([1 / 8 - 1 / 64, 1 / 16 - 1 / 64, 1 / 32 - 1 / 64]), 1)[0]
    evidence.supports(slope, target=(predicted, predicted), margin=0.1)
    evidence.refutes(slope, target=(-STRONG_ORDER, -STRONG_ORDER), margin=0.05)


@pytest.mark.statistical
@pytest.mark.parametrize("branch", ["linear", "res-1"])
def test_uncoupled_noise_has_no_strong_order(evidence, branch):
    slope = strong_order(ladder(branch, width=8, depth=8, doublings=4, noise="independent"), 2**12,
                         "adjacent_error", evidence)  # fmt: skip
    evidence.refutes(slope, target=(-STRONG_ORDER, -STRONG_ORDER), margin=0.1)
    evidence.supports(slope, target=(0.0, 0.0), margin=0.1)
