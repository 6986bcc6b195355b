"""Products of matrices with a layer of several, by the library behind ``numpy.dot``, where that one is slower.

``numpy.dot`` can only overwrite: adding what it wrote reads and writes a batch of states a second time, while the
library adds by itself. And it takes a view of each layer, which counts references: for matrices of 30 x 30 that is a
twentieth of the time. Numba calls the library through ``numba_xxgemm``, which has the arguments of BLAS: matrices by
columns, so that ours are transposed, and every number by its address.

Arrays are contiguous and of one kind; ``numbers`` is what :func:`zero_and_one` returns.
"""

from __future__ import annotations

import numpy as np
from numba import types

from theory_check.kernels.compilation import COMPILED, kernel

#: Kind of number, transpositions, sizes m, n, k, and the addresses and leading dimensions of alpha A B + beta C -> C.
_GEMM = types.ExternalFunction("numba_xxgemm", types.intc(*(types.char,) * 3, *(types.intp,) * 11))

_PLAIN, _TRANSPOSED, _SINGLE, _DOUBLE = ord("n"), ord("t"), ord("s"), ord("d")


@kernel()
def zero_and_one(array):
    """Return the numbers 0 and 1 of the kind of an array."""
    numbers = np.zeros(2, array.dtype)
    numbers[1] = 1
    return numbers


if COMPILED:

    @kernel()
    def add_product(matrices, k, factors, columns, place, numbers, out):
        """Do ``out += factors[k] * matrices[k] @ columns[place]``."""
        rows, inner, count, size = matrices.shape[1], matrices.shape[2], columns.shape[2], out.itemsize
        _GEMM(
            _SINGLE if size == 4 else _DOUBLE, _PLAIN, _PLAIN, count, rows, inner, factors.ctypes.data + k * size,
            columns.ctypes.data + place * inner * count * size, count, matrices.ctypes.data + k * rows * inner * size,
            inner, numbers.ctypes.data + size, out.ctypes.data, count,
        )  # fmt: skip

    @kernel()
    def multiply_transposed(matrices, k, columns, numbers, out):
        """Do ``out = matrices[k].T @ columns``."""
        inner, rows, count, size = matrices.shape[1], matrices.shape[2], columns.shape[1], out.itemsize
        _GEMM(
            _SINGLE if size == 4 else _DOUBLE, _PLAIN, _TRANSPOSED, count, rows, inner, numbers.ctypes.data + size,
            columns.ctypes.data, count, matrices.ctypes.data + k * rows * inner * size, rows, numbers.ctypes.data,
            out.ctypes.data, count,
        )  # fmt: skip

    @kernel()
    def multiply_by_transposed(columns, others, k, numbers, out):
        """Do ``out = columns @ others[k].T``, a sum over the columns of both."""
        rows, width, count, size = columns.shape[0], others.shape[1], columns.shape[1], out.itemsize
        _GEMM(
            _SINGLE if size == 4 else _DOUBLE, _TRANSPOSED, _PLAIN, width, rows, count, numbers.ctypes.data + size,
            others.ctypes.data + k * width * count * size, count, columns.ctypes.data, count, numbers.ctypes.data,
            out.ctypes.data, width,
        )  # fmt: skip

else:

    def add_product(matrices, k, factors, columns, place, numbers, out):
        """As the compiled one."""
        out += factors[k] * (matrices[k] @ columns[place])

    def multiply_transposed(matrices, k, columns, numbers, out):
        """As the compiled one."""
        out[:] = matrices[k].T @ columns

    def multiply_by_transposed(columns, others, k, numbers, out):
        """As the compiled one."""
        out[:] = columns @ others[k].T
