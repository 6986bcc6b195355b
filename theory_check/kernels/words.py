"""Random words for a block of replicates: Philox4x32-10 seeds, xoshiro128++ draws.

A state is a flat array of 4 * LANES words, word w of lane l at ``w * LANES + l``. Sources: see
:mod:`theory_check.foundation.streams`.
"""

from __future__ import annotations

from numpy import uint32, uint64

from theory_check.foundation.streams import PHILOX_INCREMENTS, PHILOX_MULTIPLIERS, PHILOX_ROUNDS
from theory_check.kernels import LANES
from theory_check.kernels.compilation import COMPILED, kernel
from theory_check.kernels.vectors import SIZE, counting, high_product, load, low_product, repeat, rotate, store

_FIRST_MULTIPLIER, _SECOND_MULTIPLIER = PHILOX_MULTIPLIERS
_M0 = uint64(_FIRST_MULTIPLIER)
_M1 = uint64(_SECOND_MULTIPLIER)
_W0 = uint32(PHILOX_INCREMENTS[0])
_W1 = uint32(PHILOX_INCREMENTS[1])
_ROUNDS = PHILOX_ROUNDS


@kernel()
def load_states(state, lane):
    """Return the four words of the states of sixteen lanes from one on."""
    return load(state, lane), load(state, LANES + lane), load(state, 2 * LANES + lane), load(state, 3 * LANES + lane)


@kernel()
def store_states(state, lane, words):
    """Write the four words of the states of sixteen lanes from one on."""
    s0, s1, s2, s3 = words
    store(state, lane, s0)
    store(state, LANES + lane, s1)
    store(state, 2 * LANES + lane, s2)
    store(state, 3 * LANES + lane, s3)


@kernel()
def philox(c0, c1, c2, c3, k0, k1):
    """Return the four words of Philox4x32-10 at a counter under a key."""
    for _ in range(_ROUNDS):
        first = uint64(c0) * _M0
        second = uint64(c2) * _M1
        c0 = uint32(uint32(second >> uint64(32)) ^ c1 ^ k0)
        c2 = uint32(uint32(first >> uint64(32)) ^ c3 ^ k1)
        c1 = uint32(second)
        c3 = uint32(first)
        k0 = uint32(k0 + _W0)
        k1 = uint32(k1 + _W1)
    return c0, c1, c2, c3


@kernel()
def philox_lanes(c0, c1, c2, c3, k0, k1):
    """Return :func:`philox` at the counters of sixteen lanes under one key."""
    for _ in range(_ROUNDS):
        first_low, first_high = low_product(c0, _FIRST_MULTIPLIER), high_product(c0, _FIRST_MULTIPLIER)
        second_low, second_high = low_product(c2, _SECOND_MULTIPLIER), high_product(c2, _SECOND_MULTIPLIER)
        c0 = second_high ^ c1 ^ repeat(k0)
        c2 = first_high ^ c3 ^ repeat(k1)
        c1 = second_low
        c3 = first_low
        k0 = uint32(k0 + _W0)
        k1 = uint32(k1 + _W1)
    return c0, c1, c2, c3


@kernel(inline=True)
def seed_lanes(state, key, first_replicate, layer, purpose):
    """Set the state of every lane to Philox4x32-10 at counter (replicate, replicate >> 32, layer, purpose).

    ``key`` has the two key words; ``first_replicate`` is the replicate in lane 0, a multiple of LANES, so that the high
    word is common to the block.
    """
    low = uint32(first_replicate & 0xFFFFFFFF)
    high = uint32(first_replicate >> 32)
    if COMPILED:
        for lane in range(0, LANES, SIZE):
            first = repeat(uint32(low + uint32(lane))) + counting()
            others = repeat(high), repeat(uint32(layer)), repeat(uint32(purpose))
            store_states(state, lane, philox_lanes(first, *others, uint32(key[0]), uint32(key[1])))
        return
    for lane in range(LANES):
        c0, c1, c2, c3 = philox(
            uint32(low + uint32(lane)), high, uint32(layer), uint32(purpose), uint32(key[0]), uint32(key[1])
        )
        state[lane] = c0
        state[LANES + lane] = c1
        state[2 * LANES + lane] = c2
        state[3 * LANES + lane] = c3


@kernel()
def seed_entries(state, key, replicate, group, layer, purpose):
    """Set the lanes to Philox4x32-10 at counter (replicate, LANES group + lane, layer, purpose).

    Here the lanes are parts of one replicate's weights. Replicate and LANES group + lane are below 2^32.
    """
    if COMPILED:
        for lane in range(0, LANES, SIZE):
            second = repeat(uint32(group * LANES + lane)) + counting()
            others = repeat(uint32(layer)), repeat(uint32(purpose))
            words = philox_lanes(repeat(uint32(replicate)), second, *others, uint32(key[0]), uint32(key[1]))
            store_states(state, lane, words)
        return
    for lane in range(LANES):
        c0, c1, c2, c3 = philox(
            uint32(replicate), uint32(group * LANES + lane), uint32(layer), uint32(purpose),
            uint32(key[0]), uint32(key[1]),
        )  # fmt: skip
        state[lane] = c0
        state[LANES + lane] = c1
        state[2 * LANES + lane] = c2
        state[3 * LANES + lane] = c3


@kernel()
def next_word(s0, s1, s2, s3):
    """Return the next word of xoshiro128++ and the new state: rotl(s0 + s3, 7) + s0."""
    total = uint32(s0 + s3)
    word = uint32(((total << uint32(7)) | (total >> uint32(25))) + s0)
    shifted = uint32(s1 << uint32(9))
    s2 = uint32(s2 ^ s0)
    s3 = uint32(s3 ^ s1)
    s1 = uint32(s1 ^ s2)
    s0 = uint32(s0 ^ s3)
    s2 = uint32(s2 ^ shifted)
    s3 = uint32((s3 << uint32(11)) | (s3 >> uint32(21)))
    return word, s0, s1, s2, s3


@kernel()
def next_words(s0, s1, s2, s3):
    """Return :func:`next_word` of sixteen lanes at once."""
    word = rotate(s0 + s3, 7) + s0
    shifted = s1 << 9
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    return word, s0, s1, s2 ^ shifted, rotate(s3, 11)


@kernel()
def next_one(state, lane):
    """Return the next word of a lane and advance its state."""
    word, s0, s1, s2, s3 = next_word(state[lane], state[LANES + lane], state[2 * LANES + lane], state[3 * LANES + lane])
    state[lane] = s0
    state[LANES + lane] = s1
    state[2 * LANES + lane] = s2
    state[3 * LANES + lane] = s3
    return word


@kernel(inline=True)
def draw_words(state, words):
    """Fill ``words``, draw after draw, ``words[draw * LANES + lane]``."""
    if COMPILED:
        # Two generators fill the cycles in which each waits for its last word.
        for lane in range(0, LANES, 2 * SIZE):
            other = lane + SIZE
            s0, s1, s2, s3 = load_states(state, lane)
            t0, t1, t2, t3 = load_states(state, other)
            for draw in range(0, words.size, LANES):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                store(words, draw + lane, word)
                word, t0, t1, t2, t3 = next_words(t0, t1, t2, t3)
                store(words, draw + other, word)
            store_states(state, lane, (s0, s1, s2, s3))
            store_states(state, other, (t0, t1, t2, t3))
        return
    for draw in range(0, words.size, LANES):
        for lane in range(LANES):
            words[draw + lane] = next_one(state, lane)
