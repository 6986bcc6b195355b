"""Weights that a user gives as a covariance or as a function of k/L, in Python.

:func:`theory_check.networks.additions.add_process` gives them a name, for cells, sweeps, maps, claims and the command
line; :func:`theory_check.simulation.paths.sources.open_paths` takes them as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from theory_check.foundation.arrays import FloatArray, check_array
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.definitions import Parameters
from theory_check.networks.processes import Generator, Process

#: Largest value of given weights: products of two with a state stay within single precision.
_LARGEST_WEIGHT = 2.0**32

#: Grid points whose values are checked.
_CHECKED = 256

#: Negative variances below this, relative to the largest variance, are roundings.
_ROUNDING = 1e-10


def _times(depth: int) -> FloatArray:
    return np.unique(np.linspace(0, depth - 1, min(depth, _CHECKED)).astype(np.int64)) / depth


@dataclass(frozen=True, kw_only=True, eq=False)
class CovarianceProcess(Process):
    """A centred Gaussian process by its covariance.

    Attributes
    ----------
    covariance : callable
        ``covariance(s, t, **parameters)`` of arrays of times in [0, 1] that broadcast against each other. Entries of a
        matrix of width d are independent, with covariance ``covariance(k/L, l/L) / d`` between layers k and l.
    """

    covariance: Callable[..., FloatArray]
    generator: Generator = field(default="covariance", init=False)

    @property
    def has_paths(self) -> bool:
        """Whether the weights are values of a random path, which networks of several depths can share."""
        return True

    def evaluate(self, s: FloatArray, t: FloatArray, parameters: Parameters | None = None) -> FloatArray:
        """Return the covariances at pairs of times.

        Parameters
        ----------
        s, t : array
            Times that broadcast against each other.
        parameters : mapping, optional
            Default: the defaults.

        Returns
        -------
        array, of the broadcast shape

        Raises
        ------
        SpecificationError
            Unless the function returns one finite number for each pair.
        """
        shape = np.broadcast_shapes(s.shape, t.shape)
        given = self.defaults if parameters is None else parameters
        try:
            values = np.broadcast_to(check_array("it", self.covariance(s, t, **given)), shape)
        except ValueError as error:
            raise SpecificationError(
                f"covariance {self.name} does not return one number for each pair of times"
            ) from error
        if not np.all(np.isfinite(values)):
            raise SpecificationError(f"covariance {self.name} has values that are not finite")
        return values

    def variance(self, parameters: Parameters) -> float:
        """Return the largest variance at the times of a grid."""
        return self.layer_variance(parameters, _CHECKED)

    def layer_variance(self, parameters: Parameters | None, depth: int) -> float:
        """Return the largest variance at the layers of a network, or at 256 of them."""
        times = _times(depth)
        return float(self.evaluate(times, times, parameters).max())

    def matrix(self, parameters: Parameters, depth: int) -> FloatArray:
        """Return the covariance matrix of an entry over the layers, shape (depth, depth)."""
        times = np.arange(depth) / depth
        return self.evaluate(times[:, None], times, parameters)

    def check(self, depth: int, parameters: Parameters | None = None) -> None:
        """Raise unless the values at up to 256 layers are those of a covariance: symmetric, positive semidefinite."""
        times = _times(depth)
        matrix = self.evaluate(times[:, None], times, parameters)
        if not np.array_equal(matrix, self.evaluate(times[:, None], times, parameters)):
            raise SpecificationError(f"covariance {self.name} has two values at the same times; it must be a function")
        size = float(np.abs(matrix).max())
        if np.abs(matrix - matrix.T).max() > _ROUNDING * size:
            raise SpecificationError(f"covariance {self.name} is not symmetric")
        lowest = float(np.linalg.eigvalsh(matrix)[0])
        if lowest < -_ROUNDING * size * len(times):
            raise SpecificationError(f"covariance {self.name} is not positive semidefinite: eigenvalue {lowest:.3g}")


@dataclass(frozen=True, kw_only=True, eq=False)
class PathFunction(Process):
    """Weights that are a given function of k/L, the same in every replicate.

    Attributes
    ----------
    function : callable
        ``function(t, **parameters)`` of an array of times in [0, 1): the matrices V(t), shape (times, rows, columns),
        as they stand in the network (nothing is divided by sqrt(d)).
    inner_function, bias_function : callable, optional
        W(t) likewise, and b(t) of shape (times, 1, width); default: the same as V(t).
    """

    function: Callable[..., FloatArray]
    inner_function: Callable[..., FloatArray] | None = None
    bias_function: Callable[..., FloatArray] | None = None
    generator: Generator = field(default="function", init=False)

    def variance(self, _parameters: Parameters) -> float:
        """Return 0: the weights are not random."""
        return 0.0

    def matrix(self, _parameters: Parameters, _depth: int) -> FloatArray:
        """Raise: the weights are not random."""
        raise SpecificationError(f"{self.name} weights are given: they are not random and have no covariance")

    def evaluate(
        self, times: FloatArray, shape: tuple[int, int], parameters: Parameters | None = None, *, part: str = "outer"
    ) -> FloatArray:
        """Return the weights at some times.

        Parameters
        ----------
        times : array, shape (times,)
        shape : (int, int)
            Rows and columns that the network needs.
        parameters : mapping, optional
            Default: the defaults.
        part : {"outer", "inner", "bias"}
            Which of V, W and b.

        Returns
        -------
        array, shape (times, rows, columns)

        Raises
        ------
        SpecificationError
            Unless the function returns finite numbers of that shape.
        """
        given = {"outer": self.function, "inner": self.inner_function, "bias": self.bias_function}[part]
        arguments = self.defaults if parameters is None else parameters
        values = check_array(f"what path function {self.name} returns", (given or self.function)(times, **arguments))
        if values.shape != (len(times), *shape):
            wanted = (len(times), *shape)
            raise SpecificationError(f"path function {self.name} returns shape {values.shape}; it must be {wanted}")
        if not np.all(np.isfinite(values)):
            raise SpecificationError(f"path function {self.name} has values that are not finite")
        if np.any(np.abs(values) > _LARGEST_WEIGHT):
            raise SpecificationError(
                f"path function {self.name} has a value of {np.abs(values).max():.3g}; it must be at most "
                f"{_LARGEST_WEIGHT:.3g}"
            )
        return values
