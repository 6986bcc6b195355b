"""Experiments that are simulated together: their union, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic

from theory_check.experiments.costs import SECONDS_PER_WORK
from theory_check.experiments.experiment import E, check_experiment, check_replicates


@dataclass(frozen=True)
class Workload(Generic[E]):
    """The union of experiments, made once by :meth:`of`.

    Attributes
    ----------
    requests : mapping of experiment to int
        How many replicates of each are wanted.
    merged : mapping of str to (experiment, int)
        By identity: one experiment that observes what all of this identity observe, with the largest number.
    """

    requests: Mapping[E, int]
    merged: Mapping[str, tuple[E, int]]

    @classmethod
    def of(cls, requests: Iterable[tuple[E, int]]) -> Workload[E]:
        """Merge experiments, each with a number of replicates; of one named twice the larger number counts."""
        wanted: dict[E, int] = {}
        for experiment, replicates in requests:
            check_experiment(experiment)
            # Before it is compared: a wrong kind is told like a wrong value.
            check_replicates(replicates)
            wanted[experiment] = max(replicates, wanted.get(experiment, 0))
        merged: dict[str, tuple[E, int]] = {}
        for experiment, replicates in wanted.items():
            union, most = merged.get(experiment.identity, (experiment, replicates))
            union = union if union is experiment else union.merge(experiment)
            merged[experiment.identity] = union, max(most, replicates)
        return cls(wanted, merged)

    @property
    def work(self) -> int:
        """Estimate of what the simulation costs, in the unit of :mod:`theory_check.experiments.costs`."""
        return sum(-(-n // union.block_size) * union.work_per_block for union, n in self.merged.values())

    @property
    def seconds(self) -> float:
        """Estimate of the processor time, all cores together."""
        return SECONDS_PER_WORK * self.work

    @property
    def replicates(self) -> int:
        """Replicates that are simulated, of all experiments together."""
        return sum(n for _, n in self.merged.values())

    @property
    def layers(self) -> int:
        """Residual layers that are simulated, all replicates together."""
        return sum(n * union.layers for union, n in self.merged.values())
