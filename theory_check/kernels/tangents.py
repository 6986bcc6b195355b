"""Tangent vectors through dense layers, one network at a time: ``t <- t + a_k V (sigma'(z) * W t)``.

All tangent vectors of a network meet the same two matrices, so that these are products of matrices, by
:mod:`theory_check.kernels.tiles`. Weights are those of the forward pass, drawn again for all networks of a block and
sorted by network. Rows of W and columns of V whose slope sigma'(z) is zero are left out: half of the work of a ReLU.

The state t is in double precision, the increment in single, as in the forward pass; every sum takes its terms in order.
Component i of tangent vector c of a network stands at ``[i * pitch + c]``, the pitch a multiple of sixteen.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy import float32

from theory_check.kernels import LANES
from theory_check.kernels.compilation import COMPILED, DOUBLES, SINGLES, WEIGHT_LAW, WORDS, kernel
from theory_check.kernels.dense import orthonormalise, row_size
from theory_check.kernels.layers import add_scaled, narrow
from theory_check.kernels.rows import FUSED_UNIFORM, ORTHOGONAL_ROWS
from theory_check.kernels.tiles import multiply
from theory_check.kernels.vectors import SIZE, store, to_singles, transpose
from theory_check.kernels.words import load_states, next_words, seed_lanes

_OUTER = 0  # streams.Purpose, frozen here because kernels see numbers only; a test compares
_INNER = 1

#: Width from which on this is faster than sixteen networks in a vector, :func:`theory_check.kernels.jacobian.advance`:
#: below, much of a vector of tangent vectors stays empty.
LEAST_WIDTH = 28

_WEIGHTS = (*WEIGHT_LAW, types.float64, *WEIGHT_LAW, types.float64)
_DRAW = types.void(*WEIGHT_LAW, WORDS, types.int64, SINGLES, types.float32[:, ::1])
_ADVANCE = types.void(
    WORDS, types.int64, types.int64, DOUBLES, *_WEIGHTS, types.boolean,
    types.float32[:, ::1], types.float64[:, ::1],
)  # fmt: skip


@kernel()
def whole(count, unit):
    """Return ``count`` raised to a multiple of ``unit``."""
    return (count + unit - 1) // unit * unit


@kernel()
def draw_uniform(state, width, matrices):
    """Write the matrices that :func:`~theory_check.kernels.rows.fill_uniform` draws, words straight from registers."""
    pitch, stride = whole(width, SIZE), matrices.shape[1]
    flat, columns = matrices.reshape(matrices.size), np.zeros(SIZE * SIZE, np.float32)
    for lane in range(0, LANES, SIZE):
        s0, s1, s2, s3 = load_states(state, lane)
        for i in range(width):
            for j in range(0, pitch, SIZE):
                drawn = min(SIZE, width - j)
                for column in range(drawn):
                    word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                    store(columns, column * SIZE, to_singles(word))
                columns[drawn * SIZE :] = float32(0)
                transpose(columns, 0, SIZE, flat, lane * stride + i * pitch + j, stride)
            if width % 2:
                _, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)


@kernel(_DRAW)
def draw_matrices(fill, parameters, way, state, width, rows, matrices):
    """Draw a matrix for every lane: entry (i, j) of lane l is ``matrices[l, i * pitch + j]``.

    ``rows`` is room for ``width`` rows of a block, with zeros behind the last column, ``pitch`` columns each.
    """
    if COMPILED and way == FUSED_UNIFORM:
        draw_uniform(state, width, matrices)
        return
    pitch = whole(width, SIZE)
    size = pitch * LANES
    for i in range(width):
        row = rows[i * size : (i + 1) * size]
        fill(state, row[: row_size(width)], parameters)
        if way == ORTHOGONAL_ROWS:
            orthonormalise(rows, i, size, width)
        if COMPILED:
            stride = matrices.shape[1]
            flat = matrices.reshape(matrices.size)
            for lane in range(0, LANES, SIZE):
                for j in range(0, pitch, SIZE):
                    transpose(row, j * LANES + lane, LANES, flat, lane * stride + i * pitch + j, stride)
        else:
            matrices[:, i * pitch : i * pitch + width] = row[: width * LANES].reshape(width, LANES).T


@kernel()
def list_active(slopes, lane, deviation, active, factors):
    """List the components of a lane whose slope is not zero, with deviation times slope; return their number."""
    count = 0
    for i in range(active.size):
        slope = slopes[i * LANES + lane]
        active[count] = i
        factors[count] = deviation * slope
        # No branch: the signs of a ReLU cannot be predicted.
        count += int(slope != float32(0))
        if count == active.size:
            break
    return count


@kernel()
def scale_rows(vectors, factors, count, pitch):
    """Multiply the first rows, of ``pitch`` columns, by a factor each."""
    for k in range(count):
        row, factor = vectors[k * pitch : (k + 1) * pitch], factors[k]
        for c in range(pitch):
            row[c] *= factor


@kernel(_ADVANCE)
def advance(
    key, first_replicate, first_layer, scaling,
    outer, outer_parameters, outer_way, outer_deviation, inner, inner_parameters, inner_way, inner_deviation,
    has_inner, slopes, frame,
):  # fmt: skip
    """Carry tangent vectors through ``scaling.size`` layers from ``first_layer``, in place.

    Parameters as in :func:`theory_check.kernels.dense.forward`; ``slopes`` (layers, width * LANES) are those of one
    input, ``frame`` a float64 array (columns, width * LANES): vector c, component i of lane l at
    ``[c, i * LANES + l]``.
    """
    columns, width = frame.shape[0], frame.shape[1] // LANES
    pitch, across = whole(width, SIZE), whole(columns, SIZE)
    layout, sixteens = (across, SIZE), across // SIZE
    room = np.zeros(width * pitch * LANES, np.float32)
    # A cache line more: networks at a distance of a power of two would compete for the same places of a cache.
    outer_matrices = np.zeros((LANES, width * pitch + SIZE), np.float32)
    inner_matrices = np.zeros((LANES if has_inner else 0, width * pitch + SIZE), np.float32)
    frames = np.zeros((LANES, width * across))
    single = np.empty(width * across, np.float32)
    products = np.empty(width * across, np.float32)
    increment = np.empty(width * across, np.float32)
    state = np.empty(4 * LANES, np.uint32)
    active, places = np.empty(width, np.int64), np.empty(width, np.int64)
    factors = np.empty(width, np.float32)
    everything = np.arange(width)
    all_places = np.arange(width) * pitch
    deviation = float32(inner_deviation) if has_inner else float32(1)
    for c in range(columns):
        for i in range(width):
            for lane in range(LANES):
                frames[lane, i * across + c] = frame[c, i * LANES + lane]
    for k in range(scaling.size):
        layer = first_layer + k
        if has_inner:
            seed_lanes(state, key, first_replicate, layer, _INNER)
            draw_matrices(inner, inner_parameters, inner_way, state, width, room, inner_matrices)
        seed_lanes(state, key, first_replicate, layer, _OUTER)
        draw_matrices(outer, outer_parameters, outer_way, state, width, room, outer_matrices)
        factor = scaling[k] * outer_deviation
        for lane in range(LANES):
            count = list_active(slopes[k], lane, deviation, active, factors)
            narrow(frames[lane], single)
            if has_inner:
                for r in range(count):
                    places[r] = active[r] * pitch
                multiply(inner_matrices[lane], places[:count], everything, single, layout, sixteens, products, layout)
            else:
                for r in range(count):
                    source = single[active[r] * across : (active[r] + 1) * across]
                    products[r * across : (r + 1) * across] = source
            scale_rows(products, factors, count, across)
            multiply(outer_matrices[lane], all_places, active[:count], products, layout, sixteens, increment, layout)
            add_scaled(frames[lane], factor, increment)
    for c in range(columns):
        for i in range(width):
            for lane in range(LANES):
                frame[c, i * LANES + lane] = frames[lane, i * across + c]
