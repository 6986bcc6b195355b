"""What kernels do entry by entry, trainings above all; arrays are flat, a layer of several is a row.

A layer is told by the place k of its row: a view of it would count references, which takes time in loops that short.
"""

from __future__ import annotations

from theory_check.kernels.compilation import kernel
from theory_check.kernels.hints import wide_loops


@kernel()
def layer_rows(matrices):
    """Return the matrix of each layer as a row."""
    return matrices.reshape(matrices.shape[0], matrices.shape[1] * matrices.shape[2])


@kernel()
def copy(values, out):
    """Write values; NumPy's assignment asks about overlap and takes ten times as long."""
    wide_loops()
    for i in range(values.size):
        out[i] = values[i]


@kernel()
def copy_row(rows, source, target):
    """Write one row over another, as :func:`copy` does."""
    wide_loops()
    for i in range(rows.shape[1]):
        rows[target, i] = rows[source, i]


@kernel()
def bend(pre, negative, posts, k):
    """Write the activation that is x above 0 and ``negative`` x below."""
    wide_loops()
    one, below = pre.dtype.type(1), pre.dtype.type(negative)
    for i in range(pre.size):
        posts[k, i] = (one if pre[i] > 0 else below) * pre[i]


@kernel()
def multiply_by_bend(vector, negative, posts, k):
    """Do ``vector *= sigma'``, told by the activation, for such an activation with ``negative`` of at least 0."""
    wide_loops()
    one, below = vector.dtype.type(1), vector.dtype.type(negative)
    for i in range(vector.size):
        vector[i] *= one if posts[k, i] > 0 else below


@kernel()
def add_bent_in_place(gradient, factor, vector, negative, posts, k):
    """Do ``gradient += factor * (sigma' * vector)``; otherwise as :func:`multiply_by_bend`."""
    wide_loops()
    a, one, below = gradient.dtype.type(factor), gradient.dtype.type(1), gradient.dtype.type(negative)
    for i in range(gradient.size):
        gradient[i] += a * ((one if posts[k, i] > 0 else below) * vector[i])


@kernel()
def add_scaled_in_place(gradient, factor, increment):
    """Do ``gradient += factor * increment``."""
    wide_loops()
    a = gradient.dtype.type(factor)
    for i in range(gradient.size):
        gradient[i] += a * increment[i]


@kernel()
def multiply_in_place(vector, slopes, k):
    """Do ``vector *= slopes[k]``, entry by entry."""
    wide_loops()
    for i in range(vector.size):
        vector[i] *= slopes[k, i]


@kernel()
def inner_product(first, second):
    """Return the sum of products in double precision."""
    total = 0.0
    for i in range(first.size):
        total += first[i] * second[i]
    return total
