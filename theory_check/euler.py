"""Networks of depths L, 2 L, ..., 2^J L as Euler schemes along one Gaussian path of weights (P7, C1, C2).

Notation
    h^(j): the network of depth L_j = 2^j L, h_{k+1} = h_k + (1/L_j) V(k/L_j) g(h_k, theta(k/L_j)), entries of sqrt(d) V
    (and of sqrt(d) W and sqrt(d) b) independent paths of one :class:`~theory_check.path_series.PathLaw`. With another
    exponent the factor is L_j^(-beta): Euler's scheme with step 1/L_j for V multiplied by L_j^(1-beta), which tells the
    regimes of smooth weights on one path (P8); only beta = 1 has a limit to refer to.

Coupling. A path that is known at all times is read by every network and by the differential equation (``flows``):
``flow_error`` is the error of P7, of order 1. A rough path is made on the grid of the finest network, which every
coarser one reads in part; each network by itself has the law of the plain one, and errors are distances between
networks. Between neighbours they show the order without the bias of a finite reference, ``theory.orders.
rough_path_order``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from theory_check.boundary import Boundary
from theory_check.cells import MAXIMAL_REPLICATES, Cell
from theory_check.errors import SpecificationError
from theory_check.experiments import InterruptedSimulationError, Values, never
from theory_check.flows import Flow, Path, euler_outputs, flow_output
from theory_check.initializations import Weights
from theory_check.kernels import KERNEL_VERSION, LANES
from theory_check.levels import by_replicate, level_columns, norms
from theory_check.networks import Input, Network
from theory_check.path_series import PathLaw
from theory_check.specifications import check_finite, check_integer
from theory_check.streams import Purpose, stream_key

FloatArray = NDArray[np.float64]

#: Deepest finest network: products of matrices replicate by replicate take a minute a block beyond.
MAXIMAL_FINEST_DEPTH = 2**17

#: Finest grid of a rough path: the root of a covariance matrix of this size takes seconds.
MAXIMAL_GRID = 2**12


@dataclass(frozen=True, kw_only=True)
class Euler:
    """Networks of depths L, 2 L, ..., 2^J L that read one path of weights, an experiment.

    A sample has the columns

    * ``log_norm_ratio``, shape (replicates, J + 1): log(||h^(j)||^2 / ||h_0||^2) at the output of each level,
    * ``projection``, (replicates, J + 1): <h^(j), h_0> / ||h_0||^2,
    * ``log_displacement``, (replicates, J + 1): log(||h^(j) - h_0|| / ||h_0||), minus infinity if nothing moved,
    * for J > 0: ``finest_error``, (replicates, J): ||h^(j) - h^(J)|| / ||h_0||,
    * ``adjacent_error``, (replicates, J): ||h^(j) - h^(j+1)|| / ||h_0||,
    * with ``reference``: ``flow_error``, (replicates, J + 1): ||h^(j) - H(1)|| / ||h_0||, and ``reference_error``,
      (replicates,): an estimate of the error of H(1) itself, over ||h_0||.

    Attributes
    ----------
    network : Network
        The coarsest; a_L = L^(-beta), beta = 1 with a reference.
    path : PathLaw
        Of every entry of sqrt(d) times the weights.
    doublings : int
        J.
    input : Input
        A single one.
    replicates : int
    reference : bool
        Whether to follow the differential equation; for paths that are known at all times.
    tolerance : float
        Of the reference, a step.
    """

    network: Network
    path: PathLaw = field(default_factory=PathLaw)
    doublings: int
    input: Input = field(default_factory=Input)
    replicates: int
    reference: bool = True
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        check_integer("number of doublings", self.doublings, 0, 40)
        check_integer("number of replicates", self.replicates, 1, MAXIMAL_REPLICATES)
        check_finite("tolerance", self.tolerance)
        beta = self.network.scaling.beta
        if beta is None or (self.reference and beta != 1.0):
            wanted = "beta 1 with a reference, any power of the depth without"
            raise SpecificationError(f"scaling is {self.network.scaling}; Euler's scheme accepts {wanted}")
        if self.input.count != 1:
            raise SpecificationError(f"input is {self.input}; Euler's scheme accepts one")
        if self.reference and not self.path.everywhere:
            raise SpecificationError(f"{self.path} paths are known on a grid only; they accept reference=False")
        most = MAXIMAL_FINEST_DEPTH if self.path.everywhere else MAXIMAL_GRID
        check_integer("depth of the finest level", self.depths[-1], 1, most)

    @property
    def depths(self) -> tuple[int, ...]:
        """Depth of each level, coarsest first."""
        return tuple(self.network.depth << level for level in range(self.doublings + 1))

    @property
    def layers(self) -> int:
        """Residual layers of a replicate, all levels together."""
        return sum(self.depths)

    @property
    def identity(self) -> str:
        """Canonical text of all that determines a replicate's values, whatever is observed and how often."""
        parts = {
            "experiment": "euler",
            "network": self.network,
            "path": self.path,
            "doublings": self.doublings,
            "input": self.input,
            "tolerance": self.tolerance,
            "kernel_version": KERNEL_VERSION,
        }
        return json.dumps(msgspec.to_builtins(parts), sort_keys=True, separators=(",", ":"))

    @property
    def content_hash(self) -> str:
        """Hash of the identity and of the observables, but not of the number of replicates (16 hexadecimal digits)."""
        return hashlib.sha256(f"{self.identity}|{self.reference}|displacement".encode()).hexdigest()[:16]

    @property
    def block_size(self) -> int:
        """Replicates that are simulated together."""
        return LANES

    @property
    def draws_per_block(self) -> int:
        """Estimate of what a block costs, in the unit of :mod:`theory_check.costs`, fitted to 54 experiments.

        Normal numbers for every term of the path, products for every layer, calls for every time; the reference takes
        some thousand times, each with a product for every term.
        """
        finest = self.depths[-1]
        terms = len(_grid_functions(self.path, 1 if self.path.everywhere else finest))
        products = 20 * self.layers + 65 * terms + (4000 * (terms + 1) if self.reference else 0)
        return 55_000 * finest + LANES * len(_purposes(self.network)) * self.network.width**2 * products

    def merge(self, other: Euler) -> Euler:
        """Return the experiment with the most replicates of both and the union of what they observe."""
        return replace(
            self, replicates=max(self.replicates, other.replicates), reference=self.reference or other.reference
        )

    def restrict(self, values: Mapping[str, FloatArray], part: Euler) -> Values:
        """Return what ``part`` asked for: its replicates, the reference or not."""
        referred = ("flow_error", "reference_error")
        return {n: column[: part.replicates] for n, column in values.items() if part.reference or n not in referred}

    def __str__(self) -> str:
        first, last = self.depths[0], self.depths[-1]
        scaling = "" if self.network.scaling.beta == 1.0 else f", {self.network.scaling}"
        return (
            f"{self.network.branch}, width {self.network.width}, depths {first} to {last}, {self.path} paths{scaling}"
        )


