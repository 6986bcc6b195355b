from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.streams import Purpose, check_seed, philox4x32, stream_key, xoshiro128plusplus

# Known answers published with Random123 (kat_vectors, philox4x32, 10 rounds): counter, key, result.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def numbers(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_philox_known_answers(counter, key, expected):
    found = philox4x32(np.array([numbers(counter)], np.uint32), tuple(numbers(key)))
    assert found.tolist() == [numbers(expected)]


def test_xoshiro_reference_outputs():
    state = np.array([[1], [2], [3], [4]], np.uint32)
    expected = [
        641,
        1573767,
        3222811527,
        3517856514,
        836907274,
        4247214768,
        3867114732,
        1355841295,
        495546011,
        621204420,
    ]
    assert xoshiro128plusplus(state, 10)[:, 0].tolist() == expected
    assert state[:, 0].tolist() == [1, 2, 3, 4]


@given(st.integers(0, 2**64 - 1), st.text(max_size=20))
def test_keys_are_two_words_that_tell_seeds_and_cells_apart(seed, identity):
    key = stream_key(seed, identity)
    assert all(0 <= word < 2**32 for word in key)
    # Different texts collide with probability 2^-64.
    assert key != stream_key((seed + 1) % 2**64, identity)
    assert key != stream_key(seed, identity + "x")


@pytest.mark.parametrize("seed", [0, 2**64 - 1, np.int64(7), np.uint64(2**64 - 1)])
def test_accepted_seeds(seed):
    assert check_seed(seed) == int(seed)
    assert type(check_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "1", True, None, np.float64(3)])
def test_refused_seeds(seed):
    with pytest.raises(SpecificationError, match=r"seed is .* from 0 to 2\^64 - 1"):
        check_seed(seed)


def test_purposes_are_frozen():
    # A change of a number changes the values of every cell: it would need a new kernel version.
    assert {p.name: p.value for p in Purpose} == {
        "OUTER_WEIGHTS": 0,
        "INNER_WEIGHTS": 1,
        "BIAS": 2,
        "INPUT": 3,
        "INPUT_WEIGHTS": 4,
        "READOUT": 5,
        "TARGET": 6,
        "REDUCED_FORWARD": 7,
        "REDUCED_BACKWARD": 8,
    }
