"""The Jacobian dh_L/dh_0 of every network of a block: log singular values and log determinant.

J is never formed: over thousands of layers its singular values spread beyond double precision, and those of a matrix of
rounded numbers are known to 2^-53 of the largest only. A frame of d tangent vectors goes through the network and is
orthonormalised every few layers; see :mod:`theory_check.kernels.jacobian`. The weights and the tangent vectors within a
layer are in single precision, as in the forward pass: an error of about 1e-7 relative to every increment of a tangent
vector, hence of that order, times the condition number of a few layers, in every log singular value.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Values, check_interrupted
from theory_check.foundation.arrays import FloatArray
from theory_check.kernels import LANES
from theory_check.simulation.passes.dense import DensePasses

#: Sum of a_k^2 over the layers between two orthonormalisations. The log singular values of such a stretch are within
#: about +-2 of its root: a condition number of about 4.
STRETCH = 0.1


def stretches(scaling: FloatArray) -> tuple[int, ...]:
    """Return the depths after which the frame is orthonormalised; they depend on the scaling alone."""
    depths, total = [], 0.0
    # Beyond 1 each layer stands alone; huge factors have no square.
    scaling = scaling.clip(-1.0, 1.0)
    for depth, factor in enumerate(scaling, start=1):
        total += factor * factor
        # Before a layer that would exceed the budget: a large factor stands alone.
        following = scaling[depth] ** 2 if depth < len(scaling) else math.inf
        if total + following > STRETCH:
            depths.append(depth)
            total = 0.0
    return tuple(depths)


class Jacobian:
    """Tangent frames of a block, one for each input, that follow the forward pass."""

    def __init__(self, cell: Cell, passes: DensePasses) -> None:
        width, inputs = cell.network.width, cell.input.count
        self._passes = passes
        self._scaling = cell.network.factors
        self._stretches = stretches(self._scaling)
        unit = np.repeat(np.eye(width), LANES, axis=1)
        self._frames = [unit.copy() for _ in range(inputs)]
        self._rows = [unit.copy() for _ in range(inputs)]
        self._exponents = np.zeros((inputs, width, LANES), np.int64)
        self._triangle = np.empty_like(unit)
        self._log_determinant = np.zeros((inputs, LANES))

    def advance(self, first: int, last: int, slopes: NDArray[np.float32], stop: Callable[[], bool]) -> None:
        """Follow the forward pass.

        Parameters
        ----------
        first, last : int
            Through layers ``first`` to ``last - 1``.
        slopes : float32 array (layers, inputs, width * LANES)
            What the forward pass kept of them.
        stop : callable
            Asked before every renewal of the frames whether to stop.
        """
        renewals = [depth for depth in self._stretches if first < depth < last]
        for start, end in zip((first, *renewals), (*renewals, last), strict=True):
            check_interrupted(stop)
            for index, frame in enumerate(self._frames):
                kept = slopes[start - first : end - first]
                self._passes.tangent(start, self._scaling[start:end], kept, index, frame)
                if end in self._stretches:
                    self._renew(index, frame)

    @np.errstate(over="ignore", invalid="ignore")
    def _renew(self, index: int, frame: FloatArray) -> None:
        from theory_check.kernels import jacobian

        width = len(frame)
        jacobian.orthonormalise_frame(frame, self._triangle)
        jacobian.multiply_triangle(self._triangle, self._rows[index], self._exponents[index])
        diagonal = self._triangle.reshape(width, width, LANES)[np.arange(width), np.arange(width)]
        with np.errstate(divide="ignore"):
            self._log_determinant[index] += np.sum(np.log(diagonal), axis=0)

    def columns(self) -> Values:
        """Return log|det J|, shape (inputs, LANES), and the log singular values, descending, (inputs, LANES, width)."""
        from theory_check.kernels import jacobian

        logarithms = np.empty_like(self._exponents, dtype=np.float64)
        for index, rows in enumerate(self._rows):
            rotated, exponents = rows.copy(), self._exponents[index].copy()
            jacobian.orthogonalise_rows(rotated, exponents)
            squares = np.sum(rotated.reshape(len(rows), -1, LANES) ** 2, axis=1)
            with np.errstate(divide="ignore"):
                logarithms[index] = 0.5 * np.log(squares) + math.log(2.0) * exponents
        descending = -np.sort(-logarithms, axis=1)
        return {
            "log_singular_values": np.moveaxis(descending, 1, 2),
            "log_determinant": self._log_determinant,
        }
