"""Tangent vectors through a dense network, in orthonormal frames: the Jacobian dh_L/dh_0 as a product of triangles.

Column t of the tangent frame moves by ``t <- t + a_k V (sigma'(z) * W t)``, with the weights of the forward pass drawn
again and the slopes it kept (``t <- t + a_k V (sigma' * t)`` without inner weights). The frame is orthonormalised now
and then, J_s Q_{s-1} = Q_s R_s, so that J = Q_S R_S .. R_1, and the triangular product is kept as rows with exponents,

    R_s .. R_1 = diag(2^e) U,    U upper triangular with rows of norm about 1.

Rows, not entries, carry the exponents: the diagonal of the product grows as e^(lambda_i L) with the Lyapunov exponents
in descending order, while the rows of U converge. U is well conditioned, and Jacobi rotations find the singular values
of diag(2^e) U to high *relative* accuracy, each of them, whatever the range of e (Demmel, Veselic, *Jacobi's Method is
More Accurate than QR*, 1992); a QR algorithm would lose all below 2^-53 of the largest.

A matrix of a block has its columns (or rows) first: vector j, component i of lane l at ``[j, i * LANES + l]``.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy import float32, float64

from theory_check.kernels import LANES
from theory_check.kernels.compilation import COMPILED, DOUBLES, SINGLES, WEIGHT_LAW, WORDS, kernel
from theory_check.kernels.dense import orthonormalise, row_size
from theory_check.kernels.fused import multiply_part
from theory_check.kernels.layers import squared_norms
from theory_check.kernels.rows import FUSED_UNIFORM, ORTHOGONAL_ROWS
from theory_check.kernels.vectors import SIZE, load, store, to_singles
from theory_check.kernels.words import load_states, next_words, seed_lanes

_OUTER = 0  # streams.Purpose, frozen here because kernels see numbers only; a test compares
_INNER = 1

#: Cosine below which two rows count as orthogonal, over the root of their length: the roundings of their product.
ORTHOGONAL = 2.0**-51

#: Most sweeps of rotations; convergence is quadratic, 6 to 10 suffice.
SWEEPS = 40

#: Exponent of a row without terms.
_NOTHING = -(2**62)

_WEIGHTS = (*WEIGHT_LAW, types.float64, *WEIGHT_LAW, types.float64)
_DRAW = types.void(*WEIGHT_LAW, WORDS, SINGLES, types.float32[:, :, ::1])
_ADVANCE = types.void(
    WORDS, types.int64, types.int64, DOUBLES, *_WEIGHTS, types.boolean,
    types.float32[:, ::1], types.float64[:, ::1],
)  # fmt: skip


@kernel()
def gather(vector, group, part):
    """Copy sixteen lanes of a block vector in single precision."""
    for j in range(part.size // SIZE):
        if COMPILED:
            store(part, j * SIZE, load(vector, j * LANES + group * SIZE))
        else:
            part[j * SIZE : (j + 1) * SIZE] = vector[j * LANES + group * SIZE : j * LANES + (group + 1) * SIZE]


@kernel()
def narrow_all(frame, vectors):
    """Copy vectors in double precision to single precision."""
    for m in range(vectors.shape[0]):
        for j in range(vectors.shape[1]):
            vectors[m, j] = float32(frame[m, j])


@kernel()
def scale_all(vectors, factors):
    """Multiply every vector by the same factors, component by component."""
    for m in range(vectors.shape[0]):
        for j in range(factors.size):
            vectors[m, j] *= factors[j]


@kernel()
def add_all(frame, factor, increments):
    """Do ``frame += factor * increments`` in double precision."""
    for m in range(increments.shape[0]):
        for j in range(increments.shape[1]):
            frame[m, j] += factor * float64(increments[m, j])


@kernel()
def draw_uniform(state, parts):
    """Write the matrix that :func:`~theory_check.kernels.rows.fill_uniform` draws, words straight from registers."""
    groups, width = parts.shape[:2]
    flat, size = parts.reshape(parts.size), width * width * SIZE
    for group in range(0, groups, 2):
        s0, s1, s2, s3 = load_states(state, group * SIZE)
        t0, t1, t2, t3 = load_states(state, (group + 1) * SIZE)
        place = group * size
        for _ in range(width):
            for _ in range(width):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                next_word, t0, t1, t2, t3 = next_words(t0, t1, t2, t3)
                store(flat, place, to_singles(word))
                store(flat, place + size, to_singles(next_word))
                place += SIZE
            if width % 2:
                _, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                _, t0, t1, t2, t3 = next_words(t0, t1, t2, t3)


@kernel(_DRAW)
def draw_matrix(fill, parameters, way, state, rows, parts):
    """Draw a matrix and sort it by groups of lanes: ``parts[group, i, j * SIZE + lane]``; ``rows`` is room for it."""
    width = parts.shape[1]
    if COMPILED and way == FUSED_UNIFORM:
        draw_uniform(state, parts)
        return
    size = row_size(width)
    for i in range(width):
        row = rows[i * size : (i + 1) * size]
        fill(state, row, parameters)
        if way == ORTHOGONAL_ROWS:
            orthonormalise(rows, i, size, width)
        for group in range(parts.shape[0]):
            gather(row, group, parts[group, i])


@kernel(_ADVANCE)
def advance(
    key, first_replicate, first_layer, scaling,
    outer, outer_parameters, outer_way, outer_deviation, inner, inner_parameters, inner_way, inner_deviation,
    has_inner, slopes, frame,
):  # fmt: skip
    """Carry tangent vectors through ``scaling.size`` layers from ``first_layer``, in place.

    Parameters as in :func:`theory_check.kernels.dense.forward`; ``slopes`` (layers, width * LANES) are those of one
    input, ``frame`` a float64 array (columns, width * LANES). For each group of lanes all tangent vectors go through
    both matrices together: at such widths calls for a few of them cost more than their products.
    """
    columns, size = frame.shape
    width, groups = size // LANES, LANES // SIZE
    rows = np.zeros(row_size(width) * width, np.float32)
    outer_parts = np.empty((groups, width, width * SIZE), np.float32)
    inner_parts = np.empty((groups if has_inner else 0, width, width * SIZE), np.float32)
    frames = np.empty((groups, columns, width * SIZE))
    vectors = np.empty((columns, width * SIZE), np.float32)
    products = np.empty((columns, width * SIZE), np.float32)
    slope = np.empty(width * SIZE, np.float32)
    state = np.empty(4 * LANES, np.uint32)
    deviation = float32(inner_deviation) if has_inner else float32(1)
    by_component = frame.reshape(columns, width, LANES)
    for group in range(groups):
        frames[group] = by_component[:, :, group * SIZE : (group + 1) * SIZE].copy().reshape(columns, width * SIZE)
    for k in range(scaling.size):
        layer = first_layer + k
        if has_inner:
            seed_lanes(state, key, first_replicate, layer, _INNER)
            draw_matrix(inner, inner_parameters, inner_way, state, rows, inner_parts)
        seed_lanes(state, key, first_replicate, layer, _OUTER)
        draw_matrix(outer, outer_parameters, outer_way, state, rows, outer_parts)
        factor = scaling[k] * outer_deviation
        for group in range(groups):
            gather(slopes[k], group, slope)
            for i in range(slope.size):
                slope[i] *= deviation
            narrow_all(frames[group], vectors)
            if has_inner:
                multiply_part(inner_parts[group], vectors, products)
            entering = products if has_inner else vectors
            images = vectors if has_inner else products
            scale_all(entering, slope)
            multiply_part(outer_parts[group], entering, images)
            add_all(frames[group], factor, images)
    for group in range(groups):
        by_component[:, :, group * SIZE : (group + 1) * SIZE] = frames[group].reshape(columns, width, SIZE)


@kernel()
def orthonormalise_frame(frame, triangle):
    """Replace the columns T by Q, T = Q R, modified Gram-Schmidt; R goes to ``triangle[i, j * LANES + lane]``, i <= j.

    A column that depends on those before to the last bit becomes 0, with a row of zeros in R.
    """
    norms = np.empty(LANES)
    product = np.empty(LANES)
    width = frame.shape[0]
    triangle[:] = 0.0
    for j in range(width):
        squared_norms(frame[j], norms)
        for lane in range(LANES):
            norms[lane] = math.sqrt(norms[lane])
            triangle[j, j * LANES + lane] = norms[lane]
            norms[lane] = 1.0 / norms[lane] if norms[lane] != 0.0 else 0.0
        for i in range(width):
            for lane in range(LANES):
                frame[j, i * LANES + lane] *= norms[lane]
        for later in range(j + 1, width):
            product[:] = 0.0
            for i in range(width):
                for lane in range(LANES):
                    product[lane] += frame[j, i * LANES + lane] * frame[later, i * LANES + lane]
            for i in range(width):
                for lane in range(LANES):
                    frame[later, i * LANES + lane] -= product[lane] * frame[j, i * LANES + lane]
            for lane in range(LANES):
                triangle[j, later * LANES + lane] = product[lane]


@kernel()
def normalise_row(row, exponents, norms):
    """Bring every lane of a row to a norm in [1/2, 2) by a power of two, added to ``exponents``; 0 stays 0."""
    squared_norms(row, norms)
    for lane in range(LANES):
        shift = math.frexp(math.sqrt(norms[lane]))[1] if 0.0 < norms[lane] < np.inf else 0
        exponents[lane] += shift
        norms[lane] = math.ldexp(1.0, -shift)
    for i in range(row.size // LANES):
        for lane in range(LANES):
            row[i * LANES + lane] *= norms[lane]


@kernel()
def normalise_rows(rows, exponents):
    """Bring all rows to norms in [1/2, 2), see :func:`normalise_row`."""
    norms = np.empty(LANES)
    for i in range(rows.shape[0]):
        normalise_row(rows[i], exponents[i], norms)


@kernel()
def multiply_triangle(triangle, rows, exponents):
    """Replace the product diag(2^exponents) rows by ``triangle`` times it, both upper triangular, in place."""
    width = rows.shape[0]
    top = np.empty(LANES, np.int64)
    weight = np.empty(LANES)
    total = np.empty(rows.shape[1])
    norms = np.empty(LANES)
    for i in range(width):
        # The largest of the terms R_ij 2^e_j sets the exponent of the new row.
        top[:] = _NOTHING
        for j in range(i, width):
            for lane in range(LANES):
                value = triangle[i, j * LANES + lane]
                if value != 0.0 and math.isfinite(value):
                    top[lane] = max(top[lane], exponents[j, lane] + math.frexp(value)[1])
        for lane in range(LANES):
            if top[lane] == _NOTHING:
                top[lane] = exponents[i, lane]
        total[:] = 0.0
        for j in range(i, width):
            for lane in range(LANES):
                shift = max(exponents[j, lane] - top[lane], -2000)
                weight[lane] = math.ldexp(triangle[i, j * LANES + lane], int(shift))
            for c in range(j, width):
                for lane in range(LANES):
                    total[c * LANES + lane] += weight[lane] * rows[j, c * LANES + lane]
        rows[i] = total
        exponents[i] = top
        normalise_row(rows[i], exponents[i], norms)


@kernel()
def rotate(left, right, left_exponents, right_exponents, cosines, sines, products):
    """Make two rows with exponents orthogonal by a rotation; return whether any lane was not.

    With x 2^e the larger row, y 2^f the smaller and delta = 2^(f - e) the rotation is x <- c (x + delta t y), y <- c (y
    - t x / delta). t solves t^2 + 2 zeta t - 1 = 0 for zeta = (||x||^2 - delta^2 ||y||^2) / (2 delta <x, y>), the
    smaller root. Stored is t / delta, which stays finite where t underflows: as delta goes to 0 the rotation becomes
    a Gram-Schmidt step.
    """
    big, small = np.empty(LANES), np.empty(LANES)
    squared_norms(left, big)
    squared_norms(right, small)
    products[:] = 0.0
    for i in range(left.size // LANES):
        for lane in range(LANES):
            products[lane] += left[i * LANES + lane] * right[i * LANES + lane]
    moved = False
    tolerance = ORTHOGONAL * math.sqrt(left.size // LANES)
    for lane in range(LANES):
        # Rows are compared by their norms, not by their exponents alone.
        gap = right_exponents[lane] - left_exponents[lane]
        swap = small[lane] > 0.0 and math.ldexp(math.sqrt(small[lane]), int(max(min(gap, 1000), -1000))) > math.sqrt(
            big[lane]
        )
        x, y = (small[lane], big[lane]) if swap else (big[lane], small[lane])
        gap = -gap if swap else gap
        inner = products[lane]
        if not abs(inner) > tolerance * math.sqrt(x) * math.sqrt(y):
            cosines[lane], sines[lane], products[lane] = 1.0, 0.0, 0.0
            continue
        moved = True
        delta = math.ldexp(1.0, int(max(gap, -1000)))
        # t / delta = sign(zeta) / (|delta zeta| + sqrt((delta zeta)^2 + delta^2)), delta zeta finite at delta = 0.
        scaled = (x - delta * delta * y) / (2.0 * inner)
        slope = math.copysign(1.0, scaled) / (abs(scaled) + math.hypot(scaled, delta))
        cosine = 1.0 / math.hypot(1.0, delta * slope)
        forward, back = cosine * delta * delta * slope, -cosine * slope
        cosines[lane] = cosine
        # left <- c left + sines right, right <- c right + products left
        sines[lane] = back if swap else forward
        products[lane] = forward if swap else back
    if moved:
        for i in range(left.size // LANES):
            for lane in range(LANES):
                first, second = left[i * LANES + lane], right[i * LANES + lane]
                left[i * LANES + lane] = cosines[lane] * first + sines[lane] * second
                right[i * LANES + lane] = cosines[lane] * second + products[lane] * first
    return moved


@kernel()
def orthogonalise_rows(rows, exponents):
    """Rotate the rows of diag(2^exponents) rows until they are orthogonal; their norms are then its singular values.

    One-sided Jacobi, cyclic by rows. Lanes that are done are not touched by what others still need.
    """
    cosines, sines, products = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for _ in range(SWEEPS):
        moved = False
        for i in range(rows.shape[0] - 1):
            for j in range(i + 1, rows.shape[0]):
                if rotate(rows[i], rows[j], exponents[i], exponents[j], cosines, sines, products):
                    moved = True
                    normalise_row(rows[i], exponents[i], cosines)
                    normalise_row(rows[j], exponents[j], cosines)
        if not moved:
            break
    normalise_rows(rows, exponents)
