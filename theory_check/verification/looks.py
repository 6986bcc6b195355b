"""Judging while simulating: every point is looked at a few planned times and stops when it is decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from theory_check.claims.judging import Look
from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.findings.run import Finding
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.user_code import located
from theory_check.simulation.execution import Simulation


def stops(checks: Iterable[PlannedCheck], shown: Mapping[Experiment, int]) -> dict[str, set[int]]:
    """Return, by identity, the numbers of replicates at which a point looks at an experiment or a picture shows it."""
    found: dict[str, set[int]] = {}
    for experiment, replicates in shown.items():
        found.setdefault(experiment.identity, set()).add(replicates)
    for check in checks:
        for experiment in check.experiments:
            found.setdefault(experiment.identity, set()).update(check.looks)
    return found


@dataclass(frozen=True)
class Decision:
    """A point at the look that decided it: its finding, and the samples that it was judged on."""

    finding: Finding
    samples: tuple[Sample[Any], ...]
    look: int


def decide(
    checks: Sequence[PlannedCheck], shown: Mapping[Experiment, int], simulation: Simulation[Experiment]
) -> dict[str, Decision]:
    """Simulate until every point is decided or has made its last look; experiments run until their last point is.

    Parameters
    ----------
    checks : sequence of PlannedCheck
    shown : mapping of experiment to int
        Replicates that pictures need in any case.
    simulation : Simulation

    Returns
    -------
    dict of str to Decision
        By the id of the point, each frozen at the look that decided it.
    """
    waiting = {check.id: (check, 0) for check in checks}
    readers: dict[str, list[str]] = {}
    for check in checks:
        for experiment in check.experiments:
            readers.setdefault(experiment.identity, []).append(check.id)

    def tell(experiments: Iterable[Experiment]) -> None:
        """Tell the simulation how many replicates are expected to be asked for."""
        expected = {}
        for experiment in experiments:
            points = (waiting[point] for point in readers[experiment.identity] if point in waiting)
            expected[experiment.identity] = max((check.expected_after(number) for check, number in points), default=0)
        simulation.expect(expected)

    decisions: dict[str, Decision] = {}
    tell(experiment for check in checks for experiment in check.experiments)
    simulation.ask([*shown.items(), *(request for check in checks for request in _requests(check, 0))])
    while not simulation.is_idle:
        grown = simulation.wait()
        ready = list(dict.fromkeys(point for identity in sorted(grown) for point in readers.get(identity, ())))
        while ready:
            point = ready.pop()
            if point not in waiting or not simulation.has(_requests(*waiting[point])):
                continue
            check, number = waiting.pop(point)
            samples = tuple(simulation.sample(*request) for request in _requests(check, number))
            look = Look(check, samples, number)
            simulation.receive()
            with _named(check):
                over = look.is_decided or look.is_last
                finding = look.finding if over else None
            if finding is not None:
                decisions[point] = Decision(finding, samples, number)
            else:
                waiting[point] = check, number + 1
                simulation.ask(_requests(*waiting[point]))
                # What it needs next may be there already, simulated for another point.
                ready.append(point)
            tell(check.experiments)
    return decisions


@contextmanager
def _named(check: PlannedCheck) -> Iterator[None]:
    """Say of which point of the user's an error is, and where it is spelled."""
    try:
        yield
    except SpecificationError as error:
        if not check.check.place:
            raise
        with located(check.check.place):
            raise SpecificationError(f"{check.id}: {error}") from error


def _requests(check: PlannedCheck, look: int) -> list[tuple[Experiment, int]]:
    return [(experiment, check.looks[look]) for experiment in check.experiments]
