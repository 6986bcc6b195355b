from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from theory_check import strategies
from theory_check.experiments.cell import Cell
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import ACTIVATIONS, Activation, ActivationDefinition
from theory_check.networks.additions import add_activation, temporary_additions
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.processes import PROCESSES
from theory_check.networks.scalings import Scaling
from theory_check.networks.weight_laws import LAWS
from theory_check.networks.weights import GAINS, Weights

SEARCH = settings(
    max_examples=3000, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True, database=None
)


def least(strategy, condition=lambda value: True):
    return find(strategy, condition, settings=SEARCH)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_registered_law_is_drawn_with_its_defaults_first(law):
    assert least(strategies.weights(), lambda w: w.law == law.name) == Weights(law.name)


@pytest.mark.parametrize("law", [law for law in LAWS if law.defaults], ids=lambda law: law.name)
def test_parameters_are_drawn_as_well(law):
    least(strategies.weights(laws=(law.name,)), lambda w: w != Weights(law.name, variance=w.variance))


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_every_registered_process_is_drawn_with_its_defaults_first(process):
    drawn = strategies.weight_processes(names=(process.name,))
    assert least(drawn) == Weights(process.name)
    if process.defaults:
        least(drawn, lambda w: w != Weights(process.name, variance=w.variance))


@given(strategies.weights())
def test_laws_are_drawn_apart_from_processes(weights):
    assert weights.process is None


@pytest.mark.parametrize("convention", GAINS)
def test_every_variance_convention_is_drawn(convention):
    assert least(strategies.weights(), lambda w: w.variance == convention) == Weights(variance=convention)


@given(strategies.weights(finite_variance=True, nonzero=True, independent=True))
def test_filters_of_weights(weights):
    assert 0.0 < weights.entry_variance < math.inf
    assert weights.law != "orthogonal"


@given(st.data())
def test_filters_of_branches(data):
    assert data.draw(strategies.branches(homogeneous=True)).homogeneous
    assert not data.draw(strategies.branches(homogeneous=False)).homogeneous
    assert data.draw(strategies.activations(homogeneous=True)).homogeneous
    assert not data.draw(strategies.activations(homogeneous=False)).homogeneous


@pytest.mark.parametrize("name", ["linear", "res-1", "res-2", "res-3"])
def test_every_branch_is_drawn(name):
    assert least(strategies.branches(), lambda b: b.name == name) == Branch(name)


@pytest.mark.parametrize("name", ["relu", "leaky", "identity", "tanh"])
def test_every_activation_is_drawn(name):
    assert least(strategies.activations(), lambda a: a.name == name) == Activation(name)


@pytest.mark.parametrize("kind", ["power", "constant", "sequence"])
def test_every_scaling_is_drawn(kind):
    least(strategies.scalings(3), lambda s: s.kind == kind)


@given(st.integers(1, 6), st.data())
def test_positive_scalings(depth, data):
    assert (data.draw(strategies.scalings(depth, positive=True)).factors(depth) > 0).all()


@given(strategies.networks(max_width=3, max_depth=2), strategies.inputs(maximal_count=2))
def test_sizes(network, inputs):
    assert network.width <= 3
    assert network.depth <= 2
    assert inputs.count <= 2


@given(strategies.cells(kernel="reduced", weights=strategies.weights(laws=("gaussian",)), inputs=st.just(Input())))
def test_reduced_cells(cell):
    assert cell.kernel == "reduced"


@pytest.mark.parametrize("kernel", ["dense", "reduced", "chain"])
def test_kernels_are_drawn(kernel):
    # Of Gaussian weights, which reduced kernels need: one law of many, and chains are rare among those.
    gaussian = strategies.weights(laws=("gaussian",))
    least(strategies.cells(weights=gaussian), lambda cell: cell.kernel == kernel)


@pytest.mark.parametrize(
    ("ask", "options", "message"),
    [
        (strategies.betas, {"low": "0", "high": 1.0}, "low must be a real number"),
        (strategies.betas, {"low": 0.0, "high": math.inf}, "high must lie between"),
        (strategies.betas, {"low": 0.501, "high": 0.509}, "no hundredth lies from"),
        (strategies.scalings, {"depth": 0}, "depth must be at least 1"),
        (strategies.scalings, {"depth": 1, "positive": {}}, "positive is {}; it must be True or False"),
        (strategies.networks, {"max_width": 1.5}, "max_width must be an integer"),
        (strategies.cells, {"max_depth": None}, "max_depth must be an integer"),
    ],
)
def test_what_can_draw_nothing_is_refused_before_it_draws(ask, options, message):
    with pytest.raises(SpecificationError, match=message):
        ask(**options)


def test_numbers_of_numpy_have_octaves():
    assert least(strategies.by_octaves(np.uint8(255), 1000), lambda n: n > 600) == 601


def test_the_simplest_values_are_plain():
    scaling = Scaling.power(0.5)
    assert least(strategies.networks()) == Network(Branch("linear"), 1, 1, scaling)
    assert least(strategies.cells()) == Cell(
        network=Network(Branch("linear"), 1, 1, scaling),
        weights=Weights(),
        input=Input(),
        kernel="dense",
        gradients=False,
        recorded_depths=(),
    )


def test_a_failure_shrinks_to_what_causes_it():
    cell = least(strategies.cells(), lambda c: c.network.width >= 3 and c.weights.law == "student" and c.gradients)
    assert cell.network == Network(Branch("linear"), 3, 1, Scaling.power(0.5))
    assert (cell.weights, cell.input) == (Weights("student"), Input())


@pytest.mark.parametrize(
    "simplest",
    [
        Activation(next(iter(ACTIVATIONS)).name),
        Branch("linear"),
        Scaling.power(0.5),
        Weights(),
        Input(),
        Network(Branch("linear"), 1, 1, Scaling.power(0.5)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_types_are_drawn_and_shrink_to_the_simplest(simplest):
    assert least(st.from_type(type(simplest))) == simplest


def test_a_type_draws_what_a_program_adds():
    with temporary_additions():
        add_activation(ActivationDefinition(name="half", summary="x/2", negative_slope=lambda _: 0.5))
        assert least(st.from_type(Activation), lambda a: a.name == "half") == Activation("half")
