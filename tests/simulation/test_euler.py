from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from one_layer_laws import a_layer

from theory_check.experiments.euler import Euler
from theory_check.foundation.errors import InterruptedSimulationError, SpecificationError
from theory_check.inference.intervals import Interval, kolmogorov_interval, quantile_interval
from theory_check.inference.rates import slope_interval
from theory_check.kernels import KERNEL_VERSION, LANES
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.path_laws import PathLaw
from theory_check.networks.scalings import Scaling
from theory_check.simulation import euler
from theory_check.simulation.euler import simulate_block
from theory_check.simulation.flows import euler_outputs
from theory_check.simulation.runner import run_experiments
from theory_check.theory.depth_law import depth_law
from theory_check.theory.orders import ODE_ORDER, rough_path_order

SEED = 7


def schemes(branch="res-1", path="smooth", *, width=3, depth=2, doublings=2, activation="tanh", **fields):
    network = Network(Branch(branch, Activation.parse(activation)), width, depth, Scaling.power(1.0))
    return Euler(network=network, path=PathLaw.parse(path), doublings=doublings, **fields)


def sample_of(experiment, seed=SEED, replicates=70):
    return run_experiments({experiment: replicates}, seed, threads=1)[experiment]


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column, err_msg=name)


@pytest.mark.parametrize("branch", ["linear", "res-1", "res-2", "res-3"])
def test_columns(branch):
    values = sample_of(schemes(branch)).values
    assert {name: column.shape for name, column in values.items()} == {
        "log_norm_ratio": (70, 3), "projection": (70, 3), "log_displacement": (70, 3), "finest_error": (70, 2),
        "adjacent_error": (70, 2), "flow_error": (70, 3), "reference_error": (70,),
    }  # fmt: skip
    # Triangle inequality, with the rounding of norms of order 1.
    assert np.all(values["flow_error"][:, 0] <= values["finest_error"][:, 0] + values["flow_error"][:, 2] + 1e-14)
    # The reference is sharper than what it is to measure by orders of magnitude.
    assert np.median(values["reference_error"]) < 1e-4 * np.median(values["flow_error"][:, -1])
    bare = sample_of(schemes(branch, doublings=0, reference=False)).values
    assert set(bare) == {"log_norm_ratio", "projection", "log_displacement"}


def test_the_displacement_is_that_of_norm_and_projection():
    values = sample_of(schemes()).values
    square = np.exp(values["log_norm_ratio"]) - 2.0 * values["projection"] + 1.0
    # Three numbers of order 1 cancel to one of order 0.01 at least.
    np.testing.assert_allclose(np.exp(2.0 * values["log_displacement"]), square, rtol=1e-12, atol=1e-14)


def test_values_do_not_depend_on_replicates_or_what_is_observed():
    experiment = schemes()
    whole = sample_of(experiment, replicates=2 * LANES).values
    bare = replace(experiment, reference=False)
    both = run_experiments({bare: 2 * LANES, experiment: 5}, SEED)
    referred = ("flow_error", "reference_error")
    for sample in (both[bare], sample_of(bare, replicates=2 * LANES)):
        assert_same(sample.values, {name: column for name, column in whole.items() if name not in referred})
    for sample in (both[experiment], sample_of(experiment, replicates=5)):
        assert_same(sample.values, {name: column[:5] for name, column in whole.items()})


@pytest.mark.parametrize(("path", "beta"), [("smooth", 1.0), ("matern:nu=0.25", 1.0), ("smooth", 0.5), ("ou", 1.5)])
def test_every_level_reads_the_path_of_the_finest(path, beta, monkeypatch):
    experiment, drawn = schemes(path=path, doublings=1, reference=False), {}
    experiment = replace(experiment, network=replace(experiment.network, scaling=Scaling.power(beta)))

    def watched(flow, start, depths, *, beta):
        drawn["start"], drawn["weights"] = start, flow.weights(np.arange(4) / 4)[0]
        return euler_outputs(flow, start, depths, beta=beta)

    monkeypatch.setattr(euler, "euler_outputs", watched)
    found = simulate_block(experiment, SEED, 0)["projection"]
    for level, steps in enumerate(((0, 2), (0, 1, 2, 3))):
        for lane in (0, 63):
            start = hidden = drawn["start"][lane]
            for k in steps:
                hidden = hidden + drawn["weights"][k, lane] @ np.tanh(hidden) / len(steps) ** beta
            assert found[lane, level] == pytest.approx(hidden @ start / (start @ start), rel=1e-12)


def test_a_block_stops():
    with pytest.raises(InterruptedSimulationError):
        simulate_block(schemes(), SEED, 0, lambda: True)


