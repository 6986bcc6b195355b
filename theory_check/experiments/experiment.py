"""An experiment: a frozen specification that the runner can merge with others and restrict again.

The runner simulates blocks of replicates. A new kind of experiment is a frozen, hashable dataclass with the members of
:class:`Experiment`, a function ``simulate_block(experiment, seed, block, stop)`` that returns its columns, and one line
in :data:`theory_check.simulation.units.SIMULATORS`. The number of replicates is an argument of the run, not a part of
the experiment.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arguments import check_count, check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import InterruptedSimulationError, NumericalOverflowError, SpecificationError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Values = dict[str, FloatArray]

#: Bytes that stored weights, and what is kept for their backward pass, may take unless told otherwise.
MEMORY = 512 * 2**20


#: Most replicates of an experiment: beyond, its values alone need more than ten gigabytes.
MAXIMAL_REPLICATES = 10**8


def check_replicates(count: int) -> None:
    """Raise :exc:`SpecificationError` unless a sample may have so many replicates."""
    check_integer("number of replicates", count, 1, MAXIMAL_REPLICATES)


def check_experiment(experiment: object) -> None:
    """Raise :exc:`SpecificationError` unless a value is an experiment, which has an identity of its own."""
    if isinstance(experiment, type) or not hasattr(experiment, "block_size"):
        raise SpecificationError(f"experiment is {reprlib.repr(experiment)}; it must be what network(...) returns")


def never() -> bool:
    """Return False: do not stop."""
    return False


def check_interrupted(stop: Callable[[], bool]) -> None:
    """Raise :exc:`InterruptedSimulationError` if the run is asked to stop."""
    if stop():
        raise InterruptedSimulationError("simulation interrupted")


class Experiment(Protocol):
    """A specification as a frozen, hashable dataclass.

    ``merge`` and ``restrict`` let experiments of one identity share their replicates: ``a.merge(b)`` observes all that
    either observes, and ``a.restrict(values, part)`` returns the columns of a sample of ``a`` that ``part`` observes.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def identity(self) -> str:
        """Canonical text of all that determines a replicate's values, whatever is observed."""

    @property
    def content_hash(self) -> str:
        """Hash of the identity and of the observables."""

    @property
    def layers(self) -> int:
        """Residual layers of a replicate, all its networks together."""

    @property
    def block_size(self) -> int:
        """Replicates of a block, which are simulated together: LANES where they share a kernel call, else 1."""

    @property
    def work_per_block(self) -> int:
        """Estimate of what a block costs, in the unit of :mod:`theory_check.experiments.costs`."""

    @property
    def kind(self) -> str:
        """Name of its kind: costs of experiments of one kind differ from their estimates by one factor."""

    @property
    def trial(self) -> Self:
        """An experiment of its kind that is small enough to be timed."""

    def merge(self, other: Self) -> Self:
        """Return the experiment of this identity with the union of what both observe."""

    def restrict(self, values: Mapping[str, FloatArray], part: Self) -> Values:
        """Return the columns of this experiment that ``part``, of the same identity, observes."""


E = TypeVar("E", bound=Experiment)


@dataclass(frozen=True, repr=False)
class Sample(Generic[E]):
    """Values of an experiment, one row per replicate.

    Attributes
    ----------
    experiment : Experiment
    seed : int
        Root seed.
    values : mapping of str to float64 array
        Columns, documented with the experiment; the first axis has one entry per replicate.
    seconds : float
        Processor time that the simulation took, all threads together.
    """

    experiment: E
    seed: int
    values: Mapping[str, FloatArray]
    seconds: float

    @property
    def replicates(self) -> int:
        """Independent repetitions, the rows of every column."""
        return len(next(iter(self.values.values()), ()))

    def __repr__(self) -> str:
        columns = ", ".join(f"{name} {column.shape}" for name, column in self.values.items())
        return f"<Sample of {self.experiment}, seed {self.seed}: {columns}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{column.shape}</td><td>{_middle(column)}</td></tr>"
            for name, column in self.values.items()
        )
        return (
            f"<table><caption>{escape(str(self.experiment))}; seed {self.seed}, {self.seconds:.2f} core-s</caption>"
            f"<tr><th>column</th><th>shape</th><th>median</th></tr>{rows}</table>"
        )

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row per replicate. A column of several entries becomes as many, ``norms_profile_0`` and on.

        Returns
        -------
        pandas.DataFrame
            With the experiment in words and the seed among its ``attrs``.
        """
        import pandas as pd

        columns = {
            "_".join((name, *map(str, place))): column[(slice(None), *place)]
            for name, column in self.values.items()
            for place in np.ndindex(*column.shape[1:])
        }
        frame = pd.DataFrame(columns)
        frame.index.name = "replicate"
        frame.attrs.update(self._attributes)
        return frame

    def to_xarray(self) -> xr.Dataset:
        """Return the columns with their axes: ``replicate``, and those of a column by its name and number.

        Returns
        -------
        xarray.Dataset
            With the experiment in words and the seed among its ``attrs``.

        Raises
        ------
        SpecificationError
            If xarray is not installed.
        """
        try:
            import xarray as xr
        except ImportError as error:
            raise SpecificationError("to_xarray needs xarray: pip install xarray") from error
        arrays = {
            name: (("replicate", *(f"{name}_axis_{axis}" for axis in range(1, column.ndim))), column)
            for name, column in self.values.items()
        }
        return xr.Dataset(arrays, attrs=self._attributes)

    @property
    def _attributes(self) -> dict[str, Any]:
        return {"experiment": str(self.experiment), "seed": self.seed}

    def first(self, replicates: int) -> Sample[E]:
        """Return the sample of the first replicates alone; all of them where there are no more."""
        check_count("number of replicates", replicates)
        return replace(self, values={name: column[:replicates] for name, column in self.values.items()})

    @property
    def overflows(self) -> int:
        """Replicates with a column that left the range of double precision; its value is infinite or not a number."""
        bad = np.zeros(self.replicates, dtype=bool)
        for column in self.values.values():
            bad |= _has_overflowed(column)
        return int(bad.sum())

    def column(self, name: str) -> FloatArray:
        """Return a column to compute with.

        Raises
        ------
        SpecificationError
            If the experiment does not observe it.
        NumericalOverflowError
            If a replicate overflowed: its value is not known, and an average over the others would be wrong.
        """
        if name not in self.values:
            raise SpecificationError(f"the sample has no column {name!r}; it has {', '.join(self.values)}")
        column = self.values[name]
        overflows = 0 if np.isfinite(column).all() else int(_has_overflowed(column).sum())
        if overflows:
            raise NumericalOverflowError(
                f"{overflows} of {self.replicates} replicates overflowed in column {name} of: {self.experiment}"
            )
        return column


def _middle(column: FloatArray) -> str:
    """Return the median of a column that has one number a replicate."""
    return f"{np.median(column):.4g}" if column.ndim == 1 and len(column) else ""


def _has_overflowed(column: FloatArray) -> NDArray[np.bool_]:
    """Tell for each replicate; minus infinity is the logarithm of 0, a displacement that did not happen."""
    bad: NDArray[np.bool_] = np.isposinf(column) | np.isnan(column)
    return np.asarray(bad.reshape(len(column), -1).any(axis=1))
