"""The plane chain: norm and displacement of the hidden states for Gaussian weights, O(1) numbers a layer, exact in law.

Notation
    h -> h + a V g, g = h (linear) or sigma(W h) (res-3, sigma(x) = x for x > 0 and s x otherwise); V and W have
    independent Gaussian entries of deviations v and w; h = x e + y f with e = h_0/||h_0||, a unit vector f orthogonal
    to it, and y >= 0; lengths are in units of ||h_0||.

Given h, V g is v ||g|| eta with a standard normal vector eta (:mod:`theory_check.kernels.reduced`). Its coordinates
along e and f and the squared length of the others are independent: two standard normal numbers and a chi-square number
with d - 2 degrees of freedom. With r = v ||g||,

    x <- x + a r eta_1,    y <- sqrt((y + a r eta_2)^2 + (a r)^2 chi^2_{d-2}),

where the new f is the direction of what is orthogonal to e: the law of eta does not depend on it. For res-3, W h is w
||h|| times a standard normal vector, whose coordinates are positive independently of their sizes: ||g||^2 = w^2
||h||^2 (chi^2_N + s^2 chi^2_{d-N}), N binomial of d and 1/2. So (x, y) is a Markov chain, and ||h||^2 = x^2 + y^2,
||h - h_0||^2 = (x - 1)^2 + y^2: the process of both has the law that the dense and the reduced kernel give it. At width
1 there is no f.

Exact up to rounding, as the other kernels are: normal numbers in single precision, the rest in double.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy import float64, uint32

from theory_check.kernels import LANES
from theory_check.kernels.compilation import DOUBLES, LONGS, WORDS, kernel
from theory_check.kernels.controls import add_terms
from theory_check.kernels.layers import rescale
from theory_check.kernels.rows import fill_normal, normal_pair
from theory_check.kernels.words import draw_words, next_one, seed_lanes

_FORWARD = 7  # streams.Purpose, frozen here because kernels see numbers only; a test compares

_FORWARD_PASS = types.void(
    WORDS, types.int64, types.int64, DOUBLES, types.int64, types.float64, types.float64, types.boolean, types.float64,
    DOUBLES, LONGS, types.float64[:, ::1], types.float64, types.float64[:, ::1],
)  # fmt: skip

_WORD = 2.0**-32


@kernel()
def settle_chi_square(state, lane, degrees, normal, word):
    """Return a chi-square number of at least two degrees of freedom: the whole test, and new numbers until it accepts.

    With k degrees of freedom, m = k/2 - 1/3 and X standard normal, 2 m (1 + X/sqrt(9 m))^3 is accepted if ln U < X^2/2
    + m (1 - Z + ln Z), Z the cube (Marsaglia and Tsang, *A Simple Method for Generating Gamma Variables*, 2000).
    """
    shape = degrees / 2.0 - 1.0 / 3.0
    while True:
        root = 1.0 + normal / math.sqrt(9.0 * shape)
        if root > 0.0:
            cube = root * root * root
            bound = 0.5 * normal * normal + shape * (1.0 - cube + math.log(cube))
            if math.log((float64(word) + 0.5) * _WORD) < bound:
                return 2.0 * shape * cube
        first, _ = normal_pair(next_one(state, lane), next_one(state, lane))
        normal = float64(first)
        word = next_one(state, lane)


@kernel()
def fill_chi_square(state, degrees, normals, words, doubtful, out):
    """Write chi-square numbers from a normal number and a word for each lane, with 0 for no degree of freedom.

    All lanes take the quick test of Marsaglia and Tsang, ``U < 1 - 0.0331 X^4``, which implies the whole one; a lane in
    ``doubtful``, about one of ten, goes on alone. Its further words come from its own stream.
    """
    for lane in range(LANES):
        normal, count = float64(normals[lane]), degrees[lane]
        square = normal * normal
        shape = max(count, 2.0) / 2.0 - 1.0 / 3.0
        root = 1.0 + normal / math.sqrt(9.0 * shape)
        several = 2.0 * shape * (root * root * root)
        out[lane] = several if count > 1.0 else (square if count > 0.0 else 0.0)
        sure = (root > 0.0) & ((float64(words[lane]) + 0.5) * _WORD < 1.0 - 0.0331 * square * square)
        doubtful[lane] = (count > 1.0) & (not sure)
    for lane in range(LANES):
        if doubtful[lane]:
            out[lane] = settle_chi_square(state, lane, degrees[lane], float64(normals[lane]), words[lane])


@kernel()
def ones(word):
    """Return the number of ones among the bits of a word, by sums of neighbouring fields."""
    word = uint32(word - (uint32(word >> uint32(1)) & uint32(0x55555555)))
    word = uint32((word & uint32(0x33333333)) + (uint32(word >> uint32(2)) & uint32(0x33333333)))
    word = uint32(uint32(word + uint32(word >> uint32(4))) & uint32(0x0F0F0F0F))
    return uint32(uint32(word * uint32(0x01010101)) >> uint32(24))


@kernel()
def count_positive(state, width, words, counts):
    """Write binomial numbers of ``width`` and 1/2: the ones among so many bits. ``words`` has room for all of them."""
    draw_words(state, words)
    counts[:] = 0.0
    for place in range(words.size // LANES):
        unused = uint32(max(0, 32 * (place + 1) - width))
        for lane in range(LANES):
            counts[lane] += float64(ones(uint32(words[place * LANES + lane] >> unused)))


@kernel()
def keep_layer(x, y, norm, factor, lengths, first, second, others, kept):
    """Keep of a layer: x and y over ||h||, cosine and sine of the angle between f and the next f, and eta.

    eta is given by its components along e and f and the length of the rest. ``lengths`` are v ||g||.
    """
    for lane in range(LANES):
        inverse = 1.0 / math.sqrt(norm[lane])
        step, across = factor * lengths[lane], math.sqrt(others[lane])
        beside, beyond = y[lane] + step * float64(second[lane]), step * across
        radius = math.sqrt(beside * beside + beyond * beyond)
        # Where nothing is beside e, before and after, f has no direction and keeps the one of the next layer.
        over = 1.0 / radius if radius > 0.0 else 0.0
        kept[lane], kept[LANES + lane] = x[lane] * inverse, y[lane] * inverse
        kept[2 * LANES + lane] = beside * over if radius > 0.0 else 1.0
        kept[3 * LANES + lane] = beyond * over
        kept[4 * LANES + lane], kept[5 * LANES + lane] = float64(first[lane]), float64(second[lane])
        kept[6 * LANES + lane] = across


@kernel()
def keep_activity(norm, lengths, outer_deviation, parts, positive, kept):
    """Keep of an activation: ||g||/||h||, the lengths of both parts of W h over w ||h||, and how many are positive."""
    for lane in range(LANES):
        kept[7 * LANES + lane] = lengths[lane] / (outer_deviation * math.sqrt(norm[lane]))
        kept[8 * LANES + lane] = math.sqrt(parts[lane])
        kept[9 * LANES + lane] = math.sqrt(parts[LANES + lane])
        kept[10 * LANES + lane] = positive[lane]


@kernel(_FORWARD_PASS)
def forward(
    key, first_replicate, first_layer, scaling, width, outer_deviation, inner_deviation, has_inner, negative_slope,
    plane, exponents, kept, kappa, controls,
):  # fmt: skip
    """Advance a block through ``scaling.size`` layers from ``first_layer``, in place.

    Parameters
    ----------
    key : uint32 array (2,)
    first_replicate, first_layer : int
    scaling : float64 array, a_k of these layers
    width : int
    outer_deviation, inner_deviation : deviations v and w of the entries of V and W
    has_inner : whether the branch is sigma(W h) and not h
    negative_slope : s
    plane : float64 array (2 * LANES,), x and y in units of 2^exponents
    exponents : int64 array (LANES,)
    kept : float64 array (layers kept, fields * LANES) that receives what the backward pass needs of each layer
        (:func:`keep_layer`), unless it is too short
    kappa : mean of ||V g(h)||^2 / ||h||^2 given h
    controls : float64 array (4, LANES) that the sums of :mod:`theory_check.kernels.controls` are added to, or of
        length 0
    """
    state = np.empty(4 * LANES, np.uint32)
    normals = np.empty(4 * LANES, np.float32)
    words = np.empty(2 * LANES, np.uint32)
    signs = np.empty((width + 31) // 32 * LANES, np.uint32)
    doubtful = np.empty(LANES, np.bool_)
    rest, positive, negative = np.full(LANES, float64(max(width - 2, 0))), np.empty(LANES), np.empty(LANES)
    length, others, more, lengths = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    norm, pairing, square = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    none, leaky, across = np.empty(0), has_inner and negative_slope != 0.0, 1.0 if width > 1 else 0.0
    x, y = plane[:LANES], plane[LANES:]
    first, second, third, fourth = (
        normals[:LANES], normals[LANES : 2 * LANES], normals[2 * LANES : 3 * LANES], normals[3 * LANES :]
    )  # fmt: skip
    keep, parts = kept.shape[0] >= scaling.size, np.zeros(2 * LANES)
    for k in range(scaling.size):
        seed_lanes(state, key, first_replicate, first_layer + k, _FORWARD)
        fill_normal(state, normals, none)
        draw_words(state, words)
        fill_chi_square(state, rest, third, words[:LANES], doubtful, others)
        if has_inner:
            count_positive(state, width, signs, positive)
            fill_chi_square(state, positive, fourth, words[LANES:], doubtful, length)
            parts[:LANES] = length
            if leaky:
                fill_normal(state, normals[2 * LANES :], none)
                draw_words(state, words)
                for lane in range(LANES):
                    negative[lane] = width - positive[lane]
                fill_chi_square(state, negative, third, words[:LANES], doubtful, more)
                parts[LANES:] = more
                for lane in range(LANES):
                    length[lane] += negative_slope * negative_slope * more[lane]
            for lane in range(LANES):
                length[lane] = outer_deviation * inner_deviation * math.sqrt(length[lane])
        else:
            length[:] = outer_deviation
        factor = scaling[k]
        for lane in range(LANES):
            norm[lane] = x[lane] * x[lane] + y[lane] * y[lane]
            lengths[lane] = length[lane] * math.sqrt(norm[lane])
        if controls.shape[0] > 0:
            for lane in range(LANES):
                along, beside = float64(first[lane]), across * float64(second[lane])
                pairing[lane] = lengths[lane] * (x[lane] * along + y[lane] * beside)
                squares = along * along + beside * beside + others[lane]
                square[lane] = lengths[lane] * lengths[lane] * squares
            add_terms(norm, pairing, square, factor, kappa * factor * factor, width, controls)
        if keep:
            keep_layer(x, y, norm, factor, lengths, first, second, others, kept[k])
            if has_inner:
                keep_activity(norm, lengths, outer_deviation, parts, positive, kept[k])
        for lane in range(LANES):
            step = factor * lengths[lane]
            x[lane] += step * float64(first[lane])
            beside = y[lane] + step * (across * float64(second[lane]))
            y[lane] = math.sqrt(beside * beside + step * step * others[lane])
        rescale(plane, exponents, norm)
