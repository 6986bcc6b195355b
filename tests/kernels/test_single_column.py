"""Products with a single vector: the bits of those with many, and exact ones within their roundings."""

from __future__ import annotations

import numpy as np
import pytest
from numpy_twins import UNIT

from theory_check.kernels import PANEL, single_column, tiles

GENERATOR = np.random.default_rng(37)

#: Of the matrix, among others: a place that is no multiple of anything.
START = 23


@pytest.mark.parametrize("width", [16, 17, 31, 32, 40, 63, 64, 65, 100, 130])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_single_vector(width, transposed):
    matrices = GENERATOR.standard_normal(START + width * width).astype(np.float32)
    matrix = matrices[START:].reshape(width, width)
    vector = GENERATOR.standard_normal(width).astype(np.float32)
    copies = np.repeat(vector, PANEL)
    found, among = np.full((2, width * PANEL), np.nan, np.float32)
    multiply = single_column.multiply_transposed_column if transposed else single_column.multiply_column
    multiply(matrices, START, width, copies, found, np.empty(256, np.float32))
    rows, columns = np.arange(width) * width, np.arange(width)
    if transposed:
        matrix, rows, columns = matrix.T, columns, rows
    layout = (PANEL, width * PANEL)
    tiles.multiply(matrices, START + rows, columns, copies, layout, 1, among, layout)
    np.testing.assert_array_equal(found, among)
    exact, sizes = matrix.astype(float) @ vector, np.abs(matrix).astype(float) @ np.abs(vector)
    # One rounding for each product and sum.
    assert np.all(np.abs(found.reshape(width, PANEL).T - exact) <= width * UNIT * sizes)
