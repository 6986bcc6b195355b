"""Costs of simulations on this machine: estimated work, times one measured factor for each kind of experiment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from theory_check.experiments.costs import SECONDS_PER_WORK
from theory_check.experiments.experiment import Experiment
from theory_check.foundation import stored_values
from theory_check.foundation.stored_values import read_sealed, write_sealed

_NAME = "costs.bin"


@dataclass(frozen=True)
class MachineCosts:
    """Ratios of measured to estimated processor time.

    Attributes
    ----------
    factors : mapping of str to float
        By kind of experiment. A kind that was not measured has their median, or 1.
    """

    factors: Mapping[str, float] = field(default_factory=dict)

    @property
    def speed(self) -> float:
        """The median of the factors, which kinds that were not measured have."""
        return median(self.factors.values()) if self.factors else 1.0

    def factor(self, kind: str) -> float:
        """Return the factor of a kind of experiment."""
        return self.factors.get(kind, self.speed)

    def block_seconds(self, experiment: Experiment) -> float:
        """Return the processor time of a block of an experiment."""
        return SECONDS_PER_WORK * self.factor(experiment.kind) * experiment.work_per_block

    def seconds(self, requests: Iterable[tuple[Experiment, int]]) -> float:
        """Return the processor time of experiments, each with a number of replicates."""
        return sum(-(-n // experiment.block_size) * self.block_seconds(experiment) for experiment, n in requests)

    def longest(self, requests: Iterable[tuple[Experiment, int]]) -> float:
        """Return the processor time of the longest block of such experiments."""
        return max((self.block_seconds(experiment) for experiment, _ in requests), default=0.0)


#: The estimates alone.
ESTIMATED = MachineCosts()


def stored_costs() -> MachineCosts:
    """Return what was measured on this machine, by this version, so far."""
    folder = stored_values.values_folder()
    factors = None if folder is None else read_sealed(folder / _NAME, _NAME)
    return MachineCosts(factors or {})


def store_costs(costs: MachineCosts) -> None:
    """Keep what was measured for the next commands."""
    folder = stored_values.values_folder()
    if folder is not None:
        write_sealed(folder / _NAME, _NAME, dict(costs.factors))
