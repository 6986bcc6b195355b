"""Products of one matrix with many vectors whose sums stay in registers.

Sixteen vectors side by side are one vector of the processor: component k of sixteen of them stands together, components
``step`` numbers apart, the next sixteen ``across`` numbers further; a *layout* is (step, across). Four rows of the
matrix are computed at once, with up to three times sixteen vectors: twelve sums in registers, of which each takes its
terms in order, and each entry of the matrix serves up to three of them.

Functions take whole arrays and places in them: a view of a part counts references, which takes longer than a few
products.
"""

from __future__ import annotations

from numba import types
from numpy import float32

from theory_check.kernels.compilation import COMPILED, LONGS, SINGLES, kernel
from theory_check.kernels.vectors import SIZE, load, repeat_entry, store, zeros

#: Rows of a product that are computed at once.
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
def _multiply_three(matrix, a, b, c, d, columns, vectors, start, step, across, products, place, down, right):
    """Write three times sixteen columns of four rows of a product; see :func:`multiply`."""
    p = q = r = s = t = u = v = w = e = f = g = h = zeros()
    for k in range(columns.size):
        j, first = columns[k], start + k * step
        x, y, z = load(vectors, first), load(vectors, first + across), load(vectors, first + 2 * across)
        entry = repeat_entry(matrix, a + j)
        p = entry * x + p
        t = entry * y + t
        e = entry * z + e
        entry = repeat_entry(matrix, b + j)
        q = entry * x + q
        u = entry * y + u
        f = entry * z + f
        entry = repeat_entry(matrix, c + j)
        r = entry * x + r
        v = entry * y + v
        g = entry * z + g
        entry = repeat_entry(matrix, d + j)
        s = entry * x + s
        w = entry * y + w
        h = entry * z + h
    store(products, place, p)
    store(products, place + right, t)
    store(products, place + 2 * right, e)
    store(products, place + down, q)
    store(products, place + down + right, u)
    store(products, place + down + 2 * right, f)
    store(products, place + 2 * down, r)
    store(products, place + 2 * down + right, v)
    store(products, place + 2 * down + 2 * right, g)
    store(products, place + 3 * down, s)
    store(products, place + 3 * down + right, w)
    store(products, place + 3 * down + 2 * right, h)


@kernel(_MULTIPLY)
def multiply(matrix, rows, columns, vectors, layout, count, products, product_layout):
    """Write ``products[r, c] = sum_k matrix[rows[r] + columns[k]] vectors[k, c]`` for ``count`` times sixteen c.

    ``rows`` and ``columns`` are places in the flat matrix. Where the number of rows is no multiple of four, the last
    four overlap those before and write the same sums once more. Arrays are flat.
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
    for first in range(0, rows.size, ROWS):
        row = min(first, rows.size - ROWS)
        a, b, c, d = rows[row], rows[row + 1], rows[row + 2], rows[row + 3]
        done = 0
        while done < count:
            start, place, left = done * across, row * down + done * right, count - done
            # Four are two and two: a single one waits for its sums.
            if left == 3 or left > 4:
                _multiply_three(matrix, a, b, c, d, columns, vectors, start, step, across, products, place, down, right)
                done += 3
            elif left > 1:
                _multiply_two(matrix, a, b, c, d, columns, vectors, start, step, across, products, place, down, right)
                done += 2
            else:
                _multiply_one(matrix, a, b, c, d, columns, vectors, start, step, products, place, down)
                done += 1
