"""Singular values of blocks: against a library, exact matrices, and matrices without all of theirs."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.kernels import LANES
from theory_check.kernels.bidiagonal import SIZE, diagonalise, find_singular_values, make_bidiagonal

DOUBLE = 2.0**-53
GENERATOR = np.random.default_rng(32)


def singular_values(matrices):
    """Of matrices (LANES, width, width), descending."""
    width, found = matrices.shape[1], np.empty(matrices.shape[:2])
    find_singular_values(np.ascontiguousarray(np.moveaxis(matrices, 0, -1)).reshape(width, -1), found)
    return -np.sort(-found, axis=1)


@pytest.mark.parametrize("width", [1, 2, 3, 8, 25])
@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_they_are_those_of_a_library(width, spread):
    matrices = GENERATOR.standard_normal((LANES, width, width))
    matrices *= np.exp(spread * GENERATOR.standard_normal((LANES, width, 1)))
    expected = np.linalg.svd(matrices, compute_uv=False)
    # Both are backward stable: 2 width reflections of norms rounded a few times each, in the Frobenius norm.
    bound = 20 * width * DOUBLE * np.sqrt(width) * expected[:, :1]
    assert np.all(np.abs(singular_values(matrices) - expected) <= bound)


@pytest.mark.parametrize("width", [2, 7])
def test_a_bidiagonal_matrix_has_the_frobenius_norm_and_the_determinant(width):
    matrices = GENERATOR.standard_normal((SIZE, width, width))
    diagonal, above = np.empty((width, SIZE)), np.empty((width, SIZE))
    make_bidiagonal(np.ascontiguousarray(np.moveaxis(matrices, 0, -1)).reshape(width, -1), diagonal, above)
    squares = np.sum(matrices**2, axis=(1, 2))
    # Orthogonal up to 40 width roundings; a determinant moves by those times the product of the norms of the rows.
    np.testing.assert_allclose(np.sum(diagonal**2 + above**2, axis=0), squares, rtol=40 * width * DOUBLE)
    determinants = np.abs(np.linalg.det(matrices))
    volumes = np.prod(np.linalg.norm(matrices, axis=2), axis=1)
    assert np.all(np.abs(np.abs(np.prod(diagonal, axis=0)) - determinants) <= 40 * width**2 * DOUBLE * volumes)
    assert not above[-1].any()


def test_multiples_of_the_identity_and_equal_values():
    matrices = np.broadcast_to(np.diag([3.0, 3.0, 3.0, 0.5]), (LANES, 4, 4))
    np.testing.assert_array_equal(singular_values(matrices), np.broadcast_to([3.0, 3.0, 3.0, 0.5], (LANES, 4)))


def test_what_is_singular_or_not_finite_is_not_found_and_spoils_no_neighbour():
    matrices = GENERATOR.standard_normal((LANES, 3, 3))
    expected = singular_values(matrices)
    spoiled = matrices.copy()
    spoiled[5] = 1.0
    spoiled[6] = 0.0
    spoiled[20, 1, 1] = np.inf
    found = singular_values(spoiled)
    others = np.delete(np.arange(LANES), [5, 6, 20])
    np.testing.assert_array_equal(found[others], expected[others])
    assert not found[[6, 20]].any()
    # A matrix of ones has one value, 3; the others are lost in its roundings.
    assert found[5, -1] <= 10 * DOUBLE


def test_a_diagonal_entry_of_zero_is_refused():
    """Rotations with shifts would divide zero by zero."""
    assert not diagonalise(np.array([1.0, 0.0, 1.0]), np.array([1.0, 1.0, 0.0]))
    assert not diagonalise(np.array([1.0, np.nan]), np.array([1.0, 0.0]))
    assert diagonalise(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
