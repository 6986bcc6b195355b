"""Networks with given weights through the kernel of stored weights, and their twins."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy_twins import StoredTwin

from theory_check.kernels import PANEL, stored
from theory_check.networks.branches import Branch
from theory_check.simulation.passes.compiled import compiled_activation

SEED_OF_WEIGHTS = 7
SEED_OF_STATES = 5
DEPTH = 3


@dataclass(frozen=True)
class Tied:
    """A network with given weights: V, W of shape (depth, width, width), b of shape (depth, width)."""

    branch: Branch
    outer: np.ndarray
    inner: np.ndarray
    bias: np.ndarray
    scaling: np.ndarray
    factors: np.ndarray  # (panels, PANEL)
    alone: bool = False  # whether the lanes of a single panel are copies

    @classmethod
    def draw(cls, branch, *, width=5, depth=DEPTH, panels=1, scale=1.0):
        rng = np.random.default_rng(SEED_OF_WEIGHTS)
        outer, inner = (rng.standard_normal((2, depth, width, width)) / math.sqrt(width)).astype(np.float32)
        bias = (rng.standard_normal((depth, width)) / math.sqrt(width)).astype(np.float32)
        # Factors of both signs, 0 and 1 among them; every layer and every column has another one.
        factors = np.concatenate([[0.0, 1.0], rng.uniform(-1.5, 1.5, panels * PANEL - 2)]).reshape(panels, PANEL)
        return cls(branch, outer, inner, bias, scale * rng.uniform(0.5, 1.0, depth), factors)

    def cut(self, first, last):
        layers = slice(first, last)
        return replace(
            self, outer=self.outer[layers], inner=self.inner[layers], bias=self.bias[layers],
            scaling=self.scaling[layers],
        )  # fmt: skip

    def states(self, count):
        shape = (count, len(self.factors), self.outer.shape[1], PANEL)
        return np.random.default_rng(SEED_OF_STATES).standard_normal(shape)

    def forward(self, start, keep=True, exponents=None):
        """Return h, in units of 2^exponents, and what is kept: slopes, and signs."""
        hidden = start.copy()
        flat = hidden.reshape(len(hidden), -1)
        branch = self.branch
        kept = slope_rooms(branch.activation, len(self.scaling) if keep else 1, len(flat), self.outer.shape[1])
        weights = (np.ascontiguousarray(part) for part in (self.outer, self.inner, self.bias))
        stored.forward(
            *weights, branch.has_inner, branch.has_bias, self.scaling,
            self.factors, *compiled_activation(branch.activation), branch.activation.homogeneous, self.alone,
            flat, new_exponents(start) if exponents is None else exponents, *kept,
        )  # fmt: skip
        return hidden, kept

    def backward(self, kept, output, exponents=None):
        """Return p, in units of 2^exponents."""
        gradient = output.copy()
        weights = (np.ascontiguousarray(part) for part in (self.outer, self.inner))
        activation = self.branch.activation
        stored.backward(
            *weights, self.branch.has_inner, self.scaling, self.factors, activation.constants, activation.homogeneous,
            self.alone, *kept, gradient.reshape(len(gradient), -1),
            new_exponents(output) if exponents is None else exponents,
        )  # fmt: skip
        return gradient

    def slopes(self, kept, layer):
        """Return sigma' at the components of a layer, shape (panels, width, PANEL)."""
        slopes, signs = (part[layer] if len(part) else part for part in kept)
        if self.branch.activation.homogeneous:
            above = signs[:, :, None] >> np.arange(PANEL) & 1
            return np.where(above, 1.0, self.branch.activation.negative_slope)
        return slopes.reshape(len(slopes), -1, PANEL).astype(np.float64)

    def twin(self, panel=0):
        return StoredTwin.of(
            self.branch, self.scaling[:, None] * self.factors[panel], self.outer, self.inner, self.bias
        )


def slope_rooms(activation, layers, panels, width):
    """Return room for slopes and for signs, of which one is empty."""
    slopes, signs = (0, 0, 0), (layers, panels, width)
    if not activation.homogeneous:
        slopes, signs = (layers, panels, width * PANEL), (0, 0, 0)
    return np.empty(slopes, np.float32), np.empty(signs, np.uint16)


def new_exponents(state):
    return np.zeros((state.shape[0], PANEL), np.int64)


def unscaled(state, exponents):
    return np.ldexp(state, exponents[:, None])
