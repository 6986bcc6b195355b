"""A plain NumPy twin of the training kernel: all gradients of a batch first, as products of whole arrays, then updates.

Names as in :mod:`theory_check.kernels.training`; parameters are a dictionary of double-precision arrays.
"""

from __future__ import annotations

import numpy as np

NAMES = ("outer", "inner", "entry", "readout", "scaling")

#: sigma and sigma' by the spelling of the activation.
FUNCTIONS = {
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0.0) * 1.0),
    "leaky:slope=0.2": (lambda z: np.where(z > 0.0, z, 0.2 * z), lambda z: np.where(z > 0.0, 1.0, 0.2)),
    "identity": (lambda z: z, np.ones_like),
    "tanh": (np.tanh, lambda z: 1.0 - np.tanh(z) ** 2),
}


def draw(branch, *, layers=3, width=4, pixels=6, classes=5, seed=1):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.standard_normal(shape) / np.sqrt(shape[-1])

    return {
        "outer": normal(0 if branch == "no V" else layers, width, width),
        "inner": normal(0 if branch == "res-1" else layers, width, width),
        "entry": normal(width, pixels),
        "readout": normal(classes, width),
        "scaling": rng.uniform(0.4, 0.9, layers),
    }


def states(parameters, activation, x):
    """h_0 .. h_L and z_0 .. z_{L-1} for the rows of ``x``, examples as rows."""
    function, _ = FUNCTIONS[activation]
    hidden, inner = [x @ parameters["entry"].T], []
    for k, factor in enumerate(parameters["scaling"]):
        inner.append(hidden[k] @ parameters["inner"][k].T if len(parameters["inner"]) else hidden[k])
        post = function(inner[k])
        hidden.append(hidden[k] + factor * (post @ parameters["outer"][k].T if len(parameters["outer"]) else post))
    return hidden, inner


def loss(parameters, activation, x, labels, *, square=False):
    """The mean cross-entropy, or half squared error, and its gradient in the logits."""
    logits = states(parameters, activation, x)[0][-1] @ parameters["readout"].T
    if square:
        errors = logits - np.eye(logits.shape[1])[labels]
        return 0.5 * np.sum(errors**2, axis=1).mean(), errors / len(labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    delta = (np.exp(logs) - np.eye(logs.shape[1])[labels]) / len(labels)
    return -logs[np.arange(len(labels)), labels].mean(), delta


def gradients(parameters, activation, x, labels, *, square=False):
    """The gradient of the loss in every parameter, and in h_0."""
    function, derivative = FUNCTIONS[activation]
    hidden, inner = states(parameters, activation, x)
    _, delta = loss(parameters, activation, x, labels, square=square)
    found = {name: np.zeros_like(value) for name, value in parameters.items()}
    found["readout"] = delta.T @ hidden[-1]
    back = delta @ parameters["readout"]
    for k in reversed(range(len(parameters["scaling"]))):
        factor, post = parameters["scaling"][k], function(inner[k])
        pulled = back
        if len(parameters["outer"]):
            found["outer"][k] = factor * back.T @ post
            pulled = back @ parameters["outer"][k]
        found["scaling"][k] = np.sum(pulled * post)
        through = factor * pulled * derivative(inner[k])
        if len(parameters["inner"]):
            found["inner"][k] = through.T @ hidden[k]
            through = through @ parameters["inner"][k]
        back = back + through
    found["entry"] = back.T @ x
    return found, back


def update(parameters, found, moments, optimiser, rates, step):
    """Move the parameters that have a rate, in place; ``moments`` are two dictionaries."""
    first, second = moments
    for name, rate in rates.items():
        g = found[name]
        if optimiser == "adam":
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.999 * second[name] + 0.001 * g * g
            mean, square = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
            parameters[name] -= rate * mean / (np.sqrt(square) + 1e-8)
        elif optimiser == "momentum":
            first[name] = 0.9 * first[name] + g
            parameters[name] -= rate * first[name]
        else:
            parameters[name] -= rate * g


def train(parameters, activation, optimiser, rates, x, labels, orders, batch, *, shared=False):
    """Train in place; returns the mean loss of each epoch."""
    moments = [{name: np.zeros_like(value) for name, value in parameters.items()} for _ in range(2)]
    losses, step = [], 0
    for order in orders:
        total = 0.0
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            total += len(rows) * loss(parameters, activation, x[rows], labels[rows])[0]
            step += 1
            found, _ = gradients(parameters, activation, x[rows], labels[rows])
            if shared:
                found["scaling"][:] = found["scaling"].sum()
            update(parameters, found, moments, optimiser, rates, step)
        losses.append(total / len(order))
    return losses
