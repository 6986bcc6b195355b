"""Products with a layer of several against NumPy, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.kernels.linear_algebra import one_thread
from theory_check.kernels.products import add_product, multiply_by_transposed, multiply_transposed, zero_and_one

LAYERS, ROWS, INNER = 3, 4, 6


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 7, 130])
def test_products_are_those_of_numpy(kind, count):
    rng = np.random.default_rng(count)
    matrices, factors = rng.standard_normal((LAYERS, ROWS, INNER)).astype(kind), np.array([0.5, 2.0, -3.0], kind)
    columns, others = (rng.standard_normal((LAYERS, size, count)).astype(kind) for size in (INNER, ROWS))
    numbers = zero_and_one(matrices)
    np.testing.assert_array_equal(numbers, np.array([0, 1], kind))
    start = rng.standard_normal((ROWS, count)).astype(kind)
    summed, pulled, change = start.copy(), np.full((INNER, count), np.nan, kind), np.full((ROWS, INNER), np.nan, kind)
    add_product(matrices, 2, factors, columns, 1, numbers, summed)
    multiply_transposed(matrices, 1, others[0], numbers, pulled)
    multiply_by_transposed(others[2], columns, 0, numbers, change)
    left, factor, right, other = (part.astype(np.float64) for part in (matrices, factors, columns, others))
    # At most 131 terms, each below 50, a rounding each.
    close = {"rtol": 0, "atol": 131 * 50 * np.finfo(kind).eps}
    np.testing.assert_allclose(summed, start + factor[2] * (left[2] @ right[1]), **close)
    np.testing.assert_allclose(pulled, left[1].T @ other[0], **close)
    np.testing.assert_allclose(change, other[2] @ right[0].T, **close)
    # Another layer is off by far more.
    assert np.abs(summed - (start + factor[2] * (left[2] @ right[0]))).max() > 0.1
    assert np.abs(pulled - left[0].T @ other[0]).max() > 0.1
    assert np.abs(change - other[2] @ right[1].T).max() > 0.1
