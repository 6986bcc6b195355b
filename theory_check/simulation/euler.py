"""Networks of depths L, 2 L, ..., 2^J L as Euler schemes along one Gaussian path of weights (P7, C1, C2).

Notation
    h^(j): the network of depth L_j = 2^j L, h_{k+1} = h_k + (1/L_j) V(k/L_j) g(h_k, theta(k/L_j)), entries of sqrt(d) V
    (and of sqrt(d) W and sqrt(d) b) independent paths of one :class:`~theory_check.networks.path_laws.PathLaw`.
    With another
    exponent the factor is L_j^(-beta): Euler's scheme with step 1/L_j for V multiplied by L_j^(1-beta), which tells the
    regimes of smooth weights on one path (P8); only beta = 1 has a limit to refer to.

Coupling. A path that is known at all times is read by every network and by the differential equation (``flows``):
``flow_error`` is the error of P7, of order 1. A rough path is made on the grid of the finest network, which every
coarser one reads in part; each network by itself has the law of the plain one, and errors are distances between
networks. Between neighbours they show the order without the bias of a finite reference, ``theory.orders.
rough_path_order``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.experiments.euler import Euler, weight_purposes
from theory_check.experiments.experiment import Values, check_interrupted, never
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.kernels import LANES
from theory_check.networks.weights import Weights
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.doublings import by_replicate, doubling_columns, norms
from theory_check.simulation.flows import Flow, Path, euler_outputs, flow_output


def _coefficients(key: NDArray[np.uint32], first_replicate: int, purpose: Purpose, terms: int, size: int) -> FloatArray:
    """Draw the coefficients of the series, shape (LANES * size, terms); term n has stream n of its purpose."""
    from theory_check.kernels import rows, words

    state, row = np.empty(4 * LANES, np.uint32), np.empty((size + size % 2) * LANES, np.float32)
    coefficients = np.empty((terms, LANES, size))
    for term in range(terms):
        words.seed_lanes(state, key, first_replicate, term, int(purpose))
        rows.fill_normal(state, row, np.empty(0))
        coefficients[term] = row.reshape(-1, LANES)[:size].T
    return np.ascontiguousarray(coefficients.reshape(terms, -1).T)


def _path(experiment: Euler, key: NDArray[np.uint32], first_replicate: int, purpose: Purpose) -> Path:
    """Return the path of one kind of weights of a block."""
    law, width, finest = experiment.path, experiment.network.width, experiment.depths[-1]
    shape = (LANES, width) if purpose == Purpose.BIAS else (LANES, width, width)
    terms = len(law.grid_functions(1 if law.everywhere else finest))
    drawn = _coefficients(key, first_replicate, purpose, terms, int(np.prod(shape[1:])))
    drawn /= np.sqrt(width)

    def at(times: FloatArray) -> FloatArray:
        if law.everywhere:
            functions = law.functions(times)
        else:
            functions = law.grid_functions(finest)[:, np.rint(times * finest).astype(np.int64)]
        return np.ascontiguousarray((drawn @ functions).T).reshape(-1, *shape)

    return at


def simulate_block(experiment: Euler, seed: int, block: int, stop: Callable[[], bool] = never) -> Values:
    """Simulate the replicates ``block * LANES`` to ``(block + 1) * LANES - 1``.

    Parameters
    ----------
    experiment : Euler
    seed : int
        Root seed.
    block : int
        Number of the block, from 0.
    stop : callable
        Asked between two kernel calls whether to stop.

    Returns
    -------
    Values
        Columns as of :class:`Euler`, with LANES rows.

    Raises
    ------
    InterruptedSimulationError
        When ``stop()`` becomes true.
    """
    key, first_replicate = np.array(stream_key(seed, experiment.identity), np.uint32), block * LANES
    plain = Cell(network=experiment.network, weights=Weights(), input=experiment.input, kernel="dense", gradients=False)
    start = Boundary(plain, key, first_replicate).hidden()[0]
    paths = [_path(experiment, key, first_replicate, purpose) for purpose in weight_purposes(experiment.network)]

    def stoppable(times: FloatArray) -> FloatArray:
        check_interrupted(stop)
        return paths[0](times)

    flow = Flow(experiment.network.branch, stoppable, *paths[1:])
    states = np.ascontiguousarray(start.T)
    beta = experiment.network.scaling.beta or 0.0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        hidden = euler_outputs(flow, states, experiment.depths, beta=beta).swapaxes(1, 2)
        columns = doubling_columns(start, hidden)
        columns["log_displacement"] = np.log(norms(hidden - start) / norms(start))
    if experiment.reference:
        output, error = flow_output(flow, states, tolerance=experiment.tolerance)
        unit = norms(start)
        columns |= {"flow_error": norms(hidden - output.T) / unit, "reference_error": error / unit}
    return by_replicate(columns)
