"""Sweeps over beta: each column is the network of the textbook, whatever else is swept; laws where they are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy_twins import LANES, StoredTwin
from one_layer_laws import a_layer
from scipy import stats

from theory_check.experiments import segments
from theory_check.experiments.cell import Cell
from theory_check.experiments.sweep import GRADIENTS, OUTPUTS, Sweep
from theory_check.foundation.errors import InterruptedSimulationError, SpecificationError
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.inference.intervals import kolmogorov_interval, mean_interval
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.paths.sources import open_paths
from theory_check.simulation.runner import run_experiments, simulate
from theory_check.simulation.sweep import simulate_block
from theory_check.simulation.units import plan_units
from theory_check.theory import moments
from theory_check.theory.depth_law import depth_law, distance_to_normal
from theory_check.theory.limits import lognormal_limit

SEED = 4
LEVEL = 1e-9

SWEEP = Sweep(
    width=4, depth=6, weights=Weights("fgn"), betas=(0.0, 0.5, 1.25), input=Input("paper", 2)
)  # fmt: skip
SWEEPS = [
    SWEEP,
    replace(SWEEP, branch=Branch("res-2", Activation("tanh")), weights=Weights("smooth"), input=Input("gaussian", 30)),
    replace(SWEEP, branch=Branch("linear"), weights=Weights("tied"), input=Input("sphere")),
]

each_sweep = pytest.mark.parametrize("sweep", SWEEPS, ids=lambda s: f"{s.branch}, {s.weights}, {s.input}")


def run(sweep, replicates=3, **options):
    return run_experiments({sweep: replicates}, SEED, **options)[sweep].values


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column, err_msg=name)


def log_bounds(vector, error, reference):
    """Logarithm of ||vector||^2 / ||reference||^2 and a bound on its error."""
    norm, moved = np.linalg.norm(vector, axis=0), np.linalg.norm(error, axis=0)
    ratio = norm**2 / np.sum(reference**2, axis=0)
    # -2 log(1 - x) bounds 2 log(1 + x) as well; ten roundings in double precision besides.
    return np.log(ratio), -2.0 * np.log1p(-moved / norm) + 1e-14


@each_sweep
def test_columns_are_the_textbook(sweep):
    """Weights, inputs and gradient of the loss from their streams, every beta in a loop of its own.

    Three layers: worst-case bounds grow faster than the state.
    """
    sweep = replace(sweep, depth=3)
    values, cell = run(sweep), sweep.cell
    key = np.array(stream_key(SEED, sweep.identity), np.uint32)
    for r in range(3):

        def layers(purpose, rows, r=r):
            source = open_paths(sweep.weights, sweep.width, sweep.depth, key, r, purpose, rows=rows)
            return source.layers(0, sweep.depth)

        given_weights = (
            layers(Purpose.OUTER_WEIGHTS, 4), layers(Purpose.INNER_WEIGHTS, 4), layers(Purpose.BIAS, 1)[:, 0]
        )  # fmt: skip
        boundary = Boundary.of_replicate(cell, key, r)
        start = boundary.hidden()
        columns = start[..., 0].T
        for b, beta in enumerate(sweep.betas):
            twin = StoredTwin.of(sweep.branch, np.full((3, 1), 3.0**-beta), *given_weights)
            end, bound, slopes = twin.forward(columns)
            output = boundary.gradient(end.T[..., None], np.zeros((len(start), 1), np.int64))[0][..., 0].T
            pulled, gradient_bound = twin.backward(slopes, output)
            # For the paper's loss p_L = 2 (B h_L - y) B moves with h_L, but only its length: ratios do not.
            for vector, error, reference, ratio, displacement in (
                (end, bound, columns, "log_norm_ratio", "log_displacement"),
                (pulled, gradient_bound, output, "log_gradient_ratio", "log_gradient_displacement"),
            ):
                expected, allowed = log_bounds(vector, error, reference)
                assert np.all(np.abs(values[ratio][r, b] - expected) <= allowed)
                expected, allowed = log_bounds(vector - reference, error, reference)
                assert np.all(np.abs(2.0 * values[displacement][r, b] - expected) <= allowed)
                # A bound that admits everything would be no test.
                assert np.median(allowed) < 0.01


@each_sweep
def test_a_value_does_not_depend_on_what_else_is_swept(sweep):
    whole = run(sweep)
    for part, replicates in (
        (replace(sweep, betas=sweep.betas[1:2]), 3),
        (replace(sweep, betas=(0.0, 0.1, 0.2, 0.5, 0.75)), 3),
        (sweep, 2),
        (replace(sweep, gradients=False), 3),
        (replace(sweep, input=Input(sweep.input.name, 1)), 3),
        (replace(sweep, input=Input(sweep.input.name, LANES)), 3),
    ):
        assert part.identity == sweep.identity
        found = run(part, replicates)
        assert set(found) == {*OUTPUTS, *(GRADIENTS if part.gradients else ())}
        common = [beta for beta in part.betas if beta in sweep.betas]
        here, there = ([s.betas.index(beta) for beta in common] for s in (part, sweep))
        inputs = min(part.input.count, sweep.input.count)
        for name, column in found.items():
            assert column.shape == (replicates, len(part.betas), part.input.count)
            np.testing.assert_array_equal(
                column[:, here, :inputs], whole[name][:replicates, there, :inputs], err_msg=name
            )


def test_sweeps_of_one_identity_are_run_once(monkeypatch):
    parts = [
        replace(SWEEP, betas=(0.25, 0.5), gradients=False),
        replace(SWEEP, betas=(0.0, 0.5), input=Input("paper", 5)),
        SWEEP,
    ]
    samples = run_experiments(dict.fromkeys(parts, 3), SEED)
    for part in parts:
        assert_same(samples[part].values, run(part))
    merged = parts[0].merge(parts[1]).merge(parts[2])
    assert merged == replace(SWEEP, betas=(0.0, 0.25, 0.5, 1.25), input=Input("paper", 5))


@each_sweep
def test_values_do_not_depend_on_threads_memory_or_interruption(sweep, monkeypatch, tmp_path):
    expected = run(sweep, threads=1)
    monkeypatch.setattr("theory_check.simulation.units.UNIT_WORK", 1)
    assert len(plan_units(sweep, 3, SEED)) == 3
    assert_same(run(sweep, threads=2, memory=2), expected)

    def interrupt(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(sweep, threads=1, folder=tmp_path, report=interrupt)
    assert len(list(tmp_path.iterdir())) == 1
    assert_same(run(sweep, threads=1, folder=tmp_path), expected)
    monkeypatch.setattr(segments, "SEGMENT_WEIGHTS", 1)
    assert_same(run(sweep), expected)
    asked = iter([False] * 3)
    with pytest.raises(InterruptedSimulationError):
        simulate_block(sweep, SEED, 0, lambda: next(asked, True))


def test_seeds_laws_and_widths_have_streams_of_their_own():
    first = run(SWEEP)["log_norm_ratio"]
    for other in (
        replace(SWEEP, width=5),
        replace(SWEEP, weights=Weights("fgn", (("hurst", 0.71),))),
        replace(SWEEP, depth=7),
    ):
        assert not np.any(run(other)["log_norm_ratio"] == first)
    assert not np.any(run_experiments({SWEEP: 3}, SEED + 1)[SWEEP].values["log_norm_ratio"] == first)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"betas": ()}, r"the grid of beta is \[\], 0 values; it must increase and have 1 to"),
        ({"betas": (0.5, 0.5)}, "must increase"),
        ({"betas": (1.0, 0.5)}, "must increase"),
        ({"betas": (math.nan,)}, "beta is nan; it must be a finite number"),
        ({"betas": (-600.0, 0.0)}, "L\\^-beta is not a number at depth 6"),
        ({"weights": Weights("gaussian")}, "the stored kernel does not take gaussian weights"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_bad_sweeps(changes, message):
    with pytest.raises(SpecificationError, match=message):
        replace(SWEEP, **changes)


def test_columns_far_outside_double_precision_have_finite_logarithms():
    """beta = -2 and 0 side by side: one norm overflows many times over, the others do not suffer."""
    sweep = replace(SWEEP, depth=400, betas=(-2.0, 0.0, 3.0))
    values = run(sweep)
    assert all(np.all(np.isfinite(column)) for column in values.values())
    assert values["log_norm_ratio"][:, 0].min() > 2.0 * 1024 * math.log(2.0)
    np.testing.assert_array_equal(run(replace(sweep, betas=(0.0,)))["log_norm_ratio"][:, 0],
                                  values["log_norm_ratio"][:, 1])  # fmt: skip


# Laws. Fractional noise of Hurst index 1/2 is white: the dense kernel's networks, so that every exact law of
# independent Gaussian weights must hold of stored ones.

WIDTH, DEPTH, REPLICATES = 8, 5, 2000
BETAS = (0.25, 0.5)
WHITE = Weights("fgn", (("hurst", 0.5),))


@pytest.fixture(scope="module")
def white():
    sweep = Sweep(width=WIDTH, depth=DEPTH, weights=WHITE, betas=BETAS)
    return run_experiments({sweep: REPLICATES}, SEED, threads=1)[sweep].values


@pytest.mark.parametrize("position", range(len(BETAS)))
@pytest.mark.parametrize("column", ["log_norm_ratio", "log_gradient_ratio"])
def test_white_weights_have_the_exact_law(white, position, column):
    """E2, E16: log R and log R* share the law of the depth. Radius of the test: 0.073."""
    factor = DEPTH ** -BETAS[position]
    values = white[column][:, position, 0]
    law, wrong = (depth_law(a_layer(WIDTH, "res-3"), a, DEPTH) for a in (factor, 1.5 * factor))
    assert kolmogorov_interval(values, law.cdf, alpha=LEVEL).lower <= law.error
    assert kolmogorov_interval(values, wrong.cdf, alpha=LEVEL).lower > wrong.error


@pytest.mark.parametrize("column", ["log_displacement", "log_gradient_displacement"])
def test_white_weights_have_the_exact_mean_displacement(white, column):
    """E1, E17: E D = (1 + kappa a^2)^L - 1, with the exact variance of D."""
    multiplier, factor = a_layer(WIDTH, "res-3"), DEPTH**-0.5
    variance = moments.displacement_variance(multiplier, factor, DEPTH)
    displacement = np.exp(2.0 * white[column][:, 1, 0])
    interval = mean_interval(displacement, variance_bound=variance, alpha=LEVEL)
    assert interval.contains(moments.mean_displacement(multiplier, factor, DEPTH))
    # kappa = 1, the value for a linear branch.
    assert not interval.contains((1.0 + factor**2) ** DEPTH - 1.0)


@pytest.mark.parametrize("branch", [Branch("res-2", Activation("tanh")), Branch("res-1")], ids=str)
def test_white_weights_are_those_of_the_dense_kernel(branch):
    """Where no law is known: two samples lie within the sum of their Dvoretzky-Kiefer-Wolfowitz-Massart radii."""
    network = Network(branch, 4, 4, Scaling.power(0.25))
    cell = Cell(network=network, weights=WHITE, kernel="stored")
    dense = replace(cell, weights=Weights("gaussian"), kernel="dense")
    wrong = replace(dense, weights=Weights("gaussian", variance="he"))
    requests = {cell: 1000, dense: 8192, wrong: 8192}
    radius = sum(math.sqrt(math.log(2.0 / LEVEL) / (2.0 * requests[c])) for c in (cell, dense))
    samples = run_experiments(requests, SEED, threads=1)
    for column in ("log_norm_ratio", "log_displacement", "log_gradient_ratio", "log_gradient_displacement"):
        values = samples[cell].values[column]
        assert stats.ks_2samp(values, samples[dense].values[column]).statistic <= radius
        if column == "log_displacement":
            assert stats.ks_2samp(values, samples[wrong].values[column]).statistic > radius


def test_white_weights_approach_the_lognormal_law():
    """E4: log R -> N(kappa (1 - 2/d), 4 kappa / d) at beta = 1/2, within the exact distance at this depth."""
    multiplier, depth = a_layer(10, "res-3"), 100
    sweep = Sweep(width=10, depth=depth, weights=WHITE, betas=(0.5,))
    sample = run_experiments({sweep: 500}, SEED, threads=1)[sweep].values
    limit = lognormal_limit(multiplier)
    distance = distance_to_normal(depth_law(multiplier, depth**-0.5, depth), limit.mean, limit.variance)
    assert distance.upper < 0.02
    for column in ("log_norm_ratio", "log_gradient_ratio"):
        values = sample[column][:, 0, 0]
        found = kolmogorov_interval(values, stats.norm(limit.mean, math.sqrt(limit.variance)).cdf, alpha=LEVEL)
        assert found.lower <= distance.upper
        # kappa = 1, the law of a linear branch.
        wrong = lognormal_limit(a_layer(10, "linear"))
        assert kolmogorov_interval(
            values, stats.norm(wrong.mean, math.sqrt(wrong.variance)).cdf, alpha=LEVEL
        ).lower > distance.upper + 0.05  # fmt: skip


def test_correlated_weights_do_not_have_the_law_of_white_ones():
    """The control of the tests above: they tell a Hurst index of 0.9 from 1/2."""
    sweep = Sweep(
        width=WIDTH, depth=DEPTH, weights=Weights("fgn", (("hurst", 0.9),)), betas=(0.25,),
        gradients=False,
    )  # fmt: skip
    values = run_experiments({sweep: REPLICATES}, SEED, threads=1)[sweep].values["log_norm_ratio"][:, 0, 0]
    law = depth_law(a_layer(WIDTH, "res-3"), DEPTH**-0.25, DEPTH)
    assert kolmogorov_interval(values, law.cdf, alpha=LEVEL).lower > law.error


def test_a_cell_and_a_sweep_have_one_law_but_streams_of_their_own():
    cell = Cell(
        network=Network(Branch(), 4, 6, Scaling.power(0.5)), weights=SWEEP.weights, input=SWEEP.input,
        kernel="stored",
    )  # fmt: skip
    assert not np.any(simulate(cell, 3, SEED).values["log_norm_ratio"] == run(SWEEP)["log_norm_ratio"][:, 1])
