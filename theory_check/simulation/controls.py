"""Control variates of a block: sums along the forward pass whose mean is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import CONTROL_COLUMNS
from theory_check.experiments.experiment import Values
from theory_check.foundation.arrays import FloatArray
from theory_check.kernels import LANES
from theory_check.simulation.passes.protocol import ControlledPasses


class Controls:
    """The sums of :mod:`theory_check.kernels.controls` over one traversal, for each input and lane."""

    def __init__(self, passes: ControlledPasses, inputs: int) -> None:
        self._passes = passes
        self._sums = np.zeros((inputs, len(CONTROL_COLUMNS), LANES))

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any
    ) -> None:
        """Advance states and sums.

        Parameters
        ----------
        first, scaling, hidden, exponents, kept
            As of :meth:`theory_check.simulation.passes.protocol.Passes.forward`.
        """
        self._passes.forward(first, scaling, hidden, exponents, kept, self._sums)

    def columns(self) -> Values:
        """Return the sums by name, shape (inputs, LANES) each."""
        return {name: self._sums[:, row] for row, name in enumerate(CONTROL_COLUMNS)}
