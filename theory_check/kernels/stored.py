"""Stored passes: one network whose weights are given, many columns through them as products of matrices.

A *column* is one hidden state with a scaling of its own, a_k = scaling[k] * factors[column]; all columns share V_k, W_k
and b_k. Columns stand where replicates stand in the other kernels, LANES of them in a *panel*: component j of column c
at ``[c // LANES, j * LANES + c % LANES]``. Forward and backward, layer by layer, as in
:mod:`theory_check.kernels.dense`; precision as there: the state double, products with weights single.

No operation mixes columns and every sum runs over j in order, so that a column has the same value alone and among
others, to the bit. That is why the products are written here: libraries choose the order of a sum by the number of
columns and of threads, and are no faster at these sizes.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy import float32, float64

from theory_check.kernels import LANES
from theory_check.kernels.compilation import ACTIVATOR, DOUBLES, kernel
from theory_check.kernels.layers import narrow, rescale

# Any strides, as matrices common to all layers are one matrix with stride 0; never written.
_MATRICES = types.Array(types.float32, 3, "A", readonly=True)
_VECTORS = types.Array(types.float32, 2, "A", readonly=True)
_PANELS = types.float64[:, ::1]
_FORWARD = types.void(
    _MATRICES, _MATRICES, _VECTORS, types.boolean, types.boolean, DOUBLES, _PANELS,
    ACTIVATOR, DOUBLES, types.boolean, _PANELS, types.int64[:, ::1], types.float32[:, :, ::1],
)  # fmt: skip
_BACKWARD = types.void(
    _MATRICES, _MATRICES, types.boolean, DOUBLES, _PANELS, types.float32[:, :, ::1], _PANELS, types.int64[:, ::1],
)  # fmt: skip


@kernel()
def multiply(matrix, vectors, products):
    """Write ``products = matrix vectors`` for one panel.

    Tiles of four rows by four columns of the matrix: sixteen products for four loads of ``vectors``. Each entry adds
    its terms in the order of j, whatever the tile.
    """
    rows, columns = matrix.shape
    products[:] = float32(0)
    whole_rows, whole_columns = rows // 4 * 4, columns // 4 * 4
    for i in range(0, whole_rows, 4):
        first = products[i * LANES : (i + 1) * LANES]
        second = products[(i + 1) * LANES : (i + 2) * LANES]
        third = products[(i + 2) * LANES : (i + 3) * LANES]
        fourth = products[(i + 3) * LANES : (i + 4) * LANES]
        for j in range(0, whole_columns, 4):
            a0, a1, a2, a3 = matrix[i, j], matrix[i, j + 1], matrix[i, j + 2], matrix[i, j + 3]
            b0, b1, b2, b3 = matrix[i + 1, j], matrix[i + 1, j + 1], matrix[i + 1, j + 2], matrix[i + 1, j + 3]
            c0, c1, c2, c3 = matrix[i + 2, j], matrix[i + 2, j + 1], matrix[i + 2, j + 2], matrix[i + 2, j + 3]
            d0, d1, d2, d3 = matrix[i + 3, j], matrix[i + 3, j + 1], matrix[i + 3, j + 2], matrix[i + 3, j + 3]
            for lane in range(LANES):
                x0, x1 = vectors[j * LANES + lane], vectors[(j + 1) * LANES + lane]
                x2, x3 = vectors[(j + 2) * LANES + lane], vectors[(j + 3) * LANES + lane]
                total = first[lane]
                total += a0 * x0
                total += a1 * x1
                total += a2 * x2
                total += a3 * x3
                first[lane] = total
                total = second[lane]
                total += b0 * x0
                total += b1 * x1
                total += b2 * x2
                total += b3 * x3
                second[lane] = total
                total = third[lane]
                total += c0 * x0
                total += c1 * x1
                total += c2 * x2
                total += c3 * x3
                third[lane] = total
                total = fourth[lane]
                total += d0 * x0
                total += d1 * x1
                total += d2 * x2
                total += d3 * x3
                fourth[lane] = total
        for j in range(whole_columns, columns):
            a0, b0, c0, d0 = matrix[i, j], matrix[i + 1, j], matrix[i + 2, j], matrix[i + 3, j]
            for lane in range(LANES):
                x0 = vectors[j * LANES + lane]
                first[lane] += a0 * x0
                second[lane] += b0 * x0
                third[lane] += c0 * x0
                fourth[lane] += d0 * x0
    for i in range(whole_rows, rows):
        for j in range(columns):
            a0 = matrix[i, j]
            for lane in range(LANES):
                products[i * LANES + lane] += a0 * vectors[j * LANES + lane]


@kernel()
def add_common_bias(pre, bias, exponents):
    """Do ``pre += bias * 2^-exponents``, one bias for all columns, in the units of each."""
    for lane in range(LANES):
        factor = float32(math.ldexp(1.0, int(-exponents[lane])))
        for j in range(bias.size):
            pre[j * LANES + lane] += factor * bias[j]


@kernel()
def add_scaled_columns(vector, factor, factors, increment):
    """Do ``vector += factor * factors[column] * increment`` in double precision."""
    for j in range(vector.size // LANES):
        for lane in range(LANES):
            vector[j * LANES + lane] += (factor * factors[lane]) * float64(increment[j * LANES + lane])


@kernel(_FORWARD)
def forward(
    outer, inner, bias, has_inner, has_bias, scaling, factors,
    activate, activation_parameters, homogeneous, hidden, exponents, slopes,
):  # fmt: skip
    """Advance the columns through ``scaling.size`` layers, in place.

    Parameters
    ----------
    outer, inner : float32 arrays (layers, width, width), V and W
    bias : float32 array (layers, width)
    has_inner, has_bias, homogeneous : bool; without one, ``inner`` or ``bias`` is not read
    scaling : float64 array (layers,)
    factors : float64 array (panels, LANES)
    activate : activation with its parameters
    hidden : float64 array (panels, width * LANES), h in units of 2^exponents
    exponents : int64 array (panels, LANES), only moved when the branch is homogeneous
    slopes : float32 array (layers kept, panels, width * LANES); sigma'(z) of each layer, or a single scratch layer
    """
    panels, size = hidden.shape
    vector = np.empty(size, np.float32)
    pre = np.empty(size, np.float32)
    norms = np.empty(LANES)
    keep = slopes.shape[0] >= scaling.size
    for k in range(scaling.size):
        for p in range(panels):
            slope = slopes[k if keep else 0, p]
            narrow(hidden[p], vector)
            if has_inner:
                multiply(inner[k], vector, pre)
                if has_bias:
                    add_common_bias(pre, bias[k], exponents[p])
                activate(pre, vector, slope, activation_parameters)
                multiply(outer[k], vector, pre)
            else:
                activate(vector, pre, slope, activation_parameters)
                multiply(outer[k], pre, vector)
            add_scaled_columns(hidden[p], scaling[k], factors[p], pre if has_inner else vector)
            if homogeneous:
                rescale(hidden[p], exponents[p], norms)


@kernel(_BACKWARD)
def backward(outer, inner, has_inner, scaling, factors, slopes, gradient, exponents):
    """Carry dLoss/dh back through the layers of one :func:`forward` call, in place.

    ``gradient`` is a float64 array (panels, width * LANES) in units of 2^exponents, ``slopes`` what the forward call
    kept. The map is linear in the gradient, so rescaling is always exact.
    """
    panels, size = gradient.shape
    vector = np.empty(size, np.float32)
    product = np.empty(size, np.float32)
    norms = np.empty(LANES)
    for k in range(scaling.size - 1, -1, -1):
        for p in range(panels):
            narrow(gradient[p], vector)
            multiply(outer[k].T, vector, product)
            slope = slopes[k, p]
            for i in range(size):
                vector[i] = slope[i] * product[i]
            if has_inner:
                multiply(inner[k].T, vector, product)
            add_scaled_columns(gradient[p], scaling[k], factors[p], product if has_inner else vector)
            rescale(gradient[p], exponents[p], norms)
