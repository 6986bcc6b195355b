"""Sweeps: many scalings a = L^-beta and several inputs through the same weights, one draw per replicate.

A value depends on the seed, the network, the law, its replicate, its input and its beta alone, whatever else is swept:
sweeps can be refined and joined.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.experiment import MEMORY, Values, never
from theory_check.experiments.sweep import GRADIENTS, OUTPUTS, Sweep
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import stream_key
from theory_check.networks.scalings import Scaling
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.course import Course, traverse
from theory_check.simulation.passes.stored import StoredPasses, from_panels, to_panels


def simulate_block(
    sweep: Sweep, seed: int, block: int, stop: Callable[[], bool] = never, *, memory: int = MEMORY
) -> Values:
    """Simulate one replicate of a sweep.

    Parameters
    ----------
    sweep : Sweep
    seed : int
        Root seed.
    block : int
        Number of the block, from 0.
    stop : callable
        Asked between two kernel calls whether to stop.
    memory : int
        Bytes that stored weights, and what is kept for their backward pass, may take. Values do not depend on it.

    Returns
    -------
    Values
        Columns of shape (1, betas, inputs).

    Raises
    ------
    InterruptedSimulationError
        When ``stop()`` becomes true.
    """
    cell = sweep.cell
    key = np.array(stream_key(seed, sweep.identity), np.uint32)
    boundary = Boundary.of_replicate(cell, key, block)
    start = boundary.hidden()
    shape = len(sweep.betas), sweep.input.count
    count = shape[0] * shape[1]
    # Column by column: all inputs under the first beta, then under the next.
    factors = to_panels(np.repeat([Scaling.power(beta).factor(sweep.depth) for beta in sweep.betas], shape[1]))
    states = to_panels(np.tile(start[..., 0], (shape[0], 1)))
    passes = StoredPasses(cell.network, cell.weights, key, block, factors, memory, count)
    course = Course(passes, np.broadcast_to(1.0, sweep.depth), sweep.gradients, (), passes.kept_bytes)

    def output_gradient(hidden: FloatArray, exponents: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
        rows = from_panels(hidden, count).reshape(*shape, sweep.width, 1)
        units = from_panels(exponents, count).reshape(*shape, 1)
        pairs = [boundary.gradient(row, unit) for row, unit in zip(rows, units, strict=True)]
        gradient, gradient_exponents = (np.concatenate(part)[..., 0] for part in zip(*pairs, strict=True))
        return to_panels(gradient), to_panels(gradient_exponents)

    columns = traverse(course, states, output_gradient, stop)
    names = OUTPUTS + GRADIENTS if sweep.gradients else OUTPUTS
    return {name: columns[name].reshape(-1)[:count].reshape(1, *shape) for name in names}
