"""Training of one residual network by hand: forward, backward and update, layer by layer, a batch at a time.

Notation
    h_0 = A x, h_{k+1} = h_k + a_k V_k g_k, logits B h_L, g_k = sigma(z_k), z_k = h_k, or W_k h_k with inner weights.
    Without outer weights V_k is the identity. The loss is a mean over the batch. Backward, with p = dLoss/dh:

    dLoss/dV_k = a_k p_{k+1} g_k^T,    q_k = sigma'(z_k) * V_k^T p_{k+1},    dLoss/dW_k = a_k q_k h_k^T,
    dLoss/da_k = <V_k^T p_{k+1}, g_k>,    p_k = p_{k+1} + a_k q_k,  or  p_{k+1} + a_k W_k^T q_k.

Columns of a matrix are the examples of a batch, so that every product is one of the linear algebra library
(``numpy.dot``). The library must be held to one thread, :mod:`theory_check.kernels.linear_algebra`: the sums would
depend on the number of threads. A layer's weights change as soon as its gradient is known and nothing needs the old
ones; no gradient but the last is kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types

from theory_check.kernels.compilation import DOUBLES, SINGLES, kernel
from theory_check.kernels.entrywise import (
    add_bent_in_place,
    add_scaled_in_place,
    bend,
    copy,
    copy_row,
    inner_product,
    layer_rows,
    multiply_by_bend,
    multiply_in_place,
)
from theory_check.kernels.losses import measure
from theory_check.kernels.optimisers import update, update_whole, weight_seen
from theory_check.kernels.products import add_product, multiply_by_transposed, multiply_transposed, zero_and_one

#: Activations of a training: those of the other kernels, in either precision.
ACTIVATORS = {
    "single": types.FunctionType(types.void(SINGLES, SINGLES, SINGLES, DOUBLES)),
    "double": types.FunctionType(types.void(DOUBLES, DOUBLES, DOUBLES, DOUBLES)),
}

#: Norms of a state beyond which :func:`log_displacement` rescales.
_LARGE = 2.0**200


class Tensors(NamedTuple):
    """All that is trained, or something of the same shape for each of it.

    ``outer`` V (layers, width, width), ``inner`` W (the same), either without layers where there is none, ``entry`` A
    (width, inputs), ``readout`` B (classes, width), ``scaling`` a (layers,).
    """

    outer: np.ndarray
    inner: np.ndarray
    entry: np.ndarray
    readout: np.ndarray
    scaling: np.ndarray


class Rule(NamedTuple):
    """How gradients move weights: the kind, and its constants.

    ``first`` is the momentum, or the decay of the first moment of Adam; ``second`` and ``epsilon`` are Adam's.
    ``trains_ends`` says whether A and B move; ``scaling`` is 0 if the a_k are fixed, 1 if each is trained by itself, 2
    if they are one number.
    """

    kind: int
    first: float
    second: float
    epsilon: float
    trains_ends: bool
    scaling: int


class Rooms(NamedTuple):
    """Buffers of one batch, flat: states, activations g_k, slopes sigma'(z_k), and matrices of one layer.

    Of all layers are the activations where the backward pass needs them, the states where it needs inputs of W, and the
    slopes where activations do not tell them; else there is one.
    """

    states: np.ndarray
    posts: np.ndarray
    slopes: np.ndarray
    product: np.ndarray
    pulled: np.ndarray
    gradient: np.ndarray
    inputs: np.ndarray
    logits: np.ndarray


@kernel()
def gather(examples, rows, unit, out):
    """Write ``unit * examples[rows]``, transposed: an example is a column of ``out``."""
    factor = out.dtype.type(unit)
    for j in range(out.shape[0]):
        for s in range(rows.size):
            out[j, s] = factor * examples[rows[s], j]


@kernel()
def open_rooms(weights, batch, keeps, trains):
    """Return buffers for a batch of that many examples; without ``trains``, for the forward pass alone.

    ``keeps`` says whether slopes are remembered. Those of a piecewise linear activation are told by its values, unless
    it falls below 0.
    """
    _, inner, entry, readout, scaling = weights
    layers, width = scaling.size, readout.shape[1]
    kind, size = entry.dtype, width * batch
    kept = layers if trains else 1
    return Rooms(
        np.empty((layers + 1 if trains and inner.shape[0] > 0 else 1) * size, kind), np.empty(kept * size, kind),
        np.empty((kept if keeps else 1) * size, kind), np.empty(size, kind), np.empty(size, kind), np.empty(size, kind),
        np.empty(entry.shape[1] * batch, kind), np.empty(readout.shape[0] * batch, kind),
    )  # fmt: skip


@kernel()
def arrange(rooms, weights, count):
    """Return the first part of every buffer as matrices with ``count`` columns."""
    width = weights.readout.shape[1]
    size, whole = width * count, rooms.pulled.size
    inputs, classes = weights.entry.shape[1], weights.readout.shape[0]
    states, posts, slopes = rooms.states.size // whole, rooms.posts.size // whole, rooms.slopes.size // whole
    return (
        rooms.states[: states * size].reshape(states, width, count),
        rooms.posts[: posts * size].reshape(posts, width, count),
        rooms.slopes[: slopes * size].reshape(slopes, width, count), rooms.product[:size].reshape(width, count),
        rooms.pulled[:size].reshape(width, count), rooms.gradient[:size].reshape(width, count),
        rooms.inputs[: inputs * count].reshape(inputs, count), rooms.logits[: classes * count].reshape(classes, count),
    )  # fmt: skip


@kernel()
def forward(weights, activate, constants, keeps, x, states, posts, slopes, product, logits):
    """Write the logits of a batch ``x``, and all states, activations and slopes for which there is room."""
    outer, inner, entry, readout, scaling = weights
    layers = scaling.size
    has_outer, has_inner = outer.shape[0] > 0, inner.shape[0] > 0
    kept, flat_posts, flat_states, numbers = posts.shape[0], layer_rows(posts), layer_rows(states), zero_and_one(entry)
    state = states[0]
    np.dot(entry, x, state)
    for k in range(layers):
        pre = state
        if has_inner:
            np.dot(inner[k], state, product)
            pre = product
        if keeps:
            activate(pre.ravel(), posts[k % kept].ravel(), slopes[k % slopes.shape[0]].ravel(), constants)
        else:
            bend(pre.ravel(), constants[0], flat_posts, k % kept)
        if states.shape[0] > 1:
            copy_row(flat_states, k, k + 1)
            state = states[k + 1]
        if has_outer:
            add_product(outer, k, scaling, posts, k % kept, numbers, state)
        else:
            add_scaled_in_place(state.ravel(), scaling[k], posts[k % kept].ravel())
    np.dot(readout, states[layers % states.shape[0]], logits)


@kernel()
def backward(
    weights, first, second, rule, rate, ends_rate, step, negative, keeps, x, states, posts, slopes, product, pulled,
    gradient, delta,
):  # fmt: skip
    """Move all weights by the gradient of a batch, from the last layer to the first.

    Parameters
    ----------
    weights, first, second : Tensors
        What is trained, and the moments of the rule (no entries where the rule keeps none).
    rule : Rule
    rate, ends_rate : float
        Learning rates of V, W and a, and of A and B.
    step : int
        Number of this update, from 1.
    negative : float
        Slope of the activation below 0, read without ``keeps``.
    keeps : bool
        Whether ``slopes`` are remembered.
    x, states, posts, slopes : arrays
        The batch and what :func:`forward` wrote, for all layers.
    product, pulled, gradient : arrays (width, batch)
        Scratch; ``gradient`` is dLoss/dh_0 in the end.
    delta : array (classes, batch)
        dLoss/dlogits.
    """
    outer, inner, entry, readout, scaling = weights
    layers, width = scaling.size, readout.shape[1]
    has_outer, has_inner = outer.shape[0] > 0, inner.shape[0] > 0
    change = np.empty((width, width), entry.dtype)
    flat_posts, flat_slopes = layer_rows(posts), layer_rows(slopes)
    flat_gradient, flat_pulled, flat_change = gradient.ravel(), pulled.ravel(), change.ravel()
    outer_rows, outer_moments = layer_rows(outer), (layer_rows(first.outer), layer_rows(second.outer))
    inner_rows, inner_moments = layer_rows(inner), (layer_rows(first.inner), layer_rows(second.inner))
    scaling_gradient, numbers = np.empty(layers, entry.dtype), zero_and_one(entry)
    seen = weight_seen(rule, step)
    np.dot(readout.T, delta, gradient)
    if rule.trains_ends:
        readout_change = np.dot(delta, states[layers % states.shape[0]].T)
        update_whole(readout, readout_change, first.readout, second.readout, ends_rate, rule, seen)
    for k in range(layers - 1, -1, -1):
        factor = scaling[k]
        if has_outer:
            multiply_by_transposed(gradient, posts, k, numbers, change)
            multiply_transposed(outer, k, gradient, numbers, pulled)
            update(outer_rows, k, flat_change, *outer_moments, factor, rate, rule, seen)
        else:
            copy(flat_gradient, flat_pulled)
        if rule.scaling > 0:
            scaling_gradient[k] = inner_product(flat_pulled, posts[k].ravel())
        if keeps:
            multiply_in_place(flat_pulled, flat_slopes, k)
        elif has_inner:
            multiply_by_bend(flat_pulled, negative, flat_posts, k)
        if has_inner:
            multiply_by_transposed(pulled, states, k, numbers, change)
            multiply_transposed(inner, k, pulled, numbers, product)
            update(inner_rows, k, flat_change, *inner_moments, factor, rate, rule, seen)
            add_scaled_in_place(flat_gradient, factor, product.ravel())
        elif keeps:
            add_scaled_in_place(flat_gradient, factor, flat_pulled)
        else:
            add_bent_in_place(flat_gradient, factor, flat_pulled, negative, flat_posts, k)
    if rule.scaling == 2:
        scaling_gradient[:] = scaling_gradient.sum()
    if rule.scaling > 0:
        update_whole(scaling, scaling_gradient, first.scaling, second.scaling, rate, rule, seen)
    if rule.trains_ends:
        entry_change = np.dot(gradient, x.T)
        update_whole(entry, entry_change, first.entry, second.entry, ends_rate, rule, seen)


@kernel()
def train(
    weights, first, second, rule, rate, ends_rate, step, activate, constants, keeps, square, examples, labels, unit,
    rows, batch,
):  # fmt: skip
    """Train on the examples ``rows``, in this order, a batch at a time; the last one may be smaller.

    Parameters
    ----------
    weights, first, second, rule, rate, ends_rate, activate, constants
        As of :func:`backward`.
    step : int
        Updates made before.
    keeps : bool
        Whether to call ``activate`` and to remember the slopes of a batch. Not needed for a piecewise linear activation
        with a slope ``constants[0]`` of at least 0 below 0; values do not depend on it.
    square : bool
        Whether the loss is the squared error, else the cross-entropy.
    examples : uint8 array (examples, inputs)
    labels : int64 array (examples,)
    unit : float
        What examples are multiplied by.
    rows : int64 array
    batch : int

    Returns
    -------
    loss : float
        Summed over the examples, before each update; not finite if training stopped at such a loss.
    step : int
        Updates made in all.
    """
    rooms = open_rooms(weights, batch, keeps, True)
    negative = 0.0 if keeps else constants[0]
    total = 0.0
    for start in range(0, rows.size, batch):
        chosen = rows[start : start + batch]
        states, posts, slopes, product, pulled, gradient, x, logits = arrange(rooms, weights, chosen.size)
        gather(examples, chosen, unit, x)
        forward(weights, activate, constants, keeps, x, states, posts, slopes, product, logits)
        loss, _ = measure(square, logits, labels, chosen)
        total += loss
        if not np.isfinite(loss):
            return total, step
        step += 1
        backward(
            weights, first, second, rule, rate, ends_rate, step, negative, keeps, x, states, posts, slopes, product,
            pulled, gradient, logits,
        )  # fmt: skip
    return total, step


@kernel()
def evaluate(weights, activate, constants, keeps, square, examples, labels, unit, rows, batch):
    """Return the summed loss over the examples ``rows`` and how many answers are right; see :func:`train`."""
    rooms = open_rooms(weights, batch, keeps, False)
    total, right = 0.0, 0
    for start in range(0, rows.size, batch):
        chosen = rows[start : start + batch]
        states, posts, slopes, product, _, _, x, logits = arrange(rooms, weights, chosen.size)
        gather(examples, chosen, unit, x)
        forward(weights, activate, constants, keeps, x, states, posts, slopes, product, logits)
        loss, found = measure(square, logits, labels, chosen)
        total += loss
        right += found
    return total, right


@kernel()
def log_displacement(weights, activate, constants, homogeneous, examples, unit, rows):
    """Return log(||h_L - h_0|| / ||h_0||), Frobenius norms over the examples ``rows``, in double precision.

    A homogeneous network is rescaled as its states grow, so that it may leave the range of the numbers. The activation
    is the one for double precision.
    """
    outer, inner, entry, _, scaling = weights
    layers, has_outer, has_inner = scaling.size, outer.shape[0] > 0, inner.shape[0] > 0
    x = np.empty((entry.shape[1], rows.size))
    gather(examples, rows, unit, x)
    start = np.dot(entry.astype(np.float64), x)
    initial = math.log(inner_product(start.ravel(), start.ravel())) / 2.0
    state, pre, post, slope = start.copy(), np.empty_like(start), np.empty_like(start), np.empty_like(start)
    logarithm = 0.0
    for k in range(layers):
        if has_inner:
            np.dot(inner[k].astype(np.float64), state, pre)
            activate(pre.ravel(), post.ravel(), slope.ravel(), constants)
        else:
            activate(state.ravel(), post.ravel(), slope.ravel(), constants)
        if has_outer:
            np.dot(outer[k].astype(np.float64), post, pre)
            add_scaled_in_place(state.ravel(), float(scaling[k]), pre.ravel())
        else:
            add_scaled_in_place(state.ravel(), float(scaling[k]), post.ravel())
        if homogeneous:
            largest = np.abs(state).max()
            if largest > _LARGE:
                state /= largest
                start /= largest
                logarithm += math.log(largest)
    state -= start
    return math.log(inner_product(state.ravel(), state.ravel())) / 2.0 + logarithm - initial