def _purposes(network: Network) -> list[Purpose]:
    """Streams of the weights that a branch has, in the order of :class:`~theory_check.flows.Flow`."""
    inner = [Purpose.INNER_WEIGHTS] if network.branch.has_inner else []
    return [Purpose.OUTER_WEIGHTS, *inner, *([Purpose.BIAS] if network.branch.has_bias else [])]


@lru_cache(maxsize=8)
def _grid_functions(path: PathLaw, points: int) -> FloatArray:
    return path.grid_functions(points)


def _coefficients(key: NDArray[np.uint32], first_replicate: int, purpose: Purpose, terms: int, size: int) -> FloatArray:
    """Draw the coefficients of the series, shape (LANES * size, terms); term n has stream n of its purpose."""
    from theory_check.kernels import rows, words

    state, row = np.empty(4 * LANES, np.uint32), np.empty((size + size % 2) * LANES, np.float32)
    coefficients = np.empty((terms, LANES, size))
    for term in range(terms):
        words.seed_lanes(state, key, first_replicate, term, int(purpose))
        rows.fill_normal(state, row, np.empty(0))
        coefficients[term] = row.reshape(-1, LANES)[:size].T
    return np.ascontiguousarray(coefficients.reshape(terms, -1).T)


def _path(experiment: Euler, key: NDArray[np.uint32], first_replicate: int, purpose: Purpose) -> Path:
    """Return the path of one kind of weights of a block."""
    law, width, finest = experiment.path, experiment.network.width, experiment.depths[-1]
    shape = (LANES, width) if purpose == Purpose.BIAS else (LANES, width, width)
    terms = len(_grid_functions(law, 1 if law.everywhere else finest))
    drawn = _coefficients(key, first_replicate, purpose, terms, int(np.prod(shape[1:])))
    drawn /= np.sqrt(width)

    def at(times: FloatArray) -> FloatArray:
        if law.everywhere:
            functions = law.functions(times)
        else:
            functions = _grid_functions(law, finest)[:, np.rint(times * finest).astype(np.int64)]
        return np.ascontiguousarray((drawn @ functions).T).reshape(-1, *shape)

    return at


def simulate_block(experiment: Euler, seed: int, block: int, stop: Callable[[], bool] = never) -> Values:
    """Simulate the replicates ``block * LANES`` to ``(block + 1) * LANES - 1``.

    Returns the columns of :class:`Euler` with LANES rows. Raises
    :class:`~theory_check.experiments.InterruptedSimulationError` when ``stop()`` becomes true.
    """
    key, first_replicate = np.array(stream_key(seed, experiment.identity), np.uint32), block * LANES
    plain = Cell(
        network=experiment.network, weights=Weights(), input=experiment.input, kernel="dense", replicates=1,
        gradients=False,
    )  # fmt: skip
    start = Boundary(plain, key, first_replicate).hidden()[0]
    paths = [_path(experiment, key, first_replicate, purpose) for purpose in _purposes(experiment.network)]

    def stoppable(times: FloatArray) -> FloatArray:
        if stop():
            raise InterruptedSimulationError("simulation interrupted")
        return paths[0](times)

    flow = Flow(experiment.network.branch, stoppable, *paths[1:])
    states = np.ascontiguousarray(start.T)
    hidden = euler_outputs(flow, states, experiment.depths, beta=experiment.network.scaling.beta or 0.0).swapaxes(1, 2)
    columns = level_columns(start, hidden)
    with np.errstate(divide="ignore"):
        columns["log_displacement"] = np.log(norms(hidden - start) / norms(start))
    if experiment.reference:
        output, error = flow_output(flow, states, tolerance=experiment.tolerance)
        unit = norms(start)
        columns |= {"flow_error": norms(hidden - output.T) / unit, "reference_error": error / unit}
    return by_replicate(columns)
