"""Plain NumPy twins of the kernels, written from their docstrings, with bounds on the difference from them.

Arrays have the lanes of a block last. What a kernel computes in single precision, a twin computes in double precision
and carries along a bound on the distance between the two, by running error analysis (Wilkinson 1963; Higham, *Accuracy
and Stability of Numerical Algorithms*, section 3.3): errors of the arguments pass through absolute values of the
matrices, and every product, sum or rounding adds a relative error of at most UNIT.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory_check.foundation.streams import PHILOX_INCREMENTS, PHILOX_MULTIPLIERS, PHILOX_ROUNDS, Purpose
from theory_check.kernels import LANES

#: Unit roundoff of single precision.
UNIT = 2.0**-24

#: Second-order terms: products of roundings are below a thousandth of the first-order bound at the sizes of the tests.
SECOND_ORDER = 1.001


def key_of(seed):
    return np.array([seed, 0x9E3779B9], np.uint32)


def philox4x32(counter, key):
    """Apply Philox4x32-10 to counters, shape (n, 4).

    One round maps (c0, c1, c2, c3) to (hi(M1 c2) ^ c1 ^ k0, lo(M1 c2), hi(M0 c0) ^ c3 ^ k1, lo(M0 c0)) and bumps the
    key.
    """
    c0, c1, c2, c3 = (counter[:, i].astype(np.uint64) for i in range(4))
    k0, k1 = (np.uint64(k) for k in key)
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    for _ in range(PHILOX_ROUNDS):
        first, second = c0 * np.uint64(PHILOX_MULTIPLIERS[0]), c2 * np.uint64(PHILOX_MULTIPLIERS[1])
        c0, c1, c2, c3 = (second >> shift) ^ c1 ^ k0, second & low, (first >> shift) ^ c3 ^ k1, first & low
        k0 = (k0 + np.uint64(PHILOX_INCREMENTS[0])) & low
        k1 = (k1 + np.uint64(PHILOX_INCREMENTS[1])) & low
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def xoshiro128plusplus(state, draws):
    """Draw from generators with states of shape (4, n); returns (draws, n)."""
    s0, s1, s2, s3 = (state[i].copy() for i in range(4))

    def rotate(word, places):
        return (word << np.uint32(places)) | (word >> np.uint32(32 - places))

    out = np.empty((draws, state.shape[1]), np.uint32)
    for draw in range(draws):
        out[draw] = rotate(s0 + s3, 7) + s0
        shifted = s1 << np.uint32(9)
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = rotate(s3, 11)
    return out


def words(key, first_replicate, layer, purpose, draws):
    """Words of the streams of a block, shape (draws, LANES)."""
    replicates = first_replicate + np.arange(LANES, dtype=np.uint64)
    constant = np.ones(LANES, np.uint64)
    counter = np.stack(
        [replicates & np.uint64(0xFFFFFFFF), replicates >> np.uint64(32), constant * layer, constant * int(purpose)],
        axis=1,
    )
    seeds = philox4x32(counter.astype(np.uint32), (int(key[0]), int(key[1])))
    return xoshiro128plusplus(seeds.T.copy(), draws)


def new_state():
    """An unset state of the generators of a block."""
    return np.empty(4 * LANES, np.uint32)


def even(columns):
    return columns + columns % 2


def uniform_row(drawn, columns):
    return drawn.view(np.int32).astype(np.float32)


def signs_row(drawn, columns):
    column = np.arange(columns)
    bits = drawn[column // 32] >> np.uint32(31 - column % 32)[:, None]
    return np.where(bits & np.uint32(1), np.float32(-1), np.float32(1))


def ternary_row(drawn, columns):
    """Four bits a column, the sign first; kept if the other three are zero."""
    column = np.arange(columns)
    four = (drawn[column // 8] >> np.uint32(28 - 4 * (column % 8))[:, None]) & np.uint32(15)
    return np.select([four == 0, four == 8], [np.float32(1), np.float32(-1)], np.float32(0))


def triangular_row(drawn, columns):
    return ((drawn >> np.uint32(16)).astype(np.int64) + (drawn & np.uint32(0xFFFF)) - 65535).astype(np.float32)


def exponential_row(drawn, columns):
    """Centred exponential numbers in double precision, with the bound of :func:`normal_row` and one more rounding."""
    exponential = -np.log((drawn.astype(np.float64) + 0.5) / 2.0**32)
    bound = (4.0 + 3.0 * np.maximum(exponential, 1.0)) * UNIT
    return exponential - 1.0, bound + np.abs(exponential - 1.0) * UNIT + UNIT


def normal_row(drawn, columns):
    """Box and Muller in double precision, with a bound on the distance to single precision.

    Exponential variable E = -ln u: the word is rounded to single precision twice, together 2 UNIT in ln u; the product
    of the exponent with ln 2 and the last sum round 3 times relative to E, the series adds less than 2 UNIT since it is
    below 0.35. So |dE| <= (4 + 3 max(E, 1)) UNIT, and the radius sqrt(2 E) moves by at most min(sqrt(2 dE), 2 dE /
    radius). Angle: whole numbers below 2^30 are rounded to multiples of 64, an error of at most 32.5 pi/2 / 2^30 <
    UNIT; sine and cosine are within 3 UNIT of that, the root and the last product within 2 UNIT: 6 UNIT times the
    radius.
    """
    half = columns // 2
    radius_words, angle_words = drawn[:half].astype(np.float64), drawn[half:]
    exponential = -np.log((radius_words + 0.5) / 2.0**32)
    radius = np.sqrt(2.0 * exponential)
    offset = (angle_words & np.uint32(0x3FFFFFFF)).astype(np.float64) - (2.0**29 - 0.5)
    angle = offset * (math.pi / 2 / 2**30) + (angle_words >> np.uint32(30)) * (math.pi / 2)
    row = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    moved = (4.0 + 3.0 * np.maximum(exponential, 1.0)) * UNIT
    bound = np.minimum(np.sqrt(2.0 * moved), 2.0 * moved / radius) + 6.0 * UNIT * radius
    return row, np.concatenate([bound, bound])


def entrywise_row(transform, constants):
    """Two uniform numbers for each entry: u of 64 bits, from the words of the first and second third, v of 32 bits."""

    def row(drawn, columns):
        high, low, sign = (part.astype(np.float64) for part in drawn.reshape(3, columns, LANES))
        u, v = (high + (low + 0.5) * 2.0**-32) * 2.0**-32, (sign + 0.5) * 2.0**-32
        return np.vectorize(lambda a, b: transform(a, b, constants), otypes=[np.float64])(u, v)

    return row


@dataclass(frozen=True)
class Matrices:
    """Draws the weight matrices of a block by calling a row filler row by row, shape (rows, columns, LANES)."""

    fill: object
    constants: np.ndarray
    deviation: float
    orthogonal: bool = False

    def draw(self, key, first_replicate, layer, purpose, rows, columns):
        from theory_check.kernels.words import seed_lanes

        state = new_state()
        seed_lanes(state, key, first_replicate, layer, int(purpose))
        matrix = np.empty((rows, even(columns) * LANES), np.float32)
        for row in matrix:
            self.fill(state, row, self.constants)
        return self._finish(matrix.reshape(rows, even(columns), LANES)[:, :columns].astype(np.float64))

    def _finish(self, matrix):
        if not self.orthogonal:
            return self.deviation * matrix, np.zeros_like(matrix)
        # Gram-Schmidt on the rows is the QR factorisation of the transpose with a positive diagonal. A relative
        # perturbation of the rows by (columns + 8) UNIT moves the factor by at most its condition number times that
        # (Sun 1991, first order, with the constant 1 + sqrt 2) in the Frobenius norm, sqrt(columns) for a rotation.
        columns = matrix.shape[1]
        stacked = np.moveaxis(matrix, -1, 0)
        q, r = np.linalg.qr(np.swapaxes(stacked, 1, 2))
        rows = np.swapaxes(q * np.sign(np.einsum("lii->li", r))[:, None, :], 1, 2) * math.sqrt(columns)
        bound = (1.0 + math.sqrt(2.0)) * np.linalg.cond(stacked) * math.sqrt(columns) * (columns + 8) * UNIT
        bounds = np.broadcast_to(self.deviation * math.sqrt(columns) * bound, matrix.shape)
        return self.deviation * np.moveaxis(rows, 0, -1), bounds


def product(matrix, vector, error, roundings=6):
    """Matrix times vector with a bound: ``columns + roundings`` roundings for every term."""
    weights, weight_error = matrix
    error = np.zeros_like(vector) + error
    value = np.einsum("ijl,jl->il", weights, vector)
    size = np.abs(vector) + error
    bound = np.einsum("ijl,jl->il", np.abs(weights), error) + np.einsum("ijl,jl->il", weight_error, size)
    bound += (weights.shape[1] + roundings) * UNIT * np.einsum("ijl,jl->il", np.abs(weights), size)
    return value, SECOND_ORDER * bound


def transposed(matrix):
    return tuple(np.swapaxes(part, 0, 1) for part in matrix)


def activate(activation, pre, error):
    """Activation and slope with bounds; a slope is uncertain where the sign of its argument is."""
    if activation.name == "tanh":
        post = np.tanh(pre)
        # tanh and its derivative have slopes at most 1; a float32 tanh is within 4 UNIT.
        slack = error + 4.0 * UNIT
        return post, slack, 1.0 - post**2, 2.0 * slack + UNIT
    negative = activation.negative_slope
    slope = np.where(pre > 0, 1.0, negative)
    kinked = np.where((np.abs(pre) <= error) & (error > 0), abs(1.0 - negative), 0.0)
    # The slope itself is rounded to single precision once, the product once.
    steepest = max(1.0, abs(negative))
    return slope * pre, steepest * error + 2.0 * UNIT * steepest * np.abs(pre), slope, kinked + UNIT * steepest


@dataclass(frozen=True)
class DenseTwin:
    """Textbook loops over the layers of a dense block."""

    branch: object
    scaling: np.ndarray
    key: np.ndarray
    first_replicate: int
    outer: Matrices
    inner: Matrices

    def matrix(self, layer, purpose, width):
        which = self.inner if purpose == Purpose.INNER_WEIGHTS else self.outer
        return which.draw(self.key, self.first_replicate, layer, purpose, width, width)

    def bias(self, layer, width):
        from dataclasses import replace

        vector, _ = replace(self.inner, orthogonal=False).draw(
            self.key, self.first_replicate, layer, Purpose.BIAS, 1, width
        )
        return vector[0]

    def branch_value(self, layer, hidden, error):
        """g(h), its bound, the slope of the activation and its bound."""
        pre, bound = hidden, error + UNIT * np.abs(hidden)
        if self.branch.has_inner:
            pre, bound = product(self.matrix(layer, Purpose.INNER_WEIGHTS, hidden.shape[0]), hidden, error)
            if self.branch.has_bias:
                bias = self.bias(layer, hidden.shape[0])
                pre, bound = pre + bias, bound + 2.0 * UNIT * (np.abs(bias) + np.abs(pre + bias))
        return activate(self.branch.activation, pre, bound)

    def forward(self, hidden, error=0.0, first_layer=0):
        """h_L with its bound, and the slopes with theirs."""
        error = np.zeros_like(hidden) + error
        slopes = []
        for k, factor in enumerate(self.scaling):
            layer = first_layer + k
            post, bound, slope, slope_bound = self.branch_value(layer, hidden, error)
            increment, bound = product(self.matrix(layer, Purpose.OUTER_WEIGHTS, hidden.shape[0]), post, bound)
            hidden = hidden + factor * increment
            # Double precision: one rounding each, far below those of the increment.
            error = error + abs(factor) * bound + 2.0**-50 * np.abs(hidden)
            slopes.append((slope, slope_bound))
        return hidden, error, slopes

    def backward(self, slopes, gradient, first_layer=0):
        """p_0 with its bound."""
        error = np.zeros_like(gradient)
        width = gradient.shape[0]
        for k in range(len(self.scaling) - 1, -1, -1):
            layer, (slope, slope_bound) = first_layer + k, slopes[k]
            pulled, bound = product(transposed(self.matrix(layer, Purpose.OUTER_WEIGHTS, width)), gradient, error)
            bound = np.abs(slope) * bound + slope_bound * (np.abs(pulled) + bound) + 2.0 * UNIT * np.abs(slope * pulled)
            pulled = slope * pulled
            if self.branch.has_inner:
                pulled, bound = product(transposed(self.matrix(layer, Purpose.INNER_WEIGHTS, width)), pulled, bound)
            gradient = gradient + self.scaling[k] * pulled
            error = error + abs(self.scaling[k]) * bound + 2.0**-50 * np.abs(gradient)
        return gradient, error

    def tangent(self, slopes, direction, first_layer=0):
        """Jacobian times a direction."""
        for k, factor in enumerate(self.scaling):
            moved = direction
            if self.branch.has_inner:
                moved, _ = product(self.matrix(first_layer + k, Purpose.INNER_WEIGHTS, len(direction)), moved, 0.0)
            moved, _ = product(
                self.matrix(first_layer + k, Purpose.OUTER_WEIGHTS, len(direction)), slopes[k][0] * moved, 0.0
            )
            direction = direction + factor * moved
        return direction


@dataclass(frozen=True)
class StoredTwin(DenseTwin):
    """The textbook loop of the dense kernel with given matrices, the same for every lane, and factors by lane."""

    outers: np.ndarray
    inners: np.ndarray
    biases: np.ndarray  # (depth, width, 1), or one value for each column

    @classmethod
    def of(cls, branch, scaling, outer, inner, bias):
        """Scaling of shape (depth, lanes), matrices (depth, width, width), biases (depth, width)."""
        given = (part.astype(np.float64) for part in (outer, inner, bias[:, :, None]))
        return cls(branch, scaling, None, 0, None, None, *given)

    def matrix(self, layer, purpose, width):
        given_matrix = (self.inners if purpose == Purpose.INNER_WEIGHTS else self.outers)[layer][:, :, None]
        return given_matrix, np.zeros_like(given_matrix)

    def bias(self, layer, width):
        return self.biases[layer]


def entry_words(key, replicate, group, layer, purpose, draws):
    """Words of the streams of a group of entries, shape (draws, LANES)."""
    entries = group * LANES + np.arange(LANES, dtype=np.uint64)
    constant = np.ones(LANES, np.uint64)
    counter = np.stack([constant * replicate, entries, constant * layer, constant * int(purpose)], axis=1)
    seeds = philox4x32(counter.astype(np.uint32), (int(key[0]), int(key[1])))
    return xoshiro128plusplus(seeds.T.copy(), draws)


def entry_normals(key, replicate, group, layer, purpose, columns):
    """Normal numbers of a group and their distance to single precision, shape (even columns, LANES) each."""
    return normal_row(entry_words(key, replicate, group, layer, purpose, even(columns)), even(columns))
