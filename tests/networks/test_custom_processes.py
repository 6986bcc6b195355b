"""Processes from outside: each goes where a built-in one goes, or is refused with a reason."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from drawn_examples import drawn
from numpy_twins import key_of

from theory_check import strategies
from theory_check.claims.networks import layer_law
from theory_check.experiments.cell import Cell
from theory_check.experiments.euler import Euler
from theory_check.experiments.spelling import network
from theory_check.experiments.sweep import Sweep
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.foundation.streams import Purpose
from theory_check.inference.intervals import quantile_interval
from theory_check.networks.additions import add_process, temporary_additions
from theory_check.networks.branches import Branch
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction
from theory_check.networks.network import Network
from theory_check.networks.path_laws import PathLaw
from theory_check.networks.processes import WeightProcess
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights, process_names
from theory_check.simulation.euler import simulate_block as simulate_euler
from theory_check.simulation.paths.sources import open_paths
from theory_check.simulation.runner import run_experiments, simulate

KEY = key_of(9)
small = partial(network, width=3, depth=8, beta=1.0)

BROWNIAN = CovarianceProcess(name="brownian", covariance=np.minimum)
RAMP = PathFunction(name="ramp", function=lambda t: t[:, None, None] * np.eye(3))


def test_covariances_of_scalars_and_constants_broadcast():
    one = CovarianceProcess(name="one", covariance=lambda s, t: 1.0)
    assert one.evaluate(np.zeros((2, 1)), np.zeros(3)).tolist() == np.ones((2, 3)).tolist()
    one.check(50)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (lambda s, t: s - t, "covariance bad is not symmetric"),
        (lambda s, t: np.where(s == t, 1.0, -0.5), "covariance bad is not positive semidefinite: eigenvalue -"),
        (lambda s, t: np.where(s == t, 0.0, 1.0), "covariance bad is not positive semidefinite: eigenvalue -"),
        (lambda s, t: np.full(np.broadcast_shapes(s.shape, t.shape), np.nan), "not finite"),
        (lambda s, t: np.exp(1j * (s - t)), "does not return one number for each pair of times"),
        (lambda s, t: np.minimum(s, t) * np.random.default_rng().uniform(), "has two values at the same times"),
        (lambda s, t: np.zeros(7), "does not return one number for each pair of times"),
    ],
)
def test_functions_that_are_no_covariance(covariance, message):
    with pytest.raises(SpecificationError, match=message):
        CovarianceProcess(name="bad", covariance=covariance).check(20)


def test_path_functions_are_checked():
    assert RAMP.evaluate(np.array([0.0, 0.5]), (3, 3)).shape == (2, 3, 3)
    with pytest.raises(
        SpecificationError, match=r"path function ramp returns shape \(2, 3, 3\); it must be \(2, 4, 4\)"
    ):
        RAMP.evaluate(np.array([0.0, 0.5]), (4, 4))
    bad = PathFunction(name="bad", function=lambda t: np.full((len(t), 1, 1), np.inf))
    with pytest.raises(SpecificationError, match="path function bad has values that are not finite"):
        bad.evaluate(np.array([0.0]), (1, 1))


def test_an_added_covariance_goes_where_a_built_in_process_goes():
    add_process(BROWNIAN)
    cell = small("res-3", "brownian:variance=he", gradients=True)
    assert (cell.kernel, str(cell.weights)) == ("stored", "brownian:variance=he")
    assert Cell.from_json(json.loads(json.dumps(cell.to_json()))) == cell
    assert np.isfinite(simulate(cell, 3, 1).column("log_gradient_ratio")).all()
    sweep = Sweep(width=3, depth=8, weights=Weights("brownian"), betas=(0.5, 1.0))
    assert run_experiments({sweep: 2}, 1)[sweep].values["log_norm_ratio"].shape == (2, 2, 1)
    assert "brownian" in process_names()
    assert drawn(strategies.weight_processes(), lambda w: w.law == "brownian").process is BROWNIAN
    with pytest.raises(HypothesisError, match="independent from layer to layer, not brownian"):
        layer_law(cell)


def test_named_and_unnamed_processes_have_the_same_paths():
    add_process(BROWNIAN)
    paths = [open_paths(w, 3, 8, KEY, 0, Purpose.OUTER_WEIGHTS).layers(0, 8) for w in (Weights("brownian"), BROWNIAN)]
    np.testing.assert_array_equal(*paths)
    wider = open_paths(Weights("brownian", variance="he"), 3, 8, KEY, 0, Purpose.OUTER_WEIGHTS).layers(0, 8)
    # The factor is rounded to single precision with another deviation.
    np.testing.assert_allclose(wider, np.sqrt(2.0) * paths[0], rtol=1e-6, atol=1e-7)


def test_parameters_of_a_covariance_are_arguments_of_its_function():
    power = CovarianceProcess(
        name="power", defaults={"to": 1.0}, ranges={"to": (0.0, 4.0)},
        covariance=lambda s, t, to: np.minimum(s, t) ** to,
    )  # fmt: skip
    add_process(power)
    weights = Weights.parse("power:to=2")
    assert weights.covariance(4)[3].tolist() == [0.0, 1 / 16, 1 / 4, 9 / 16]
    assert Weights("power").covariance(4)[3].tolist() == [0.0, 1 / 4, 1 / 2, 3 / 4]
    with pytest.raises(SpecificationError, match="to of power weights is 5; it must be between 0 and 4"):
        Weights.parse("power:to=5")


def test_an_added_correlation_is_a_stationary_process():
    triangle = WeightProcess(name="triangle", correlation=lambda _, lags: np.maximum(1.0 - np.abs(lags), 0.0))
    add_process(triangle)
    assert Weights("triangle").autocovariance(4).tolist() == [1.0, 0.75, 0.5, 0.25]
    assert np.isfinite(simulate(small("res-3", "triangle"), 2, 1).column("log_norm_ratio")).all()


def test_added_processes_are_paths_of_several_depths():
    add_process(BROWNIAN)
    experiment = Euler(
        network=Network(Branch("res-1"), 3, 4, Scaling.power(1.0)), path=PathLaw("brownian"), doublings=1,
        reference=False,
    )  # fmt: skip
    functions = experiment.path.grid_functions(8)
    np.testing.assert_allclose(functions.T @ functions, Weights("brownian").covariance(8), atol=1e-14)
    assert simulate_euler(experiment, 1, 0)["finest_error"].shape[1] == 1
    add_process(RAMP)
    with pytest.raises(SpecificationError, match="unknown path 'ramp'"):
        PathLaw("ramp")


def test_an_added_path_function_is_the_network_that_it_says():
    growth = PathFunction(
        name="growth",
        function=lambda t: (1.0 + t)[:, None, None] * np.eye(3),
        inner_function=lambda t: np.broadcast_to(2.0 * np.eye(3), (len(t), 3, 3)),
        bias_function=lambda t: np.broadcast_to(np.full((1, 3), 1e6), (len(t), 1, 3)),
    )
    add_process(growth)
    start = simulate(small("linear", "growth"), 2, 1).column("log_norm_ratio")
    # prod (1 + (1 + k/8)/8)^2, rounded to single precision in every layer.
    np.testing.assert_allclose(start, 2.0 * np.sum(np.log1p((1.0 + np.arange(8) / 8) / 8)), rtol=1e-6)
    inner = simulate(small("res-3", "growth", activation="identity"), 2, 1).column("log_norm_ratio")
    np.testing.assert_allclose(inner, 2.0 * np.sum(np.log1p(2.0 * (1.0 + np.arange(8) / 8) / 8)), rtol=1e-6)
    shifted = simulate(small("res-2", "growth"), 2, 1).column("log_norm_ratio")
    assert np.all(shifted > 20.0)
    with pytest.raises(SpecificationError, match="they are not random and have no covariance"):
        Weights("growth").covariance(3)
    with pytest.raises(SpecificationError, match="given as they are; they accept no variance convention"):
        Weights("growth", variance="he")
    with pytest.raises(SpecificationError, match=r"growth returns shape \(1, 3, 3\); it must be \(1, 4, 4\)"):
        simulate(network("linear", "growth", width=4, depth=2), 1, 1)
    with pytest.raises(HypothesisError, match="independent from layer to layer, not growth"):
        layer_law(small("linear", "growth"))


def test_what_an_added_process_computes_is_part_of_the_identity():
    def identity(covariance):
        with temporary_additions():
            add_process(CovarianceProcess(name="mine", covariance=covariance))
            return small("linear", "mine").identity

    first = identity(lambda s, t: np.minimum(s, t))
    assert first == identity(lambda s, t: np.minimum(s, t))
    # Equal at every layer of 256, and another function.
    assert first != identity(lambda s, t: np.minimum(s, t) + 0.0 * np.sin(s * t))


@pytest.mark.parametrize(
    ("process", "message"),
    [
        (CovarianceProcess(name="ou", covariance=np.minimum), "there is another law of this name"),
        (CovarianceProcess(name="uniform", covariance=np.minimum), "there is another law of this name"),
        (CovarianceProcess(name="mine", covariance=lambda s, t: s - t), "covariance mine is not symmetric"),
        (CovarianceProcess(name="mine", covariance=lambda s: s), "it fails with TypeError"),
        (PathFunction(name="mine", function=lambda t: t / "no"), "it fails with"),
        (PathFunction(name="mine", function=lambda t: 1j * t), "must be an array of real numbers"),
        (
            PathFunction(name="mine", function=lambda t: np.random.default_rng().normal(size=(len(t), 1, 1))),
            "two values",
        ),
        (WeightProcess(name="mine"), "give it the correlation of its values"),
        (WeightProcess(name="mine", correlation=lambda _, lags: 2.0 - lags), "its correlation at lag 0 must be 1"),
        (WeightProcess(name="mine", correlation=lambda _, lags: 1.0 - 3.0 * lags), "not positive semidefinite"),
    ],
)
def test_processes_that_are_not_what_they_say_are_refused(process, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        add_process(process)
    assert "\n" not in str(caught.value)


def test_unnamed_processes_in_cells_are_told_how_to_get_a_name():
    for make in (lambda: small("linear", BROWNIAN), lambda: Weights.parse(BROWNIAN)):
        with pytest.raises(SpecificationError, match="add_process"):
            make()


def fractional_sums(s, t, hurst, steps):
    """Covariance of L^-H sum_(j <= k) (k - j + 1)^(H - 1/2) xi_j at layers k of L: Riemann-Liouville values."""
    later = np.arange(steps)
    weights = np.where(later[:, None] >= later, (np.maximum(later[:, None] - later, 0) + 1.0) ** (hurst - 0.5), 0.0)
    layers = [np.rint(x * steps).astype(int) for x in np.broadcast_arrays(s, t)]
    return np.einsum("...j,...j->...", *(weights[k] for k in layers)) * steps ** (-2.0 * hurst)


@pytest.mark.parametrize(("depth", "low", "median", "high"), [(50, 0.379, 0.602, 0.730), (200, 0.503, 0.737, 0.931)])
def test_networks_of_riemann_liouville_values(depth, low, median, high):
    add_process(
        CovarianceProcess(
            name="riemann-liouville", defaults={"hurst": 0.1, "steps": 50.0}, whole=frozenset({"steps"}),
            ranges={"hurst": (0.0, 1.0), "steps": (0.0, 1e4)},
            covariance=lambda s, t, hurst, steps: fractional_sums(s, t, hurst, int(steps)),
        )
    )  # fmt: skip
    cell = network("res-3", f"riemann-liouville:steps={depth}", width=10, depth=depth, beta=1.0)
    interval = quantile_interval(simulate(cell, 400, 20261126).column("log_norm_ratio"), 0.5, alpha=1e-4)
    # Medians of 10,000 networks in plain NumPy, to 0.02; independent layers of these variances have at most 0.1.
    assert interval.lower < median < interval.upper
    assert low < interval.estimate < high
    assert interval.lower > 0.2
