"""The programs that theory_check is timed against: networks of depth L at beta = 1/2, every weight drawn.

* ``plain NumPy``: a batch of networks at a time, weights from the distribution methods of ``np.random.Generator`` in
  double precision, one batched ``matmul`` for each matrix;
* ``tuned NumPy``: the same in single precision and in place, uniform weights and random signs made from raw 64-bit
  words, centring and scaling moved from the weights to the products, a faster bit generator (SFC64);
* ``PyTorch``: batched ``bmm`` without automatic differentiation; ``JAX``: one compiled scan over the layers;
* ``paper's procedure``, written from its description: one network at a time, one vector through it, all weights drawn
  and kept, forward and back. In PyTorch it has a module for each layer, which the library initialises before the law
  does, and automatic differentiation; in NumPy neither, so that it is what the procedure costs at least.

Each returns log R = log(||h_L||^2 / ||h_0||^2) of its networks; the procedure log R* of the gradients too.
"""

from __future__ import annotations

# Sets the number of threads before NumPy is loaded.
import machine  # noqa: F401  # isort: skip

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Draw = Callable[[np.random.Generator, Array], Array]


@dataclass(frozen=True)
class Problem:
    """A network: branch ``linear`` or ``res-3``, weight law, width, depth; and whether the gradient is carried back."""

    branch: str
    law: str
    width: int
    depth: int
    gradients: bool = False

    @property
    def weights(self) -> int:
        """Weights of a network."""
        return self.depth * self.width**2 * (2 if self.branch == "res-3" else 1)


# NumPy ----------------------------------------------------------------------------------------------------------------


def plain_uniform(generator: np.random.Generator, out: Array) -> Array:
    return generator.uniform(-math.sqrt(3.0), math.sqrt(3.0), out.shape)


def plain_gaussian(generator: np.random.Generator, out: Array) -> Array:
    return generator.standard_normal(out.shape)


def plain_signs(generator: np.random.Generator, out: Array) -> Array:
    return 2.0 * generator.integers(0, 2, out.shape) - 1.0


def _words(generator: np.random.Generator, count: int) -> NDArray[np.uint64]:
    return generator.integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True)


