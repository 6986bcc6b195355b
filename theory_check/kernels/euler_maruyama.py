"""Euler-Maruyama schemes of one Brownian motion at several step sizes, for a block of replicates.

Notation
    dH = dB g(H), the entries of B independent Brownian motions of variance s^2 t; ``scaling`` is s times the square
    root of the finest step, V_i the standard normal increments, i = 0, 1, ...; network m has a step of p_m finest ones.

Network m holds g at its last own step n p_m, so that its own increment is the sum of finest ones,

    h_{(n+1) p} = h_{n p} + scaling (sum_{i = n p}^{(n+1) p - 1} V_i) g(h_{n p})
                = h_{n p} + sum_i scaling V_i g(h_{n p}),

and each row of V_i, drawn once, meets the held vectors of all networks at once: no matrix is stored. Between its own
steps a network moves along the continuous interpolation of the scheme.

Exact in law up to rounding, as :mod:`~theory_check.kernels.dense`: states in double precision, products in single. The
rounding of an increment is about 1e-7 of it and is not shared by the networks; over all steps it adds up to about 1e-7
of the state, 1e-4 of the distance of networks of 10^6 steps.
"""

from __future__ import annotations

import numpy as np
from numba import types

from theory_check.kernels import LANES
from theory_check.kernels.compilation import ACTIVATOR, DOUBLES, WEIGHT_LAW, WORDS, kernel
from theory_check.kernels.dense import multiply, row_buffer
from theory_check.kernels.layers import add_scaled, narrow
from theory_check.kernels.words import seed_lanes

_OUTER = 0  # streams.Purpose, frozen here because kernels see numbers only; a test compares

_FORWARD = types.void(
    WORDS, types.int64, types.int64, types.int64, types.int64, types.float64, *WEIGHT_LAW, ACTIVATOR, DOUBLES,
    types.int64[::1], types.float64[:, ::1], types.float32[:, ::1],
)  # fmt: skip


@kernel(_FORWARD)
def forward(
    key, first_replicate, first_step, steps, stream, scaling, outer, outer_parameters, outer_way, activate,
    activation_parameters, periods, hidden, held,
):  # fmt: skip
    """Advance a block of several networks by ``steps`` finest steps from ``first_step``, in place.

    Parameters
    ----------
    key : uint32 array (2,)
    first_replicate, first_step, steps : int
    stream : int, number of the stream of finest step 0; step i draws from stream + i
    scaling : float, factor of the increments in natural units of the filler
    outer : row filler of V with its parameters and the way of its products
    activate : activation with its parameters
    periods : int64 array (networks,), finest steps in a step of each network
    hidden : float64 array (networks, width * LANES)
    held : float32 array (networks, width * LANES), g of each network at its last own step
    """
    networks, size = hidden.shape
    vector = np.empty(size, np.float32)
    slope = np.empty(size, np.float32)
    products = np.empty((networks, size), np.float32)
    buffer = row_buffer(size // LANES, outer_way, outer_way)
    state = np.empty(4 * LANES, np.uint32)
    for i in range(first_step, first_step + steps):
        for m in range(networks):
            if i % periods[m] == 0:
                narrow(hidden[m], vector)
                activate(vector, held[m], slope, activation_parameters)
        seed_lanes(state, key, first_replicate, stream + i, _OUTER)
        multiply(outer, outer_parameters, outer_way, state, buffer, held, products)
        for m in range(networks):
            add_scaled(hidden[m], scaling, products[m])
