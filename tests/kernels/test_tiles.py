"""Products whose sums stay in registers, against exact ones; every number of rows and of vectors at a time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy_twins import UNIT

from theory_check.kernels import tiles

GENERATOR = np.random.default_rng(31)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 11])
@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 2), (3, 5), (4, 1), (5, 6), (6, 7), (8, 3), (9, 9), (13, 4), (15, 2)]
)
@pytest.mark.parametrize("apart", [False, True])
def test_products_of_chosen_rows_and_columns(rows, columns, count, apart):
    matrix = GENERATOR.standard_normal((rows + 3, 9)).astype(np.float32)
    chosen, few = GENERATOR.integers(0, rows + 3, rows), np.sort(GENERATOR.permutation(9)[:columns])
    vectors = GENERATOR.standard_normal((columns, count, 16)).astype(np.float32)
    exact = matrix[chosen][:, few].astype(float) @ vectors.reshape(columns, -1)
    # One rounding for each of at most nine products and sums.
    bound = 9 * UNIT * np.abs(matrix[chosen][:, few]).astype(float) @ np.abs(vectors).reshape(columns, -1)
    # All of a row side by side, or sixteen vectors after sixteen others.
    layout, product_layout = ((16, 16 * columns), (16, 16 * rows)) if apart else ((16 * count, 16),) * 2
    given = np.ascontiguousarray(vectors.transpose(1, 0, 2) if apart else vectors).ravel()
    found = np.full(rows * count * 16, np.nan, np.float32)
    tiles.multiply(matrix.ravel(), chosen * 9, few, given, layout, count, found, product_layout)
    found = found.reshape(count, rows, 16).transpose(1, 0, 2) if apart else found
    assert np.all(np.abs(found.reshape(exact.shape) - exact) <= bound)


def test_a_column_has_one_value_among_any_others():
    """The number of rows and of vectors chooses the tile, not the sum: terms in order, each rounded once."""
    matrix, vectors = (GENERATOR.standard_normal(shape).astype(np.float32) for shape in ((16, 30), (30, 5 * 16)))

    def product(rows, count):
        found = np.zeros(rows * count * 16, np.float32)
        some = np.ascontiguousarray(vectors[:, : count * 16])
        places = (np.arange(rows) * 30, np.arange(30))
        tiles.multiply(matrix.ravel(), *places, some.ravel(), (16 * count, 16), count, found, (16 * count, 16))
        return found.reshape(rows, count * 16)

    whole = product(16, 5)
    for rows in (1, 3, 4, 5, 7, 8, 11):
        for count in (1, 2, 3, 4):
            np.testing.assert_array_equal(product(rows, count), whole[:rows, : count * 16])