def tuned_uniform(generator: np.random.Generator, out: Array) -> Array:
    """Whole numbers uniform on 32 bits with sign; the scale is applied to the product."""
    words = _words(generator, (out.size + 1) // 2).view(np.int32)
    np.copyto(out.reshape(-1), words[: out.size], casting="unsafe")
    return out


def tuned_gaussian(generator: np.random.Generator, out: Array) -> Array:
    return generator.standard_normal(out=out, dtype=np.float32)


def tuned_signs(generator: np.random.Generator, out: Array) -> Array:
    """Zeros and ones, one bit each; the product becomes 2 B h - sum(h)."""
    bits = np.unpackbits(_words(generator, (out.size + 63) // 64).view(np.uint8))
    np.copyto(out.reshape(-1), bits[: out.size], casting="unsafe")
    return out


@dataclass(frozen=True)
class NumpyVersion:
    """A NumPy program: how it draws, in which precision, from which bit generator."""

    draws: dict[str, Draw]
    dtype: type[np.floating]
    bits: type[np.random.BitGenerator]

    def run(self, problem: Problem, batch: int, seed: int) -> NDArray[np.float64]:
        generator, width = np.random.Generator(self.bits(seed)), problem.width
        draw, tuned = self.draws[problem.law], self.dtype is np.float32
        signs = tuned and problem.law == "rademacher"
        deviation = math.sqrt(2.0**64 / 12.0) if tuned and problem.law == "uniform" else 1.0
        scale, factor = self.dtype(1.0 / (math.sqrt(width) * deviation)), self.dtype(problem.depth**-0.5)
        hidden = generator.standard_normal((batch, width)).astype(self.dtype)
        start = np.sum(hidden.astype(np.float64) ** 2, axis=1)
        room = np.empty((batch, width, width), self.dtype)
        kept: list[tuple[Array, Array | None, Array | None]] = []

        def matrix() -> Array:
            # The backward pass reads the weights of all layers: each has memory of its own then.
            return draw(generator, np.empty_like(room) if problem.gradients else room)

        def product(matrices: Array, vectors: Array) -> Array:
            image = np.matmul(matrices, vectors[:, :, None])[:, :, 0]
            return (image + image - vectors.sum(axis=1, keepdims=True) if signs else image) * scale

        for _ in range(problem.depth):
            inner, mask, post = None, None, hidden
            if problem.branch == "res-3":
                inner = matrix()
                post = np.maximum(product(inner, hidden), 0)
                mask = post > 0
            outer = matrix()
            hidden = hidden + factor * product(outer, post)
            if problem.gradients:
                kept.append((outer, inner, mask))
        gradient = generator.standard_normal((batch, width)).astype(self.dtype)
        for outer, inner, mask in reversed(kept):
            pulled = product(outer.transpose(0, 2, 1), gradient)
            if inner is not None:
                pulled = product(inner.transpose(0, 2, 1), pulled * mask)
            gradient = gradient + factor * pulled
        return np.log(np.sum(hidden.astype(np.float64) ** 2, axis=1) / start)


NUMPY = {
    "plain NumPy": NumpyVersion(
        {"uniform": plain_uniform, "gaussian": plain_gaussian, "rademacher": plain_signs}, np.float64, np.random.PCG64
    ),
    "tuned NumPy": NumpyVersion(
        {"uniform": tuned_uniform, "gaussian": tuned_gaussian, "rademacher": tuned_signs}, np.float32, np.random.SFC64
    ),
}


# PyTorch and JAX ------------------------------------------------------------------------------------------------------


def run_torch(problem: Problem, batch: int, seed: int) -> NDArray[np.float64]:
    import torch

    torch.set_num_threads(1)
    generator, width = torch.Generator().manual_seed(seed), problem.width
    shape, count = (batch, width, width), batch * width * width
    factor, scale = problem.depth**-0.5, width**-0.5
    places = torch.arange(63, dtype=torch.int64)

    def matrix() -> Any:
        if problem.law == "gaussian":
            return torch.randn(shape, generator=generator)
        if problem.law == "uniform":
            return torch.empty(shape).uniform_(-math.sqrt(3.0), math.sqrt(3.0), generator=generator)
        # 63 random bits at a time are faster than one number for each sign.
        words = torch.randint(0, 2**63 - 1, (-(-count // 63), 1), generator=generator, dtype=torch.int64)
        return (((words >> places) & 1).flatten()[:count].to(torch.float32) * 2 - 1).reshape(shape)

    with torch.no_grad():
        hidden = torch.randn((batch, width, 1), generator=generator)
        start, kept = (hidden.double() ** 2).sum(dim=(1, 2)), []
        for _ in range(problem.depth):
            inner, post = None, hidden
            if problem.branch == "res-3":
                inner = matrix()
                post = torch.relu(torch.bmm(inner, hidden) * scale)
            outer = matrix()
            hidden = hidden + (factor * scale) * torch.bmm(outer, post)
            if problem.gradients:
                kept.append((outer, inner, post > 0))
        gradient = torch.randn((batch, width, 1), generator=generator)
        for outer, inner, mask in reversed(kept):
            pulled = torch.bmm(outer.transpose(1, 2), gradient) * scale
            if inner is not None:
                pulled = torch.bmm(inner.transpose(1, 2), pulled * mask) * scale
            gradient = gradient + factor * pulled
        return np.log(((hidden.double() ** 2).sum(dim=(1, 2)) / start).numpy())


@cache
def _compiled(problem: Problem, batch: int) -> Callable[[int], Any]:
    import jax
    import jax.numpy as jnp

    width = problem.width
    shape, factor, scale = (batch, width, width), problem.depth**-0.5, width**-0.5

    def matrix(key: Any) -> Any:
        if problem.law == "gaussian":
            return jax.random.normal(key, shape)
        if problem.law == "uniform":
            return jax.random.uniform(key, shape, minval=-math.sqrt(3.0), maxval=math.sqrt(3.0))
        return jax.random.rademacher(key, shape, dtype=jnp.float32)

    def layer(hidden: Any, key: Any) -> tuple[Any, None]:
        outer, inner = jax.random.split(key)
        post = hidden
        if problem.branch == "res-3":
            post = jax.nn.relu(jnp.einsum("bij,bj->bi", matrix(inner), hidden) * scale)
        return hidden + (factor * scale) * jnp.einsum("bij,bj->bi", matrix(outer), post), None

    def run(seed: Any) -> Any:
        first, second, rest = jax.random.split(jax.random.key(seed), 3)
        keys = jax.random.split(rest, problem.depth)
        start = jax.random.normal(first, (batch, width))
        through = lambda h: jax.lax.scan(layer, h, keys)[0]  # noqa: E731
        ratio = lambda h: jnp.log(jnp.sum(h**2, axis=1) / jnp.sum(start**2, axis=1))  # noqa: E731
        if not problem.gradients:
            return ratio(through(start)), jnp.zeros(())
        end, back = jax.vjp(through, start)
        (gradient,) = back(jax.random.normal(second, (batch, width)))
        return ratio(end), jnp.sum(gradient)

    return jax.jit(run)


def run_jax(problem: Problem, batch: int, seed: int) -> NDArray[np.float64]:
    found, rest = _compiled(problem, batch)(seed)
    rest.block_until_ready()
    return np.asarray(found, np.float64)


# The paper ------------------------------------------------------------------------------------------------------------


def _log_ratio(end: Any, start: Any) -> float:
    return math.log(float(np.sum(np.asarray(end, np.float64) ** 2) / np.sum(np.asarray(start, np.float64) ** 2)))


def paper_numpy(problem: Problem, batch: int, seed: int) -> Array:
    """The procedure in NumPy alone: log R and log R*, shape (batch, 2), of one network after the other."""
    generator = np.random.default_rng(seed)
    width, matrices = problem.width, 2 if problem.branch == "res-3" else 1
    draw, room = NUMPY["plain NumPy"].draws[problem.law], np.empty((width, width))
    factor, found = np.float32(problem.depth**-0.5), []
    for _ in range(batch):
        layers = [
            [(draw(generator, room) / math.sqrt(width)).astype(np.float32) for _ in range(matrices)]
            for _ in range(problem.depth)
        ]
        first = hidden = generator.standard_normal(width).astype(np.float32)
        masks = []
        for outer, *inner in layers:
            post = np.maximum(inner[0] @ hidden, 0) if inner else hidden
            masks.append(post > 0)
            hidden = hidden + factor * (outer @ post)
        last = gradient = generator.standard_normal(width).astype(np.float32)
        for (outer, *inner), mask in zip(reversed(layers), reversed(masks), strict=True):
            pulled = outer.T @ gradient
            gradient = gradient + factor * (inner[0].T @ (pulled * mask) if inner else pulled)
        found.append((_log_ratio(hidden, first), _log_ratio(gradient, last)))
    return np.array(found)


def paper_torch(problem: Problem, batch: int, seed: int) -> Array:
    """The procedure in PyTorch: log R and log R*, shape (batch, 2), of one network after the other.

    A network is built of a module for each layer, whose matrices are drawn twice: by the library, as always when a
    module is made, and then anew from the wanted law. The states of all layers are kept with their gradients.
    """
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    width, factor, scale = problem.width, problem.depth**-0.5, problem.width**-0.5
    laws = {
        "uniform": lambda weight: torch.nn.init.uniform_(weight, -math.sqrt(3.0) * scale, math.sqrt(3.0) * scale),
        "gaussian": lambda weight: torch.nn.init.normal_(weight, std=scale),
        "rademacher": lambda weight: weight.bernoulli_(0.5).mul_(2.0).sub_(1.0).mul_(scale),
    }

    class Layer(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.outer = torch.nn.Linear(width, width, bias=False)
            self.inner = torch.nn.Linear(width, width, bias=False) if problem.branch == "res-3" else None

        def forward(self, hidden: Any) -> Any:
            post = hidden if self.inner is None else torch.relu(self.inner(hidden))
            return hidden + factor * self.outer(post)

    found = []
    for _ in range(batch):
        layers = torch.nn.ModuleList([Layer() for _ in range(problem.depth)])
        with torch.no_grad():
            for weight in layers.parameters():
                laws[problem.law](weight)
        # The output layer is a vector, whose product with the last state is the loss.
        last = torch.randn(width)
        states = [torch.randn(1, width, requires_grad=True)]
        for layer in layers:
            states.append(layer(states[-1]))
            states[-1].retain_grad()
        (states[-1] @ last).sum().backward()
        gradients = [state.grad for state in states]
        found.append((_log_ratio(states[-1].detach(), states[0].detach()), _log_ratio(gradients[0], last)))
    return np.array(found)


def procedures() -> dict[str, Callable[[Problem, int, int], Array]]:
    """Return the versions of the paper's procedure that can run here, by name."""
    found = {"paper's procedure, NumPy": paper_numpy}
    return found | ({"paper's procedure, PyTorch": paper_torch} if find_spec("torch") else {})


# Jacobians ------------------------------------------------------------------------------------------------------------


def numpy_jacobians(problem: Problem, batch: int, seed: int, dtype: type[np.floating]) -> NDArray[np.float64]:
    """Log singular values of dh_L/dh_0, shape (batch, width): the product of all layers in ``dtype``, then its SVD.

    Fit for as many layers as keep the condition number of the product in range.
    """
    generator, width = np.random.Generator(np.random.SFC64(seed)), problem.width
    scale, factor = dtype(1.0 / math.sqrt(width)), dtype(problem.depth**-0.5)
    draw = NUMPY["tuned NumPy"].draws[problem.law]
    scale = dtype(scale / math.sqrt(2.0**64 / 12.0)) if problem.law == "uniform" else scale
    hidden = generator.standard_normal((batch, width)).astype(dtype)
    frame = np.broadcast_to(np.eye(width, dtype=dtype), (batch, width, width)).copy()
    room = np.empty((batch, width, width), np.float32)
    for _ in range(problem.depth):
        both = np.concatenate([hidden[:, :, None], frame], axis=2)
        inner = np.matmul(draw(generator, room).astype(dtype, copy=False), both) * scale
        inner *= inner[:, :, :1] > 0
        step = np.matmul(draw(generator, room).astype(dtype, copy=False), inner) * (factor * scale)
        hidden, frame = hidden + step[:, :, 0], frame + step[:, :, 1:]
    return np.log(np.linalg.svd(frame.astype(np.float64), compute_uv=False))


def contenders() -> dict[str, Callable[[Problem, int, int], NDArray[np.float64]]]:
    """Return the batched programs that can run here, by name."""
    found = {name: numpy_version.run for name, numpy_version in NUMPY.items()}
    found |= {"PyTorch": run_torch} if find_spec("torch") else {}
    return found | ({"JAX": run_jax} if find_spec("jax") else {})
