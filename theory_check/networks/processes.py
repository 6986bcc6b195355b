"""Weight processes at initialisation: how an entry of the weights moves from layer to layer.

Layer k of a network of depth L takes the value at time k/L, k = 0 .. L-1, of a process on [0, 1], or its increment from
k/L to (k + 1)/L normalised to unit variance. Entries of a matrix are independent copies of the process.

To add a process, see :func:`theory_check.networks.additions.add_process`, or append one :class:`WeightProcess` to
:data:`PROCESSES`: a name, a line of description and the correlation of two values. It is then available in Python, on
the command line (``--weights NAME``), in the Hypothesis strategies and in the tests that every process passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks import covariances, gaussian_series
from theory_check.networks.covariances import StationaryKernel
from theory_check.networks.definitions import Definition, Parameters

#: How paths are made; see :mod:`theory_check.simulation.paths.writers`.
Generator = Literal["circulant", "gaussian", "markov", "pieces", "covariance", "function"]

#: ``correlation(parameters, lags)`` of two values of a stationary process whose times differ by ``lags``.
Correlation = Callable[[Parameters, FloatArray], FloatArray]


def _unknown(_parameters: Parameters) -> float:
    return math.nan


@dataclass(frozen=True, kw_only=True, eq=False)
class Process(Definition):
    """The properties that every process along the layers has.

    Attributes
    ----------
    regularity : callable
        Hoelder exponent (for fractional noise the Hurst index) of the process whose values or increments these are
        and, beyond 1, of its derivatives; infinite for smooth paths, 0 for jumps; NaN where it is not stated.
    functions : callable, optional
        ``functions(parameters, times)``: phi_n of :mod:`~theory_check.networks.gaussian_series` at any times, shape
        (terms, times), for paths that are known at all times.
    series_ranges : mapping
        Ranges of parameters for which that series is short.
    generator : str
        How paths are made.
    stationary : bool
        Along the layers.
    """

    regularity: Callable[[Parameters], float] = _unknown
    functions: Correlation | None = None
    series_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    generator: Generator = "gaussian"
    stationary: bool = False
    constants: Callable[[Parameters], tuple[float, ...]] = lambda _: ()

    # What a weight law says of one entry: processes are Gaussian, from layer to layer dependent.
    independent: ClassVar[bool] = False
    discrete: ClassVar[bool] = False
    gaussian: ClassVar[bool] = False
    orthogonal: ClassVar[bool] = False
    maximal_width: ClassVar[int | None] = None
    skewness: ClassVar[float] = 0.0
    inner: ClassVar[str] = ""

    def kurtosis(self, _parameters: Parameters) -> float:
        """Fourth moment of an entry over its squared variance."""
        return 3.0

    def variance(self, _parameters: Parameters) -> float:
        """Return the variance of an entry in the units of a weight law."""
        return 1.0

    @property
    def has_paths(self) -> bool:
        """Whether the weights are values of a random path, which networks of several depths can share."""
        return False

    def of_lags(self, _parameters: Parameters, _lags: FloatArray) -> FloatArray:
        """Return the correlations of values whose times differ by ``lags``, of a stationary process."""
        raise self._not_stationary()

    def autocovariance(self, parameters: Parameters, depth: int, lags: int | None = None) -> FloatArray:
        """Return the covariance of an entry with itself some layers later, of a stationary process.

        Parameters
        ----------
        parameters : mapping
        depth : int
            L.
        lags : int, optional
            How many numbers of layers, 0 .. lags - 1; default: the depth.

        Returns
        -------
        array, shape (lags,)

        Raises
        ------
        SpecificationError
            If the process is not stationary; see :meth:`matrix`.
        """
        if not self.stationary:
            raise self._not_stationary()
        return self.of_lags(parameters, np.arange(depth if lags is None else lags) / depth)

    def matrix(self, parameters: Parameters, depth: int) -> FloatArray:
        """Return the covariance matrix of an entry over the layers, shape (depth, depth)."""
        layers = np.arange(depth)
        return np.asarray(self.autocovariance(parameters, depth)[np.abs(layers[:, None] - layers)])

    def _not_stationary(self) -> SpecificationError:
        return SpecificationError(
            f"{self.name} weights are not stationary: they have no autocovariance, but a covariance"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightProcess(Process):
    """A centred Gaussian process of unit variance for the entries of weight matrices along the layers.

    Attributes
    ----------
    correlation : callable, optional
        ``correlation(parameters, lags)`` of its values, where it is stationary.
    on_grid : callable, optional
        ``on_grid(parameters, step, lags)``: correlations of the weights at lags 0 .. lags - 1 of a grid of that step,
        where they are not those of ``correlation`` or can be had with less rounding.
    increments : bool
        Whether the weights are normalised increments of that process, not its values.
    markov : bool
        Along the layers.
    """

    correlation: Correlation | None = None
    on_grid: Callable[[Parameters, float, int], FloatArray] | None = None
    stationary: bool = True
    increments: bool = False
    markov: bool = False

    @property
    def has_paths(self) -> bool:
        """Whether the weights are values of a random path, which networks of several depths can share."""
        return self.correlation is not None and not self.increments

    def of_lags(self, parameters: Parameters, lags: FloatArray) -> FloatArray:
        """Return the correlations of values whose times differ by ``lags``."""
        if self.correlation is None:
            raise self._not_stationary()
        return self.correlation(parameters, lags)

    def autocovariance(self, parameters: Parameters, depth: int, lags: int | None = None) -> FloatArray:
        """Return the covariance of an entry with itself some layers later; see :meth:`Process.autocovariance`.

        Parameters
        ----------
        parameters : mapping
        depth, lags : int

        Returns
        -------
        array, shape (lags,)
        """
        if self.on_grid is None:
            return super().autocovariance(parameters, depth, lags)
        return self.on_grid(parameters, 1.0 / depth, depth if lags is None else lags)

    def matrix(self, parameters: Parameters, depth: int) -> FloatArray:
        """Return the covariance matrix of an entry over the layers, shape (depth, depth)."""
        if self.generator != "pieces":
            return super().matrix(parameters, depth)
        piece = piece_of_layer(int(parameters.get("pieces", 1)), np.arange(depth), depth)
        return np.asarray(piece[:, None] == piece, np.float64)


def piece_of_layer(pieces: int, layers: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    """Return which of equally long pieces of [0, 1) the time k/L of each layer falls in.

    Parameters
    ----------
    pieces : int
    layers : array of int
        k.
    depth : int
        L.

    Returns
    -------
    array of int
    """
    return layers * pieces // depth


_LENGTH = (1e-6, 1e6)


def _pair(
    name: str,
    summary: str,
    kernel: StationaryKernel,
    **parts: Any,
) -> tuple[WeightProcess, WeightProcess]:
    """Return the process of values and the process of normalised increments of a stationary kernel."""
    values = WeightProcess(name=name, summary=summary, on_grid=kernel.values, **parts)
    increments = replace(
        values,
        name=f"{name}-increments",
        summary=f"normalised increments of: {summary}",
        on_grid=kernel.increments,
        increments=True,
        markov=False,
    )
    return values, increments


FRACTIONAL_NOISE = WeightProcess(
    name="fgn",
    summary="fractional Gaussian noise, the increments of fractional Brownian motion of Hurst index hurst",
    defaults={"hurst": 0.7},
    ranges={"hurst": (0.0, 1.0)},
    on_grid=lambda p, _step, lags: covariances.fractional_noise(p["hurst"], lags),
    generator="circulant",
    work=35.0,
    regularity=lambda p: p["hurst"],
    increments=True,
)

PROCESSES: tuple[WeightProcess, ...] = (
    FRACTIONAL_NOISE,
    *_pair(
        "smooth",
        "Gaussian process with correlation exp(-(s - t)^2 / (2 length^2))",
        covariances.RBF,
        defaults={"length": 0.1},
        ranges={"length": _LENGTH},
        correlation=covariances.RBF.of_lags,
        functions=gaussian_series.smooth_functions,
        series_ranges={"length": gaussian_series.SERIES_LENGTHS},
        regularity=lambda _: math.inf,
        work=6.0,
    ),
    *_pair(
        "matern",
        "Gaussian process with the Matern correlation of smoothness nu",
        covariances.MATERN,
        defaults={"nu": 1.5, "length": 0.1},
        ranges={"nu": (0.01, 10.0), "length": _LENGTH},
        # Rough paths are made of eigenvectors of this on a grid, whose signs hang on its last bit.
        correlation=covariances.matern_correlation,
        regularity=lambda p: p["nu"],
        work=34.0,
    ),
    *_pair(
        "periodic",
        "Gaussian process with correlation exp(-2 sin^2(pi (s - t) / period) / length^2)",
        covariances.PERIODIC,
        defaults={"length": 1.0, "period": 1.0},
        ranges={"length": _LENGTH, "period": _LENGTH},
        correlation=covariances.PERIODIC.of_lags,
        functions=gaussian_series.periodic_functions,
        series_ranges={"length": gaussian_series.SERIES_LENGTHS},
        regularity=lambda _: math.inf,
        work=6.0,
    ),
    *_pair(
        "ou",
        "Ornstein-Uhlenbeck process with correlation exp(-|s - t| / length)",
        covariances.ORNSTEIN_UHLENBECK,
        defaults={"length": 0.1},
        ranges={"length": _LENGTH},
        correlation=covariances.ou_correlation,
        regularity=lambda _: 0.5,
        generator="markov",
        work=12.0,
        markov=True,
    ),
    WeightProcess(
        name="tied",
        summary="the same Gaussian matrix in every layer",
        correlation=lambda _, lags: np.ones_like(lags),
        functions=gaussian_series.tied_functions,
        generator="pieces",
        work=1.0,
        regularity=lambda _: math.inf,
        markov=True,
    ),
    WeightProcess(
        name="piecewise",
        summary="Gaussian matrices constant on each of pieces equal parts of the depth, independent between parts",
        defaults={"pieces": 10.0},
        ranges={"pieces": (0.0, 1e8)},
        whole=frozenset({"pieces"}),
        generator="pieces",
        work=1.0,
        regularity=lambda _: 0.0,
        stationary=False,
        markov=True,
    ),
)
