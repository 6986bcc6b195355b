"""Balance of the gradients of a first step, and that the gradients are those of the loss."""

from __future__ import annotations

import numpy as np
import pytest
import training_twin as twin
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory_check import strategies
from theory_check.experiments.experiment import never
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.weights import Weights
from theory_check.simulation import first_step
from theory_check.simulation.first_step import chain_defect, ends_defect, scales_defect, simulate_block, units_defect
from theory_check.simulation.runner import simulate
from theory_check.simulation.training import TrainingRun

#: See ``theory_check.catalogue.balance``.
ROUNDING = 1e-12


def a_step(branch="res-3", law="uniform", activation="relu", width=4, depth=3, **options):
    shape = network(branch, activation=activation, width=width, depth=depth).network
    return FirstStep(network=shape, weights=Weights.parse(law), **options)


@st.composite
def steps(draw, homogeneous=True):
    drawn = draw(strategies.networks(max_width=6, max_depth=6, branches=strategies.branches(homogeneous=homogeneous)))
    laws = st.sampled_from(["gaussian", "uniform", "rademacher", "fgn:hurst=0.8", "tied", "smooth:length=0.3"])
    # The gradient of a layer of vanishing factor is lost in rounding.
    assume(np.all(np.abs(drawn.factors) > 1e-3))
    return FirstStep(
        network=drawn, weights=Weights.parse(draw(laws)), loss=draw(st.sampled_from(["cross-entropy", "square"])),
        has_outer=not drawn.branch.has_inner or draw(st.booleans()), trained_scaling="layers",
    )  # fmt: skip


def test_where_all_gradients_vanish_nothing_is_missing():
    # One unit, whose inner weight is 0 in nine networks of ten, in the last of the two layers too.
    sample = simulate(a_step(law="sparse", width=1, depth=8), 40, seed=1, threads=1)
    assert max(sample.column(f"{name}_defect").max() for name in ("ends", "units")) < ROUNDING
    zero, slopes = np.zeros((2, 3, 3)), np.zeros((1, 2, 3, 3))
    assert chain_defect(zero, slopes) == units_defect(zero, slopes, zero, slopes) == 0.0
    assert ends_defect(zero[0], slopes[0], zero[1], slopes[0]) == 0.0


@settings(max_examples=25)
@given(steps(), st.integers(0, 2**32 - 1))
def test_homogeneous_branches_are_in_balance(step, seed):
    """Any depth, scaling, law and slope of the activation, with and without V, and either loss."""
    values = simulate_block(step, seed, 0)
    assert values["ends_defect"][0] < ROUNDING
    assert values["scales_defect"][0] < ROUNDING
    if step.network.branch.has_inner and step.has_outer:
        assert values["units_defect"][0] < ROUNDING
    elif not step.network.branch.has_inner and step.network.branch.is_linear and step.network.depth > 1:
        assert values["chain_defect"][0] < ROUNDING


@pytest.mark.parametrize("loss", ["cross-entropy", "square"])
@pytest.mark.parametrize("branch", ["res-1", "res-3"])
def test_a_bounded_activation_is_out_of_balance(branch, loss):
    values = simulate(a_step(branch, activation="tanh", loss=loss), 5, seed=1).values
    defects = [column for name, column in values.items() if name != "ends_defect"]
    assert np.all(values["ends_defect"] > 1e-6)
    assert all(np.all(column > 1e-3) for column in defects)


def test_a_factor_is_in_balance_with_the_matrix_that_it_multiplies():
    """With V outside of the activation for every activation, with W inside of it for homogeneous ones only."""
    inside, outside = (
        simulate(a_step(activation="tanh", has_outer=outer, trained_scaling="layers"), 5, seed=1)
        for outer in (False, True)
    )
    assert np.all(inside.column("scales_defect") > 1e-3)
    assert np.all(outside.column("scales_defect") < ROUNDING)


def test_a_rectifier_is_no_product_of_matrices():
    assert np.all(simulate(a_step("res-1"), 5, seed=1).column("chain_defect") > 1e-3)


@pytest.mark.parametrize("loss", ["cross-entropy", "square"])
@pytest.mark.parametrize(
    ("branch", "has_outer"), [("linear", True), ("res-1", True), ("res-3", True), ("res-3", False)]
)
def test_the_gradients_are_those_of_the_loss(branch, has_outer, loss):
    """As the NumPy twin has them, which its own tests compare with differences of the loss."""
    run = TrainingRun(a_step(branch, width=3, depth=2, has_outer=has_outer, loss=loss).training, 7, 0)
    before = [part.copy() for part in run.weights]
    found = [part.sum(axis=0) for part in first_step._gradients(run, never)]
    inputs, labels = run._own
    parameters, activation = dict(zip(twin.NAMES, before, strict=True)), "identity" if branch == "linear" else "relu"
    expected, _ = twin.gradients(
        parameters, activation, inputs[run.seen] * run._unit, labels[run.seen], square=loss == "square"
    )
    for name, old, new, gradient in zip(twin.NAMES[:4], before, run.weights, found, strict=False):
        # Sums over 718 examples in another order, and a difference of numbers 2^20 times as large.
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-9, atol=1e-13)
        np.testing.assert_array_equal(new, old)


def test_gradients_that_cancel_between_examples_are_in_balance():
    """One hidden unit: the whole gradient is below a hundredth of its parts in one network of some hundred."""
    sample = simulate(a_step(law="gaussian", width=1, depth=1), 1000, seed=17, threads=1)
    # Sums over the 90 examples of a part: 90 roundings of 2^-53. Over the norm of the whole gradient it is 1e-13.
    assert sample.column("units_defect").max() < 1e-14


def test_a_layer_that_is_switched_off_has_no_chain():
    with pytest.raises(SpecificationError, match="factors other than 0"):
        FirstStep(network=network("linear", width=3, depth=2, scale=(0.0, 1.0)).network, weights=Weights())


def test_defects_of_matrices_written_out():
    a, b = np.array([[1.0, 2.0]]), np.array([[3.0]])
    # <A, G_A> = 5, <B, G_B> = 3: 2 over 5 + 3.
    assert ends_defect(a, a[None], b, np.array([[[1.0]]])) == pytest.approx(0.25)
    # In two parts, 4 G and -3 G: the same 2, over 7 times as much.
    parts = np.array([4.0, -3.0])[:, None, None]
    assert ends_defect(a, parts * a, b, parts) == pytest.approx(2.0 / 56.0)
    v, w = np.array([[[1.0, 0.0], [2.0, 1.0]]]), np.array([[[2.0, 1.0], [1.0, 0.0]]])
    # a G_a = 2 and -1 against <W, G_W> = 2 and 1: 2 off in the second layer, 4 in the first at most.
    ones, layers = np.ones((1, 2, 1, 1)), np.array([[[2.0]], [[1.0]]])
    found = scales_defect(np.array([1.0, 1.0]), np.array([[2.0, -1.0]]), layers, ones)
    assert found == pytest.approx(2.0 / 4.0)
    # Columns of V against rows of W with themselves as gradients: 5 and 1 against 5 and 1.
    assert units_defect(v, v[None], w, w[None]) == 0.0
    assert units_defect(v, v[None], w, 2.0 * w[None]) == pytest.approx(5.0 / 15.0)
    m = np.stack([np.eye(2), 2.0 * np.eye(2)])
    assert chain_defect(m, np.stack([2.0 * np.eye(2), np.eye(2)])[None]) == 0.0
    assert chain_defect(m, m[None]) == pytest.approx(np.linalg.norm(3.0 * np.eye(2)) / 8.0)
