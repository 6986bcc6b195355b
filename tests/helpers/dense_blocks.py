"""A block of the dense kernel on given states, under one key whatever the cell, and its twin."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy_twins import LANES, DenseTwin, Matrices, key_of

from theory_check.simulation.passes.compiled import row_filler
from theory_check.simulation.passes.dense import DensePasses

FIRST_REPLICATE = 3 * LANES
KEY = key_of(41)


def twin_of(cell):
    width, inner = cell.network.width, cell.weights.inner
    matrices = [
        Matrices(
            filler.fill, filler.constants, math.sqrt(w.gain / width) / filler.natural_deviation, w.law == "orthogonal"
        )
        for w, filler in ((w, row_filler(w)) for w in (cell.weights, inner))
    ]
    factors = cell.network.scaling.factors(cell.network.depth)
    return DenseTwin(cell.network.branch, factors, KEY, FIRST_REPLICATE, *matrices)


class Block:
    """A block of the dense kernel with what it keeps from one forward pass."""

    def __init__(self, cell):
        self.passes = DensePasses(cell, KEY, FIRST_REPLICATE)
        self.scaling = cell.network.scaling.factors(cell.network.depth)
        self.kept = self.passes.storage(len(self.scaling))

    def forward(self, start, cuts=()):
        """Return h_L; with cuts, in several calls."""
        hidden, exponents = start.copy(), np.zeros((start.shape[0], LANES), np.int64)
        stops = [0, *cuts, len(self.scaling)]
        for first, last in pairwise(stops):
            kept = self.passes.slice(self.kept, first, last)
            self.passes.forward(first, self.scaling[first:last], hidden, exponents, kept)
        return np.ldexp(hidden, exponents[:, None])

    def backward(self, output, cuts=()):
        """Return p_0."""
        gradient, exponents = output.copy(), np.zeros((output.shape[0], LANES), np.int64)
        stops = [0, *cuts, len(self.scaling)]
        for first, last in reversed(list(pairwise(stops))):
            kept = self.passes.slice(self.kept, first, last)
            self.passes.backward(first, self.scaling[first:last], kept, gradient, exponents)
        return np.ldexp(gradient, exponents[:, None])
