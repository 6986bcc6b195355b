"""Weights that a user gives as a covariance or as a function of k/L, in Python.

They are values to open paths with, beside the registered processes. They carry a callable, which has no spelling and no
content hash: a cell or a command line cannot name them. Whoever stores results made with one keeps its name and its
:meth:`fingerprint`, which tells two callables apart when their values on the grid differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError

#: Grid points whose values make the fingerprint and are checked.
_CHECKED = 256

#: Negative variances below this, relative to the largest variance, are roundings.
_ROUNDING = 1e-10


def _times(depth: int) -> FloatArray:
    return np.unique(np.linspace(0, depth - 1, min(depth, _CHECKED)).astype(np.int64)) / depth


def _fingerprint(name: str, values: NDArray[Any]) -> str:
    # Twelve digits: the last ones may differ between machines.
    text = ",".join(f"{value:.12g}" for value in np.asarray(values).ravel())
    return hashlib.sha256(f"{name}|{text}".encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class CovarianceProcess:
    """A centred Gaussian process by its covariance.

    Attributes
    ----------
    name : str
    covariance : callable
        ``covariance(s, t)`` of arrays of times in [0, 1] that broadcast against each other. Entries of a matrix of
        width d are independent, with covariance ``covariance(k/L, l/L) / d`` between layers k and l.
    """

    name: str
    covariance: Callable[[FloatArray, FloatArray], FloatArray]

    def evaluate(self, s: FloatArray, t: FloatArray) -> FloatArray:
        """Return the covariances at broadcast times, checked to be finite numbers of the right shape."""
        shape = np.broadcast_shapes(s.shape, t.shape)
        try:
            values = np.broadcast_to(np.asarray(self.covariance(s, t), np.float64), shape)
        except ValueError as error:
            raise SpecificationError(
                f"covariance {self.name} does not return one number for each pair of times"
            ) from error
        if not np.all(np.isfinite(values)):
            raise SpecificationError(f"covariance {self.name} has values that are not finite")
        return values

    def fingerprint(self, depth: int) -> str:
        """Return a hash of the name and of the values on a grid of up to 256 layers (16 hexadecimal digits)."""
        times = _times(depth)
        return _fingerprint(self.name, self.evaluate(times[:, None], times))

    def check(self, depth: int) -> None:
        """Raise unless the values on that grid are those of a covariance: symmetric, positive semidefinite."""
        times = _times(depth)
        matrix = self.evaluate(times[:, None], times)
        size = float(np.abs(matrix).max())
        if np.abs(matrix - matrix.T).max() > _ROUNDING * size:
            raise SpecificationError(f"covariance {self.name} is not symmetric")
        lowest = float(np.linalg.eigvalsh(matrix)[0])
        if lowest < -_ROUNDING * size * len(times):
            raise SpecificationError(f"covariance {self.name} is not positive semidefinite: eigenvalue {lowest:.3g}")


@dataclass(frozen=True, kw_only=True)
class PathFunction:
    """Weights that are a given function of k/L, the same in every replicate.

    Attributes
    ----------
    name : str
    function : callable
        ``function(t)`` of an array of times in [0, 1): the matrices V(t), shape (times, rows, columns), as they stand
        in the network (nothing is divided by sqrt(d)).
    """

    name: str
    function: Callable[[FloatArray], FloatArray]

    def evaluate(self, times: FloatArray, shape: tuple[int, int]) -> FloatArray:
        """Return the matrices at these times, checked to be finite and of that shape."""
        values = np.asarray(self.function(times), np.float64)
        if values.shape != (len(times), *shape):
            wanted = (len(times), *shape)
            raise SpecificationError(f"path function {self.name} returns shape {values.shape}; it must be {wanted}")
        if not np.all(np.isfinite(values)):
            raise SpecificationError(f"path function {self.name} has values that are not finite")
        return values

    def fingerprint(self, depth: int, shape: tuple[int, int]) -> str:
        """Return a hash of the name and of the values at up to 256 layers (16 hexadecimal digits)."""
        return _fingerprint(self.name, self.evaluate(_times(depth), shape))
