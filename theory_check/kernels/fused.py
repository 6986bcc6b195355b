"""Products with matrices of uniform entries or random signs that are used in the register where they are drawn.

The same matrices as the fillers of :mod:`theory_check.kernels.rows` write, row after row from the same words, and the
same order of every sum: the same values to the last bit as :func:`~theory_check.kernels.dense.multiply` and its
transpose, whose arguments they take. A row in memory costs a store and a load for each weight; here the four words of
a generator's state and one sum stay in registers for a whole matrix, sixteen lanes at a time.
"""

from __future__ import annotations

from numpy import float32

from theory_check.kernels import LANES
from theory_check.kernels.compilation import kernel
from theory_check.kernels.vectors import SIZE, load, store, to_singles, view, zeros
from theory_check.kernels.words import load_states, next_words, store_states

_SIGN_BIT = 0x80000000


@kernel()
def signed(word, vector):
    """Return the numbers with their signs changed where the top bit of the word is set: times a random sign."""
    return view(view(vector) ^ (word & _SIGN_BIT))


@kernel()
def multiply_uniform(state, vectors, products):
    """Write ``products[m] = A vectors[m]``, A as :func:`~theory_check.kernels.rows.fill_uniform` draws it."""
    inputs, size = vectors.shape
    rows = products.shape[1] // LANES
    columns = size // LANES
    first = vectors[0]
    for lane in range(0, LANES, SIZE):
        s0, s1, s2, s3 = load_states(state, lane)
        for i in range(rows):
            total = zeros()
            if inputs == 1:
                for j in range(columns):
                    word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                    total = to_singles(word) * load(first, j * LANES + lane) + total
            else:
                products[:, i * LANES + lane : i * LANES + lane + SIZE] = float32(0)
                for j in range(columns):
                    word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                    entry = to_singles(word)
                    for m in range(inputs):
                        product = products[m]
                        summed = entry * load(vectors[m], j * LANES + lane) + load(product, i * LANES + lane)
                        store(product, i * LANES + lane, summed)
            if columns % 2:
                _, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
            if inputs == 1:
                store(products[0], i * LANES + lane, total)
        store_states(state, lane, (s0, s1, s2, s3))


@kernel()
def multiply_uniform_transposed(state, vectors, products):
    """Write ``products[m] = A^T vectors[m]`` for the same A."""
    inputs, size = vectors.shape
    columns = products.shape[1] // LANES
    products[:] = float32(0)
    first = products[0]
    for lane in range(0, LANES, SIZE):
        s0, s1, s2, s3 = load_states(state, lane)
        for i in range(size // LANES):
            weight = load(vectors[0], i * LANES + lane)
            for j in range(columns):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                entry = to_singles(word)
                store(first, j * LANES + lane, entry * weight + load(first, j * LANES + lane))
                for m in range(1, inputs):
                    product = products[m]
                    other = load(vectors[m], i * LANES + lane)
                    store(product, j * LANES + lane, entry * other + load(product, j * LANES + lane))
            if columns % 2:
                _, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
        store_states(state, lane, (s0, s1, s2, s3))


@kernel()
def multiply_signs(state, vectors, products):
    """Write ``products[m] = A vectors[m]``, A as :func:`~theory_check.kernels.rows.fill_signs` draws it."""
    inputs, size = vectors.shape
    rows = products.shape[1] // LANES
    columns = size // LANES
    padded = columns + columns % 2
    for lane in range(0, LANES, SIZE):
        s0, s1, s2, s3 = load_states(state, lane)
        for i in range(rows):
            for m in range(inputs):
                store(products[m], i * LANES + lane, zeros())
            for start in range(0, padded, 32):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                for m in range(inputs):
                    vector, left = vectors[m], word
                    total = load(products[m], i * LANES + lane)
                    for j in range(start, min(start + 32, columns)):
                        total = total + signed(left, load(vector, j * LANES + lane))
                        left = left + left
                    store(products[m], i * LANES + lane, total)
        store_states(state, lane, (s0, s1, s2, s3))


@kernel()
def multiply_signs_transposed(state, vectors, products):
    """Write ``products[m] = A^T vectors[m]`` for the same A."""
    inputs, size = vectors.shape
    columns = products.shape[1] // LANES
    padded = columns + columns % 2
    products[:] = float32(0)
    for lane in range(0, LANES, SIZE):
        s0, s1, s2, s3 = load_states(state, lane)
        for i in range(size // LANES):
            for start in range(0, padded, 32):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                for m in range(inputs):
                    product, left = products[m], word
                    weight = load(vectors[m], i * LANES + lane)
                    for j in range(start, min(start + 32, columns)):
                        store(product, j * LANES + lane, load(product, j * LANES + lane) + signed(left, weight))
                        left = left + left
        store_states(state, lane, (s0, s1, s2, s3))
