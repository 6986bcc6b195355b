"""Rules by which a gradient moves weights: gradient descent, momentum, Adam; flat arrays, changed in place.

``rule`` is a :class:`theory_check.kernels.training.Rule`, ``scale`` turns a gradient into that of the mean loss.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.kernels.compilation import kernel

#: Kinds of rules.
GRADIENT_DESCENT, MOMENTUM, ADAM = range(3)


@kernel()
def descend(weights, gradient, scale, rate):
    """Do ``weights -= rate * scale * gradient``."""
    step = weights.dtype.type(rate * scale)
    for i in range(weights.size):
        weights[i] -= step * gradient[i]


@kernel()
def descend_with_momentum(weights, gradient, velocity, scale, rate, momentum):
    """Do ``velocity = momentum * velocity + scale * gradient; weights -= rate * velocity``."""
    kept, new, step = weights.dtype.type(momentum), weights.dtype.type(scale), weights.dtype.type(rate)
    for i in range(weights.size):
        velocity[i] = kept * velocity[i] + new * gradient[i]
        weights[i] -= step * velocity[i]


@kernel()
def descend_by_adam(weights, gradient, mean, square, scale, rate, rule, step):
    """Move by the mean gradient over the root of its mean square, both corrected for their start at 0.

    Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015), algorithm 1; ``step`` counts from 1.
    """
    number = weights.dtype.type
    first, second, epsilon = number(rule.first), number(rule.second), number(rule.epsilon)
    rest, square_rest, factor = number(1.0 - rule.first), number(1.0 - rule.second), number(scale)
    length = number(rate / (1.0 - rule.first**step))
    correction = number(1.0 / math.sqrt(1.0 - rule.second**step))
    for i in range(weights.size):
        slope = factor * gradient[i]
        mean[i] = first * mean[i] + rest * slope
        square[i] = second * square[i] + square_rest * slope * slope
        weights[i] -= length * mean[i] / (np.sqrt(square[i]) * correction + epsilon)


@kernel()
def update(weights, gradient, first, second, scale, rate, rule, step):
    """Move weights against ``scale * gradient`` by the rule; all arrays flat."""
    if rule.kind == ADAM:
        descend_by_adam(weights, gradient, first, second, scale, rate, rule, step)
    elif rule.kind == MOMENTUM:
        descend_with_momentum(weights, gradient, first, scale, rate, rule.first)
    else:
        descend(weights, gradient, scale, rate)
