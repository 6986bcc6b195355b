"""Input laws: functions of normal vectors, built in or added."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_examples import drawn
from numpy_twins import LANES, key_of

from theory_check import strategies
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.additions import add_input, temporary_additions
from theory_check.networks.inputs import INPUTS, Input, InputLaw, to_sphere
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.runner import simulate

KEY = key_of(5)
SIGNS = InputLaw(name="signs", summary="random signs", hidden=np.sign, gradient=to_sphere)


@pytest.mark.parametrize("law", tuple(INPUTS), ids=lambda law: law.name)
def test_registered_input_laws_are_spelled(law):
    assert law.summary
    if not law.takes_cosine:
        assert str(Input(law.name)) == f"{law.name} input"


def test_an_added_input_law_goes_where_a_built_in_one_goes():
    add_input(SIGNS)
    cell = network("res-3", width=6, depth=3, input="signs", inputs=2, gradients=True)
    plain = network("res-3", width=6, depth=3, inputs=2, gradients=True)
    hidden, normal = (Boundary(c, KEY, 0).hidden() for c in (cell, plain))
    np.testing.assert_array_equal(hidden, np.sign(normal))
    gradient, _ = Boundary(cell, KEY, 0).gradient(hidden, np.zeros((2, LANES), np.int64))
    # Six squares, their sum and a root in double precision.
    np.testing.assert_allclose(np.sum(gradient**2, axis=1), 6.0, rtol=1e-14)
    assert str(cell).endswith("2 signs inputs")
    assert np.isfinite(simulate(cell, 3, 1).column("log_gradient_ratio")).all()
    assert drawn(strategies.cells(), lambda c: c.input.name == "signs").input.cosine is None


def test_what_an_added_input_law_computes_is_part_of_the_identity():
    def identity(**parts):
        with temporary_additions():
            add_input(InputLaw(name="mine", **parts))
            return network(width=3, depth=2, input="mine").identity

    found = {identity(), identity(hidden=np.sign), identity(gradient=np.sign), identity(single=True)}
    assert len(found) == 4
    assert '"input":{"count":1,"name":"gaussian"}' in network(width=3, depth=2).identity


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"name": "ones"}, "there is another input of this name"),
        ({"hidden": lambda v: v / v.max()}, "a column of what it returns depends on other columns"),
        ({"hidden": lambda v: v[0]}, "it must return finite numbers, shape"),
        ({"gradient": lambda v: np.full_like(v, np.nan)}, "it must return finite numbers, shape"),
        ({"hidden": lambda v: v + np.ones(7)}, "it fails with ValueError"),
        ({"hidden": lambda v: 1j * v}, "must be an array of real numbers"),
        ({"hidden": lambda v: np.random.default_rng().normal(size=v.shape)}, "or on chance"),
        ({"takes_cosine": True}, "and no cosine or parameters"),
        ({"observed": True}, "and no cosine or parameters"),
        ({"defaults": {"a": 0.0}, "ranges": {"a": (-1.0, 1.0)}}, "and no cosine or parameters"),
    ],
)
def test_input_laws_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(SpecificationError, match=message):
        add_input(InputLaw(**{"name": "mine", **parts}))


def test_an_input_law_of_whole_numbers_is_one_of_their_floats():
    laws = {
        "whole": InputLaw(name="whole", hidden=lambda v: np.sign(v).astype(int)),
        "floats": InputLaw(name="floats", hidden=np.sign),
    }
    found = []
    for name, law in laws.items():
        add_input(law)
        cell = network("linear", "uniform", width=3, depth=2, input=name)
        found.append(Boundary(cell, KEY, 0).hidden())
    np.testing.assert_array_equal(*found)
    assert found[0].dtype == np.float64


def test_an_input_that_is_sometimes_zero_is_refused_when_it_is_drawn():
    # Of width 5, where laws are looked at when they are added, it is 0 once in 32 times; of width 1 once in two.
    add_input(InputLaw(name="mine", hidden=lambda v: np.maximum(v, 0.0)))
    with pytest.raises(SpecificationError, match="input mine: it returns a vector of length 0"):
        simulate(network("linear", "uniform", width=1, depth=1, input="mine"), 64, seed=1)
