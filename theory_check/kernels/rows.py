"""Rows of random weights for a block of replicates.

Every filler has the signature ``fill(state, row, parameters)``: it overwrites ``row``, shape (columns * LANES,) with an
even number of columns, by independent draws in natural units, and advances ``state`` by the same number of words a
lane whatever the values are. The words are drawn in the memory of the row itself and transformed in place.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float32, int32, uint32

from theory_check.kernels import LANES
from theory_check.kernels.compilation import COMPILED, added_kernel, composed_kernel, kernel
from theory_check.kernels.hints import wide_loops, words_of
from theory_check.kernels.words import draw_words

#: Standard deviation of :func:`fill_uniform`, which leaves the scaling of the raw words to the caller:
#: a whole number uniform on -2^31 .. 2^31 - 1 has variance (2^64 - 1) / 12.
UNIFORM_NATURAL_DEVIATION = math.sqrt((2.0**64 - 1.0) / 12.0)

#: Of :func:`fill_triangular`: two whole numbers uniform on 0 .. 2^16 - 1, each of variance (2^32 - 1) / 12.
TRIANGULAR_NATURAL_DEVIATION = math.sqrt((2.0**32 - 1.0) / 6.0)

#: Of :func:`fill_ternary`: a random sign that is kept with probability 1/8.
TERNARY_NATURAL_DEVIATION = math.sqrt(1.0 / 8.0)

#: How a matrix meets vectors: row by row through memory, as it is or made orthogonal first, or in registers.
ROWS = 0
ORTHOGONAL_ROWS = 1
FUSED_UNIFORM = 2
FUSED_SIGNS = 3

_SQRT_HALF_BITS = int32(0x3F3504F3)
_MANTISSA_BITS = int32(0x007FFFFF)
_LN2 = float32(math.log(2.0))
#: The smallest value that the words of 32 bits stand for; single precision rounds the last of them to 0.
_LEAST_EXPONENTIAL = float32(2.0**-33)
_SIGN_BIT = uint32(0x80000000)
_ONE_BITS = uint32(0x3F800000)


@kernel()
def fill_uniform(state, row, parameters):
    """Uniform on the whole numbers of 32 bits with sign, rounded to single precision (mean -1/2 in 2^31)."""
    wide_loops()
    words = words_of(row)
    draw_words(state, words)
    for i in range(row.size):
        row[i] = float32(int32(words[i]))


@kernel()
def fill_signs(state, row, parameters):
    """Random signs, one bit each: column 32 c + b takes bit 31 - b of word c.

    The words wait in the last columns: word c stands at or after column 32 c + 31, the last column that reads it.
    """
    wide_loops()
    words = words_of(row)
    columns = row.size // LANES
    waiting = (columns + 31) // 32
    sources = words[(columns - waiting) * LANES :]
    draw_words(state, sources)
    for column in range(columns):
        source = sources[column // 32 * LANES : column // 32 * LANES + LANES]
        target = words[column * LANES : column * LANES + LANES]
        bit = uint32(column % 32)
        for lane in range(LANES):
            target[lane] = (uint32(source[lane] << bit) & _SIGN_BIT) | _ONE_BITS


@kernel()
def fill_ternary(state, row, parameters):
    """Zero, or a random sign with probability 1/8; four bits each: column 8 c + b takes bits 31 - 4 b to 28 - 4 b of c.

    The first of the four is the sign, which is kept if the other three are zero. The words wait in the last columns, as
    in :func:`fill_signs`.
    """
    wide_loops()
    words = words_of(row)
    columns = row.size // LANES
    waiting = (columns + 7) // 8
    sources = words[(columns - waiting) * LANES :]
    draw_words(state, sources)
    for column in range(columns):
        source = sources[column // 8 * LANES : column // 8 * LANES + LANES]
        target = words[column * LANES : column * LANES + LANES]
        place = uint32(4 * (column % 8))
        for lane in range(LANES):
            bits = uint32(source[lane] << place)
            # Three zero bits less one is the only negative number here.
            kept = uint32(uint32(uint32(uint32(bits >> uint32(28)) & uint32(7)) - uint32(1)) >> uint32(31))
            target[lane] = uint32(bits & _SIGN_BIT) | uint32(_ONE_BITS * kept)


@kernel()
def fill_triangular(state, row, parameters):
    """Sum of the two halves of a word, whole numbers uniform on 0 .. 2^16 - 1, less its mean: exact and symmetric."""
    wide_loops()
    words = words_of(row)
    draw_words(state, words)
    for i in range(row.size):
        word = words[i]
        row[i] = float32(int32(word >> uint32(16)) + int32(word & uint32(0xFFFF)) - int32(0xFFFF))


@kernel()
def exponential(word):
    """Return -ln((word + 1/2) / 2^32) in single precision, an exponential variable for a uniform word.

    ln m for the mantissa m in [sqrt(1/2), sqrt(2)) is 2 artanh(s), s = (m - 1)/(m + 1), s^2 < 0.0295: the first term
    that the series drops, 2 s^11 / 11, is below 7e-10.
    """
    number = np.float32(float32(word) + float32(0.5))
    bits = number.view(np.int32)
    offset = np.int32(bits - _SQRT_HALF_BITS)
    exponent = int32(offset >> int32(23))
    mantissa = np.int32(int32(offset & _MANTISSA_BITS) + _SQRT_HALF_BITS).view(np.float32)
    s = (mantissa - float32(1)) / (mantissa + float32(1))
    square = s * s
    series = float32(2 / 9)
    series = series * square + float32(2 / 7)
    series = series * square + float32(2 / 5)
    series = series * square + float32(2 / 3)
    series = series * square + float32(2)
    return float32(int32(32) - exponent) * _LN2 - s * series


@kernel()
def squared_radius(word):
    """Return the squared length of two independent standard normal numbers, twice an exponential number."""
    return float32(2) * max(exponential(word), _LEAST_EXPONENTIAL)


@kernel()
def point_of_circle(radius_square, word):
    """Return a uniform point of a circle, from the square of its radius and a uniform word for the angle.

    The two top bits of the angle choose the quadrant, the others an angle x in (-pi/4, pi/4); the Taylor series of sine
    and cosine stop at x^9 and x^10, the first dropped terms are below 2e-9.
    """
    radius = math.sqrt(radius_square)
    centred = float32(int32(word & uint32(0x3FFFFFFF))) - float32(2**29 - 0.5)
    x = centred * float32(math.pi / 2 / 2**30)
    square = x * x
    sine = float32(1 / 362880)
    sine = sine * square - float32(1 / 5040)
    sine = sine * square + float32(1 / 120)
    sine = sine * square - float32(1 / 6)
    sine = sine * square * x + x
    cosine = float32(-1 / 3628800)
    cosine = cosine * square + float32(1 / 40320)
    cosine = cosine * square - float32(1 / 720)
    cosine = cosine * square + float32(1 / 24)
    cosine = cosine * square - float32(1 / 2)
    cosine = cosine * square + float32(1)
    quadrant = word >> uint32(30)
    first = cosine
    second = sine
    if quadrant & uint32(1):
        first = -sine
        second = cosine
    if quadrant & uint32(2):
        first = -first
        second = -second
    return radius * first, radius * second


@kernel()
def normal_pair(radius_word, angle_word):
    """Return two independent standard normal numbers from two uniform words (Box and Muller, 1958).

    The largest value is sqrt(2 ln 2^33) = 6.76, which cuts off a probability of 1.4e-11.
    """
    return point_of_circle(squared_radius(radius_word), angle_word)


@kernel(inline=True)
def fill_normal(state, row, parameters):
    """Independent standard normal numbers; column j and column j + columns/2 share a pair.

    Two loops, because a processor looks too few instructions ahead to fill the time that one number takes.
    """
    wide_loops()
    words = words_of(row)
    draw_words(state, words)
    half = row.size // 2
    for i in range(half):
        row[i] = squared_radius(words[i])
    for i in range(half):
        row[i], row[half + i] = point_of_circle(row[i], words[half + i])


@kernel()
def fill_exponential(state, row, parameters):
    """Exponential numbers less their mean, a skewed law; the largest is ln 2^33 - 1 = 21.9."""
    wide_loops()
    words = words_of(row)
    draw_words(state, words)
    for i in range(row.size):
        row[i] = max(exponential(words[i]), _LEAST_EXPONENTIAL) - float32(1)


@kernel()
def fill_zero(state, row, parameters):
    """Write zeros: the last layer of a branch that starts as the identity."""
    for i in range(row.size):
        row[i] = float32(0)


#: Fillers by the names that weight laws call them, with the deviation of their natural units and the way of products.
FILLERS = {
    "normal": (fill_normal, 1.0, ROWS),
    "uniform": (fill_uniform, UNIFORM_NATURAL_DEVIATION, FUSED_UNIFORM if COMPILED else ROWS),
    "signs": (fill_signs, 1.0, FUSED_SIGNS if COMPILED else ROWS),
    "triangular": (fill_triangular, TRIANGULAR_NATURAL_DEVIATION, ROWS),
    "ternary": (fill_ternary, TERNARY_NATURAL_DEVIATION, ROWS),
    "exponential": (fill_exponential, 1.0, ROWS),
    "orthogonal": (fill_normal, 1.0, ORTHOGONAL_ROWS),
    "zero": (fill_zero, 1.0, ROWS),
}


def entrywise_filler(transform):
    """Return a filler that applies ``transform(u, v, parameters)`` to two independent uniforms on (0, 1].

    ``transform`` is a plain Python function on floats, compiled here in double precision. It may read u from the tail
    of a heavy law, so u has 64 random bits, v has 32.
    """
    compiled = added_kernel(transform)

    def fill(state, row, parameters):
        words = np.empty(3 * row.size, np.uint32)
        draw_words(state, words)
        for i in range(row.size):
            low = (float(words[row.size + i]) + 0.5) * 2.0**-32
            u = (float(words[i]) + low) * 2.0**-32
            v = (float(words[2 * row.size + i]) + 0.5) * 2.0**-32
            row[i] = compiled(u, v, parameters)

    return composed_kernel(fill)
