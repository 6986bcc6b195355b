"""Weight laws from outside: each goes where a built-in one goes, or is refused with a reason."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from drawn_examples import drawn

from theory_check import strategies
from theory_check.claims.networks import layer_law
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError
from theory_check.kernels import LANES
from theory_check.networks.additions import add_law, temporary_additions
from theory_check.networks.weight_laws import WeightLaw
from theory_check.networks.weights import WEIGHTS, Weights
from theory_check.simulation.passes.compiled import row_filler
from theory_check.simulation.runner import simulate

TRAPEZOID = WeightLaw(
    name="trapezoid",
    summary="sum of two uniform numbers, of widths 2 and 1",
    transform=lambda u, v, _: math.sqrt(2.4) * (2.0 * u + v - 1.5),
    kurtosis=lambda _: 2.184,
)


def test_an_added_law_is_a_law_like_any_other():
    with pytest.raises(SpecificationError, match="trapezoid"):
        Weights.parse("trapezoid")
    add_law(TRAPEZOID)
    weights = Weights.parse("trapezoid:variance=he")
    assert weights.gain == 2.0
    assert weights.kurtosis == 2.184
    assert "trapezoid" in WEIGHTS.names
    cell = network(weights="trapezoid:variance=he", width=4, depth=2)
    assert cell.kernel == "dense"
    assert layer_law(cell).kappa == 2.0
    assert str(cell).endswith("trapezoid:variance=he weights, gaussian input")
    assert drawn(strategies.cells(), lambda c: c.weights.law == "trapezoid").kernel == "dense"


def test_a_law_without_symmetry_says_so():
    # Two values, 2 with probability 1/5 and -1/2 otherwise: third moment 8/5 - 1/10, fourth 16/5 + 1/20.
    skewed = replace(
        TRAPEZOID, transform=lambda u, v, _: 2.0 if u < 0.2 else -0.5, skewness=1.5, kurtosis=lambda _: 3.25
    )
    add_law(skewed)
    with pytest.raises(SpecificationError, match=r"third moment is 1\.5"):
        add_law(replace(skewed, name="symmetric", skewness=0.0))


def test_the_name_of_a_law_keeps_its_meaning():
    add_law(TRAPEZOID)
    # The same file read again makes new functions of the same values.
    add_law(replace(TRAPEZOID, transform=lambda u, v, _: math.sqrt(2.4) * (2.0 * u + v - 1.5)))
    with pytest.raises(SpecificationError, match="another law of this name"):
        add_law(replace(TRAPEZOID, transform=lambda u, v, _: math.sqrt(2.4) * (u + 2.0 * v - 1.5)))
    tail = replace(TRAPEZOID, transform=lambda u, v, _: 30.0 if u < 0.0039 else math.sqrt(2.4) * (2.0 * u + v - 1.5))
    for other in (tail, replace(TRAPEZOID, name="uniform")):
        with pytest.raises(SpecificationError, match="another law of this name"):
            add_law(other)


def test_what_an_added_law_means_is_part_of_the_identity_of_its_cells():
    def identity(law):
        with temporary_additions():
            add_law(law)
            return network(weights="trapezoid", width=4, depth=2).identity

    first = identity(TRAPEZOID)
    other = replace(TRAPEZOID, transform=lambda u, v, _: math.sqrt(2.4) * (u + 2.0 * v - 1.5))
    assert identity(other) != first == identity(replace(TRAPEZOID, summary="a trapezoid", work=1.0))
    # Identities of built-in laws are what they were before laws could be added.
    assert WEIGHTS.identity("uniform") is None
    assert '"law":"uniform"' in network(weights="uniform", width=4, depth=2).identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Two Words"}, "small letters"),
        ({"transform": None}, "give it a transform"),
        ({"kernel": "normal"}, "give it a transform"),
        ({"defaults": {"scale": 1.0}}, "a default and a range"),
        ({"transform": lambda u, v, _: u + v - 1.0}, "variance is 0.16"),
        ({"transform": lambda u, v, _: math.sqrt(6.0) * (u + v)}, "mean is 2.44"),
        ({"transform": lambda u, v, _: -1.0 - math.log(u)}, "third moment"),
        ({"kurtosis": lambda _: 3.0}, "kurtosis is 2.184"),
        ({"transform": lambda u, v, _: 1.0 / (u - u)}, "ZeroDivisionError"),
        ({"transform": lambda u, v, _: math.inf}, "not finite"),
        (
            {"transform": lambda u, v, _: math.sqrt(2.4) * (2.0 * u + v - 1.5) + 1e-9 * random.random()},
            "two values at the same numbers",
        ),
    ],
)
def test_laws_that_are_not_what_they_say_are_refused(change, message):
    with pytest.raises(SpecificationError, match=message):
        add_law(replace(TRAPEZOID, **change))
    assert "trapezoid" not in WEIGHTS.names


def test_values_of_an_added_law_are_its_own():
    add_law(TRAPEZOID)
    filler = row_filler(Weights("trapezoid"))
    assert filler.natural_deviation == 1.0
    cell = network("linear", "trapezoid", width=1, depth=1, beta=0.0)
    # |1 + V| for one entry of the law, which is bounded by sqrt(5.4).
    size = np.exp(simulate(cell, LANES, 3).values["log_norm_ratio"] / 2.0)
    assert float(size.max()) <= 1.0 + math.sqrt(5.4) + 1e-6
