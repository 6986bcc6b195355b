"""The Jacobian dh_L/dh_0 of every network of a block: log singular values and log determinant.

J is never formed: over thousands of layers its singular values spread beyond double precision, and those of a matrix of
rounded numbers are known to 2^-53 of the largest only. A frame of d tangent vectors goes through the network and is
orthonormalised now and then; see :mod:`theory_check.kernels.jacobian`. The weights and the tangent vectors within a
layer are in single precision, as in the forward pass: an error of about 2^-24 relative to every increment a_k of a
tangent vector. As a change of the layer that is 2^-24 a_k times the condition number of the stretch of layers since the
frame was orthonormal, and no log singular value moves by more than the sum of these over the layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Values, check_interrupted
from theory_check.foundation.arrays import FloatArray
from theory_check.kernels import LANES
from theory_check.simulation.passes.dense import DensePasses

#: Sum of a_k^2 over the layers between two orthonormalisations. With linear branches, the worst case, the condition
#: number of a stretch of sum 1 is 3.6, 13 and 18 in the median at widths 2, 10 and 40, and 74 in the worst of 2048
#: networks of width 2. Measured against frames that are renewed in every layer, the smallest log singular value has a
#: root mean square error of 7e-8, and of 4e-8 for a sum of 0.1; the largest error in those networks is 1e-6.
STRETCH = 1.25

#: Largest ratio, as a power of two, of two singular values that are read off the product itself. They are known to a
#: small multiple of width 2^-53 of the largest, so to less than 2^-24 of the smallest: the roundings of a layer.
REACH = 20

#: Products (all lanes) that one kernel call may make: a fraction of a second, as of
#: :data:`theory_check.simulation.course.SEGMENT_WEIGHTS`.
CALL_PRODUCTS = 10**10


def stretches(scaling: FloatArray) -> tuple[int, ...]:
    """Return the depths after which the frame is orthonormalised; they depend on the scaling alone."""
    depths, total = [], 0.0
    # Beyond 2 each layer stands alone; huge factors have no square.
    scaling = scaling.clip(-2.0, 2.0)
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
        self._rows: list[FloatArray] = []
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
            Asked before every call of a kernel whether to stop.
        """
        width = self._exponents.shape[1]
        most = max(1, CALL_PRODUCTS // (self._passes.layer_size.weights * width))
        inside = (depth for depth in (*self._stretches, *range(first + most, last, most)) if first < depth < last)
        for start, end in pairwise((first, *sorted({*inside}), last)):
            check_interrupted(stop)
            for index, frame in enumerate(self._frames):
                kept = slopes[start - first : end - first]
                self._passes.tangent(start, np.array(self._scaling[start:end]), kept, index, frame)
                if end in self._stretches:
                    self._renew(index, frame)

    @np.errstate(over="ignore", invalid="ignore")
    def _renew(self, index: int, frame: FloatArray) -> None:
        from theory_check.kernels import jacobian

        width = len(frame)
        jacobian.orthonormalise_frame(frame, self._triangle)
        if index == len(self._rows):  # the first stretch
            self._rows.append(self._triangle.copy())
            jacobian.normalise_rows(self._rows[index], self._exponents[index])
        else:
            jacobian.multiply_triangle(self._triangle, self._rows[index], self._exponents[index])
        diagonal = self._triangle.reshape(width, width, LANES)[np.arange(width), np.arange(width)]
        with np.errstate(divide="ignore"):
            self._log_determinant[index] += np.sum(np.log(diagonal), axis=0)

    def columns(self) -> Values:
        """Return log|det J|, shape (inputs, LANES), and the log singular values, descending, (inputs, LANES, width)."""
        logarithms = np.stack([_log_singular_values(*pair) for pair in zip(self._rows, self._exponents, strict=True)])
        return {"log_singular_values": logarithms, "log_determinant": self._log_determinant}


def _log_singular_values(rows: FloatArray, exponents: NDArray[np.int64]) -> FloatArray:
    """Return those of diag(2^exponents) rows, descending, shape (LANES, width).

    Where they are within :data:`REACH` of each other they are those of the product, elsewhere rotations find them.
    """
    from theory_check.kernels import bidiagonal, jacobian

    blocks = rows.reshape(len(rows), -1, LANES)
    top = exponents.max(axis=0)
    near = (exponents.min(axis=0) >= top - REACH) & np.isfinite(blocks).all(axis=(0, 1))
    products = np.where(near, np.ldexp(blocks, (exponents - top)[:, None]), 0.0)
    values = np.empty((LANES, len(rows)))
    bidiagonal.find_singular_values(products.reshape(rows.shape), values)
    values = -np.sort(-values, axis=1)
    far = ~(values[:, -1] > 2.0**-REACH * values[:, 0])
    with np.errstate(divide="ignore"):
        logarithms = np.log(values) + math.log(2.0) * top[:, None]
        if far.any():
            rotated, moved = rows.copy(), exponents.copy()
            jacobian.orthogonalise_rows(rotated, moved)
            squares = np.sum(rotated.reshape(blocks.shape) ** 2, axis=1)
            rotations = 0.5 * np.log(squares) + math.log(2.0) * moved
            logarithms[far] = -np.sort(-rotations, axis=0).T[far]
    return np.asarray(logarithms)
