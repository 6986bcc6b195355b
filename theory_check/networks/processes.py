"""Weight processes at initialisation: how an entry of the weights moves from layer to layer.

Layer k of a network of depth L takes the value at time k/L, k = 0 .. L-1, of a process on [0, 1], or its increment from
k/L to (k + 1)/L normalised to unit variance. Entries of a matrix are independent copies of the process.

To add a process, append one :class:`WeightProcess` to :data:`PROCESSES`: a name, a line of description and the
correlation of an entry with itself some layers later. It is then available in Python, on the command line
(``--weights NAME``), in the Hypothesis strategies and in the tests that every process passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks import covariances
from theory_check.networks.covariances import Parameters, StationaryKernel

#: How paths are made; see :mod:`theory_check.simulation.weight_paths`.
Generator = Literal["circulant", "gaussian", "markov", "pieces"]


def _white(_parameters: Parameters, _step: float, lags: int) -> FloatArray:
    return np.asarray(np.eye(1, lags)[0])


def _three(_parameters: Parameters) -> float:
    return 3.0


@dataclass(frozen=True, kw_only=True)
class WeightProcess:
    """A centred process of unit variance for the entries of weight matrices along the layers.

    Attributes
    ----------
    name, summary : str
    defaults : mapping
        Parameters with their default values.
    ranges : mapping
        For each parameter the open interval of accepted values.
    whole : frozenset of str
        Parameters that must be whole numbers.
    correlation : callable
        ``correlation(parameters, step, lags)``: correlations at lags 0 .. lags - 1 of a grid of that step; of the
        values of the pieces where the process is not stationary.
    generator : str
        How paths are made.
    regularity : callable
        Hoelder exponent (for fractional noise the Hurst index) of the process whose values or increments these are;
        infinite for smooth paths, 0 for jumps.
    increments : bool
        Whether the weights are normalised increments of that process, not its values.
    stationary, markov : bool
        Along the layers.
    """

    name: str
    summary: str
    defaults: Parameters = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    correlation: Callable[[Parameters, float, int], FloatArray]
    generator: Generator
    regularity: Callable[[Parameters], float]
    increments: bool = False
    stationary: bool = True
    markov: bool = False

    # What a weight law says of one entry: all processes are Gaussian with unit variance.
    kurtosis: Callable[[Parameters], float] = _three
    variance: Callable[[Parameters], float] = lambda _: 1.0
    constants: Callable[[Parameters], tuple[float, ...]] = lambda _: ()
    #: Not from layer to layer.
    independent: bool = False
    kernel: str = "paths"
    inner: str = ""

    def autocovariance(self, parameters: Parameters, depth: int, lags: int | None = None) -> FloatArray:
        """Return the covariance of an entry with itself n layers later, n = 0 .. lags - 1 (default: depth).

        Of a stationary process only; for the others see :meth:`covariance`.
        """
        if not self.stationary:
            raise SpecificationError(
                f"{self.name} weights are not stationary: they have no autocovariance, but a covariance"
            )
        return self.correlation(parameters, 1.0 / depth, depth if lags is None else lags)

    def covariance(self, parameters: Parameters, depth: int) -> FloatArray:
        """Return the covariance matrix of an entry over the layers, shape (depth, depth)."""
        layers = np.arange(depth)
        if self.generator == "pieces":
            piece = piece_of_layer(int(parameters.get("pieces", 1)), layers, depth)
            return np.asarray(piece[:, None] == piece, np.float64)
        return np.asarray(self.autocovariance(parameters, depth)[np.abs(layers[:, None] - layers)])


def piece_of_layer(pieces: int, layers: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    """Return which of equally long pieces of [0, 1) the time k/L of each layer falls in."""
    return layers * pieces // depth


_LENGTH = (1e-6, 1e6)


def _pair(
    name: str,
    summary: str,
    kernel: StationaryKernel,
    *,
    defaults: Parameters,
    ranges: Mapping[str, tuple[float, float]],
    regularity: Callable[[Parameters], float],
    generator: Generator = "gaussian",
    markov: bool = False,
) -> tuple[WeightProcess, WeightProcess]:
    """Return the process of values and the process of normalised increments of a stationary kernel."""
    common = {"defaults": defaults, "ranges": ranges, "regularity": regularity, "generator": generator}
    values = WeightProcess(name=name, summary=summary, correlation=kernel.values, markov=markov, **common)  # type: ignore[arg-type]
    increments = WeightProcess(
        name=f"{name}-increments",
        summary=f"normalised increments of: {summary}",
        correlation=kernel.increments,
        increments=True,
        **common,  # type: ignore[arg-type]
    )
    return values, increments


PROCESSES: tuple[WeightProcess, ...] = (
    WeightProcess(
        name="fgn",
        summary="fractional Gaussian noise, the increments of fractional Brownian motion of Hurst index hurst",
        defaults={"hurst": 0.7},
        ranges={"hurst": (0.0, 1.0)},
        correlation=lambda p, _step, lags: covariances.fractional_noise(p["hurst"], lags),
        generator="circulant",
        regularity=lambda p: p["hurst"],
        increments=True,
    ),
    *_pair(
        "smooth",
        "Gaussian process with correlation exp(-(s - t)^2 / (2 length^2))",
        covariances.RBF,
        defaults={"length": 0.1},
        ranges={"length": _LENGTH},
        regularity=lambda _: math.inf,
    ),
    *_pair(
        "matern",
        "Gaussian process with the Matern correlation of smoothness nu",
        covariances.MATERN,
        defaults={"nu": 1.5, "length": 0.1},
        ranges={"nu": (0.01, 10.0), "length": _LENGTH},
        regularity=lambda p: p["nu"],
    ),
    *_pair(
        "periodic",
        "Gaussian process with correlation exp(-2 sin^2(pi (s - t) / period) / length^2)",
        covariances.PERIODIC,
        defaults={"length": 1.0, "period": 1.0},
        ranges={"length": _LENGTH, "period": _LENGTH},
        regularity=lambda _: math.inf,
    ),
    *_pair(
        "ou",
        "Ornstein-Uhlenbeck process with correlation exp(-|s - t| / length)",
        covariances.ORNSTEIN_UHLENBECK,
        defaults={"length": 0.1},
        ranges={"length": _LENGTH},
        regularity=lambda _: 0.5,
        generator="markov",
        markov=True,
    ),
    WeightProcess(
        name="tied",
        summary="the same Gaussian matrix in every layer",
        correlation=lambda _p, _step, lags: np.ones(lags),
        generator="pieces",
        regularity=lambda _: math.inf,
        markov=True,
    ),
    WeightProcess(
        name="piecewise",
        summary="Gaussian matrices constant on each of pieces equal parts of the depth, independent between parts",
        defaults={"pieces": 10.0},
        ranges={"pieces": (0.0, 1e8)},
        whole=frozenset({"pieces"}),
        correlation=_white,
        generator="pieces",
        regularity=lambda _: 0.0,
        stationary=False,
        markov=True,
    ),
)


def process_names() -> tuple[str, ...]:
    """Return the names of all weight processes."""
    return tuple(process.name for process in PROCESSES)
