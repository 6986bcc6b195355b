"""Hypothesis strategies for networks, weight laws, inputs and cells.

They draw *parameters*. A seed of a statistical test is never drawn: a search over seeds would find an unlucky one, and
the level of the test would mean nothing. Every value shrinks towards a small, plain one: ``linear``, ReLU, Gaussian
weights, width 1, depth 1, beta 1/2.

    import theory_check as tc
    from hypothesis import given

    @given(tc.strategies.cells())
    def test_values_do_not_depend_on_the_observables(cell): ...
"""

from __future__ import annotations

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
from theory_check.strategies.deep_cells import betas, by_octaves, closed_branches, deep_cells, single_inputs

__all__ = [
    "activations", "betas", "branches", "by_octaves", "cells", "closed_branches", "deep_cells", "inputs", "networks",
    "scalings", "single_inputs", "weight_processes", "weights",
]  # fmt: skip
