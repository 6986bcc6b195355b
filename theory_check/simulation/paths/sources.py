"""Paths of correlated weights: the matrices of consecutive layers of one replicate, exact in law, in any order.

    source = open_paths(Weights.parse("fgn:hurst=0.7"), 40, 1000, key, replicate, Purpose.OUTER_WEIGHTS)
    source.layers(0, 100)  # V_1 .. V_100, shape (100, 40, 40), single precision

A path is a function of (key, replicate, purpose) alone: whatever layers are asked for, in whatever order, each has the
same bits. Memory is bounded by a budget. A path that fits is made once and kept; otherwise each call makes the layers
that it returns. That costs the same for every process but fractional noise (and others that are neither smooth nor
Markov), of which a whole path must be made to know any part: ask for as many layers at a time as memory allows.

Values are rounded to single precision; so is the arithmetic that makes them, with a relative error of a few 1e-7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.streams import Purpose
from theory_check.networks.network import MAXIMAL_DEPTH, MAXIMAL_WIDTH
from theory_check.networks.processes import Process
from theory_check.networks.weights import Weights, process_names
from theory_check.simulation.paths.writers import Path, Writer, make_writer

SingleArray = NDArray[np.float32]

#: Bytes that a path may keep between calls, unless the caller says otherwise.
DEFAULT_BUDGET = 256 * 2**20


@dataclass(frozen=True)
class PathSource:
    """The matrices of all layers of one replicate; see :func:`open_paths`.

    Attributes
    ----------
    weights : Weights or Process
    depth : int
    shape : (int, int)
        Rows and columns of a matrix.
    kept : array, optional
        All layers, if they fit the budget.
    """

    weights: Weights | Process
    depth: int
    shape: tuple[int, int]
    kept: SingleArray | None = field(repr=False)
    _writer: Writer = field(repr=False)

    @property
    def method(self) -> str:
        """How the path is made, in words."""
        return self._writer.method

    def layers(self, first: int, last: int) -> SingleArray:
        """Return the matrices of layers ``first`` to ``last - 1``, counted from 0: (last - first, rows, columns).

        The array is contiguous; it is a view of what is kept, not to be written to, or else new.
        """
        check_integer("first layer", first, 0, self.depth)
        check_integer("last layer", last, first, self.depth)
        if self.kept is not None:
            return self.kept[first:last]
        return self._make(first, last)

    def _make(self, first: int, last: int) -> SingleArray:
        out = np.empty((last - first, self.shape[0] * self.shape[1]), np.float32)
        if last > first:
            self._writer.write(first, out)
        return out.reshape(last - first, *self.shape)


def open_paths(
    weights: Weights | Process,
    width: int,
    depth: int,
    key: NDArray[np.uint32],
    replicate: int,
    purpose: Purpose,
    *,
    rows: int | None = None,
    budget_bytes: int = DEFAULT_BUDGET,
) -> PathSource:
    """Return the path of a weight matrix through the layers of one replicate.

    Entries are independent copies of the process, of variance ``weights.gain / width``.

    Parameters
    ----------
    weights : Weights or Process
        Weights of a process, or a process at its defaults. A covariance is divided by the width; the matrices of a
        PathFunction are taken as they are.
    width, depth : int
        Columns of a matrix, number of layers.
    key : (2,) array of uint32
        Key of the streams of the cell.
    replicate : int
        Below 2^32.
    purpose : Purpose
        Which matrices: paths of different purposes are independent.
    rows : int, optional
        Rows of a matrix; default: as many as columns.
    budget_bytes : int
        Most memory that the path keeps between calls. A call needs the memory of what it returns, and fractional noise
        for a moment that of the spectra of at most 64 paths.

    Returns
    -------
    PathSource

    Raises
    ------
    SpecificationError
        If a size is out of range or the weights are independent from layer to layer.
    """
    check_integer("width", width, 1, MAXIMAL_WIDTH)
    check_integer("depth", depth, 1, MAXIMAL_DEPTH)
    check_integer("replicate", replicate, 0, 2**32 - 1)
    shape = (width if rows is None else rows, width)
    check_integer("number of rows", shape[0], 1, MAXIMAL_WIDTH)
    process = weights.process if isinstance(weights, Weights) else weights
    if process is None:
        raise SpecificationError(
            f"{weights} weights are independent from layer to layer; paths are made of {', '.join(process_names())}"
        )
    parameters = weights.parameters if isinstance(weights, Weights) else tuple(sorted(weights.defaults.items()))
    gain = weights.gain if isinstance(weights, Weights) else 1.0
    deviation = math.sqrt(gain / width)
    writer = make_writer(Path(process, parameters, depth, shape, deviation, (key, replicate, int(purpose))))
    source = PathSource(weights, depth, shape, None, writer)
    if 4 * depth * shape[0] * shape[1] > budget_bytes:
        return source
    kept = source._make(0, depth)
    kept.flags.writeable = False
    return PathSource(weights, depth, shape, kept, writer)
