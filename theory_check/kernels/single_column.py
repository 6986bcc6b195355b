"""Products of a matrix with a single vector, to the bit those of :mod:`theory_check.kernels.tiles` with many.

Sixteen *rows* are a vector of the processor here, not sixteen columns. Every sum takes its terms in the same order, and
rounds once for each where the processor can. Where the width is no multiple of sixteen, the last rows overlap those
before. Component j of a vector stands at ``[j * PANEL]``, followed by copies, as in a panel of
:mod:`theory_check.kernels.stored` with one column.
"""

from __future__ import annotations

from numba import types
from numpy import float32

from theory_check.kernels import PANEL
from theory_check.kernels.compilation import COMPILED, SINGLES, kernel
from theory_check.kernels.vectors import SIZE, load, repeat_entry, store, transpose, zeros

#: Least width of a matrix.
LEAST_WIDTH = SIZE

_MATRICES = types.Array(types.float32, 1, "C", readonly=True)
_PRODUCT = types.void(_MATRICES, types.int64, types.int64, SINGLES, SINGLES, SINGLES)


@kernel()
def _spread(room, first, width, products):
    """Write sixteen components and their copies; those before ``first`` are there already."""
    place = min(first, width - SIZE)
    for i in range(SIZE):
        store(products, (place + i) * PANEL, repeat_entry(room, i))


def _multiply_plainly(matrices, start, steps, width, vector, products):
    """Write the products without vectors; ``steps`` lead from a row to the next and from a column to the next."""
    down, right = steps
    for i in range(width):
        total = float32(0)
        for k in range(width):
            total += matrices[start + i * down + k * right] * vector[k * PANEL]
        products[i * PANEL : (i + 1) * PANEL] = total


@kernel(_PRODUCT)
def multiply_column(matrices, start, width, vector, products, room):
    """Write ``products[i] = sum_k matrix[i, k] vector[k]`` for the matrix (width, width) that begins at ``start``.

    Entries that follow each other in memory belong to one row: tiles of sixteen rows and columns are transposed.
    ``room`` has 256 numbers.
    """
    if not COMPILED:
        _multiply_plainly(matrices, start, (width, 1), width, vector, products)
        return
    for first in range(0, width, SIZE):
        row, total = min(first, width - SIZE), zeros()
        for block in range(0, width, SIZE):
            column = min(block, width - SIZE)
            transpose(matrices, start + row * width + column, width, room, 0, SIZE)
            for k in range(block - column, SIZE):
                total = load(room, k * SIZE) * repeat_entry(vector, (column + k) * PANEL) + total
        store(room, 0, total)
        _spread(room, first, width, products)


@kernel(_PRODUCT)
def multiply_transposed_column(matrices, start, width, vector, products, room):
    """Write ``products[i] = sum_k matrix[k, i] vector[k]``; see :func:`multiply_column`."""
    if not COMPILED:
        _multiply_plainly(matrices, start, (1, width), width, vector, products)
        return
    last = width - SIZE
    # Four sums at a time: each term waits for the one before.
    for first in range(0, width, 4 * SIZE):
        a, b = start + min(first, last), start + min(first + SIZE, last)
        c, d = start + min(first + 2 * SIZE, last), start + min(first + 3 * SIZE, last)
        p = q = r = s = zeros()
        for k in range(width):
            x, down = repeat_entry(vector, k * PANEL), k * width
            p = load(matrices, a + down) * x + p
            q = load(matrices, b + down) * x + q
            r = load(matrices, c + down) * x + r
            s = load(matrices, d + down) * x + s
        store(room, 0, p)
        _spread(room, first, width, products)
        store(room, 0, q)
        _spread(room, first + SIZE, width, products)
        store(room, 0, r)
        _spread(room, first + 2 * SIZE, width, products)
        store(room, 0, s)
        _spread(room, first + 3 * SIZE, width, products)
