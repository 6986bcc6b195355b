"""Cells: columns, streams, values that do not depend on how they are cut, and the edges of arithmetic."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from numpy_twins import LANES

from theory_check import strategies
from theory_check.experiments import segments
from theory_check.experiments.cell import CONTROL_COLUMNS, JACOBIAN_COLUMNS, Cell
from theory_check.experiments.kernel_choice import choose_kernel
from theory_check.experiments.segments import blocks_together
from theory_check.foundation.errors import InterruptedSimulationError, NumericalOverflowError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation import cell as simulation
from theory_check.simulation.cell import simulate_block
from theory_check.simulation.runner import simulate

SEED = 1


def a_cell(
    branch="res-3", weights="gaussian", *, width=4, depth=7, scaling=None, kernel=None, activation="relu", **fields
):
    law, observed = Weights.parse(weights), fields.pop("input", Input())
    return Cell(
        network=Network(Branch(branch, Activation.parse(activation)), width, depth, scaling or Scaling.power(0.5)),
        weights=law,
        input=observed,
        kernel=kernel or choose_kernel(law, observed),
        **{"recorded_depths": (2, 7)[: 1 + (depth >= 7)]} | fields,
    )


# All kernels, every branch, every input law, growth beyond the range of single precision, one input and several.
def few_of(cell):
    """A number of replicates that is quick to simulate and no multiple of a block."""
    return 5 if cell.kernel == "stored" else 70


CELLS = [
    a_cell(),
    a_cell("res-2"),
    a_cell("res-1", activation="tanh"),
    a_cell("linear", kernel="dense", scaling=Scaling.constant(200.0)),
    a_cell("res-2", "uniform", scaling=Scaling.constant(200.0), input=Input("sphere")),
    a_cell("res-3", "rademacher", input=Input("paper", 3)),
    a_cell("res-3", input=Input("paper"), activation="leaky:slope=0.2"),
    a_cell("res-3", "student:df=3", width=3, input=Input("gaussian", 2)),
    a_cell("res-1", "orthogonal"),
    a_cell("res-3", "fgn:hurst=0.8", scaling=Scaling.constant(200.0), input=Input("paper")),
    a_cell("res-2", "smooth:length=0.3", activation="tanh", input=Input("sphere", 3)),
    a_cell("linear", "tied", input=Input("gaussian", LANES + 1)),
    a_cell("res-2", width=5, kernel="reduced", input=Input("correlated", 3, 0.2)),
    a_cell("res-3", "uniform", scaling=Scaling.power(0.25), input=Input("gaussian", 2), jacobian=True),
    a_cell("res-3", "uniform", input=Input("gaussian", 2), weight_gradients=(1, 4, 5, 7), gradient_cosines=(4,)),
    a_cell("res-2", weight_gradients=(2, 3)),
    a_cell("res-2", "smooth:length=0.3", weight_gradients=(1, 2, 7), gradient_cosines=(1,)),
    a_cell("res-1", active_norm=True),
    a_cell("res-3", "uniform", input=Input("gaussian", 2), controls=True),
    a_cell("linear", controls=True),
    a_cell("res-3", activation="leaky:slope=0.2", gradients=False, kernel="chain", controls=True),
    a_cell("res-3", kernel="chain", scaling=Scaling.constant(200.0), input=Input("paper")),
]
# log R of the first two replicates of cells 0, 2 and 4.
FROZEN = [(0.062269, 0.420064), (0.741315, 1.489248), (66.291926, 51.060597)]

each_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c}, {c.kernel}")


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column, err_msg=name)


@settings(max_examples=60)
@given(strategies.cells(weights=strategies.weights() | strategies.weight_processes()))
def test_documented_columns_of_any_cell(cell):
    """No warning, no NaN but in a ratio 0/0, and the shapes that the sample promises."""
    # Infinite variance leaves single precision now and then; the claim here is about columns, not about their values.
    values = simulate(cell, 3, SEED).values
    shape = (3,) if cell.input.count == 1 else (3, cell.input.count)
    names = ["log_norm_ratio", "log_displacement"]
    if cell.gradients:
        names += ["log_gradient_ratio", "log_gradient_displacement", "pairing_output", "pairing_input"]
    if cell.input.count > 1:
        names += ["cosine_input", "cosine_output"]
    names += ["log_determinant"] * cell.jacobian
    several = cell.input.count > 1
    backward = ["gradient_profile", "pairing_profile"] * cell.gradients
    profiles = ["norm_profile", *backward] + ["cosine_profile"] * several
    profiles = profiles if cell.recorded_depths else []
    spectra = ["log_singular_values"] * cell.jacobian
    names += ["log_active_norm_ratio"] * cell.active_norm
    names += [*CONTROL_COLUMNS] * cell.controls
    matrices = ["outer"] + ["inner"] * cell.network.branch.has_inner
    layered = [f"{matrix}_weight_gradient" for matrix in matrices] if cell.weight_gradients else []
    compared = [f"{matrix}_gradient_cosine" for matrix in matrices] if cell.gradient_cosines else []
    assert set(values) == {*names, *profiles, *spectra, *layered, *compared}
    assert all(values[name].shape == (*shape, len(cell.weight_gradients)) for name in layered)
    assert all(values[name].shape == (*shape, len(cell.gradient_cosines)) for name in compared)
    assert all(values[name].shape == (*shape, cell.network.width) for name in spectra)
    assert all(values[name].shape == shape for name in names)
    assert all(values[name].shape == (*shape, len(cell.recorded_depths)) for name in profiles)
    assert all(column.dtype == np.float64 for column in values.values())
    logarithms = [name for name in values if name.startswith("log_")]
    assert not any(np.isnan(values[name]).any() for name in logarithms)


@each_cell
def test_replicates_do_not_depend_on_how_many_there_are(cell):
    few = simulate(cell, few_of(cell), SEED).values
    many = simulate(cell, few_of(cell) + 2 * cell.block_size, SEED).values
    assert_same(few, {name: column[: few_of(cell)] for name, column in many.items()})


@each_cell
def test_blocks_are_simulated_in_any_order(cell):
    backwards = [simulate_block(cell, SEED, block) for block in (1, 0)][::-1]
    joined = {name: np.concatenate([block[name] for block in backwards]) for name in backwards[0]}
    assert_same(joined, simulate(cell, 2 * cell.block_size, SEED).values)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if blocks_together(cell) > 2], ids=str)
def test_blocks_that_go_together_have_the_values_and_the_layout_that_they_have_alone(cell):
    alone = [simulate_block(cell, SEED, block) for block in (1, 2, 3)]
    joined = {name: np.concatenate([block[name] for block in alone]) for name in alone[0]}
    together = simulate_block(cell, SEED, 1, blocks=3)
    assert_same(together, joined)
    # The order in which later sums run.
    assert all(np.argsort(together[n].strides).tolist() == np.argsort(joined[n].strides).tolist() for n in joined)


@each_cell
@pytest.mark.parametrize(
    ("module", "limit", "value"),
    [(simulation, "SEGMENT_BYTES", 1), (segments, "SEGMENT_WEIGHTS", 1), (simulation, "SEGMENT_BYTES", 12_000)],
)
def test_values_do_not_depend_on_the_cuts_of_the_depth(cell, module, limit, value, monkeypatch):
    whole = simulate(cell, few_of(cell), SEED).values
    monkeypatch.setattr(module, limit, value)
    assert_same(simulate(cell, few_of(cell), SEED).values, whole)


@each_cell
def test_values_do_not_depend_on_what_is_observed(cell):
    full = simulate(cell, few_of(cell), SEED).values
    nothing = {"recorded_depths": (), "weight_gradients": (), "gradient_cosines": (), "controls": False}
    plain = replace(cell, gradients=False, jacobian=False, active_norm=False, **nothing)
    bare = simulate(plain, few_of(cell), SEED).values
    assert_same(bare, {name: full[name] for name in bare})
    assert not any("gradient" in name or "pairing" in name or name in JACOBIAN_COLUMNS for name in bare)
    if cell.kernel == "dense":
        more = simulate(replace(plain, jacobian=True), few_of(cell), SEED).values
        assert_same(bare, {name: more[name] for name in bare})
        assert_same(
            {n: c for n, c in full.items() if n in JACOBIAN_COLUMNS and cell.jacobian},
            {n: c for n, c in more.items() if n in JACOBIAN_COLUMNS and cell.jacobian},
        )
    every = simulate(replace(cell, recorded_depths=tuple(range(8))), few_of(cell), SEED).values
    profiles = {"norm_profile", *(["gradient_profile", "pairing_profile"] if cell.gradients else [])}
    for name in profiles | ({"cosine_profile"} if cell.input.count > 1 else set()):
        np.testing.assert_array_equal(every[name][..., list(cell.recorded_depths)], full[name])


@each_cell
def test_the_profile_joins_the_ends(cell):
    values = simulate(replace(cell, recorded_depths=(0, 7)), few_of(cell), SEED).values
    assert not values["norm_profile"][..., 0].any()
    if cell.gradients:
        assert not values["gradient_profile"][..., 1].any()
        np.testing.assert_array_equal(values["gradient_profile"][..., 0], values["log_gradient_ratio"])
        np.testing.assert_array_equal(values["pairing_profile"][..., 0], values["pairing_input"])
        np.testing.assert_array_equal(values["pairing_profile"][..., 1], values["pairing_output"])
    np.testing.assert_array_equal(values["norm_profile"][..., 1], values["log_norm_ratio"])
    if cell.input.count > 1:
        np.testing.assert_array_equal(values["cosine_profile"][..., 0], values["cosine_input"])
        np.testing.assert_array_equal(values["cosine_profile"][..., 1], values["cosine_output"])


@each_cell
def test_seeds_and_cells_have_streams_of_their_own(cell):
    first = simulate(cell, few_of(cell), SEED).values["log_norm_ratio"]
    assert not np.any(first == simulate(cell, few_of(cell), SEED + 1).values["log_norm_ratio"])
    other = replace(cell, network=replace(cell.network, scaling=Scaling.power(0.75)))
    assert not np.any(first == simulate(other, few_of(cell), SEED).values["log_norm_ratio"])


def test_frozen_values():
    """The first values of three cells under kernel version 1: if they move, the version must.

    Machines may round products and sums differently; 7 layers in single precision leave 1e-5.
    """
    found = [simulate(cell, 2, SEED).values["log_norm_ratio"].ravel()[:2] for cell in CELLS[:5:2]]
    np.testing.assert_allclose(found, FROZEN, rtol=1e-4)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_logarithms_stay_finite_where_the_norm_does_not(width):
    """beta = 0 over 10^5 layers: norms reach e^(+-10^5)."""
    cell = a_cell("linear", width=width, depth=10**5, scaling=Scaling.power(0.0), recorded_depths=())
    sample = simulate(cell, LANES, SEED)
    assert sample.overflows == 0
    for name in ("log_norm_ratio", "log_gradient_ratio"):
        assert np.all(np.isfinite(sample.values[name]))
    assert np.median(np.abs(sample.values["log_norm_ratio"])) > {1: 1e4, 2: 100, 3: 1e4}[width]
    if width == 1:
        # log |1 + z| has mean below 0: the network collapses, h_L - h_0 = -h_0 to rounding.
        assert np.all(sample.values["log_norm_ratio"] < 0)
        np.testing.assert_allclose(sample.values["log_displacement"], 0.0, atol=2.0**-52)
        assert_one_jacobian(sample.values)


def assert_one_jacobian(values):
    """For d = 1 the Jacobian is a number: log R* = log R, up to rounding.

    A layer 1 + v, rounded forward and backward, adds at most 8 UNIT |v| / |1 + v|. The sum over 10^5 layers is of order
    8 UNIT 10^5 2 phi(1) ln(10^5) = 0.3, with a tail of 1 / x: 3 for one in ten lanes would be 8 UNIT / |1 + v| with |1
    + v| = 2e-7.
    """
    np.testing.assert_allclose(values["log_gradient_ratio"], values["log_norm_ratio"], rtol=0, atol=3.0)


def test_a_collapsing_network_keeps_the_gradient_of_the_loss():
    """h_L is 0 beside the target: p_L = 2 (B h_L - y) B is then -2 y B, finite, and so is all that follows."""
    scaling = Scaling.power(0.0)
    cell = a_cell("linear", width=1, depth=10**4, scaling=scaling, input=Input("paper"), recorded_depths=())
    sample = simulate(cell, LANES, SEED)
    assert sample.overflows == 0
    assert_one_jacobian(sample.values)


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_state_of_zero(inputs):
    """Random signs, d = 1, a = 1: half of the layers multiply by 0, and every path of 30 layers ends there."""
    scaling = Scaling.constant(1.0)
    cell = a_cell(
        "linear", "rademacher", width=1, depth=60, scaling=scaling, input=Input(count=inputs), recorded_depths=()
    )
    sample = simulate(cell, few_of(cell), SEED)
    values = sample.values
    assert sample.overflows == 0
    assert np.all(np.isneginf(values["log_norm_ratio"]))
    assert np.all(np.isneginf(values["log_gradient_ratio"]))
    np.testing.assert_array_equal(values["log_displacement"], 0.0)


@pytest.mark.parametrize("weights", ["zero", "skipinit", "rezero", "fixup"])
@pytest.mark.parametrize("branch", ["res-1", "res-2", "res-3"])
def test_zero_last_layers_give_the_identity(weights, branch):
    values = simulate(a_cell(branch, weights), 70, SEED).values
    for name in ("log_norm_ratio", "log_gradient_ratio", "norm_profile", "gradient_profile"):
        assert not values[name].any()
    for name in ("log_displacement", "log_gradient_displacement"):
        assert np.all(np.isneginf(values[name]))
    np.testing.assert_array_equal(values["pairing_input"], values["pairing_output"])


@pytest.mark.parametrize("kernel", ["dense", "reduced"])
def test_overflows_are_reported_without_a_warning(kernel):
    scaling = Scaling.constant(1e300)
    cell = a_cell("res-3", scaling=scaling, activation="tanh", kernel=kernel)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample = simulate(cell, 10, SEED)
    assert sample.overflows == 10
    with pytest.raises(NumericalOverflowError, match="10 of 10 replicates overflowed"):
        sample.column("log_displacement")


def test_several_inputs_share_the_weights():
    """Linear, d = 1: h_L / h_0 is a product of weights, the same for every input."""
    values = simulate(a_cell("linear", "uniform", width=1, input=Input(count=3)), 70, SEED).values
    for name in ("log_norm_ratio", "log_gradient_ratio"):
        # Seven layers in single precision; 1 + a v is small, and its logarithm large, in some.
        np.testing.assert_allclose(values[name], values[name][:, :1] * np.ones(3), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(values["cosine_input"][:, 0], 1.0)
    np.testing.assert_allclose(np.abs(values["cosine_output"]), 1.0, rtol=4 * 2.0**-52)


@pytest.mark.parametrize("cell", [c for c in CELLS if c.kernel == "stored"], ids=str)
@pytest.mark.parametrize("memory", [1, 600, 5000])
def test_values_do_not_depend_on_memory(cell, memory):
    """One layer of a weight matrix of width 4 takes 64 bytes, its slopes 1024 in a panel."""
    assert_same(simulate_block(cell, SEED, 1, memory=memory), simulate_block(cell, SEED, 1))


@pytest.mark.parametrize("cell", [CELLS[0], next(c for c in CELLS if c.kernel == "stored")], ids=str)
def test_a_stop_is_obeyed_between_segments(cell, monkeypatch):
    monkeypatch.setattr(segments, "SEGMENT_WEIGHTS", 1)
    for allowed in range(4):
        asked = iter([False] * allowed)
        with pytest.raises(InterruptedSimulationError):
            simulate_block(cell, SEED, 0, lambda asked=asked: next(asked, True))
