"""What the compiler does not find out about a kernel by itself; without compilation nothing, or NumPy's own view."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from theory_check.kernels.compilation import COMPILED


@intrinsic
def _wide_loops(typing):
    def generate(context, builder, signature, arguments):
        # The method `add` of these attributes refuses names with a value.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _words_of(typing, row):
    words = row.copy(dtype=types.uint32)

    def generate(context, builder, signature, arguments):
        source = context.make_array(row)(context, builder, arguments[0])
        target = context.make_array(words)(context, builder)
        address = context.get_value_type(types.uint32).as_pointer()
        populate_array(
            target, data=builder.bitcast(source.data, address), shape=source.shape, strides=source.strides,
            itemsize=source.itemsize, meminfo=source.meminfo, parent=source.parent,
        )  # fmt: skip
        return impl_ret_borrowed(context, builder, words, target._getvalue())

    return words(row), generate


def _nothing() -> None:
    pass


def _view(row: Any) -> Any:
    return row.view(np.uint32)


#: Let the loops of the kernel that calls this take registers of 512 bits, where there are; compilers prefer 256.
wide_loops = _wide_loops if COMPILED else _nothing

#: ``words_of(row)``: the memory of a row of numbers in single precision, as words. NumPy's ``view`` may raise, and a
#: kernel that may raise counts its references to arrays, which waits for all that it wrote.
words_of = _words_of if COMPILED else _view
