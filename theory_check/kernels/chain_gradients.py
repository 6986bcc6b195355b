"""The plane chain backwards: norm and displacement of the gradients for Gaussian weights, exact in their joint law.

Notation of :mod:`theory_check.kernels.chain`: h_k = x_k e + y_k f_k in units of ||h_0||. The branch is v ||g|| eta with
eta = eta_1 e + eta_2 f_k + r n, n a unit vector orthogonal to e and f_k; for width d >= 4.

The directions, backwards
    f_{k+1} = cos(t) f_k + sin(t) n, and n is uniform among the unit vectors orthogonal to e and f_k, given all x, y and
    eta. So f_0, f_1, ... is a Markov chain with one angle t for each layer, whose transitions know no other direction.
    Backwards it is one with the same angles: f_k = cos(t) f_{k+1} + sin(t) m, m uniform among the unit vectors
    orthogonal to e and f_{k+1}, independent of all that lies above. Then n = sin(t) f_{k+1} - cos(t) m.

The gradient
    With p above the layer, tau = <V g, p>/||g|| = v <eta, p>. Given V g, V^T p is tau g/||g|| + v ||p|| (xi - <xi, g> g
    /||g||^2) with standard normal xi (:mod:`theory_check.kernels.reduced`), and q = sigma'(W h) * V^T p. Given W h, W^T
    is alike, and <q, W h> = <V^T p, g> = tau ||g||:

        p <- p + a (tau c h/||h|| + b (xi - <xi, h> h/||h||^2)),    c = ||g||/||h||, b = w ||q||,

    which for a linear branch is V^T p with c = 1 and b = v ||p||. In units of w ||h||, A is the square of the N
    components of g where the slope is 1, and s^2 B that of the others. With G^2 = A + s^2 B and a standard normal zeta
    along the vector that is orthogonal to g in the plane of both parts (zeta = 0 where one part is empty),

        ||q||^2 = (tau sqrt(A) + v ||p|| s sqrt(B) zeta)^2/G^2 + s^2 (tau s sqrt(B) - v ||p|| sqrt(A) zeta)^2/G^2
                  + v^2 ||p||^2 (chi^2_{N-1} + s^2 chi^2_{d-N-1}).

The frame
    p_L and e span the first two axes. The third is the direction of what f is besides, so that f = cos(u) e_2 + sin(u)
    e_3, and the fourth that of what p is besides: p has four components, f an angle. A layer turns the third and the
    fourth axis: the new components of p are <p, e_3> and what a vector product leaves, without any difference of
    numbers that nearly agree.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy import float64

from theory_check.kernels import LANES
from theory_check.kernels.chain import fill_chi_square
from theory_check.kernels.compilation import DOUBLES, LONGS, WORDS, kernel
from theory_check.kernels.layers import rescale
from theory_check.kernels.rows import fill_normal
from theory_check.kernels.words import draw_words, seed_lanes

_BACKWARD = 8  # streams.Purpose, frozen here because kernels see numbers only; a test compares

_BACKWARD_PASS = types.void(
    WORDS, types.int64, types.int64, DOUBLES, types.int64, types.float64, types.float64, types.boolean, types.float64,
    types.float64[:, ::1], DOUBLES, LONGS,
)  # fmt: skip


@kernel()
def turn(normals, beyond, kept, gradient, pairing):
    """Go to the frame of the layer below; ``pairing`` receives <eta, p>, and ``gradient`` is p and f in the new frame.

    ``normals`` and ``beyond`` are the components of m along the axes and the square of the others, up to a factor.
    """
    for lane in range(LANES):
        cosine, sine = kept[2 * LANES + lane], kept[3 * LANES + lane]
        p1, p2, p3, p4 = gradient[lane], gradient[LANES + lane], gradient[2 * LANES + lane], gradient[3 * LANES + lane]
        c, s = gradient[4 * LANES + lane], gradient[5 * LANES + lane]
        m3, m4 = float64(normals[lane]), float64(normals[LANES + lane])
        inverse = 1.0 / math.sqrt(m3 * m3 + m4 * m4 + beyond[lane])
        m3, m4, m5 = m3 * inverse, m4 * inverse, math.sqrt(beyond[lane]) * inverse
        f2, f3, f4, f5 = cosine * c - sine * s * m3, cosine * s + sine * c * m3, sine * m4, sine * m5
        n2, n3, n4 = sine * c + cosine * s * m3, sine * s - cosine * c * m3, -cosine * m4
        pairing[lane] = (
            kept[4 * LANES + lane] * p1
            + kept[5 * LANES + lane] * (f2 * p2 + f3 * p3 + f4 * p4)
            + kept[6 * LANES + lane] * (n2 * p2 + n3 * p3 + n4 * p4)
        )
        besides = math.sqrt(f3 * f3 + f4 * f4 + f5 * f5)
        over = 1.0 / besides if besides > 0.0 else 0.0
        twist = f3 * p4 - f4 * p3
        left = math.sqrt(twist * twist + f5 * f5 * (p3 * p3 + p4 * p4))
        gradient[2 * LANES + lane] = (f3 * p3 + f4 * p4) * over if besides > 0.0 else p3
        gradient[3 * LANES + lane] = left * over if besides > 0.0 else p4
        gradient[4 * LANES + lane], gradient[5 * LANES + lane] = f2, besides


@kernel()
def inner_lengths(normals, active, passive, kept, tau, spread, slope, width, lengths):
    """Write ||q|| for tau, spread = v ||p||, and the chi-square numbers of both parts."""
    for lane in range(LANES):
        first, second = kept[8 * LANES + lane], kept[9 * LANES + lane]
        count = kept[10 * LANES + lane]
        norm = math.sqrt(first * first + slope * slope * second * second)
        zeta = float64(normals[lane]) if 0.0 < count < width else 0.0
        over = 1.0 / norm if norm > 0.0 else 0.0
        one = (tau[lane] * first + spread[lane] * slope * second * zeta) * over
        other = slope * (tau[lane] * slope * second - spread[lane] * first * zeta) * over
        rest = spread[lane] * spread[lane] * (active[lane] + slope * slope * passive[lane])
        lengths[lane] = math.sqrt(one * one + other * other + rest)


@kernel(_BACKWARD_PASS)
def backward(
    key, first_replicate, first_layer, scaling, width, outer_deviation, inner_deviation, has_inner, negative_slope,
    kept, gradient, exponents,
):  # fmt: skip
    """Carry dLoss/dh back through the layers of one :func:`theory_check.kernels.chain.forward` call, in place.

    Parameters
    ----------
    key, first_replicate, first_layer, scaling, width, outer_deviation, inner_deviation, has_inner, negative_slope
        As of the forward pass; ``width`` is at least 4.
    kept : float64 array (layers, fields * LANES), as the forward pass wrote it
    gradient : float64 array (6 * LANES,), the four components of p in units of 2^exponents, cos(u) and sin(u)
    exponents : int64 array (LANES,)
    """
    state, words = np.empty(4 * LANES, np.uint32), np.empty(2 * LANES, np.uint32)
    normals, inside, doubtful = (
        np.empty(8 * LANES, np.float32),
        np.empty(4 * LANES, np.float32),
        np.empty(LANES, np.bool_),
    )
    rest, degrees = np.full(LANES, float64(width - 4)), np.empty(LANES)
    beyond, outside, active, passive = np.empty(LANES), np.empty(LANES), np.zeros(LANES), np.zeros(LANES)
    tau, spread, norms, none = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(0)
    leaky = has_inner and negative_slope != 0.0
    vector = gradient[: 4 * LANES]
    for k in range(scaling.size - 1, -1, -1):
        row = kept[k]
        seed_lanes(state, key, first_replicate, first_layer + k, _BACKWARD)
        fill_normal(state, normals, none)
        draw_words(state, words)
        fill_chi_square(state, rest, normals[6 * LANES : 7 * LANES], words[:LANES], doubtful, beyond)
        fill_chi_square(state, rest, normals[7 * LANES :], words[LANES:], doubtful, outside)
        turn(normals, beyond, row, gradient, tau)
        for lane in range(LANES):
            p1, p2, p3, p4 = vector[lane], vector[LANES + lane], vector[2 * LANES + lane], vector[3 * LANES + lane]
            tau[lane] *= outer_deviation
            spread[lane] = outer_deviation * math.sqrt(p1 * p1 + p2 * p2 + p3 * p3 + p4 * p4)
        if has_inner:
            fill_normal(state, inside, none)
            draw_words(state, words)
            for lane in range(LANES):
                degrees[lane] = row[10 * LANES + lane] - 1.0
            fill_chi_square(state, degrees, inside[LANES : 2 * LANES], words[:LANES], doubtful, active)
            if leaky:
                for lane in range(LANES):
                    degrees[lane] = width - row[10 * LANES + lane] - 1.0
                fill_chi_square(state, degrees, inside[2 * LANES : 3 * LANES], words[LANES:], doubtful, passive)
            inner_lengths(inside, active, passive, row, tau, spread, negative_slope, width, norms)
            for lane in range(LANES):
                tau[lane] *= row[7 * LANES + lane]
                spread[lane] = inner_deviation * norms[lane]
        factor = scaling[k]
        for lane in range(LANES):
            c1, c2 = float64(normals[2 * LANES + lane]), float64(normals[3 * LANES + lane])
            c3, c4 = float64(normals[4 * LANES + lane]), float64(normals[5 * LANES + lane])
            h1 = row[lane]
            h2, h3 = row[LANES + lane] * gradient[4 * LANES + lane], row[LANES + lane] * gradient[5 * LANES + lane]
            along = factor * (tau[lane] - spread[lane] * (h1 * c1 + h2 * c2 + h3 * c3))
            step = factor * spread[lane]
            vector[lane] += along * h1 + step * c1
            vector[LANES + lane] += along * h2 + step * c2
            vector[2 * LANES + lane] += along * h3 + step * c3
            besides = vector[3 * LANES + lane] + step * c4
            vector[3 * LANES + lane] = math.sqrt(besides * besides + step * step * outside[lane])
        rescale(vector, exponents, norms)
