"""Definitions from outside: each goes where a built-in one goes, or is refused with a reason."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from drawn_examples import drawn
from numpy_twins import LANES, key_of

from theory_check import strategies
from theory_check.claims.networks import layer_law
from theory_check.experiments.cell import Cell
from theory_check.experiments.kernel_choice import choose_kernel
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.kernels import PANEL
from theory_check.networks.activations import ACTIVATIONS, Activation, ActivationDefinition
from theory_check.networks.additions import (
    add_activation,
    add_branch,
    add_input,
    add_law,
    add_process,
    temporary_additions,
)
from theory_check.networks.branches import Branch, BranchDefinition
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.cell import make_passes
from theory_check.simulation.flows import Flow
from theory_check.simulation.passes.stored import StoredPasses
from theory_check.simulation.runner import simulate

KEY = key_of(77)
SEED_OF_STATES = 3
OPAQUE = object()

default = partial(network, width=40, depth=1000, gradients=True)

#: Built-in activations, spelled as functions.
COPIES = {
    "hyperbolic": ActivationDefinition(
        name="hyperbolic",
        function=lambda x, _: math.tanh(x),
        derivative=lambda x, _: 1.0 - math.tanh(x) ** 2,
    ),
    "kinked": ActivationDefinition(
        name="kinked",
        defaults={"angle": 0.2},
        ranges={"angle": (-1.0, 1.0)},
        function=lambda x, c: x if x > 0.0 else c[0] * x,
        derivative=lambda x, c: 1.0 if x > 0.0 else c[0],
    ),
}
ORIGINALS = {"hyperbolic": Activation("tanh"), "kinked": Activation("leaky", 0.2)}


def a_cell(activation, weights="gaussian", count=1, branch="res-2"):
    law, inputs = Weights.parse(weights), Input(count=count)
    network = Network(Branch(branch, activation), 5, 3, Scaling.power(0.5))
    return Cell(network=network, weights=law, input=inputs, kernel=choose_kernel(law, inputs, 20))


def passed(cell):
    """h_L and p_0 of given states, from streams that do not depend on the activation."""
    rng, lanes = np.random.default_rng(SEED_OF_STATES), PANEL if cell.kernel == "stored" else LANES
    if cell.kernel == "stored":
        passes = StoredPasses(cell.network, cell.weights, KEY, 0, np.ones((1, PANEL)), 2**20)
    else:
        passes = make_passes(cell, KEY, 0)
    scaling = cell.network.scaling.factors(cell.network.depth)
    hidden, gradient = (rng.standard_normal((cell.input.count, 5, lanes)) for _ in range(2))
    kept = passes.storage(3)
    for vector, step in ((hidden, passes.forward), (gradient, passes.backward)):
        exponents = np.zeros((cell.input.count, lanes), np.int64)
        arguments = (vector, exponents, kept) if vector is hidden else (kept, vector, exponents)
        step(0, scaling, *arguments)
        vector[:] = np.ldexp(vector, exponents[:, None])
    return np.stack([hidden, gradient])


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize(
    ("weights", "count"), [("uniform", 1), ("uniform", 2), ("gaussian", 1), ("gaussian", 3), ("fgn", 1)]
)
def test_an_added_activation_goes_through_every_kernel(name, weights, count):
    add_activation(COPIES[name])
    found, expected = (passed(a_cell(a, weights, count)) for a in (Activation(name), ORIGINALS[name]))
    # Both round an increment of size about 1 to single precision, at other places.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(expected[0]).max() > 1.0


@pytest.mark.parametrize("name", COPIES)
def test_an_added_activation_goes_through_flows(name):
    add_activation(COPIES[name])
    matrix, state = np.diag([1.0, -2.0, 3.0]), np.array([0.3, -0.4, 2.0])
    found, expected = (
        Flow(Branch("res-1", activation), lambda times: matrix[None]).velocity(state, matrix)
        for activation in (Activation(name), ORIGINALS[name])
    )
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_an_added_activation_is_spelled_drawn_stored_and_costed():
    add_activation(COPIES["kinked"])
    activation = Activation.parse("kinked:angle=0.5")
    assert Activation.parse(str(activation)) == activation != Activation.parse("kinked")
    assert str(Branch("res-3", activation)) == "res-3 kinked:angle=0.5"
    cell = default(activation="kinked:angle=0.5", width=4, depth=2)
    assert Cell.from_json(json.loads(json.dumps(cell.to_json()))) == cell
    assert cell.work_per_block > default(width=4, depth=2).work_per_block
    assert np.isfinite(simulate(cell, 3, 1).column("log_norm_ratio")).all()
    found = drawn(strategies.cells(), lambda c: c.network.branch.activation.name == "kinked")
    assert found.network.branch.activation.parameters[0][0] == "angle"


def test_theories_that_need_homogeneity_refuse_an_added_activation():
    add_activation(COPIES["hyperbolic"])
    with pytest.raises(HypothesisError, match="needs a piecewise linear activation, not res-3 hyperbolic"):
        layer_law(default(activation="hyperbolic"))


def test_an_added_activation_with_a_slope_is_homogeneous():
    add_activation(ActivationDefinition(name="modulus", negative_slope=lambda _: -1.0))
    modulus, absolute = (default(activation=a, weights="uniform", width=3) for a in ("modulus", "leaky:slope=-1"))
    np.testing.assert_array_equal(*(passed(a_cell(c.network.branch.activation)) for c in (modulus, absolute)))
    assert modulus.network.branch.kappa == layer_law(modulus).kappa == 1.0


def test_what_an_added_activation_computes_is_part_of_the_identity():
    def identity(**changes):
        with temporary_additions():
            add_activation(replace(COPIES["kinked"], **changes))
            return default(activation="kinked").identity

    assert identity() == identity(summary="with a kink", work=1.0)
    others = [
        identity(function=lambda x, c: x if x >= 0.0 else c[0] * x),
        identity(defaults={"angle": 0.3}),
        identity(constants=lambda p: (p["angle"], 0.0)),
    ]
    assert len({identity(), *others}) == 4
    assert '"slope":0.0}' in default().identity


def test_a_name_keeps_its_meaning():
    add_activation(COPIES["kinked"])
    add_activation(replace(COPIES["kinked"]))
    for changed in (replace(COPIES["kinked"], defaults={"angle": 0.3}), replace(COPIES["hyperbolic"], name="relu")):
        with pytest.raises(SpecificationError, match="there is another activation of this name"):
            add_activation(changed)
    with temporary_additions():
        add_activation(COPIES["hyperbolic"])
    assert "hyperbolic" not in ACTIVATIONS.names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "My activation"}, "a name is made of small letters, digits and hyphens"),
        ({"function": None}, "give it a function and its derivative, or a negative slope"),
        ({"negative_slope": lambda _: 0.5}, "give it a function and its derivative, or a negative slope"),
        ({"derivative": lambda x, _: 1.0}, r"its derivative at .* is 1, it must be"),
        ({"function": lambda x, _: math.log(x)}, "it fails with ValueError: math domain error"),
        ({"function": lambda x, _: math.inf}, "it has values that are not finite"),
        ({"function": lambda x, _: math.tanh(x) + 1e-9 * random.random()}, "it has two values at"),
        ({"defaults": {"slope": 1.0}}, "every parameter needs a default and a range"),
        ({"defaults": {"slope": 3.0}, "ranges": {"slope": (0.0, 1.0)}}, "slope of .* is 3; it must be between 0 and 1"),
        ({"function": lambda x, _: (OPAQUE, x)[1]}, "whose value cannot be told"),
    ],
)
def test_activations_that_are_not_what_they_say_are_refused(changes, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        add_activation(replace(COPIES["hyperbolic"], **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("add", [add_activation, add_branch, add_input, add_law, add_process])
@pytest.mark.parametrize("other", [None, 3.0, "relu", Activation(), ActivationDefinition])
def test_definitions_of_another_kind_are_refused(add, other):
    with pytest.raises(SpecificationError, match="it must be a"):
        add(other)


def test_the_activation_of_a_branch_is_no_name():
    with pytest.raises(SpecificationError, match="activation of branch mine is 'relu'; it must be an Activation"):
        add_branch(BranchDefinition(name="mine", activation="relu"))


def test_a_function_that_cannot_be_compiled_gives_one_line():
    add_activation(replace(COPIES["hyperbolic"], function=lambda x, _: float(str(x)) and math.tanh(x)))
    with pytest.raises(
        SpecificationError, match="a function cannot be compiled; use arithmetic and math only"
    ) as found:
        simulate(default(activation="hyperbolic", width=2, depth=1), 1, 1)
    assert "\n" not in str(found.value)


def test_an_added_branch_goes_where_a_built_in_one_goes():
    add_branch(BranchDefinition(name="product", has_inner=True, activation=Activation("identity")))
    branch = Branch("product", Activation("tanh"))
    assert (str(branch), branch.kappa, branch.homogeneous) == ("product", 1.0, True)
    cells = [default(branch="product", width=4, depth=3), default(activation="identity", width=4, depth=3)]
    assert cells[0].work_per_block == cells[1].work_per_block
    assert layer_law(cells[0]).kappa == layer_law(cells[1]).kappa == 1.0
    found, expected = (
        passed(a_cell(b.activation, branch=b.name)) for b in (branch, Branch("res-3", branch.activation))
    )
    np.testing.assert_array_equal(found, expected)
    assert drawn(strategies.branches(homogeneous=True), lambda b: b.name == "product") == branch
    assert np.isfinite(simulate(default(branch="product", depth=2), 2, 1).column("log_norm_ratio")).all()


def test_what_an_added_branch_is_made_of_is_part_of_the_identity():
    def identity(**parts):
        with temporary_additions():
            add_branch(BranchDefinition(name="mine", **parts))
            return default(branch="mine").identity

    assert len({identity(), identity(has_inner=True), identity(has_inner=True, has_bias=True)}) == 3


def test_branches_without_a_kernel_are_refused():
    with pytest.raises(SpecificationError, match="no kernel has a bias without weights inside"):
        add_branch(BranchDefinition(name="shifted", has_bias=True))
    with pytest.raises(SpecificationError, match="a branch has no parameters"):
        add_branch(BranchDefinition(name="shifted", defaults={"by": 1.0}, ranges={"by": (0.0, 2.0)}))
    with pytest.raises(SpecificationError, match="there is another branch of this name"):
        add_branch(BranchDefinition(name="res-1", has_inner=True))