def test_the_identity_is_what_makes_the_values():
    experiment = schemes()
    assert json.loads(experiment.identity)["kernel_version"] == KERNEL_VERSION
    observed = replace(experiment, reference=False)
    assert observed.identity == experiment.identity
    assert observed.content_hash != experiment.content_hash
    others = [
        schemes("linear"),
        schemes(path="smooth:length=0.2"),
        schemes(doublings=1),
        schemes(input=Input("sphere")),
        schemes(tolerance=1e-8),
    ]
    assert len({e.identity for e in (experiment, *others)}) == 6
    assert str(experiment) == "res-1 tanh, width 3, depths 2 to 8, smooth paths"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "ou"}, "ou paths are known on a grid only; they accept reference=False"),
        ({"path": "ou", "reference": False, "depth": 8000}, "depth of the finest network is 32000"),
        ({"input": Input(count=2)}, "input is 2 gaussian inputs; Euler's scheme accepts one"),
        ({"doublings": -1}, "number of doublings is -1"),
    ],
)
def test_what_is_no_scheme_is_refused(change, message):
    with pytest.raises(SpecificationError, match=message):
        schemes(**change)
    with pytest.raises(
        SpecificationError, match=r"scaling is beta 0\.5; Euler's scheme accepts beta 1 with a reference"
    ):
        replace(schemes(), network=Network(Branch(), 3, 2, Scaling.power(0.5)))


@pytest.mark.statistical
@pytest.mark.parametrize("path", ["tied", "smooth", "periodic", "ou", "matern:nu=0.25"])
def test_one_layer_has_the_law_of_a_plain_one(evidence, path):
    """Depth 1 reads one Gaussian matrix of variance 1/d, whatever the path."""
    experiment = schemes("linear", path, width=4, depth=1, doublings=1, reference=False)
    values = sample_of(experiment, evidence.seed, 2048).column("log_norm_ratio")[:, 0]
    for gain, check in ((1.0, evidence.admits), (1.3, evidence.refutes)):
        law = depth_law(a_layer(4, gain=gain), 1.0, 1)
        check(kolmogorov_interval(values, law.cdf, alpha=evidence.level / 2), target=(0.0, law.error))


@pytest.mark.statistical
def test_layers_have_the_correlation_of_the_path(evidence):
    """Linear, width 1, depth 2: log|1 + V_1/2| and log|1 + V_2/2| add up; their law tells tied from independent."""
    for path, same in (("tied", True), ("smooth:length=0.03", False)):
        experiment = schemes("linear", path, width=1, depth=1, doublings=1, reference=False)
        values = sample_of(experiment, evidence.seed, 4096).column("log_norm_ratio")[:, 1]
        # The correlation at lag 1/2 is exp(-0.5 (0.5/0.03)^2), 0 in double precision.
        independent, layer = depth_law(a_layer(1), 0.5, 2), depth_law(a_layer(1), 0.5, 1)
        for cdf, error, holds in (
            (independent.cdf, independent.error, not same),
            (lambda x, law=layer: law.cdf(np.asarray(x) / 2), layer.error, same),
        ):
            interval = kolmogorov_interval(values, cdf, alpha=evidence.level / 4)
            (evidence.admits if holds else evidence.refutes)(interval, target=(0.0, error))


def order(experiment, replicates, column, evidence) -> Interval:
    """Slope of the median error against depth, from exact simultaneous intervals."""
    errors = sample_of(experiment, evidence.seed, replicates).column(column)
    depths = experiment.depths[: errors.shape[1]]
    intervals = [quantile_interval(column, 0.5, alpha=evidence.level / len(depths)) for column in errors.T]
    return slope_interval(np.log(depths), intervals, alpha=evidence.level)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("branch", "path", "activation"),
    [
        ("linear", "tied", "identity"),
        ("linear", "smooth", "identity"),
        ("res-1", "smooth", "tanh"),
        ("res-1", "periodic", "relu"),
        ("res-2", "smooth:length=0.3", "tanh"),
        ("res-3", "periodic", "tanh"),
    ],
)
def test_order_one_to_the_differential_equation(evidence, branch, path, activation):
    slope = order(schemes(branch, path, width=4, depth=16, doublings=5, activation=activation), 512,
                  "flow_error", evidence)  # fmt: skip
    # Local slopes are within 0.04 of 1 from depth 32 on (terms of order L^-2).
    evidence.supports(slope, target=(-ODE_ORDER, -ODE_ORDER), margin=0.25)
    for wrong in (-0.5, -2.0):
        evidence.refutes(slope, target=(wrong, wrong), margin=0.2)


@pytest.mark.statistical
def test_order_along_rough_paths(evidence):
    """Matern of smoothness 1/4: order 3/4, neither 1 nor the 1/4 of a single step."""
    experiment = schemes(path="matern:nu=0.25", width=2, depth=32, doublings=5, reference=False)
    slope = order(experiment, 2**12, "adjacent_error", evidence)
    target = -rough_path_order(experiment.path.smoothness)
    evidence.supports(slope, target=(target, target), margin=0.12)
    for wrong in (-1.0, -0.5):
        evidence.refutes(slope, target=(wrong, wrong), margin=0.12)
