"""Reduced passes for several inputs through the same Gaussian weights: O(m d) draws a layer, exact in law.

Let H = (h^1 .. h^m) be the hidden states as columns, G = H^T H their Gram matrix, C a lower triangular factor, G =
C C^T, and Q the orthonormal basis with H = Q C^T. A Gaussian matrix W, entries of deviation s, meets H through ``W Q =
s Z`` alone, and Z (d x m) has independent standard normal entries, so

    W H = s Z C^T:    W h^j = s sum_{k <= j} C_jk z_k.

Backward, given H and W H, the matrix is ``W = s Z Q^T + W' (I - Q Q^T)`` with W' an independent copy. The gradients P =
(p^1 .. p^m) above the layer are functions of W H and of other layers, so that ``W'^T P = s X C_P^T`` with fresh normal
columns X and a factor of P^T P = C_P C_P^T, hence

    W^T P = s Q Z^T P + s (I - Q Q^T) X C_P^T.

The same holds for V with the branch vectors in the place of H. One bias serves all inputs. For m = 1 these are the
formulas of :mod:`theory_check.kernels.reduced`.

Rank deficiency (equal or collinear inputs, m > d, branch vectors equal to 0) shows as a pivot of the Cholesky
factorisation that vanishes: its column of C and its vector of Q are set to 0, which is exact, because the rest of the
column of a positive semidefinite matrix vanishes with its pivot. Numerically a pivot counts as 0 below
:data:`RANK_TOLERANCE` times the squared norm: vectors closer to a combination of the ones before than single precision
tells apart. Gram matrices, factors and bases are computed in double precision from the single-precision vectors.

Source: derived here; the conditional law is the projection formula for Gaussian vectors.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy import float32, float64

from theory_check.kernels import LANES
from theory_check.kernels.compilation import ACTIVATOR, DOUBLES, WORDS, kernel
from theory_check.kernels.dense import dot, row_size
from theory_check.kernels.entrywise import copy
from theory_check.kernels.layers import add_bias, add_scaled, narrow, rescale
from theory_check.kernels.rows import fill_normal
from theory_check.kernels.words import seed_lanes

_FORWARD = 7  # streams.Purpose, frozen here because kernels see numbers only; a test compares
_BACKWARD = 8

#: Smallest squared distance from the vectors before, relative to the squared norm, that counts: 8 single roundings.
RANK_TOLERANCE = 64.0 * 2.0**-48

_COMMON = (WORDS, types.int64, types.int64, DOUBLES, types.float64, types.float64, types.boolean, types.boolean)
_SINGLE_MATRIX = types.float32[:, ::1]
_TRACE = (types.float32[:, :, ::1], types.int64[:, :, ::1])
_STATE = (types.float64[:, ::1], types.int64[:, ::1])
_FORWARD_PASS = types.void(*_COMMON, ACTIVATOR, DOUBLES, types.boolean, *_STATE, *_TRACE)
_BACKWARD_PASS = types.void(*_COMMON, ACTIVATOR, DOUBLES, *_TRACE, *_STATE)
_FACTOR = types.float64[:, :, ::1]
_DRAW_LAYER = types.void(
    WORDS, types.int64, types.int64, types.boolean, types.boolean, types.float64, types.float64, ACTIVATOR, DOUBLES,
    _SINGLE_MATRIX, types.int64[:, ::1], types.float32[:, :, ::1], types.float32[:, :, ::1], _FACTOR, _FACTOR,
)  # fmt: skip


@kernel()
def gram(vectors, products):
    """Write ``products[i, j] = <vectors[i], vectors[j]>`` for j <= i and every lane, in double precision."""
    width = vectors.shape[1] // LANES
    eights = width // 8 * 8
    for i in range(vectors.shape[0]):
        for j in range(i + 1):
            left, right, total = vectors[i], vectors[j], products[i, j]
            total[:] = 0.0
            for c in range(0, eights, 8):
                for lane in range(LANES):
                    value = total[lane]
                    value += float64(left[c * LANES + lane]) * float64(right[c * LANES + lane])
                    value += float64(left[(c + 1) * LANES + lane]) * float64(right[(c + 1) * LANES + lane])
                    value += float64(left[(c + 2) * LANES + lane]) * float64(right[(c + 2) * LANES + lane])
                    value += float64(left[(c + 3) * LANES + lane]) * float64(right[(c + 3) * LANES + lane])
                    value += float64(left[(c + 4) * LANES + lane]) * float64(right[(c + 4) * LANES + lane])
                    value += float64(left[(c + 5) * LANES + lane]) * float64(right[(c + 5) * LANES + lane])
                    value += float64(left[(c + 6) * LANES + lane]) * float64(right[(c + 6) * LANES + lane])
                    value += float64(left[(c + 7) * LANES + lane]) * float64(right[(c + 7) * LANES + lane])
                    total[lane] = value
            for c in range(eights, width):
                for lane in range(LANES):
                    total[lane] += float64(left[c * LANES + lane]) * float64(right[c * LANES + lane])


@kernel()
def factorise(products):
    """Replace the lower triangle of Gram matrices (m, m, LANES) by their factors C, with pivots that vanish at 0."""
    square = np.empty(LANES)
    inverse = np.empty(LANES)
    for j in range(products.shape[0]):
        square[:] = products[j, j]
        for i in range(j, products.shape[0]):
            target = products[i, j]
            for k in range(j):
                for lane in range(LANES):
                    target[lane] -= products[i, k, lane] * products[j, k, lane]
        pivot = products[j, j]
        for lane in range(LANES):
            # An overflowed norm is not a rank deficiency: it must spread, not vanish.
            dropped = pivot[lane] <= RANK_TOLERANCE * square[lane] and square[lane] < np.inf
            pivot[lane] = 0.0 if dropped else math.sqrt(pivot[lane])
            inverse[lane] = 0.0 if dropped else 1.0 / pivot[lane]
        for i in range(j + 1, products.shape[0]):
            for lane in range(LANES):
                products[i, j, lane] *= inverse[lane]


@kernel()
def write_basis(vectors, factor, basis):
    """Write the orthonormal basis Q with ``vectors[j] = sum_{k <= j} factor[j, k] basis[k]``; 0 at dropped pivots."""
    inputs = vectors.shape[0]
    inverse = np.empty((inputs, LANES))
    solved = np.empty((inputs, LANES))
    for k in range(inputs):
        for lane in range(LANES):
            inverse[k, lane] = 1.0 / factor[k, k, lane] if factor[k, k, lane] != 0.0 else 0.0
    for c in range(vectors.shape[1] // LANES):
        for k in range(inputs):
            for lane in range(LANES):
                solved[k, lane] = float64(vectors[k, c * LANES + lane])
            for before in range(k):
                for lane in range(LANES):
                    solved[k, lane] -= factor[k, before, lane] * solved[before, lane]
            for lane in range(LANES):
                solved[k, lane] *= inverse[k, lane]
                basis[k, c * LANES + lane] = float32(solved[k, lane])


@kernel()
def add_combination(weights, vectors, count, out):
    """Do ``out += sum_{k < count} weights[k] vectors[k]``, weights one number a lane."""
    eights = count // 8 * 8
    for c in range(out.size // LANES):
        for k in range(0, eights, 8):
            for lane in range(LANES):
                i = c * LANES + lane
                value = out[i]
                value += weights[k, lane] * vectors[k, i]
                value += weights[k + 1, lane] * vectors[k + 1, i]
                value += weights[k + 2, lane] * vectors[k + 2, i]
                value += weights[k + 3, lane] * vectors[k + 3, i]
                value += weights[k + 4, lane] * vectors[k + 4, i]
                value += weights[k + 5, lane] * vectors[k + 5, i]
                value += weights[k + 6, lane] * vectors[k + 6, i]
                value += weights[k + 7, lane] * vectors[k + 7, i]
                out[i] = value
        for k in range(eights, count):
            for lane in range(LANES):
                i = c * LANES + lane
                out[i] += weights[k, lane] * vectors[k, i]


@kernel()
def write_images(vectors, normals, deviation, factor, out):
    """Write ``out[j] = deviation sum_{k <= j} C_jk normals[k]``, C the factor of the vectors, left in ``factor``."""
    inputs = vectors.shape[0]
    weights = np.empty((inputs, LANES), np.float32)
    gram(vectors, factor)
    factorise(factor)
    for j in range(inputs):
        for k in range(j + 1):
            for lane in range(LANES):
                weights[k, lane] = float32(deviation * factor[j, k, lane])
        out[j] = float32(0)
        add_combination(weights, normals, j + 1, out[j])


@kernel()
def conditional_transposes(conditions, factor, normals, gradients, deviation, fresh, scratch, out):
    """Write ``A^T gradients[j]`` for a Gaussian matrix A, conditioned on its images of ``conditions``.

    ``factor`` and ``normals`` are those of :func:`write_images`, ``fresh`` holds standard normal vectors of their own;
    ``scratch`` (m, width * LANES) is overwritten by the basis.
    """
    inputs, size = out.shape
    products = np.empty((inputs, inputs, LANES))
    weights = np.empty((inputs, LANES), np.float32)
    write_images(gradients, fresh, deviation, products, out)
    write_basis(conditions, factor, scratch)
    along = np.empty(LANES, np.float32)
    inside = np.empty(LANES, np.float32)
    for j in range(inputs):
        for k in range(inputs):
            dot(normals[k, :size], gradients[j], along)
            dot(scratch[k], out[j], inside)
            for lane in range(LANES):
                weights[k, lane] = float32(deviation) * along[lane] - inside[lane]
        add_combination(weights, scratch, inputs, out[j])


@kernel(_DRAW_LAYER)
def draw_layer(
    key, first_replicate, layer, has_inner, has_bias, inner_deviation, outer_deviation,
    activate, activation_parameters, vectors, exponents, work, normals, inner_factor, outer_factor,
):  # fmt: skip
    """Draw one layer at the hidden states ``vectors`` (m, width * LANES).

    ``work`` receives sigma(z), sigma'(z) and V sigma(z) in its first three parts, with z = W h + b (or h without inner
    weights); ``normals`` the normal vectors of W and of V, ``*_factor`` their factors.
    """
    inputs = vectors.shape[0]
    state = np.empty(4 * LANES, np.uint32)
    none = np.empty(0)
    post, slope, branch = work[0], work[1], work[2]
    seed_lanes(state, key, first_replicate, layer, _FORWARD)
    if has_inner:
        pre = branch  # free until the outer weights are drawn
        for m in range(inputs):
            fill_normal(state, normals[0, m], none)
        write_images(vectors, normals[0], inner_deviation, inner_factor, pre)
        if has_bias:
            fill_normal(state, normals[1, 0], none)
            for m in range(inputs):
                add_bias(pre[m], normals[1, 0], inner_deviation, exponents[m])
        for m in range(inputs):
            activate(pre[m], post[m], slope[m], activation_parameters)
    else:
        for m in range(inputs):
            activate(vectors[m], post[m], slope[m], activation_parameters)
    for m in range(inputs):
        fill_normal(state, normals[1, m], none)
    write_images(post, normals[1], outer_deviation, outer_factor, branch)


@kernel(_FORWARD_PASS)
def forward(
    key, first_replicate, first_layer, scaling, outer_deviation, inner_deviation,
    has_inner, has_bias, activate, activation_parameters, homogeneous,
    hidden, exponents, trace, trace_exponents,
):  # fmt: skip
    """Advance a block through ``scaling.size`` layers from ``first_layer``, in place.

    Arguments as in :func:`theory_check.kernels.dense.forward`. ``trace`` (layers kept, m, width * LANES) receives the
    hidden states before each layer, ``trace_exponents`` their exponents, unless they are too short to keep them.
    """
    inputs, size = hidden.shape
    vectors = np.empty((inputs, size), np.float32)
    work = np.empty((3, inputs, size), np.float32)
    normals = np.empty((2, inputs, row_size(size // LANES)), np.float32)
    inner_factor = np.empty((inputs, inputs, LANES))
    outer_factor = np.empty((inputs, inputs, LANES))
    norms = np.empty(LANES)
    keep = trace.shape[0] >= scaling.size
    for k in range(scaling.size):
        for m in range(inputs):
            narrow(hidden[m], vectors[m])
        if keep:
            for m in range(inputs):
                copy(vectors[m], trace[k, m])
            trace_exponents[k] = exponents
        draw_layer(
            key, first_replicate, first_layer + k, has_inner, has_bias, inner_deviation, outer_deviation,
            activate, activation_parameters, vectors, exponents, work, normals, inner_factor, outer_factor,
        )  # fmt: skip
        for m in range(inputs):
            add_scaled(hidden[m], scaling[k], work[2, m])
            if homogeneous:
                rescale(hidden[m], exponents[m], norms)


@kernel(_BACKWARD_PASS)
def backward(
    key, first_replicate, first_layer, scaling, outer_deviation, inner_deviation,
    has_inner, has_bias, activate, activation_parameters,
    trace, trace_exponents, gradient, exponents,
):  # fmt: skip
    """Carry dLoss/dh back through the layers of one :func:`forward` call, in place, in the joint law with it.

    The layers are drawn again from their streams at the hidden states in ``trace``; ``gradient`` is a float64 array
    (m, width * LANES) in units of 2^exponents.
    """
    inputs, size = gradient.shape
    vectors = np.empty((inputs, size), np.float32)
    products = np.empty((inputs, size), np.float32)
    scratch = np.empty((inputs, size), np.float32)
    work = np.empty((3, inputs, size), np.float32)
    normals = np.empty((2, inputs, row_size(size // LANES)), np.float32)
    fresh = np.empty((inputs, row_size(size // LANES)), np.float32)
    inner_factor = np.empty((inputs, inputs, LANES))
    outer_factor = np.empty((inputs, inputs, LANES))
    norms = np.empty(LANES)
    none = np.empty(0)
    state = np.empty(4 * LANES, np.uint32)
    for k in range(scaling.size - 1, -1, -1):
        layer = first_layer + k
        draw_layer(
            key, first_replicate, layer, has_inner, has_bias, inner_deviation, outer_deviation,
            activate, activation_parameters, trace[k], trace_exponents[k],
            work, normals, inner_factor, outer_factor,
        )  # fmt: skip
        seed_lanes(state, key, first_replicate, layer, _BACKWARD)
        for m in range(inputs):
            fill_normal(state, fresh[m], none)
            narrow(gradient[m], vectors[m])
        conditional_transposes(
            work[0], outer_factor, normals[1], vectors, outer_deviation, fresh, scratch, products
        )  # fmt: skip
        for m in range(inputs):
            for i in range(size):
                vectors[m, i] = work[1, m, i] * products[m, i]
        if has_inner:
            for m in range(inputs):
                fill_normal(state, fresh[m], none)
            conditional_transposes(
                trace[k], inner_factor, normals[0], vectors, inner_deviation, fresh, scratch, products
            )  # fmt: skip
        for m in range(inputs):
            add_scaled(gradient[m], scaling[k], products[m] if has_inner else vectors[m])
            rescale(gradient[m], exponents[m], norms)
