"""Singular values of the matrices of a block, by way of bidiagonal ones (Golub and Kahan 1965; Golub and Reinsch 1970).

Reflections from both sides make a matrix bidiagonal, with several networks in a vector; then rotations with shifts make
each network's off-diagonal vanish. Backward stable: every value is known to a small multiple of width 2^-53 of the
largest. A library does the same, but its last bits depend on the processor; here every sum has one order.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from theory_check.kernels import LANES
from theory_check.kernels.compilation import COMPILED, DOUBLES, kernel
from theory_check.kernels.vectors import SIZE, load, store

#: Sweeps of rotations for each singular value after which a network counts as not found; about two are needed.
SWEEPS = 30

_ROUNDING = 2.0**-53


@kernel()
def add_products(vector, weight, out):
    """Do ``out[j] += vector[j] weight`` for every j, ``weight`` one number a lane; vectors are flat."""
    if COMPILED:
        factor = load(weight, 0)
        for j in range(0, out.size, SIZE):
            store(out, j, load(vector, j) * factor + load(out, j))
    else:
        for j in range(0, out.size, SIZE):
            out[j : j + SIZE] += vector[j : j + SIZE] * weight


@kernel()
def multiply_lanes(first, second, products):
    """Write the inner product of two flat vectors in every lane."""
    products[:] = 0.0
    if COMPILED:
        total = load(products, 0)
        for j in range(0, first.size, SIZE):
            total = load(first, j) * load(second, j) + total
        store(products, 0, total)
    else:
        for j in range(0, first.size, SIZE):
            products += first[j : j + SIZE] * second[j : j + SIZE]


@kernel()
def reflect(vector, images):
    """Turn a flat vector into a reflector in every lane; write what becomes of its first component.

    The reflection 1 - v v^T maps the vector to a multiple of the first unit vector; a vector of zeros stays.
    """
    scale = np.empty(SIZE)
    multiply_lanes(vector, vector, scale)
    for lane in range(SIZE):
        norm, first = math.sqrt(scale[lane]), vector[lane]
        images[lane] = -norm if first > 0.0 else norm
        # |x - alpha e|^2 = 2 |x| (|x| + |x_1|)
        square = norm * (norm + abs(first))
        vector[lane] = first - images[lane]
        scale[lane] = 1.0 / math.sqrt(square) if square > 0.0 else 0.0
    for i in range(0, vector.size, SIZE):
        for lane in range(SIZE):
            vector[i + lane] *= scale[lane]


@kernel()
def make_bidiagonal(matrix, diagonal, above):
    """Write the diagonal and what stands above it, shape (width, SIZE).

    Entry (i, j) is ``matrix[i, j * SIZE + lane]``; it is overwritten.
    """
    width = matrix.shape[0]
    left, right, product = np.empty(width * SIZE), np.empty(width * SIZE), np.empty(width * SIZE)
    weight = np.empty(SIZE)
    for k in range(width):
        first, following = k * SIZE, (k + 1) * SIZE
        for i in range(k, width):
            left[i * SIZE : (i + 1) * SIZE] = matrix[i, first:following]
        reflect(left[first:], diagonal[k])
        product[following:] = 0.0
        for i in range(k, width):
            add_products(matrix[i, following:], left[i * SIZE : (i + 1) * SIZE], product[following:])
        above[k] = 0.0
        for i in range(k, width):
            row = matrix[i, following:]
            for lane in range(SIZE):
                weight[lane] = -left[i * SIZE + lane]
            add_products(product[following:], weight, row)
            if i == k:
                # The first of these rows gives the reflection of the columns, which the others need.
                right[following:] = row
                if k + 1 < width:
                    reflect(right[following:], above[k])
            else:
                multiply_lanes(right[following:], row, weight)
                for lane in range(SIZE):
                    weight[lane] = -weight[lane]
                add_products(right[following:], weight, row)


@kernel()
def sweep(diagonal, above, low, high):
    """Rotate rows and columns ``low`` to ``high`` once, with the shift of Wilkinson."""
    before = above[high - 2] if high - 1 > low else 0.0
    upper = diagonal[high - 1] * diagonal[high - 1] + before * before
    lower = diagonal[high] * diagonal[high] + above[high - 1] * above[high - 1]
    corner = diagonal[high - 1] * above[high - 1]
    half = 0.5 * (upper - lower)
    root = math.copysign(math.sqrt(half * half + corner * corner), half)
    shift = lower - corner * corner / (half + root)
    y, z = diagonal[low] * diagonal[low] - shift, diagonal[low] * above[low]
    for k in range(low, high):
        length = math.sqrt(y * y + z * z)
        cosine, sine = y / length, z / length
        if k > low:
            above[k - 1] = length
        y = cosine * diagonal[k] + sine * above[k]
        above[k] = cosine * above[k] - sine * diagonal[k]
        z = sine * diagonal[k + 1]
        diagonal[k + 1] *= cosine
        length = math.sqrt(y * y + z * z)
        cosine, sine = y / length, z / length
        diagonal[k] = length
        y = cosine * above[k] + sine * diagonal[k + 1]
        diagonal[k + 1] = cosine * diagonal[k + 1] - sine * above[k]
        if k + 1 < high:
            z = sine * above[k + 1]
            above[k + 1] *= cosine
    above[high - 1] = y


@kernel(types.boolean(DOUBLES, DOUBLES))
def diagonalise(diagonal, above):
    """Replace a bidiagonal matrix by its singular values, in any order; return whether that succeeded.

    It does not where a diagonal entry is lost in roundings of the largest, or where something is not finite.
    """
    width = diagonal.size
    largest = 0.0
    for i in range(width):
        size = abs(diagonal[i]) + abs(above[i])
        if not math.isfinite(size):
            return False
        largest = max(largest, size)
    high = width - 1
    for _ in range(SWEEPS * width):
        while high > 0 and abs(above[high - 1]) <= _ROUNDING * (abs(diagonal[high - 1]) + abs(diagonal[high])):
            high -= 1
        if high <= 0:
            for i in range(width):
                diagonal[i] = abs(diagonal[i])
            return True
        low = high - 1
        while low > 0 and abs(above[low - 1]) > _ROUNDING * (abs(diagonal[low - 1]) + abs(diagonal[low])):
            low -= 1
        for i in range(low, high + 1):
            if abs(diagonal[i]) <= _ROUNDING * largest:
                return False
        sweep(diagonal, above, low, high)
    return False


@kernel(types.void(types.float64[:, ::1], types.float64[:, ::1]))
def find_singular_values(matrices, values):
    """Write the singular values of the matrices of a block, shape (LANES, width), in any order; 0 where not found.

    ``matrices`` has vector i, component j of lane l at ``[i, j * LANES + l]``.
    """
    width = matrices.shape[0]
    matrix = np.empty((width, width * SIZE))
    diagonal, above = np.empty((width, SIZE)), np.empty((width, SIZE))
    blocks = matrices.reshape(width, width, LANES)
    for start in range(0, LANES, SIZE):
        for i in range(width):
            for j in range(width):
                matrix[i, j * SIZE : (j + 1) * SIZE] = blocks[i, j, start : start + SIZE]
        make_bidiagonal(matrix, diagonal, above)
        for lane in range(SIZE):
            found = diagonal[:, lane].copy()
            if not diagonalise(found, above[:, lane].copy()):
                found[:] = 0.0
            values[start + lane] = found
