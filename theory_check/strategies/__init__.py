"""Hypothesis strategies for networks, weight laws, inputs and cells.

They draw *parameters*. A seed of a statistical test is never drawn: a search over seeds would find an unlucky one, and
the level of the test would mean nothing. Every value shrinks towards a small, plain one: ``linear``, ReLU, Gaussian
weights, width 1, depth 1, beta 1/2.

    import theory_check as tc
    from hypothesis import given

    @given(tc.strategies.cells())
    def test_values_do_not_depend_on_the_observables(cell): ...

Once this module is imported, ``from_type`` and type hints draw from the same strategies, without options:

    import theory_check.strategies
    from hypothesis import strategies as st

    st.from_type(tc.Branch)  # any registered branch; the simplest is ``linear``

That holds for ``Activation``, ``Branch``, ``Scaling`` (of up to 5 layers), ``Weights`` with independent layers,
``Input``, ``Network`` and ``Cell``. What a program adds, a law or an activation, is drawn as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from theory_check.experiments.cell import Cell
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.strategies.cells import (
    activations,
    branches,
    cells,
    inputs,
    networks,
    scalings,
    weight_processes,
    weights,
)
from theory_check.strategies.deep_cells import (
    betas,
    by_octaves,
    closed_branches,
    deep_cells,
    several_inputs,
    single_inputs,
)

__all__ = [
    "activations", "betas", "branches", "by_octaves", "cells", "closed_branches", "deep_cells", "inputs", "networks",
    "scalings", "several_inputs", "single_inputs", "weight_processes", "weights",
]  # fmt: skip

_DRAWN: dict[type, Callable[[], st.SearchStrategy[Any]]] = {
    Activation: activations,
    Branch: branches,
    Scaling: lambda: st.integers(1, 5).flatmap(scalings),
    Weights: weights,
    Input: inputs,
    Network: networks,
    Cell: cells,
}
for _type, _strategy in _DRAWN.items():
    # Made anew at each draw: Hypothesis keeps the strategy of a type, and a program may add a law or an activation.
    st.register_type_strategy(_type, st.builds(_strategy).flatmap(lambda strategy: strategy))
