"""Products in registers take the values of rows that are written first, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy_twins import LANES

from theory_check.kernels.compilation import COMPILED
from theory_check.kernels.dense import multiply, multiply_transposed, row_buffer
from theory_check.kernels.rows import ROWS
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.compiled import row_filler

SEED = 17

#: Odd ones, whose rows draw a word more, and those around the 32 columns that one word of signs serves.
WIDTHS = (1, 2, 3, 4, 20, 31, 32, 33, 40, 64, 65)

pytestmark = pytest.mark.skipif(not COMPILED, reason="vectors exist in compiled code only")


@pytest.mark.parametrize("law", ["uniform", "rademacher"])
@pytest.mark.parametrize("inputs", [1, 2, 3])
@pytest.mark.parametrize("product", [multiply, multiply_transposed], ids=["forward", "transposed"])
def test_fused_products_are_those_of_rows_to_the_bit(law, inputs, product):
    filler = row_filler(Weights(law))
    assert filler.way != ROWS
    for width in WIDTHS:
        generator = np.random.default_rng([SEED, width, inputs])
        vectors = generator.standard_normal((inputs, width * LANES)).astype(np.float32)
        state = generator.integers(0, 2**32, 4 * LANES, dtype=np.uint32)
        found = []
        for way in (filler.way, ROWS):
            left, products = state.copy(), np.full_like(vectors, np.nan)
            product(filler.fill, filler.constants, way, left, row_buffer(width, ROWS, ROWS), vectors, products)
            found.append((left, products.view(np.uint32)))
        for fused, rows in zip(*found, strict=True):
            np.testing.assert_array_equal(fused, rows, err_msg=f"width {width}")
