"""Vectors of sixteen lanes against NumPy, operation by operation."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from theory_check.kernels.compilation import COMPILED
from theory_check.kernels.vectors import (
    SIZE,
    all_between,
    choose,
    counting,
    high_product,
    load,
    low_product,
    repeat,
    rotate,
    signs_of,
    store,
    to_singles,
    transpose,
    view,
    zeros,
)

pytestmark = pytest.mark.skipif(not COMPILED, reason="vectors exist in compiled code only")

GENERATOR = np.random.default_rng(29)
FIRST, SECOND = (GENERATOR.integers(0, 2**32, 3 * SIZE, dtype=np.uint32) for _ in range(2))
X, Y, Z = (GENERATOR.standard_normal(3 * SIZE).astype(np.float32) for _ in range(3))


@numba.njit
def on_words(first, second, out):
    for i in range(0, first.size, SIZE):
        x, y = load(first, i), load(second, i)
        store(out[0], i, x + y)
        store(out[1], i, x ^ y)
        store(out[2], i, x << 9)
        store(out[3], i, x & 0x80000000)
        store(out[4], i, rotate(x, 7))
        store(out[5], i, low_product(x, 0xD2511F53))
        store(out[6], i, high_product(x, 0xD2511F53))
        store(out[7], i, repeat(first[0]) + counting())


def test_words():
    found = np.empty((8, FIRST.size), np.uint32)
    on_words(FIRST, SECOND, found)
    shift = np.uint32
    rotated = (FIRST << shift(7)) | (FIRST >> shift(25))
    expected = [FIRST + SECOND, FIRST ^ SECOND, FIRST << shift(9), FIRST & shift(0x80000000), rotated]
    product = FIRST.astype(np.uint64) * np.uint64(0xD2511F53)
    expected += [product & np.uint64(0xFFFFFFFF), product >> np.uint64(32)]
    expected += [FIRST[0] + np.tile(np.arange(SIZE, dtype=np.uint32), 3)]
    np.testing.assert_array_equal(found, expected)


@numba.njit
def on_singles(words, x, y, z, out):
    for i in range(0, x.size, SIZE):
        a, b, c = load(x, i), load(y, i), load(z, i)
        store(out[0], i, a + b)
        store(out[1], i, a * b)
        store(out[2], i, to_singles(load(words, i)))
        store(out[3], i, view(load(words, i)))
        store(out[4], i, zeros())
        store(out[5], i, a * b + c)
        store(out[6], i, repeat(x[i]))


@numba.njit
def choices(x, y, z, signs, out):
    for i in range(0, x.size, SIZE):
        word = signs_of(load(x, i))
        signs[i // SIZE] = word
        store(out, i, choose(word, load(y, i), load(z, i)))


def test_a_word_has_a_bit_for_each_lane_above_zero():
    x, found, signs = X.copy(), np.empty_like(X), np.empty(3, np.uint16)
    x[:5] = 0.0, -0.0, np.nan, np.inf, -np.inf
    choices(x, Y, Z, signs, found)
    np.testing.assert_array_equal(signs[:, None] >> np.arange(SIZE) & 1, (x > 0).reshape(3, SIZE))
    np.testing.assert_array_equal(found, np.where(x > 0, Y, Z))


def test_singles():
    found = np.empty((7, X.size), np.float32)
    on_singles(FIRST, X, Y, Z, found)
    whole = FIRST.view(np.int32).astype(np.float32)
    expected = np.array([X + Y, X * Y, whole, FIRST.view(np.float32), np.zeros_like(X)])
    np.testing.assert_array_equal(found[:5].view(np.uint32), expected.view(np.uint32))
    np.testing.assert_array_equal(found[6], np.repeat(X[::SIZE], SIZE))
    # Rounded once or twice: half a unit of the product more at most.
    exact = X.astype(float) * Y + Z
    np.testing.assert_array_less(np.abs(found[5] - exact), 2.0**-24 * (np.abs(X * Y) + np.abs(exact)) + 1e-30)


@numba.njit
def transposed(source, target):
    transpose(source, 3, 20, target, 1, 17)


@numba.njit
def on_doubles(x, out):
    store(out, 0, to_singles(load(x, 0)))
    return all_between(load(x, 0), -1.0, 2.0)


def test_doubles():
    values, rounded = np.linspace(-0.9, 1.9, SIZE), np.empty(SIZE, np.float32)
    assert on_doubles(values, rounded)
    np.testing.assert_array_equal(rounded, values.astype(np.float32))


@pytest.mark.parametrize("lane", [0, 7, 15])
@pytest.mark.parametrize("value", [-1.0, 2.0, -3.0, np.inf, np.nan])
def test_one_lane_that_is_not_between_is_seen(lane, value):
    values = np.zeros(SIZE)
    values[lane] = value
    assert not on_doubles(values, np.empty(SIZE, np.float32))


def test_sixteen_vectors_are_transposed():
    source, target = np.arange(400, dtype=np.float32), np.zeros(1 + 17 * SIZE, np.float32)
    transposed(source, target)
    places = 3 + 20 * np.arange(SIZE) + np.arange(SIZE)[:, None]
    np.testing.assert_array_equal(target[1:].reshape(SIZE, 17)[:, :SIZE], source[places])
    assert target[0] == 0
    assert not target[1:].reshape(SIZE, 17)[:, SIZE].any()
