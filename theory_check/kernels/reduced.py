"""Reduced passes for Gaussian weights: O(d) draws a layer instead of O(d^2), exact in law.

Given the hidden state, ``W h`` is ``||h|| sigma_W xi`` and ``V g`` is ``||g|| sigma_V eta`` with standard normal
vectors xi and eta: the matrices themselves are not needed (claim E2 follows by taking norms). Backward, given ``V g =
y``, the matrix is ``y g^T/||g||^2 + G (I - g g^T/||g||^2)`` with G an independent copy, and the gradient p above the
layer depends on V through y alone, hence

    V^T p = g <y, p>/||g||^2 + sigma_V ||p|| (I - g g^T/||g||^2) xi',

and the same for W given ``W h``. Forward and backward values thus have their joint law.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy import float32, float64

from theory_check.kernels import LANES
from theory_check.kernels.compilation import ACTIVATOR, DOUBLES, LONGS, SINGLES, WORDS, kernel
from theory_check.kernels.controls import add_controls
from theory_check.kernels.dense import row_size
from theory_check.kernels.entrywise import copy
from theory_check.kernels.hints import wide_loops
from theory_check.kernels.layers import add_bias, add_scaled, narrow, rescale, squared_norms
from theory_check.kernels.rows import fill_normal
from theory_check.kernels.words import seed_lanes

_FORWARD = 7  # streams.Purpose, frozen here because kernels see numbers only; a test compares
_BACKWARD = 8

_COMMON = (WORDS, types.int64, types.int64, DOUBLES, types.float64, types.float64, types.boolean, types.boolean)
_TRACE = (types.float32[:, ::1], types.int64[:, ::1])
_FORWARD_PASS = types.void(
    *_COMMON, ACTIVATOR, DOUBLES, types.boolean, DOUBLES, LONGS, *_TRACE, types.float64, types.float64[:, ::1]
)
_BACKWARD_PASS = types.void(*_COMMON, ACTIVATOR, DOUBLES, *_TRACE, DOUBLES, LONGS)
_DRAW_LAYER = types.void(
    WORDS, types.int64, types.int64, types.boolean, types.boolean, types.float64, types.float64,
    ACTIVATOR, DOUBLES, SINGLES, LONGS, SINGLES, DOUBLES, SINGLES, SINGLES, SINGLES, SINGLES, SINGLES,
)  # fmt: skip


@kernel(inline=True)
def times_norm(normal, vector, deviation, norms, out):
    """Write ``out = deviation ||vector|| normal``: a Gaussian matrix times ``vector``, in law."""
    wide_loops()
    squared_norms(vector, norms)
    for lane in range(LANES):
        norms[lane] = deviation * math.sqrt(norms[lane])
    for j in range(vector.size // LANES):
        for lane in range(LANES):
            out[j * LANES + lane] = float32(norms[lane]) * normal[j * LANES + lane]


@kernel(_DRAW_LAYER)
def draw_layer(
    key, first_replicate, layer, has_inner, has_bias, inner_deviation, outer_deviation,
    activate, activation_parameters, vector, exponents, normal, norms, pre, biased, post, slope, branch,
):  # fmt: skip
    """Draw one layer at the hidden state ``vector``: ``pre = W h``, ``post = sigma(pre + b)``, ``branch = V post``."""
    state = np.empty(4 * LANES, np.uint32)
    seed_lanes(state, key, first_replicate, layer, _FORWARD)
    none = np.empty(0)
    if has_inner:
        fill_normal(state, normal, none)
        times_norm(normal, vector, inner_deviation, norms, pre)
        copy(pre, biased)
        if has_bias:
            fill_normal(state, normal, none)
            add_bias(biased, normal, inner_deviation, exponents)
        activate(biased, post, slope, activation_parameters)
    else:
        activate(vector, post, slope, activation_parameters)
    fill_normal(state, normal, none)
    times_norm(normal, post, outer_deviation, norms, branch)


@kernel(inline=True)
def conditional_transpose(condition, image, gradient, deviation, normal, out):
    """Write ``A^T gradient`` for a Gaussian matrix A conditioned on ``A condition = image``.

    ``normal`` is a fresh standard normal vector. Lanes with ``condition = 0`` are not conditioned on anything.
    """
    wide_loops()
    width = out.size // LANES
    square = np.empty(LANES)
    length = np.empty(LANES)
    pairing = np.zeros(LANES)
    overlap = np.zeros(LANES)
    squared_norms(condition, square)
    squared_norms(gradient, length)
    for j in range(width):
        for lane in range(LANES):
            i = j * LANES + lane
            pairing[lane] += float64(image[i]) * float64(gradient[i])
            overlap[lane] += float64(condition[i]) * float64(normal[i])
    for lane in range(LANES):
        length[lane] = deviation * math.sqrt(length[lane])
        inverse = 1.0 / square[lane] if square[lane] > 0.0 else 0.0
        pairing[lane] = (pairing[lane] - length[lane] * overlap[lane]) * inverse
    for j in range(width):
        for lane in range(LANES):
            i = j * LANES + lane
            out[i] = float32(length[lane]) * normal[i] + float32(pairing[lane]) * condition[i]


@kernel()
def workspace(size):
    """Return the arrays of one layer: normal row, hidden state, pre, biased, post, slope, branch, and norms by lane."""
    normal = np.empty(row_size(size // LANES), np.float32)
    vectors = np.empty((6, size), np.float32)
    return normal, vectors[0], vectors[1], vectors[2], vectors[3], vectors[4], vectors[5], np.empty(LANES)


@kernel(_FORWARD_PASS)
def forward(
    key, first_replicate, first_layer, scaling, outer_deviation, inner_deviation,
    has_inner, has_bias, activate, activation_parameters, homogeneous,
    hidden, exponents, trace, trace_exponents, kappa, controls,
):  # fmt: skip
    """Advance a block through ``scaling.size`` layers from ``first_layer``, in place.

    Arguments as in :func:`theory_check.kernels.dense.forward`, for one input: ``hidden`` is a float64 array
    (width * LANES,), ``exponents`` an int64 array (LANES,). ``trace`` (layers kept, width * LANES) receives the hidden
    state before each layer, ``trace_exponents`` its exponents, unless they are too short to keep them. ``controls`` has
    shape (4, LANES), or length 0.
    """
    normal, vector, pre, biased, post, slope, branch, norms = workspace(hidden.size)
    keep = trace.shape[0] >= scaling.size
    for k in range(scaling.size):
        narrow(hidden, vector)
        if keep:
            copy(vector, trace[k])
            trace_exponents[k] = exponents
        draw_layer(
            key, first_replicate, first_layer + k, has_inner, has_bias, inner_deviation, outer_deviation,
            activate, activation_parameters, vector, exponents, normal, norms, pre, biased, post, slope, branch,
        )  # fmt: skip
        if controls.shape[0] > 0:
            add_controls(hidden, scaling[k], branch, kappa * scaling[k] * scaling[k], controls)
        add_scaled(hidden, scaling[k], branch)
        if homogeneous:
            rescale(hidden, exponents, norms)


@kernel(_BACKWARD_PASS)
def backward(
    key, first_replicate, first_layer, scaling, outer_deviation, inner_deviation,
    has_inner, has_bias, activate, activation_parameters,
    trace, trace_exponents, gradient, exponents,
):  # fmt: skip
    """Carry dLoss/dh back through the layers of one :func:`forward` call, in place, in the joint law with it.

    The layers are drawn again from their streams at the hidden states in ``trace``; ``gradient`` is a float64 array
    (width * LANES,) in units of 2^exponents.
    """
    size = gradient.size
    normal, vector, pre, biased, post, slope, branch, norms = workspace(size)
    product = np.empty(size, np.float32)
    none = np.empty(0)
    state = np.empty(4 * LANES, np.uint32)
    for k in range(scaling.size - 1, -1, -1):
        layer = first_layer + k
        draw_layer(
            key, first_replicate, layer, has_inner, has_bias, inner_deviation, outer_deviation,
            activate, activation_parameters, trace[k], trace_exponents[k],
            normal, norms, pre, biased, post, slope, branch,
        )  # fmt: skip
        seed_lanes(state, key, first_replicate, layer, _BACKWARD)
        fill_normal(state, normal, none)
        narrow(gradient, vector)
        conditional_transpose(post, branch, vector, outer_deviation, normal, product)
        for i in range(size):
            vector[i] = slope[i] * product[i]
        if has_inner:
            fill_normal(state, normal, none)
            conditional_transpose(trace[k], pre, vector, inner_deviation, normal, product)
        add_scaled(gradient, scaling[k], product if has_inner else vector)
        rescale(gradient, exponents, norms)
