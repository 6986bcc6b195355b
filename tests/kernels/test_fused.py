"""Products in registers take the values of rows that are written first, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy_twins import LANES

from theory_check.kernels.compilation import COMPILED
from theory_check.kernels.dense import dot, multiply, multiply_transposed, orthonormalise, row_buffer, row_size
from theory_check.kernels.fused import multiply_part
from theory_check.kernels.rows import ORTHOGONAL_ROWS, ROWS
from theory_check.kernels.vectors import SIZE
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.compiled import row_filler

SEED = 17

#: Odd ones, whose rows draw a word more, and those around the 32 columns that one word of signs serves.
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 31, 32, 33, 40, 64, 65)

pytestmark = pytest.mark.skipif(not COMPILED, reason="vectors exist in compiled code only")


def arguments(width, inputs):
    generator = np.random.default_rng([SEED, width, inputs])
    vectors = generator.standard_normal((inputs, width * LANES)).astype(np.float32)
    return vectors, generator.integers(0, 2**32, 4 * LANES, dtype=np.uint32)


@pytest.mark.parametrize("law", ["uniform", "rademacher"])
@pytest.mark.parametrize("product", [multiply, multiply_transposed], ids=["forward", "transposed"])
def test_fused_products_are_those_of_rows_to_the_bit(law, product):
    filler = row_filler(Weights(law))
    assert filler.way != ROWS
    for width in WIDTHS:
        vectors, state = arguments(width, inputs=1)
        found = []
        for way in (filler.way, ROWS):
            left, products = state.copy(), np.full_like(vectors, np.nan)
            product(filler.fill, filler.constants, way, left, row_buffer(width, ROWS, ROWS), vectors, products)
            found.append((left, products.view(np.uint32)))
        for fused, rows in zip(*found, strict=True):
            np.testing.assert_array_equal(fused, rows, err_msg=f"width {width}")


@pytest.mark.parametrize("law", ["uniform", "gaussian", "orthogonal"])
@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
def test_tiles_sum_as_single_rows_to_the_bit(law, inputs):
    filler = row_filler(Weights(law))
    way = ORTHOGONAL_ROWS if law == "orthogonal" else ROWS
    for width in WIDTHS:
        vectors, state = arguments(width, inputs)
        left, products, size = state.copy(), np.full_like(vectors, np.nan), row_size(width)
        buffer, drawn = row_buffer(width, way, way), np.zeros(width * size, np.float32)
        multiply(filler.fill, filler.constants, way, left, buffer, vectors, products)
        expected = np.empty_like(vectors)
        for i in range(width):
            filler.fill(state, drawn[i * size : (i + 1) * size], filler.constants)
            if way == ORTHOGONAL_ROWS:
                orthonormalise(drawn, i, size, width)
            for vector, target in zip(vectors, expected, strict=True):
                dot(drawn[i * size : (i + 1) * size], vector, target[i * LANES : (i + 1) * LANES])
        np.testing.assert_array_equal(left, state)
        np.testing.assert_array_equal(products.view(np.uint32), expected.view(np.uint32), err_msg=f"width {width}")


@pytest.mark.parametrize("inputs", [1, 2, 5])
def test_sixteen_lanes_sum_as_single_rows_to_the_bit(inputs):
    for width in WIDTHS:
        vectors, _ = arguments(width, inputs)
        rows, _ = arguments(width, width)
        expected = np.empty_like(vectors)
        for i, row in enumerate(rows):
            for vector, target in zip(vectors, expected, strict=True):
                dot(row, vector, target[i * LANES : (i + 1) * LANES])

        def lanes(block, first):
            chosen = block.reshape(len(block), -1, LANES)[:, :, first : first + SIZE]
            return np.ascontiguousarray(chosen.reshape(len(block), -1))

        for first in (0, SIZE):
            found = np.full((inputs, width * SIZE), np.nan, np.float32)
            multiply_part(lanes(rows, first), lanes(vectors, first), found)
            np.testing.assert_array_equal(found.view(np.uint32), lanes(expected, first).view(np.uint32))
