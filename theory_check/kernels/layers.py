"""Pieces of one residual layer that the dense and the reduced kernel share: activations and rescaling.

A vector of a block is flat, component j of lane l at ``j * LANES + l``; that of a panel of stored passes has fewer
lanes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float32, float64

from theory_check.kernels import LANES
from theory_check.kernels.compilation import COMPILED, added_kernel, composed_kernel, kernel
from theory_check.kernels.hints import wide_loops
from theory_check.kernels.vectors import SIZE, all_between, load, repeat, store, to_doubles

#: Squared norms between which :func:`rescale` leaves a lane alone.
_LOWER, _UPPER = 2.0**-80, 2.0**80


@kernel()
def activate_piecewise_linear(pre, post, slope, parameters):
    """Write x -> x for x > 0 and x -> s x otherwise, s = parameters[0], and its derivative, which is s at 0."""
    wide_loops()
    positive, negative = slope.dtype.type(1), slope.dtype.type(parameters[0])
    for i in range(pre.size):
        slope[i] = positive if pre[i] > 0 else negative
        post[i] = slope[i] * pre[i]


@kernel()
def activate_tanh(pre, post, slope, parameters):
    """Write tanh(x) and its derivative 1 - tanh(x)^2."""
    for i in range(pre.size):
        value = post.dtype.type(math.tanh(pre[i]))
        post[i] = value
        slope[i] = slope.dtype.type(1) - value * value


#: Specialised kernels by the name that activations call them.
ACTIVATORS = {"tanh": activate_tanh}


def entrywise_activator(function, derivative):
    """Return an activation kernel from ``function(x, parameters)`` and its derivative, plain Python functions.

    They are compiled here in double precision.
    """
    value_of, slope_of = added_kernel(function), added_kernel(derivative)

    def activate(pre, post, slope, parameters):
        for i in range(pre.size):
            x = float64(pre[i])
            post[i] = post.dtype.type(value_of(x, parameters))
            slope[i] = slope.dtype.type(slope_of(x, parameters))

    return composed_kernel(activate)


def entrywise_function(function):
    """Return ``write(values, out, parameters)`` that applies such a function to a flat array in double precision."""
    value_of = added_kernel(function)

    def write(values, out, parameters):
        for i in range(values.size):
            out[i] = value_of(values[i], parameters)

    return composed_kernel(write)


@kernel(inline=True)
def squared_norms(vector, norms):
    """Write the squared Euclidean norm for every lane of ``norms``, a multiple of sixteen, in double precision."""
    lanes = norms.size
    for start in range(0, lanes, SIZE):
        if COMPILED:
            total = repeat(0.0)
            for place in range(start, vector.size, lanes):
                values = to_doubles(load(vector, place))
                total = values * values + total
            store(norms, start, total)
        else:
            norms[start : start + SIZE] = 0.0
            for place in range(start, vector.size, lanes):
                norms[start : start + SIZE] += vector[place : place + SIZE].astype(float64) ** 2


@kernel(inline=True)
def in_range(norms, first, lanes):
    """Tell whether the squared norms of ``lanes`` lanes, a multiple of sixteen, need no rescaling."""
    if COMPILED:
        inside = True
        for place in range(first, first + lanes, SIZE):
            inside &= all_between(load(norms, place), _LOWER, _UPPER)
        return inside
    return bool(np.all((norms[first : first + lanes] > _LOWER) & (norms[first : first + lanes] < _UPPER)))


@kernel(inline=True)
def rescale(vector, exponents, norms):
    """Bring lanes whose squared norm left [2^-80, 2^80] back to a norm near 1 by a power of two, kept in ``exponents``.

    The represented vector is ``vector * 2^exponents``; it has the lanes of ``norms``, which is room. Powers of two are
    exact, so rescaling never rounds. Lanes with norm 0, infinite or NaN are left alone.
    """
    squared_norms(vector, norms)
    lanes = norms.size
    if in_range(norms, 0, lanes):
        return
    for lane in range(lanes):
        norm = norms[lane]
        if norm > 0.0 and norm < np.inf and not (_LOWER < norm < _UPPER):
            shift = math.frexp(norm)[1] // 2
            factor = math.ldexp(1.0, -shift)
            for j in range(vector.size // lanes):
                vector[j * lanes + lane] *= factor
            exponents[lane] += shift


@kernel(inline=True)
def narrow(vector, single):
    """Copy a double-precision vector to single precision."""
    wide_loops()
    for i in range(vector.size):
        single[i] = float32(vector[i])


@kernel(inline=True)
def add_scaled(vector, factor, increment):
    """Do ``vector += factor * increment`` in double precision."""
    wide_loops()
    for i in range(vector.size):
        vector[i] += factor * float64(increment[i])


@kernel()
def add_bias(pre, bias, deviation, exponents):
    """Do ``pre += deviation * bias * 2^-exponents``: the bias in the units of a rescaled hidden state."""
    for lane in range(LANES):
        factor = float32(deviation * math.ldexp(1.0, int(-exponents[lane])))
        for j in range(pre.size // LANES):
            pre[j * LANES + lane] += factor * bias[j * LANES + lane]
