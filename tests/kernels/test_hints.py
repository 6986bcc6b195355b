"""Hints to the compiler: the same values, in wide registers where there are some."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from theory_check.kernels.compilation import COMPILED
from theory_check.kernels.hints import wide_loops, words_of
from theory_check.kernels.vectors import WIDE


@numba.njit
def widely_doubled(row):
    wide_loops()
    for i in range(row.size):
        row[i] = row[i] + row[i]


@numba.njit
def written_as_words(row):
    words = words_of(row)
    for i in range(row.size):
        words[i] = words[i] ^ np.uint32(0x80000000)
    return words.size


def test_loops_are_as_they_were():
    row = np.arange(40, dtype=np.float32)
    widely_doubled(row)
    np.testing.assert_array_equal(row, 2 * np.arange(40))


@pytest.mark.skipif(not (COMPILED and WIDE), reason="a processor without registers of 512 bits has none to take")
def test_loops_take_wide_registers():
    row = np.ones(40, np.float32)
    widely_doubled(row)
    assert "zmm" in "".join(widely_doubled.inspect_asm().values())


def test_words_are_the_memory_of_the_numbers():
    row = np.arange(1.0, 41.0, dtype=np.float32)
    assert written_as_words(row) == 40
    np.testing.assert_array_equal(row, -np.arange(1.0, 41.0))


@pytest.mark.skipif(not COMPILED, reason="references are counted in compiled code only")
def test_words_take_no_reference():
    row = np.zeros(40, np.float32)
    written_as_words(row)
    machine_code = next(iter(written_as_words.inspect_asm().values()))
    kernel, _, _ = machine_code.partition("_ZN7cpython")  # what calls it from Python does count
    assert "incref" not in kernel
