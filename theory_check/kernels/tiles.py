"""Products of one matrix with many vectors whose sums stay in registers.

Sixteen vectors side by side are one vector of the processor: component k of sixteen of them stands together, components
``step`` numbers apart, the next sixteen ``across`` numbers further; a *layout* is (step, across). Five rows of the
matrix are computed at once, with four times sixteen vectors: twenty sums in registers, of which each takes its terms in
order, and each entry of the matrix serves four of them. What is left goes by four rows and up to twice sixteen vectors.

Functions take whole arrays and places in them: a view of a part counts references, which takes longer than a few
products.
"""

from __future__ import annotations

from numba import types
from numpy import float32

from theory_check.kernels.compilation import COMPILED, LONGS, SINGLES, kernel
from theory_check.kernels.vectors import SIZE, load, repeat_entry, store, zeros

#: Rows of a product that are computed at once, where there are no five.
ROWS = 4

_LAYOUT = types.UniTuple(types.int64, 2)
_MATRIX = types.Array(types.float32, 1, "C", readonly=True)
_MULTIPLY = types.void(_MATRIX, LONGS, LONGS, SINGLES, _LAYOUT, types.int64, SINGLES, _LAYOUT)


@kernel()
def _multiply_row(matrix, row, columns, vectors, start, step, products, place):
    """Write sixteen columns of a row of a product; see :func:`multiply`."""
    p = zeros()
    for k in range(columns.size):
        p = repeat_entry(matrix, row + columns[k]) * load(vectors, start + k * step) + p
    store(products, place, p)


@kernel()
def _multiply_one(matrix, a, b, c, d, columns, vectors, start, step, products, place, down):
    """Write sixteen columns of four rows of a product; see :func:`multiply`."""
    p = q = r = s = zeros()
    for k in range(columns.size):
        j = columns[k]
        x = load(vectors, start + k * step)
        p = repeat_entry(matrix, a + j) * x + p
        q = repeat_entry(matrix, b + j) * x + q
        r = repeat_entry(matrix, c + j) * x + r
        s = repeat_entry(matrix, d + j) * x + s
    store(products, place, p)
    store(products, place + down, q)
    store(products, place + 2 * down, r)
    store(products, place + 3 * down, s)


@kernel()
def _multiply_eight_rows(matrix, rows, first, columns, vectors, start, step, products, place, down):
    """Write sixteen columns of eight rows of a product; see :func:`multiply`."""
    p = q = r = s = t = u = v = w = zeros()
    a, b, c, d = rows[first], rows[first + 1], rows[first + 2], rows[first + 3]
    e, f, g, h = rows[first + 4], rows[first + 5], rows[first + 6], rows[first + 7]
    for k in range(columns.size):
        j = columns[k]
        x = load(vectors, start + k * step)
        p = repeat_entry(matrix, a + j) * x + p
        q = repeat_entry(matrix, b + j) * x + q
        r = repeat_entry(matrix, c + j) * x + r
        s = repeat_entry(matrix, d + j) * x + s
        t = repeat_entry(matrix, e + j) * x + t
        u = repeat_entry(matrix, f + j) * x + u
        v = repeat_entry(matrix, g + j) * x + v
        w = repeat_entry(matrix, h + j) * x + w
    store(products, place, p)
    store(products, place + down, q)
    store(products, place + 2 * down, r)
    store(products, place + 3 * down, s)
    store(products, place + 4 * down, t)
    store(products, place + 5 * down, u)
    store(products, place + 6 * down, v)
    store(products, place + 7 * down, w)


@kernel()
def _multiply_two(matrix, a, b, c, d, columns, vectors, start, step, across, products, place, down, right):
    """Write twice sixteen columns of four rows of a product; see :func:`multiply`."""
    p = q = r = s = t = u = v = w = zeros()
    for k in range(columns.size):
        j, first = columns[k], start + k * step
        x, y = load(vectors, first), load(vectors, first + across)
        entry = repeat_entry(matrix, a + j)
        p = entry * x + p
        t = entry * y + t
        entry = repeat_entry(matrix, b + j)
        q = entry * x + q
        u = entry * y + u
        entry = repeat_entry(matrix, c + j)
        r = entry * x + r
        v = entry * y + v
        entry = repeat_entry(matrix, d + j)
        s = entry * x + s
        w = entry * y + w
    store(products, place, p)
    store(products, place + right, t)
    store(products, place + down, q)
    store(products, place + down + right, u)
    store(products, place + 2 * down, r)
    store(products, place + 2 * down + right, v)
    store(products, place + 3 * down, s)
    store(products, place + 3 * down + right, w)


