"""Dense passes: every entry of every weight matrix is drawn, used and forgotten.

Forward, for layers k in order and several inputs through the same weights:
``z = W h + b``, ``h <- h + a_k V sigma(z)`` (``z = h`` for branches without inner weights).
Backward, for layers in reverse order, redrawing the same V and W from their streams:
``q = sigma'(z) * V^T p``, ``p <- p + a_k W^T q`` (``p <- p + a_k q`` without inner weights).

Exact in law up to rounding: the state is carried in double precision, products with weights in single precision, an
error of about 1e-7 relative to each *increment*, never to the state.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy import float32

from theory_check.kernels import LANES
from theory_check.kernels.compilation import ACTIVATOR, COMPILED, DOUBLES, SINGLES, WEIGHT_LAW, WORDS, kernel
from theory_check.kernels.controls import add_controls
from theory_check.kernels.fused import (
    TILE,
    add_tile_transposed,
    multiply_signs,
    multiply_signs_transposed,
    multiply_tile,
    multiply_uniform,
    multiply_uniform_transposed,
)
from theory_check.kernels.layers import add_bias, add_scaled, narrow, rescale
from theory_check.kernels.rows import FUSED_SIGNS, FUSED_UNIFORM, ORTHOGONAL_ROWS
from theory_check.kernels.words import seed_lanes

_OUTER = 0  # streams.Purpose, frozen here because kernels see numbers only; a test compares
_INNER = 1
_BIAS = 2

_MULTIPLY = types.void(*WEIGHT_LAW, WORDS, SINGLES, types.float32[:, ::1], types.float32[:, ::1])
_WEIGHTS = (*WEIGHT_LAW, types.float64, *WEIGHT_LAW, types.float64)
_FORWARD = types.void(
    WORDS, types.int64, types.int64, DOUBLES, *_WEIGHTS,
    types.boolean, types.boolean, ACTIVATOR, DOUBLES, types.boolean,
    types.float64[:, ::1], types.int64[:, ::1], types.float32[:, :, ::1], types.float64, types.float64[:, :, ::1],
)  # fmt: skip
_BACKWARD = types.void(
    WORDS, types.int64, types.int64, DOUBLES, *_WEIGHTS, types.boolean,
    types.float32[:, :, ::1], types.float64[:, ::1], types.int64[:, ::1],
)  # fmt: skip


@kernel()
def row_size(columns):
    """Return the length of a row buffer: fillers want an even number of columns."""
    return (columns + columns % 2) * LANES


@kernel()
def row_buffer(width, outer_way, inner_way):
    """Return room for the rows of a square matrix that are needed at once: all that are to be made orthogonal."""
    orthogonal = outer_way == ORTHOGONAL_ROWS or inner_way == ORTHOGONAL_ROWS
    return np.zeros(row_size(width) * (max(width, TILE) if orthogonal else TILE), np.float32)


@kernel()
def dot(row, vector, out):
    """Write ``out[lane] = sum_j row[j] vector[j]``; eight products for each load and store of the sum."""
    columns = vector.size // LANES
    for lane in range(LANES):
        out[lane] = float32(0)
    eights = columns // 8 * 8
    for j in range(0, eights, 8):
        for lane in range(LANES):
            total = out[lane]
            total += row[j * LANES + lane] * vector[j * LANES + lane]
            total += row[(j + 1) * LANES + lane] * vector[(j + 1) * LANES + lane]
            total += row[(j + 2) * LANES + lane] * vector[(j + 2) * LANES + lane]
            total += row[(j + 3) * LANES + lane] * vector[(j + 3) * LANES + lane]
            total += row[(j + 4) * LANES + lane] * vector[(j + 4) * LANES + lane]
            total += row[(j + 5) * LANES + lane] * vector[(j + 5) * LANES + lane]
            total += row[(j + 6) * LANES + lane] * vector[(j + 6) * LANES + lane]
            total += row[(j + 7) * LANES + lane] * vector[(j + 7) * LANES + lane]
            out[lane] = total
    for j in range(eights, columns):
        for lane in range(LANES):
            out[lane] += row[j * LANES + lane] * vector[j * LANES + lane]


@kernel()
def add_outer(row, weight, out):
    """Do ``out[j] += row[j] weight`` for every column j, ``weight`` one number a lane."""
    for j in range(out.size // LANES):
        for lane in range(LANES):
            out[j * LANES + lane] += row[j * LANES + lane] * weight[lane]


@kernel()
def orthonormalise(rows, index, size, columns):
    """Make row ``index`` orthogonal to the rows before it, with the squared length of its dimension.

    Rows stand ``size`` numbers apart; the padding behind their ``columns`` columns takes no part.

    Gram-Schmidt, twice ("twice is enough", Giraud, Langou, Rozloznik, 2005), on Gaussian rows gives the Haar law on
    orthogonal matrices, here times sqrt(columns), so that entries have unit variance.
    """
    row = rows[index * size : index * size + columns * LANES]
    projection = np.empty(LANES, np.float32)
    for _ in range(2):
        for before in range(index):
            other = rows[before * size : before * size + columns * LANES]
            dot(other, row, projection)
            for j in range(columns):
                for lane in range(LANES):
                    row[j * LANES + lane] -= projection[lane] / float32(columns) * other[j * LANES + lane]
        dot(row, row, projection)
        for lane in range(LANES):
            projection[lane] = math.sqrt(float32(columns) / projection[lane])
        for j in range(columns):
            for lane in range(LANES):
                row[j * LANES + lane] *= projection[lane]


@kernel()
def draw_rows(fill, parameters, orthogonal, state, buffer, first, count, columns):
    """Draw the next rows of a matrix into a buffer, from place ``first`` on; orthogonal to those before it, or not."""
    size = row_size(columns)
    for slot in range(first, first + count):
        fill(state, buffer[slot * size : (slot + 1) * size], parameters)
        if orthogonal:
            orthonormalise(buffer, slot, size, columns)


@kernel(_MULTIPLY)
def multiply(fill, parameters, way, state, buffer, vectors, products):
    """Write ``products[m] = A vectors[m]`` for a matrix A drawn row by row from ``state``, in natural units.

    ``vectors`` has shape (inputs, columns * LANES), ``products`` (inputs, rows * LANES); ``buffer`` is one of
    :func:`row_buffer`.
    """
    inputs, rows = vectors.shape[0], products.shape[1] // LANES
    if way == FUSED_UNIFORM and inputs == 1:
        multiply_uniform(state, vectors[0], products[0])
        return
    if way == FUSED_SIGNS and inputs == 1:
        multiply_signs(state, vectors[0], products[0])
        return
    orthogonal = way == ORTHOGONAL_ROWS
    columns = vectors.shape[1] // LANES
    size = row_size(columns)
    for start in range(0, rows, TILE):
        stop = min(start + TILE, rows)
        first = start if orthogonal else 0
        draw_rows(fill, parameters, orthogonal, state, buffer, first, stop - start, columns)
        if COMPILED and stop - start == TILE:
            multiply_tile(buffer[first * size : (first + TILE) * size], vectors, products, start)
        else:
            for i in range(start, stop):
                row = buffer[(first + i - start) * size : (first + i - start + 1) * size]
                for m in range(inputs):
                    dot(row, vectors[m], products[m, i * LANES : (i + 1) * LANES])


@kernel(_MULTIPLY)
def multiply_transposed(fill, parameters, way, state, buffer, vectors, products):
    """Write ``products[m] = A^T vectors[m]`` for the matrix A that :func:`multiply` draws from the same ``state``."""
    inputs = vectors.shape[0]
    if way == FUSED_UNIFORM and inputs == 1:
        multiply_uniform_transposed(state, vectors[0], products[0])
        return
    if way == FUSED_SIGNS and inputs == 1:
        multiply_signs_transposed(state, vectors[0], products[0])
        return
    orthogonal = way == ORTHOGONAL_ROWS
    columns, rows = products.shape[1] // LANES, vectors.shape[1] // LANES
    size = row_size(columns)
    products[:] = float32(0)
    for start in range(0, rows, TILE):
        stop = min(start + TILE, rows)
        first = start if orthogonal else 0
        draw_rows(fill, parameters, orthogonal, state, buffer, first, stop - start, columns)
        if COMPILED and stop - start == TILE:
            add_tile_transposed(buffer[first * size : (first + TILE) * size], vectors, products, start)
        else:
            for i in range(start, stop):
                row = buffer[(first + i - start) * size : (first + i - start + 1) * size]
                for m in range(inputs):
                    add_outer(row, vectors[m, i * LANES : (i + 1) * LANES], products[m])


@kernel(_FORWARD)
def forward(
    key, first_replicate, first_layer, scaling,
    outer, outer_parameters, outer_way, outer_deviation, inner, inner_parameters, inner_way, inner_deviation,
    has_inner, has_bias, activate, activation_parameters, homogeneous,
    hidden, exponents, slopes, kappa, controls,
):  # fmt: skip
    """Advance a block through ``scaling.size`` layers from ``first_layer``, in place.

    Parameters
    ----------
    key : uint32 array (2,)
    first_replicate, first_layer : int
    scaling : float64 array, a_k of these layers
    outer, inner : row fillers of V and W
        ``*_way`` says how a matrix meets vectors, ``*_deviation`` turns its natural units into weights.
    has_inner, has_bias, homogeneous : bool
    activate : activation with its parameters
    hidden : float64 array (inputs, width * LANES), h in units of 2^exponents
    exponents : int64 array (inputs, LANES), only moved when the branch is homogeneous
    slopes : float32 array (layers kept, inputs, width * LANES); sigma'(z) of each layer, or a single scratch layer
    kappa : mean of ||V g(h)||^2 / ||h||^2 given h
    controls : float64 array (inputs, 4, LANES) that the sums of :mod:`theory_check.kernels.controls` are added to, or
        of length 0
    """
    inputs, size = hidden.shape
    vectors = np.empty((inputs, size), np.float32)
    pre = np.empty((inputs, size), np.float32)
    post = np.empty((inputs, size), np.float32)
    buffer = row_buffer(size // LANES, outer_way, inner_way)
    bias = np.empty(row_size(size // LANES), np.float32)
    state = np.empty(4 * LANES, np.uint32)
    norms = np.empty(LANES)
    keep = slopes.shape[0] >= scaling.size
    for k in range(scaling.size):
        slope = slopes[k if keep else 0]
        layer = first_layer + k
        for m in range(inputs):
            narrow(hidden[m], vectors[m])
        if has_inner:
            seed_lanes(state, key, first_replicate, layer, _INNER)
            multiply(inner, inner_parameters, inner_way, state, buffer, vectors, pre)
            deviation = float32(inner_deviation)
            for m in range(inputs):
                for i in range(size):
                    pre[m, i] *= deviation
            if has_bias:
                seed_lanes(state, key, first_replicate, layer, _BIAS)
                inner(state, bias, inner_parameters)
                for m in range(inputs):
                    add_bias(pre[m], bias, inner_deviation, exponents[m])
            for m in range(inputs):
                activate(pre[m], post[m], slope[m], activation_parameters)
        else:
            for m in range(inputs):
                activate(vectors[m], post[m], slope[m], activation_parameters)
        seed_lanes(state, key, first_replicate, layer, _OUTER)
        multiply(outer, outer_parameters, outer_way, state, buffer, post, pre)
        for m in range(inputs):
            if controls.shape[0] > 0:
                add_controls(
                    hidden[m], scaling[k] * outer_deviation, pre[m], kappa * scaling[k] * scaling[k], controls[m]
                )
            add_scaled(hidden[m], scaling[k] * outer_deviation, pre[m])
            if homogeneous:
                rescale(hidden[m], exponents[m], norms)


@kernel(_BACKWARD)
def backward(
    key, first_replicate, first_layer, scaling,
    outer, outer_parameters, outer_way, outer_deviation, inner, inner_parameters, inner_way, inner_deviation,
    has_inner, slopes, gradient, exponents,
):  # fmt: skip
    """Carry dLoss/dh back through the layers of one :func:`forward` call, in place.

    ``gradient`` is a float64 array (inputs, width * LANES) in units of 2^exponents, ``slopes`` what the forward call
    kept. The map is linear in the gradient, so rescaling is always exact.
    """
    inputs, size = gradient.shape
    vectors = np.empty((inputs, size), np.float32)
    products = np.empty((inputs, size), np.float32)
    buffer = row_buffer(size // LANES, outer_way, inner_way)
    state = np.empty(4 * LANES, np.uint32)
    norms = np.empty(LANES)
    for k in range(scaling.size - 1, -1, -1):
        layer = first_layer + k
        for m in range(inputs):
            narrow(gradient[m], vectors[m])
        seed_lanes(state, key, first_replicate, layer, _OUTER)
        multiply_transposed(outer, outer_parameters, outer_way, state, buffer, vectors, products)
        deviation = float32(outer_deviation)
        for m in range(inputs):
            for i in range(size):
                vectors[m, i] = deviation * slopes[k, m, i] * products[m, i]
        factor = scaling[k]
        if has_inner:
            seed_lanes(state, key, first_replicate, layer, _INNER)
            multiply_transposed(inner, inner_parameters, inner_way, state, buffer, vectors, products)
            factor *= inner_deviation
        for m in range(inputs):
            add_scaled(gradient[m], factor, products[m] if has_inner else vectors[m])
            rescale(gradient[m], exponents[m], norms)
