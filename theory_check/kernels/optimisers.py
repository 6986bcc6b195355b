"""Rules by which a gradient moves weights, a row of a matrix, in place: gradient descent, momentum, Adam.

Moments have the shape of the matrix; the gradient is flat. ``rule`` is a :class:`theory_check.kernels.training.Rule`,
``scale`` turns a gradient into that of the mean loss.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.kernels.compilation import kernel
from theory_check.kernels.hints import wide_loops

#: Kinds of rules.
GRADIENT_DESCENT, MOMENTUM, ADAM = range(3)


@kernel()
def descend(weights, row, gradient, scale, rate):
    """Do ``weights[row] -= rate * scale * gradient``."""
    wide_loops()
    step = weights.dtype.type(rate * scale)
    for i in range(gradient.size):
        weights[row, i] -= step * gradient[i]


@kernel()
def descend_with_momentum(weights, row, gradient, velocity, scale, rate, momentum):
    """Do ``velocity = momentum * velocity + scale * gradient; weights -= rate * velocity``, in that row of both."""
    kept, new, step = weights.dtype.type(momentum), weights.dtype.type(scale), weights.dtype.type(rate)
    for i in range(gradient.size):
        velocity[row, i] = kept * velocity[row, i] + new * gradient[i]
        weights[row, i] -= step * velocity[row, i]


@kernel()
def weight_seen(rule, step):
    """Return how much weight the two moments of Adam give to what they have seen by a step, from 1."""
    return 1.0 - rule.first**step, 1.0 - rule.second**step


@kernel()
def descend_by_adam(weights, row, gradient, mean, square, scale, rate, rule, seen):
    """Move by the mean gradient over the root of its mean square, both corrected for their start at 0.

    Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015), algorithm 1; ``seen`` is what
    :func:`weight_seen` returns.
    """
    wide_loops()
    number = weights.dtype.type
    first, second, epsilon = number(rule.first), number(rule.second), number(rule.epsilon)
    rest, square_rest, factor = number(1.0 - rule.first), number(1.0 - rule.second), number(scale)
    length = number(rate / seen[0])
    correction = number(1.0 / math.sqrt(seen[1]))
    for i in range(gradient.size):
        slope = factor * gradient[i]
        mean[row, i] = first * mean[row, i] + rest * slope
        square[row, i] = second * square[row, i] + square_rest * slope * slope
        weights[row, i] -= length * mean[row, i] / (np.sqrt(square[row, i]) * correction + epsilon)


@kernel()
def update(weights, row, gradient, first, second, scale, rate, rule, seen):
    """Move a row of weights against ``scale * gradient`` by the rule."""
    if rule.kind == ADAM:
        descend_by_adam(weights, row, gradient, first, second, scale, rate, rule, seen)
    elif rule.kind == MOMENTUM:
        descend_with_momentum(weights, row, gradient, first, scale, rate, rule.first)
    else:
        descend(weights, row, gradient, scale, rate)


@kernel()
def update_whole(weights, gradient, first, second, rate, rule, seen):
    """Move all entries of an array against the gradient."""
    size = weights.size
    update(
        weights.reshape(1, size), 0, gradient.ravel(), first.reshape(1, size), second.reshape(1, size), 1.0, rate, rule,
        seen,
    )  # fmt: skip
