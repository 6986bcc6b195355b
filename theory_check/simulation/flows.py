"""Differential equations of networks whose weights are functions of time, and Euler's scheme along them (P7).

Notation
    dH/dt = V(t) g(H, theta(t)), 0 <= t <= 1; the network of depth L is h_{k+1} = h_k + (1/L) V(k/L) g(h_k, theta(k/L)),
    k = 0 .. L-1. Weights read at the other end of each step, (k+1)/L, have the same order and, for stationary paths,
    the same law.

Error. For smooth paths and branches h_L - H(1) = -(1/(2L)) int_0^1 J(1, s) H''(s) ds + O(L^-2), J the Jacobian of the
flow (Hairer, Norsett, Wanner, *Solving Ordinary Differential Equations I*, 1993, section II.8). Piecewise linear
activations keep order 1: states cross their kinks at isolated times.

Reference. The embedded Runge-Kutta pair of order 8(5, 3) of Dormand and Prince. At a kink it falls back to small steps,
which its error control finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import NumericalOverflowError, SpecificationError
from theory_check.networks.activations import Activation, Scalar
from theory_check.networks.branches import Branch

#: Weights at several times, shape (times, ...): matrices (times, [networks,] d, d) or biases (times, [networks,] d).
Path: TypeAlias = Callable[[FloatArray], FloatArray]

#: Bytes of weights that Euler's scheme asks a path for at once.
CHUNK_BYTES = 32 * 2**20


def path_of(function: Callable[[float], ArrayLike]) -> Path:
    """Return the path of a function of a single time, such as ``lambda t: cos(t) * A``."""
    return lambda times: np.stack([np.asarray(function(float(t)), dtype=np.float64) for t in times])


@cache
def _entrywise(function: Scalar) -> Any:
    from theory_check.kernels import layers

    return layers.entrywise_function(function)


def _activate(activation: Activation, values: FloatArray) -> FloatArray:
    definition, slope = activation.definition, activation.negative_slope
    if slope is not None:
        return np.where(values > 0.0, values, slope * values)
    if definition.on_array is not None:
        return definition.on_array(values)
    assert definition.function is not None
    flat = np.ascontiguousarray(values).ravel()
    out = np.empty_like(flat)
    _entrywise(definition.function)(flat, out, activation.constants)
    return out.reshape(values.shape)


def _apply(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    return np.asarray(np.matmul(matrices, vectors[..., None])[..., 0])


@dataclass(frozen=True)
class Flow:
    """The equation dH/dt = V(t) g(H, theta(t)), for one network or a batch of them.

    Attributes
    ----------
    branch : Branch
    outer : Path
        V, shape (times, [networks,] d, d).
    inner : Path, optional
        W, for branches that have it.
    bias : Path, optional
        b, likewise, shape (times, [networks,] d).
    """

    branch: Branch
    outer: Path
    inner: Path | None = None
    bias: Path | None = None

    def __post_init__(self) -> None:
        for name, path, needed in (
            ("inner weights", self.inner, self.branch.has_inner),
            ("a bias", self.bias, self.branch.has_bias),
        ):
            if (path is not None) != needed:
                raise SpecificationError(f"branch {self.branch} {'needs' if needed else 'has no'} {name}")

    def weights(self, times: FloatArray) -> list[FloatArray]:
        """Return the weights at several times, in the order that :meth:`velocity` takes them."""
        return [path(times) for path in (self.outer, self.inner, self.bias) if path is not None]

    def velocity(
        self, hidden: FloatArray, outer: FloatArray, inner: FloatArray | None = None, bias: FloatArray | None = None
    ) -> FloatArray:
        """Return V g(h) at one time.

        Parameters
        ----------
        hidden : float64 array ([networks,] d)
        outer, inner : float64 array ([networks,] d, d)
            V, and W for branches that have it.
        bias : float64 array ([networks,] d), optional

        Returns
        -------
        float64 array ([networks,] d)
        """
        if inner is not None:
            hidden = _apply(inner, hidden)
        if bias is not None:
            hidden = hidden + bias
        return _apply(outer, _activate(self.branch.activation, hidden))


def euler_outputs(flow: Flow, start: ArrayLike, depths: Sequence[int], *, beta: float = 1.0) -> FloatArray:
    """Return the outputs of the networks of several depths along one flow.

    Parameters
    ----------
    flow : Flow
        Its weights are read at the times k / depths[-1] once; every network takes those of its own layers.
    start : array ([networks,] d)
    depths : sequence of int
        Each must divide the last.
    beta : float
        The factor of a network is depth^-beta.

    Returns
    -------
    float64 array (depths, [networks,] d)

    Raises
    ------
    SpecificationError
        If a depth does not divide the last.

    Examples
    --------
    dh/dt = h has h(1) = e; Euler's scheme gives (1 + 1/L)^L.

    >>> growth = Flow(Branch("linear"), path_of(lambda time: [[1.0]]))
    >>> euler_outputs(growth, [1.0], [1, 2, 4]).ravel().tolist()
    [2.0, 2.25, 2.44140625]
    """
    finest = depths[-1]
    divisors = [depth**beta for depth in depths]
    for depth in depths:
        if depth < 1 or finest % depth:
            raise SpecificationError(f"depth is {depth}; it must divide the finest depth {finest}")
    initial = np.asarray(start, dtype=np.float64)
    hidden = np.repeat(initial[None], len(depths), axis=0)
    per_time = sum(part.nbytes for part in flow.weights(np.zeros(1)))
    chunk = max(1, CHUNK_BYTES // max(1, per_time))
    for begin in range(0, finest, chunk):
        layers = np.arange(begin, min(begin + chunk, finest))
        parts = flow.weights(layers / finest)
        for position, layer in enumerate(layers.tolist()):
            weights = [part[position] for part in parts]
            for doubling, depth in enumerate(depths):
                if layer % (finest // depth) == 0:
                    hidden[doubling] += flow.velocity(hidden[doubling], *weights) / divisors[doubling]
    return hidden


def flow_output(flow: Flow, start: ArrayLike, *, tolerance: float = 1e-10) -> tuple[FloatArray, FloatArray]:
    """Return H(1) and an estimate of its error for each network.

    Parameters
    ----------
    flow : Flow
    start : array ([networks,] d)
    tolerance : float
        Of a step, relative to the root mean square of the states of all networks together.

    Returns
    -------
    output : array ([networks,] d)
    error : array ([networks])
        Distance to the output at ten times the tolerance. Errors grow with the tolerance, here by the factor of ten up
        to its power 7/8 to 1, and then this is several times the error of ``output``.

    Raises
    ------
    SpecificationError
        If the tolerance is out of range.
    NumericalOverflowError
        If the equation cannot be followed to time 1.
    """
    from scipy.integrate import solve_ivp

    if not 1e-13 <= tolerance <= 1e-3:
        raise SpecificationError(f"tolerance is {tolerance!r}; it must be between 1e-13 and 1e-3")
    initial = np.asarray(start, dtype=np.float64)
    scale = float(np.sqrt(np.mean(initial**2))) or 1.0

    def derivative(time: float, state: FloatArray) -> FloatArray:
        weights = [part[0] for part in flow.weights(np.array([time]))]
        return flow.velocity(state.reshape(initial.shape), *weights).ravel()

    outputs = []
    for tried in (tolerance, 10.0 * tolerance):
        solution = solve_ivp(
            derivative, (0.0, 1.0), initial.ravel(), method="DOP853", t_eval=[1.0], rtol=tried, atol=tried * scale
        )
        if not solution.success:
            raise NumericalOverflowError(f"the flow could not be followed to time 1: {solution.message}")
        outputs.append(solution.y[:, -1].reshape(initial.shape))
    return outputs[0], np.asarray(np.linalg.norm(outputs[0] - outputs[1], axis=-1))
