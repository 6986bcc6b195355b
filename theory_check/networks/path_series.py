"""Gaussian paths as sums of fixed functions of time with independent normal coefficients.

    X(t) = sum_n xi_n phi_n(t),   sum_n phi_n(s) phi_n(t) = correlation(s - t),   E X(t)^2 = 1,   0 <= t <= 1.

Smooth paths are such a series at every time, so that networks of any depth and the differential equation read the same
path:

* ``smooth``: exp(-(s - t)^2 / (2 l^2)) = sum_n phi_n(s) phi_n(t) with phi_n(t) = e^(-x^2 / 2) x^n / sqrt(n!) and
  x = (t - 1/2) / l, by the series of e^(xy). From term N on, the variance at t is P(Poisson(x^2) >= N).
* ``periodic``: exp(-2 sin^2(pi (s - t) / p) / l^2) = e^(-z) [I_0(z) + 2 sum_n I_n(z) cos(2 pi n (s - t) / p)],
  z = 1 / l^2 (Abramowitz and Stegun, 9.6.34): cosines and sines. I_{n+1}(z) / I_n(z) < 1/2 for n >= z (Amos 1974), so
  that the terms from n on have variance at most 4 e^(-z) I_n(z).
* ``tied``: one term, 1.

Both series stop where the standard deviation of the rest is below 2^-53, the rounding of a number near 1. Rough paths,
``matern`` and ``ou``, are series on a grid only, the square root of their covariance matrix there: at other times they
are not known, and a network on the finest grid is all there is to compare with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from theory_check.foundation.arguments import check_choice, check_finite, parse_call, render_call
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError

Parameters = Mapping[str, float]

#: Variance of what a series leaves out.
REMAINDER = 2.0**-106


def _tied_functions(_parameters: Parameters, times: FloatArray) -> FloatArray:
    return np.ones((1, len(times)))


def _smooth_functions(parameters: Parameters, times: FloatArray) -> FloatArray:
    from scipy.special import gammainc, gammaln, xlogy

    length = parameters["length"]
    counts = np.arange(1, 64)
    while gammainc(counts[-1], 0.25 / length**2) > REMAINDER:
        counts = np.arange(1, 2 * len(counts))
    # P(Poisson(m) >= N) is the regularised incomplete gamma function of N at m.
    terms = np.arange(counts[np.argmax(gammainc(counts, 0.25 / length**2) <= REMAINDER)])[:, None]
    x = (times - 0.5) / length
    size = np.exp(xlogy(terms, np.abs(x)) - 0.5 * x**2 - 0.5 * gammaln(terms + 1.0))
    return np.asarray(np.where((terms % 2 == 1) & (x < 0), -size, size))


def _periodic_functions(parameters: Parameters, times: FloatArray) -> FloatArray:
    from scipy.special import ive

    z = parameters["length"] ** -2.0
    orders = np.arange(math.ceil(z) + 64)
    while 4.0 * ive(orders[-1], z) > REMAINDER:
        orders = np.arange(2 * len(orders))
    needed = (orders < z) | (4.0 * ive(orders, z) > REMAINDER)
    orders = orders[: int(np.argmin(needed))] if not needed.all() else orders
    amplitudes = np.sqrt(ive(orders, z) * np.where(orders > 0, 2.0, 1.0))[:, None]
    angles = 2.0 * math.pi * orders[:, None] * times / parameters["period"]
    return np.concatenate([amplitudes * np.cos(angles), (amplitudes * np.sin(angles))[1:]])


def _smooth_correlation(parameters: Parameters, lags: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * (lags / parameters["length"]) ** 2))


def _periodic_correlation(parameters: Parameters, lags: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-2.0 * (np.sin(math.pi * lags / parameters["period"]) / parameters["length"]) ** 2))


def _ou_correlation(parameters: Parameters, lags: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-np.abs(lags) / parameters["length"]))


def _matern_correlation(parameters: Parameters, lags: FloatArray) -> FloatArray:
    """2^(1 - nu) / Gamma(nu) x^nu K_nu(x), x = sqrt(2 nu) lag / length."""
    from scipy.special import gammaln, kve

    nu = parameters["nu"]
    x = math.sqrt(2.0 * nu) * np.abs(lags) / parameters["length"]
    positive = np.where(x > 0.0, x, 1.0)
    logarithm = (1.0 - nu) * math.log(2.0) - gammaln(nu) + nu * np.log(positive) - positive
    return np.asarray(np.where(x > 0.0, np.exp(logarithm) * kve(nu, positive), 1.0))


@dataclass(frozen=True, kw_only=True)
class PathDefinition:
    """A stationary Gaussian process of unit variance.

    Attributes
    ----------
    name, summary : str
    defaults : mapping
        Parameters with their default values.
    ranges : mapping
        For each parameter the open interval of accepted values.
    correlation : callable
        ``correlation(parameters, lags)``.
    functions : callable, optional
        ``functions(parameters, times)``: phi_n at any times, shape (terms, times). None for paths that are made on a
        grid.
    smoothness : callable
        Hoelder exponent of the paths and, beyond 1, of their derivatives; infinite for smooth ones.
    """

    name: str
    summary: str
    defaults: Parameters = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    correlation: Callable[[Parameters, FloatArray], FloatArray]
    functions: Callable[[Parameters, FloatArray], FloatArray] | None = None
    smoothness: Callable[[Parameters], float] = lambda _: math.inf


#: Shorter lengths of the series need more than a thousand terms.
_LENGTHS = (0.02, 1e6)

PATHS: tuple[PathDefinition, ...] = (
    PathDefinition(
        name="tied",
        summary="the same matrix at every time",
        correlation=lambda _, lags: np.ones_like(lags),
        functions=_tied_functions,
    ),
    PathDefinition(
        name="smooth",
        summary="correlation exp(-(s - t)^2 / (2 length^2))",
        defaults={"length": 0.1},
        ranges={"length": _LENGTHS},
        correlation=_smooth_correlation,
        functions=_smooth_functions,
    ),
    PathDefinition(
        name="periodic",
        summary="correlation exp(-2 sin^2(pi (s - t) / period) / length^2)",
        defaults={"length": 1.0, "period": 1.0},
        ranges={"length": _LENGTHS, "period": (1e-6, 1e6)},
        correlation=_periodic_correlation,
        functions=_periodic_functions,
    ),
    PathDefinition(
        name="matern",
        summary="Matern correlation of smoothness nu, on a grid",
        defaults={"nu": 1.5, "length": 0.1},
        ranges={"nu": (0.01, 10.0), "length": (1e-6, 1e6)},
        correlation=_matern_correlation,
        smoothness=lambda p: p["nu"],
    ),
    PathDefinition(
        name="ou",
        summary="correlation exp(-|s - t| / length), on a grid",
        defaults={"length": 0.1},
        ranges={"length": (1e-6, 1e6)},
        correlation=_ou_correlation,
        smoothness=lambda _: 0.5,
    ),
)


@dataclass(frozen=True)
class PathLaw:
    """The law of the entries of sqrt(d) V as functions of time, spelled ``smooth:length=0.1``."""

    name: str = "smooth"
    parameters: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        check_choice("path", self.name, [path.name for path in PATHS])
        definition = self.definition
        for key, value in self.parameters:
            check_choice(f"parameter of {self.name} paths", key, definition.defaults)
            check_finite(f"{key} of {self.name} paths", value)
            low, high = definition.ranges[key]
            if not low < value < high:
                raise SpecificationError(
                    f"{key} of {self.name} paths is {value:g}; it must be between {low:g} and {high:g}"
                )
        complete = {**definition.defaults, **dict(self.parameters)}
        object.__setattr__(self, "parameters", tuple((k, float(complete[k])) for k in sorted(complete)))

    @classmethod
    def parse(cls, text: str) -> PathLaw:
        """Read ``NAME[:key=value,...]``."""
        name, arguments = parse_call("path", text)
        return cls(name, tuple(arguments.items()))  # type: ignore[arg-type]

    def __str__(self) -> str:
        defaults = self.definition.defaults
        return render_call(self.name, {k: v for k, v in self.parameters if v != defaults[k]})

    @property
    def definition(self) -> PathDefinition:
        """The process."""
        return next(path for path in PATHS if path.name == self.name)

    @property
    def everywhere(self) -> bool:
        """Whether a path is known at all times, not only on a grid."""
        return self.definition.functions is not None

    @property
    def smoothness(self) -> float:
        """Hoelder exponent of the paths and, beyond 1, of their derivatives; infinite for smooth ones."""
        return self.definition.smoothness(dict(self.parameters))

    def correlation(self, lags: FloatArray) -> FloatArray:
        """Correlation of values whose times differ by ``lags``."""
        return self.definition.correlation(dict(self.parameters), np.asarray(lags, dtype=np.float64))

    def functions(self, times: FloatArray) -> FloatArray:
        """Return phi_n at ``times``, shape (terms, times); raise for paths that are known on a grid only."""
        functions = self.definition.functions
        if functions is None:
            raise SpecificationError(
                f"{self} paths are known on a grid only; tied, smooth and periodic ones everywhere"
            )
        return functions(dict(self.parameters), np.asarray(times, dtype=np.float64))

    def grid_functions(self, points: int) -> FloatArray:
        """Return phi_n at times k / points, k = 0 .. points - 1, shape (terms, points)."""
        if self.everywhere:
            return self.functions(np.arange(points) / points)
        return _covariance_root(self, points)


@lru_cache(maxsize=4)
def _covariance_root(law: PathLaw, points: int) -> FloatArray:
    """Root of the covariance matrix of a grid: rows are eigenvectors times roots of eigenvalues."""
    from scipy.linalg import eigh, toeplitz

    values, vectors = eigh(toeplitz(law.correlation(np.arange(points) / points)))
    # A covariance has no negative eigenvalues; rounding leaves some of about 1e-16 times the largest.
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    root.setflags(write=False)
    return np.asarray(root)
