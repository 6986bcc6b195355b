from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy_twins import new_state, philox4x32, words, xoshiro128plusplus

from theory_check.foundation.streams import Purpose
from theory_check.kernels import LANES, dense, reduced
from theory_check.kernels.words import draw_words, next_word, philox, seed_lanes

KEY = (0xA4093822, 0x299F31D0)
keys = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
# Replicates of lane 0 are multiples of LANES, up to the last one that fits 64 bits with sign.
first_replicates = st.integers(0, 2**57 - 1).map(lambda block: block * LANES)


def drawn(key, first_replicate, layer, purpose, draws):
    state, row = new_state(), np.empty(draws * LANES, np.uint32)
    seed_lanes(state, np.array(key, np.uint32), first_replicate, layer, int(purpose))
    draw_words(state, row)
    return row.reshape(draws, LANES)


@given(keys, first_replicates, st.integers(0, 2**32 - 1), st.sampled_from(Purpose), st.integers(1, 11))
def test_words_are_those_of_the_twin_bit_for_bit(key, first_replicate, layer, purpose, draws):
    expected = words(key, first_replicate, layer, purpose, draws)
    np.testing.assert_array_equal(drawn(key, first_replicate, layer, purpose, draws), expected)


@pytest.mark.parametrize("first_replicate", [2**32 - LANES, 2**32, 5 * 2**32 + LANES])
def test_replicates_beyond_32_bits_have_streams_of_their_own(first_replicate):
    far = drawn(KEY, first_replicate, 0, Purpose.OUTER_WEIGHTS, 2)
    np.testing.assert_array_equal(far, words(KEY, first_replicate, 0, Purpose.OUTER_WEIGHTS, 2))
    near = drawn(KEY, first_replicate % 2**32, 0, Purpose.OUTER_WEIGHTS, 2)
    assert np.array_equal(far, near) == (first_replicate < 2**32)


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_stream_goes_on_where_it_stopped(cut):
    state, row = new_state(), np.empty(9 * LANES, np.uint32)
    seed_lanes(state, np.array(KEY, np.uint32), 0, 3, 1)
    draw_words(state, row[: cut * LANES])
    draw_words(state, row[cut * LANES :])
    np.testing.assert_array_equal(row.reshape(9, LANES), words(KEY, 0, 3, 1, 9))


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
    twin = philox4x32(np.array([numbers(counter)], np.uint32), tuple(numbers(key)))
    assert twin.tolist() == [numbers(expected)]
    found = philox(*(np.uint32(word) for word in numbers(counter) + numbers(key)))
    assert [int(word) for word in found] == numbers(expected)


def test_xoshiro_reference_outputs():
    # From the state 1, 2, 3, 4, as published with the test vectors of the rand_xoshiro crate.
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
    state, found = tuple(np.uint32(s) for s in (1, 2, 3, 4)), []
    for _ in expected:
        word, *state = next_word(*state)
        found.append(int(word))
    assert found == expected
    assert xoshiro128plusplus(np.array([[1], [2], [3], [4]], np.uint32), 10)[:, 0].tolist() == expected


def test_purposes_frozen_in_the_kernels_are_those_of_the_streams():
    frozen = {
        Purpose.OUTER_WEIGHTS: dense._OUTER,
        Purpose.INNER_WEIGHTS: dense._INNER,
        Purpose.BIAS: dense._BIAS,
        Purpose.REDUCED_FORWARD: reduced._FORWARD,
        Purpose.REDUCED_BACKWARD: reduced._BACKWARD,
    }
    assert all(purpose == number for purpose, number in frozen.items())


def test_purposes_layers_and_keys_do_not_share_words():
    streams = [(KEY, 0, layer, purpose) for layer in range(3) for purpose in Purpose] + [((0, 0), 0, 0, 0)]
    rows = np.stack([drawn(*stream, 4) for stream in streams])
    # 28 streams of 4 x 64 words: 7168 words of 32 bits repeat by chance with probability 0.6%, pairs of words with
    # 1e-12.
    pairs = rows[:, ::2].astype(np.uint64) << np.uint64(32) | rows[:, 1::2]
    assert np.unique(pairs).size == pairs.size
