"""Passes of several inputs through the same Gaussian weights, drawn by the Gram matrix of the hidden states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.simulation.passes.reduced import GaussianPasses


class GramPasses(GaussianPasses):
    """Gaussian weights by their action on several hidden states at once, exact in law."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import gram

        super().__init__(gram, (cell.input.count,), cell, key, first_replicate)
