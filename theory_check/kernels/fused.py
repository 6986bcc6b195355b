"""Products of weight matrices with vectors that keep their sums in registers.

For one vector, matrices of uniform entries or random signs are used where they are drawn: the same matrices as the
fillers of :mod:`theory_check.kernels.rows` write, row after row from the same words. A row in memory costs a store and
a load for each weight; here the four words of a generator's state and one sum stay in registers for sixteen lanes, and
sixteen others fill the cycles in which these wait for the last word or sum. For several vectors, or other laws, rows
are written first and used four at a time. Every sum takes its columns in order: the values are those of
:func:`~theory_check.kernels.dense.dot` to the last bit.
"""

from __future__ import annotations

from numpy import float32

from theory_check.kernels import LANES
from theory_check.kernels.compilation import COMPILED, kernel
from theory_check.kernels.vectors import SIZE, WIDE, load, store, to_singles, view, zeros
from theory_check.kernels.words import load_states, next_words, store_states

_SIGN_BIT = 0x80000000


#: Rows that :func:`multiply_tile` takes at once.
TILE = 4


@kernel()
def multiply_tile(rows, vectors, products, start):
    """Write ``products[m, start + i] = sum_j rows[i, j] vectors[m, j]`` for four rows of all lanes.

    ``rows`` are four rows of equal length one after another.
    """
    size = rows.size // TILE
    first, second, third, fourth = rows[:size], rows[size : 2 * size], rows[2 * size : 3 * size], rows[3 * size :]
    for lane in range(0, LANES, SIZE):
        multiply_four(first, second, third, fourth, vectors, products, lane, start * LANES + lane, LANES)


@kernel()
def add_tile_transposed(rows, vectors, products, start):
    """Do ``products[m, j] += sum_i rows[i, j] vectors[m, start + i]`` for four rows of all lanes, row after row.

    ``rows`` are four rows of equal length one after another.
    """
    size = rows.size // TILE
    first, second, third, fourth = rows[:size], rows[size : 2 * size], rows[2 * size : 3 * size], rows[3 * size :]
    for m in range(vectors.shape[0]):
        vector, product = vectors[m, start * LANES : (start + TILE) * LANES], products[m]
        for lane in range(0, LANES, SIZE):
            a, b = load(vector, lane), load(vector, LANES + lane)
            c, d = load(vector, 2 * LANES + lane), load(vector, 3 * LANES + lane)
            for j in range(lane, product.size, LANES):
                total = load(first, j) * a + load(product, j)
                total = load(second, j) * b + total
                total = load(third, j) * c + total
                store(product, j, load(fourth, j) * d + total)


@kernel()
def multiply_part(rows, vectors, products):
    """Write ``products[m] = A vectors[m]`` in sixteen lanes, component j of lane l at ``j * SIZE + l``.

    ``rows`` has shape (rows, columns * SIZE). Where their number is no multiple of four, the last four overlap those
    before and write the same sums once more.
    """
    count, width = rows.shape[0], vectors.shape[1] // SIZE
    if not COMPILED or count < TILE:
        products[:] = float32(0)
        for m in range(vectors.shape[0]):
            for i in range(count):
                for j in range(width):
                    for lane in range(SIZE):
                        products[m, i * SIZE + lane] += rows[i, j * SIZE + lane] * vectors[m, j * SIZE + lane]
        return
    for i in range(0, count, TILE):
        k = min(i, count - TILE)
        multiply_four(rows[k], rows[k + 1], rows[k + 2], rows[k + 3], vectors, products, 0, k * SIZE, SIZE)


@kernel()
def multiply_four(first, second, third, fourth, vectors, products, lane, place, step):
    """Write the products of four rows in sixteen lanes, from ``place`` on; components are ``step`` numbers apart.

    Two inputs at a time: eight sums stay in registers, six loads for eight products; every sum takes its columns in
    order.
    """
    inputs, end = vectors.shape[0], vectors.shape[1]
    for m in range(0, inputs - 1, 2):
        x, y = vectors[m], vectors[m + 1]
        a = b = c = d = e = f = g = h = zeros()
        for j in range(lane, end, step):
            p, q = load(x, j), load(y, j)
            row = load(first, j)
            a = row * p + a
            e = row * q + e
            row = load(second, j)
            b = row * p + b
            f = row * q + f
            row = load(third, j)
            c = row * p + c
            g = row * q + g
            row = load(fourth, j)
            d = row * p + d
            h = row * q + h
        store_four(products[m], place, step, a, b, c, d)
        store_four(products[m + 1], place, step, e, f, g, h)
    if inputs % 2:
        x = vectors[inputs - 1]
        a = b = c = d = zeros()
        for j in range(lane, end, step):
            p = load(x, j)
            a = load(first, j) * p + a
            b = load(second, j) * p + b
            c = load(third, j) * p + c
            d = load(fourth, j) * p + d
        store_four(products[inputs - 1], place, step, a, b, c, d)


