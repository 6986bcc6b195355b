"""Networks of depths L, 2 L, ..., 2^J L as Euler-Maruyama schemes of one Brownian motion (P6, E14).

Notation
    h^(j): the network of depth L_j = 2^j L, h_{k+1} = h_k + L_j^(-1/2) V_{k+1} g(h_k), entries of V normal of variance
    s^2 = gain / d; it is the scheme of dH = dB g(H), entries of B of variance s^2 t, with step 1 / L_j.

Coupling. All networks see the same path of B: V of network j is 2^(-(J-j)/2) times the sum of 2^(J-j) matrices of
network J, a normal matrix again. That closure under sums is why the weights must be Gaussian; then every network by
itself has the law of the plain one, exactly. With ``noise="independent"`` every network draws its own: the contrast
case, in which nothing converges.

Orders. For Lipschitz g the strong error is of order 1/2 (Kloeden and Platen, *Numerical Solution of Stochastic
Differential Equations*, 1992, theorem 10.2.2). For a linear branch it is exact (``theory.orders``). Between adjacent
depths the same order shows without the bias of a finite reference: mean squares of distances to network J behave as
1/L_j - 1/L_J, those of adjacent networks as 1/L_j.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.experiment import Values, check_interrupted, never
from theory_check.experiments.segments import SEGMENT_WEIGHTS
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import stream_key
from theory_check.kernels import LANES
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.doublings import by_replicate, doubling_columns, doubling_errors, norms
from theory_check.simulation.passes.compiled import compiled_activation, row_filler


class Ladder:
    """The networks of a block: states in, states out, any number of finest steps at a time."""

    def __init__(self, experiment: EulerMaruyama, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import euler_maruyama

        network, filler = experiment.network, row_filler(experiment.weights)
        self._kernel: Any = euler_maruyama
        self._block = (key, first_replicate)
        deviation = math.sqrt(experiment.weights.gain / network.width) / filler.natural_deviation
        self._finest = experiment.depths[-1]
        # The scaling of the dense passes at the finest depth, so that its network takes their values to the bit.
        self._scaling = network.scaling.factor(self._finest) * deviation
        self._functions = (*filler.law, *compiled_activation(network.branch.activation))
        self._periods = np.array([self._finest // depth for depth in experiment.depths], np.int64)
        networks = len(self._periods)
        self._held = np.empty((networks, network.width * LANES), np.float32)
        # Networks that draw from streams of their own go through the kernel one by one.
        self._groups = [(0, networks)] if experiment.noise == "shared" else [(m, m + 1) for m in range(networks)]

    def advance(self, first: int, steps: int, hidden: FloatArray) -> None:
        """Advance all networks by finest steps.

        Parameters
        ----------
        first, steps : int
            First finest step, from 0, and their number. Calls follow one another.
        hidden : float64 array (networks, width * LANES)
            States, changed in place.
        """
        for group, (start, stop) in enumerate(self._groups):
            self._kernel.forward(
                *self._block, first, steps, group * self._finest, self._scaling, *self._functions,
                self._periods[start:stop], hidden[start:stop], self._held[start:stop],
            )  # fmt: skip


def simulate_block(experiment: EulerMaruyama, seed: int, block: int, stop: Callable[[], bool] = never) -> Values:
    """Simulate the replicates ``block * LANES`` to ``(block + 1) * LANES - 1``.

    Parameters
    ----------
    experiment : EulerMaruyama
    seed : int
        Root seed.
    block : int
        Number of the block, from 0.
    stop : callable
        Asked between two kernel calls whether to stop.

    Returns
    -------
    Values
        Columns as of :class:`EulerMaruyama`, with LANES rows.

    Raises
    ------
    InterruptedSimulationError
        When ``stop()`` becomes true.
    """
    first_replicate = block * LANES
    key = np.array(stream_key(seed, experiment.identity), np.uint32)
    start = Boundary(experiment.doubling(0), key, first_replicate).hidden()[0]
    ladder = Ladder(experiment, key, first_replicate)
    hidden = np.repeat(start[None], experiment.doublings + 1, axis=0)
    flat = hidden.reshape(len(hidden), -1)
    unit = norms(start)
    suprema: Values = dict.fromkeys(("finest", "adjacent"), np.zeros((experiment.doublings, LANES)))

    finest = experiment.depths[-1]
    most = max(1, SEGMENT_WEIGHTS // (experiment.network.width**2 * LANES))
    stride = finest // experiment.network.depth if experiment.suprema else finest
    for begin in range(0, finest, stride):
        for first in range(begin, begin + stride, most):
            check_interrupted(stop)
            ladder.advance(first, min(most, begin + stride - first), flat)
        if experiment.suprema:
            errors = doubling_errors(hidden, unit)
            suprema = {name: np.maximum(largest, errors[name]) for name, largest in suprema.items()}

    columns = doubling_columns(start, hidden)
    if experiment.doublings and experiment.suprema:
        columns |= {f"{name}_supremum": largest for name, largest in suprema.items()}
    return by_replicate(columns)