@kernel()
def _multiply_five_rows_of_four(
    matrix, rows, first, columns, vectors, start, step, across, products, place, down, right
):
    """Write four times sixteen columns of five rows of a product; see :func:`multiply`."""
    a, b, c, d, e = rows[first], rows[first + 1], rows[first + 2], rows[first + 3], rows[first + 4]
    p0 = p1 = p2 = p3 = q0 = q1 = q2 = q3 = r0 = r1 = zeros()
    r2 = r3 = s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = zeros()
    for k in range(columns.size):
        j, at = columns[k], start + k * step
        w, x = load(vectors, at), load(vectors, at + across)
        y, z = load(vectors, at + 2 * across), load(vectors, at + 3 * across)
        entry = repeat_entry(matrix, a + j)
        p0 = entry * w + p0
        p1 = entry * x + p1
        p2 = entry * y + p2
        p3 = entry * z + p3
        entry = repeat_entry(matrix, b + j)
        q0 = entry * w + q0
        q1 = entry * x + q1
        q2 = entry * y + q2
        q3 = entry * z + q3
        entry = repeat_entry(matrix, c + j)
        r0 = entry * w + r0
        r1 = entry * x + r1
        r2 = entry * y + r2
        r3 = entry * z + r3
        entry = repeat_entry(matrix, d + j)
        s0 = entry * w + s0
        s1 = entry * x + s1
        s2 = entry * y + s2
        s3 = entry * z + s3
        entry = repeat_entry(matrix, e + j)
        t0 = entry * w + t0
        t1 = entry * x + t1
        t2 = entry * y + t2
        t3 = entry * z + t3
    store(products, place, p0)
    store(products, place + right, p1)
    store(products, place + 2 * right, p2)
    store(products, place + 3 * right, p3)
    below = place + down
    store(products, below, q0)
    store(products, below + right, q1)
    store(products, below + 2 * right, q2)
    store(products, below + 3 * right, q3)
    below = place + 2 * down
    store(products, below, r0)
    store(products, below + right, r1)
    store(products, below + 2 * right, r2)
    store(products, below + 3 * right, r3)
    below = place + 3 * down
    store(products, below, s0)
    store(products, below + right, s1)
    store(products, below + 2 * right, s2)
    store(products, below + 3 * right, s3)
    below = place + 4 * down
    store(products, below, t0)
    store(products, below + right, t1)
    store(products, below + 2 * right, t2)
    store(products, below + 3 * right, t3)


@kernel(_MULTIPLY)
def multiply(matrix, rows, columns, vectors, layout, count, products, product_layout):
    """Write ``products[r, c] = sum_k matrix[rows[r] + columns[k]] vectors[k, c]`` for ``count`` times sixteen c.

    ``rows`` and ``columns`` are places in the flat matrix. The last four rows may overlap those before and write the
    same sums once more. Arrays are flat.
    """
    (step, across), (down, right) = layout, product_layout
    if not COMPILED:
        for r in range(rows.size):
            for v in range(count):
                found = products[r * down + v * right : r * down + v * right + SIZE]
                found[:] = float32(0)
                for k in range(columns.size):
                    start = k * step + v * across
                    found += matrix[rows[r] + columns[k]] * vectors[start : start + SIZE]
        return
    if rows.size < ROWS:
        for row in range(rows.size):
            for v in range(count):
                place = row * down + v * right
                _multiply_row(matrix, rows[row], columns, vectors, v * across, step, products, place)
        return
    if count == 1 and rows.size >= 2 * ROWS:
        for first in range(0, rows.size, 2 * ROWS):
            row = min(first, rows.size - 2 * ROWS)
            _multiply_eight_rows(matrix, rows, row, columns, vectors, 0, step, products, row * down, down)
        return
    fives, fours = rows.size // 5 * 5, count // 4 * 4
    for first in range(0, fives, 5):
        for done in range(0, fours, 4):
            start, place = done * across, first * down + done * right
            _multiply_five_rows_of_four(
                matrix, rows, first, columns, vectors, start, step, across, products, place, down, right
            )
    # The rows below those, and the other columns of all rows.
    for top, begin, end in ((fives, 0, fours), (0, fours, count)):
        for first in range(top, rows.size, ROWS):
            row = min(first, rows.size - ROWS)
            a, b, c, d = rows[row], rows[row + 1], rows[row + 2], rows[row + 3]
            for done in range(begin, end, 2):
                start, place = done * across, row * down + done * right
                if end - done > 1:
                    _multiply_two(
                        matrix, a, b, c, d, columns, vectors, start, step, across, products, place, down, right
                    )
                else:
                    _multiply_one(matrix, a, b, c, d, columns, vectors, start, step, products, place, down)