@kernel()
def store_four(product, place, step, a, b, c, d):
    """Write the sums of four rows."""
    store(product, place, a)
    store(product, place + step, b)
    store(product, place + 2 * step, c)
    store(product, place + 3 * step, d)


@kernel()
def signed(word, vector):
    """Return the numbers with their signs changed where the top bit of the word is set: times a random sign."""
    return view(view(vector) ^ (word & _SIGN_BIT))


@kernel()
def multiply_uniform(state, vector, product):
    """Write ``product = A vector``, A as :func:`~theory_check.kernels.rows.fill_uniform` draws it."""
    columns = vector.size // LANES
    # Two states and sums do not fit registers of 256 bits.
    for lane in range(0, 0 if WIDE else LANES, SIZE):
        s0, s1, s2, s3 = load_states(state, lane)
        for i in range(lane, product.size, LANES):
            total = zeros()
            for j in range(lane, columns * LANES, LANES):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                total = to_singles(word) * load(vector, j) + total
            if columns % 2:
                _, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
            store(product, i, total)
        store_states(state, lane, (s0, s1, s2, s3))
    for lane in range(0, LANES if WIDE else 0, 2 * SIZE):
        other = lane + SIZE
        s0, s1, s2, s3 = load_states(state, lane)
        t0, t1, t2, t3 = load_states(state, other)
        for i in range(0, product.size, LANES):
            total = more = zeros()
            for j in range(0, columns * LANES, LANES):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                next_word, t0, t1, t2, t3 = next_words(t0, t1, t2, t3)
                total = to_singles(word) * load(vector, j + lane) + total
                more = to_singles(next_word) * load(vector, j + other) + more
            if columns % 2:
                _, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                _, t0, t1, t2, t3 = next_words(t0, t1, t2, t3)
            store(product, i + lane, total)
            store(product, i + other, more)
        store_states(state, lane, (s0, s1, s2, s3))
        store_states(state, other, (t0, t1, t2, t3))


@kernel()
def multiply_uniform_transposed(state, vector, product):
    """Write ``product = A^T vector`` for the same A."""
    columns = product.size // LANES
    product[:] = float32(0)
    for lane in range(0, LANES, 2 * SIZE):
        other = lane + SIZE
        s0, s1, s2, s3 = load_states(state, lane)
        t0, t1, t2, t3 = load_states(state, other)
        for i in range(0, vector.size, LANES):
            weight, next_weight = load(vector, i + lane), load(vector, i + other)
            for j in range(0, columns * LANES, LANES):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                next_word, t0, t1, t2, t3 = next_words(t0, t1, t2, t3)
                store(product, j + lane, to_singles(word) * weight + load(product, j + lane))
                store(product, j + other, to_singles(next_word) * next_weight + load(product, j + other))
            if columns % 2:
                _, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                _, t0, t1, t2, t3 = next_words(t0, t1, t2, t3)
        store_states(state, lane, (s0, s1, s2, s3))
        store_states(state, other, (t0, t1, t2, t3))


@kernel()
def multiply_signs(state, vector, product):
    """Write ``product = A vector``, A as :func:`~theory_check.kernels.rows.fill_signs` draws it."""
    columns = vector.size // LANES
    padded = columns + columns % 2
    for lane in range(0, LANES, 2 * SIZE):
        other = lane + SIZE
        s0, s1, s2, s3 = load_states(state, lane)
        t0, t1, t2, t3 = load_states(state, other)
        for i in range(0, product.size, LANES):
            total = more = zeros()
            for start in range(0, padded, 32):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                next_word, t0, t1, t2, t3 = next_words(t0, t1, t2, t3)
                for j in range(start * LANES, min(start + 32, columns) * LANES, LANES):
                    total = total + signed(word, load(vector, j + lane))
                    more = more + signed(next_word, load(vector, j + other))
                    word, next_word = word + word, next_word + next_word
            store(product, i + lane, total)
            store(product, i + other, more)
        store_states(state, lane, (s0, s1, s2, s3))
        store_states(state, other, (t0, t1, t2, t3))


@kernel()
def multiply_signs_transposed(state, vector, product):
    """Write ``product = A^T vector`` for the same A."""
    columns = product.size // LANES
    padded = columns + columns % 2
    product[:] = float32(0)
    for lane in range(0, LANES, SIZE):
        s0, s1, s2, s3 = load_states(state, lane)
        for i in range(lane, vector.size, LANES):
            weight = load(vector, i)
            for start in range(0, padded, 32):
                word, s0, s1, s2, s3 = next_words(s0, s1, s2, s3)
                for j in range(start, min(start + 32, columns)):
                    place = j * LANES + lane
                    store(product, place, load(product, place) + signed(word, weight))
                    word = word + word
        store_states(state, lane, (s0, s1, s2, s3))
