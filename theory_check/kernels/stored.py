"""Stored passes: one network whose weights are given, many columns through them as products of matrices.

A *column* is one hidden state with a scaling of its own, a_k = scaling[k] * factors[column]; all columns share V_k, W_k
and b_k. Columns stand where replicates stand in the other kernels, PANEL of them in a *panel*: component j of column c
at ``[c // PANEL, j * PANEL + c % PANEL]``. Forward and backward, layer by layer, as in
:mod:`theory_check.kernels.dense`; precision as there: the state double, products with weights single.

No operation mixes columns and every sum runs over j in order, so that a column has the same value alone and among
others, to the bit. That is why the products are written here: libraries choose the order of a sum by the number of
columns and of threads, and are no faster at these sizes.

Kernels that call others count the references of every array they hand on, which takes longer than a small product:
the loops over layers call the products and the sums themselves, and take views where they hardly ever come.

The backward pass reads sigma' of every layer. Piecewise linear activations have two slopes: a bit of each component is
kept, that of column c of a panel as bit c of a word, a 32nd of the memory that numbers take.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy import float32, float64

from theory_check.kernels import PANEL
from theory_check.kernels.compilation import ACTIVATOR, COMPILED, DOUBLES, kernel
from theory_check.kernels.layers import in_range, rescale
from theory_check.kernels.single_column import multiply_column, multiply_transposed_column
from theory_check.kernels.tiles import multiply
from theory_check.kernels.vectors import SIZE, choose, load, repeat, signs_of, store, to_doubles, to_singles

#: Numbers of the panels that go through layers together: with their products 40 KiB, a first-level cache.
STRIP = 2560

#: Numbers of the matrices of layers that a strip goes through before the next: 256 KiB, part of a second-level cache.
MATRICES = 2**16

# Never written: paths that are kept are read-only.
_MATRICES = types.Array(types.float32, 3, "C", readonly=True)
_VECTORS = types.Array(types.float32, 2, "C", readonly=True)
_PANELS = types.float64[:, ::1]
_SLOPES = types.float32[:, :, ::1]
_SIGNS = types.uint16[:, :, ::1]
_FORWARD = types.void(
    _MATRICES, _MATRICES, _VECTORS, types.boolean, types.boolean, DOUBLES, _PANELS,
    ACTIVATOR, DOUBLES, types.boolean, types.boolean, _PANELS, types.int64[:, ::1], _SLOPES, _SIGNS,
)  # fmt: skip
_BACKWARD = types.void(
    _MATRICES, _MATRICES, types.boolean, DOUBLES, _PANELS, DOUBLES, types.boolean, types.boolean, _SLOPES, _SIGNS,
    _PANELS, types.int64[:, ::1],
)  # fmt: skip


@kernel()
def strip_of(panels, size):
    """Return how many panels of ``size`` numbers go through layers together: so many that they stay in the cache."""
    return min(panels, max(4, STRIP // size // 4 * 4))


@kernel()
def layers_of(square):
    """Return how many layers, of two matrices of ``square`` numbers, a strip goes through before the next."""
    return max(1, MATRICES // (2 * square))


@kernel()
def add_common_bias(pre, bias, exponents, first, count):
    """Do ``pre += bias * 2^-exponents`` for ``count`` panels, one bias for all columns, in the units of each.

    ``exponents`` are flat, those of panel ``first`` belong to the first of ``pre``.
    """
    size = bias.size * PANEL
    units = np.empty(PANEL, np.float32)
    for p in range(count):
        for lane in range(PANEL):
            units[lane] = math.ldexp(1.0, int(-exponents[(first + p) * PANEL + lane]))
        for j in range(bias.size):
            place = p * size + j * PANEL
            if COMPILED:
                store(pre, place, load(units, 0) * repeat(bias[j]) + load(pre, place))
            else:
                pre[place : place + PANEL] += units * bias[j]


@kernel()
def narrow_columns(states, start, numbers, vectors):
    """Copy ``numbers`` of the states, from ``start`` on, to single precision; arrays are flat."""
    if COMPILED:
        for place in range(0, numbers, SIZE):
            store(vectors, place, to_singles(load(states, start + place)))
    else:
        vectors[:numbers] = states[start : start + numbers].astype(float32)


@kernel()
def add_scaled_columns(states, size, factor, factors, increments, first, count, norms):
    """Do ``states += factor * factors[column] * increments`` for ``count`` panels of ``size`` numbers, from ``first``.

    States are in double precision; all arrays are flat, and ``increments`` begin with those of panel ``first``. The
    squared norms of the sums go to ``norms``, those of panel ``first`` to its beginning.
    """
    for p in range(count):
        start = (first + p) * size
        if COMPILED:
            scale, total = repeat(factor) * load(factors, (first + p) * PANEL), repeat(0.0)
            for place in range(0, size, PANEL):
                moved = scale * to_doubles(load(increments, p * size + place)) + load(states, start + place)
                store(states, start + place, moved)
                total = moved * moved + total
            store(norms, p * PANEL, total)
        else:
            scales = factor * factors[(first + p) * PANEL : (first + p + 1) * PANEL]
            squares = norms[p * PANEL : (p + 1) * PANEL]
            squares[:] = 0.0
            for place in range(0, size, PANEL):
                added = increments[p * size + place : p * size + place + PANEL].astype(float64)
                states[start + place : start + place + PANEL] += scales * added
                squares += states[start + place : start + place + PANEL] ** 2


@kernel()
def place_rows(rows, first, step):
    """Write the places of the rows of a matrix whose first entry is at ``first``, ``step`` apart."""
    for i in range(rows.size):
        rows[i] = first + i * step


@kernel()
def bend(pre, post, numbers, slope, signs, first):
    """Write x for x > 0 and ``slope * x`` otherwise, for the first ``numbers`` of ``pre``; keep which in ``signs``.

    All arrays are flat. Sixteen numbers have a word of ``signs``, from ``first`` on; ``slope`` is a single.
    """
    for place in range(0, numbers, SIZE):
        if COMPILED:
            x = load(pre, place)
            word = signs_of(x)
            store(post, place, choose(word, repeat(float32(1)), repeat(slope)) * x)
        else:
            x = pre[place : place + SIZE]
            word = np.packbits(x > 0, bitorder="little").view(np.uint16)[0]
            post[place : place + SIZE] = np.where(x > 0, float32(1), slope) * x
        signs[first + place // SIZE] = word


@kernel()
def multiply_by_slopes(vector, numbers, slope, signs, first):
    """Multiply the first ``numbers`` of a flat vector by the slopes that :func:`bend` kept."""
    for place in range(0, numbers, SIZE):
        word = signs[first + place // SIZE]
        if COMPILED:
            store(vector, place, choose(word, repeat(float32(1)), repeat(slope)) * load(vector, place))
        else:
            above = np.unpackbits(np.array([word]).view(np.uint8), bitorder="little")
            vector[place : place + SIZE] *= np.where(above, float32(1), slope)


@kernel(_FORWARD)
def forward(
    outer, inner, bias, has_inner, has_bias, scaling, factors,
    activate, activation_parameters, homogeneous, alone, hidden, exponents, slopes, signs,
):  # fmt: skip
    """Advance the columns through ``scaling.size`` layers, in place.

    Parameters
    ----------
    outer, inner : float32 arrays (layers, width, width), V and W
    bias : float32 array (layers, width)
    has_inner, has_bias, homogeneous : bool; without one, ``inner`` or ``bias`` is not read
    alone : bool; whether there is one column, all lanes of a single panel are copies of it, and the width is at least
        LEAST_WIDTH
    scaling : float64 array (layers,)
    factors : float64 array (panels, PANEL)
    activate : activation with its parameters
    hidden : float64 array (panels, width * PANEL), h in units of 2^exponents
    exponents : int64 array (panels, PANEL), only moved when the branch is homogeneous
    slopes : float32 array (layers kept, panels, width * PANEL); sigma'(z) of each layer, or a single scratch layer;
        not read for homogeneous branches
    signs : uint16 array (layers kept, panels, width); for homogeneous branches, likewise, whether z > 0: a bit of each
    """
    panels, size = hidden.shape
    width = size // PANEL
    square, layout = width * width, (PANEL, size)
    rows, columns = np.empty(width, np.int64), np.arange(width)
    states, kept, column_factors = hidden.reshape(-1), slopes.reshape(-1), factors.reshape(-1)
    outer_entries, inner_entries = outer.reshape(-1), inner.reshape(-1)
    words, negative = signs.reshape(-1), float32(activation_parameters[0]) if homogeneous else float32(0)
    units, strip = exponents.reshape(-1), strip_of(panels, size)
    vectors, products = np.empty(strip * size, np.float32), np.empty(strip * size, np.float32)
    norms, room = np.empty(strip * PANEL), np.empty(PANEL)
    keep = max(signs.shape[0], slopes.shape[0]) >= scaling.size
    together, tile = layers_of(square), np.empty(SIZE * SIZE, np.float32)
    for begin in range(0, scaling.size, together):
        for first in range(0, panels, strip):
            count = min(strip, panels - first)
            start, numbers = first * size, count * size
            for k in range(begin, min(begin + together, scaling.size)):
                place = (k * panels * size if keep else 0) + start
                if has_inner:
                    narrow_columns(states, start, numbers, vectors)
                    if alone:
                        multiply_column(inner_entries, k * square, width, vectors, products, tile)
                    else:
                        place_rows(rows, k * square, width)
                        multiply(inner_entries, rows, columns, vectors, layout, count, products, layout)
                    if has_bias:
                        add_common_bias(products, bias[k], units, first, count)
                else:
                    narrow_columns(states, start, numbers, products)
                if homogeneous:
                    bend(products, vectors, numbers, negative, words, place // PANEL)
                else:
                    slope = kept[place : place + numbers]
                    activate(products[:numbers], vectors[:numbers], slope, activation_parameters)
                if alone:
                    multiply_column(outer_entries, k * square, width, vectors, products, tile)
                else:
                    place_rows(rows, k * square, width)
                    multiply(outer_entries, rows, columns, vectors, layout, count, products, layout)
                add_scaled_columns(states, size, scaling[k], column_factors, products, first, count, norms)
                for p in range(count):
                    if homogeneous and not in_range(norms, p * PANEL, PANEL):
                        rescale(hidden[first + p], exponents[first + p], room)


@kernel(_BACKWARD)
def backward(
    outer, inner, has_inner, scaling, factors, activation_parameters, homogeneous, alone, slopes, signs, gradient,
    exponents,
):  # fmt: skip
    """Carry dLoss/dh back through the layers of one :func:`forward` call, in place.

    ``gradient`` is a float64 array (panels, width * PANEL) in units of 2^exponents, ``slopes`` and ``signs`` what the
    forward call kept. The map is linear in the gradient, so rescaling is always exact.
    """
    panels, size = gradient.shape
    width = size // PANEL
    square, layout = width * width, (PANEL, size)
    # Of the transposed matrices.
    rows, columns = np.empty(width, np.int64), np.arange(width) * width
    states, kept, column_factors = gradient.reshape(-1), slopes.reshape(-1), factors.reshape(-1)
    outer_entries, inner_entries = outer.reshape(-1), inner.reshape(-1)
    words, negative = signs.reshape(-1), float32(activation_parameters[0]) if homogeneous else float32(0)
    strip = strip_of(panels, size)
    vectors, products = np.empty(strip * size, np.float32), np.empty(strip * size, np.float32)
    norms, room = np.empty(strip * PANEL), np.empty(PANEL)
    together, tile = layers_of(square), np.empty(SIZE * SIZE, np.float32)
    for end in range(scaling.size, 0, -together):
        for first in range(0, panels, strip):
            count = min(strip, panels - first)
            start, numbers = first * size, count * size
            for k in range(end - 1, max(end - together, 0) - 1, -1):
                narrow_columns(states, start, numbers, vectors)
                if alone:
                    multiply_transposed_column(outer_entries, k * square, width, vectors, products, tile)
                else:
                    place_rows(rows, k * square, 1)
                    multiply(outer_entries, rows, columns, vectors, layout, count, products, layout)
                place = k * panels * size + start
                if homogeneous:
                    multiply_by_slopes(products, numbers, negative, words, place // PANEL)
                else:
                    for i in range(numbers):
                        products[i] *= kept[place + i]
                if has_inner:
                    if alone:
                        multiply_transposed_column(inner_entries, k * square, width, products, vectors, tile)
                    else:
                        place_rows(rows, k * square, 1)
                        multiply(inner_entries, rows, columns, products, layout, count, vectors, layout)
                    add_scaled_columns(states, size, scaling[k], column_factors, vectors, first, count, norms)
                else:
                    add_scaled_columns(states, size, scaling[k], column_factors, products, first, count, norms)
                for p in range(count):
                    if not in_range(norms, p * PANEL, PANEL):
                        rescale(gradient[first + p], exponents[first + p], room)
