"""The law of weights as functions of time, for networks of several depths along one path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from theory_check.foundation.arguments import check_choice, parse_call, render_call
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.processes import Process
from theory_check.networks.weights import WEIGHTS


def path_names() -> tuple[str, ...]:
    """Return the names of the processes whose values are paths."""
    return tuple(d.name for d in WEIGHTS if isinstance(d, Process) and d.has_paths)


@dataclass(frozen=True)
class PathLaw:
    """The law of the entries of sqrt(d) V as functions of time: a process of values, spelled ``smooth:length=0.1``.

    Smooth paths are a series, known at all times. Rough paths, ``matern``, ``ou`` and added covariances, are a series
    on a grid only, the square root of their covariance matrix there: at other times they are not known, and a network
    on the finest grid is all there is to compare with.
    """

    name: str = "smooth"
    parameters: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        check_choice("path", self.name, path_names())
        process = self.process
        limited = replace(process, ranges={**process.ranges, **process.series_ranges})
        complete = limited.complete(f"{self.name} paths", dict(self.parameters))
        object.__setattr__(self, "parameters", tuple(complete.items()))

    @classmethod
    def parse(cls, text: str) -> PathLaw:
        """Read ``NAME[:key=value,...]``."""
        name, arguments = parse_call("path", text)
        return cls(name, tuple(arguments.items()))  # type: ignore[arg-type]  # __post_init__ refuses text

    def __str__(self) -> str:
        defaults = self.process.defaults
        return render_call(self.name, {k: v for k, v in self.parameters if v != defaults[k]})

    @property
    def process(self) -> Process:
        """The process."""
        found = WEIGHTS.find(self.name)
        assert isinstance(found, Process)
        return found

    @property
    def everywhere(self) -> bool:
        """Whether a path is known at all times, not only on a grid."""
        return self.process.functions is not None

    @property
    def smoothness(self) -> float:
        """Hoelder exponent of the paths and, beyond 1, of their derivatives; infinite for smooth ones."""
        return self.process.regularity(dict(self.parameters))

    def correlation(self, lags: FloatArray) -> FloatArray:
        """Correlation of values whose times differ by ``lags``."""
        return self.process.of_lags(dict(self.parameters), np.asarray(lags, dtype=np.float64))

    def functions(self, times: FloatArray) -> FloatArray:
        """Return phi_n at ``times``, shape (terms, times); raise for paths that are known on a grid only."""
        functions = self.process.functions
        if functions is None:
            raise SpecificationError(
                f"{self} paths are known on a grid only; tied, smooth and periodic ones everywhere"
            )
        return functions(dict(self.parameters), np.asarray(times, dtype=np.float64))

    def grid_functions(self, points: int) -> FloatArray:
        """Return phi_n at times k / points, k = 0 .. points - 1, shape (terms, points)."""
        return _grid_functions(self.process, self.parameters, points)


@lru_cache(maxsize=8)
def _grid_functions(process: Process, parameters: tuple[tuple[str, float], ...], points: int) -> FloatArray:
    """Return a series, or the symmetric root of the covariance matrix, as rows.

    The symmetric root is the only one that no choice of a library changes: eigenvectors have free signs, and those of
    equal eigenvalues free directions, but they cancel in V sqrt(D) V'.
    """
    times, named = np.arange(points) / points, dict(parameters)
    if process.functions is not None:
        found = process.functions(named, times)
    else:
        from scipy.linalg import eigh, toeplitz

        stationary = process.stationary
        values, vectors = eigh(toeplitz(process.of_lags(named, times)) if stationary else process.matrix(named, points))
        # A covariance has no negative eigenvalues; rounding leaves some of about 1e-16 times the largest.
        found = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    found.setflags(write=False)
    return found
