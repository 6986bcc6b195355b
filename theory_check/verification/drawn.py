"""Judging a network that was drawn from the domain of a claim, by all of its checks on one sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from theory_check.claims.claim import Claim
from theory_check.claims.planning import PlannedCheck, plan_within
from theory_check.experiments.workload import Workload
from theory_check.findings.run import Finding
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.streams import check_seed
from theory_check.simulation.engines import Threads
from theory_check.simulation.execution import Simulation, silent
from theory_check.verification.looks import decide, stops

#: Factor of the margins of exact statements: less than any sample pays for, so that all of the time is used. Others
#: have margins with room for errors at finite size.
FINE = 0.01


@dataclass(frozen=True)
class DrawnFinding:
    """A check of a drawn network.

    Attributes
    ----------
    planned : PlannedCheck
        Its margin is what the time pays for; ``planned.too_near`` are the mistakes that it cannot tell from the
        prediction, the others have a verdict.
    finding : Finding
    """

    planned: PlannedCheck
    finding: Finding

    @property
    def needed(self) -> dict[str, float]:
        """:func:`networks_needed` by the replicates that were judged: some quantities exist in a part of them only."""
        return networks_needed(self.planned, self.finding.replicates)


def networks_needed(planned: PlannedCheck, replicates: int | None = None) -> dict[str, float]:
    """Return the named mistakes, and how many times as many networks tell each with a probability of 99%.

    At most 1 for those that planning promises to tell: a value lies outside of what agrees with the statement by the
    resolution, which falls as the root of the number; a law was kept. Infinite where the value agrees with the
    statement at finite size. One that only samples can tell is not listed, nor are mistakes of a size
    (:func:`sizes_told`).

    Parameters
    ----------
    planned : PlannedCheck
    replicates : int, optional
        Default: all that are planned.

    Returns
    -------
    dict of str to float
    """
    check = planned.check
    resolution = check.estimator.resolution(check.target, replicates or planned.replicates, planned.level)
    agrees = 0.0 if check.basis.exact else check.tolerance
    needed = {}
    for variant in planned.too_near:
        if variant.distance is not None:
            room = variant.distance * check.tolerance - agrees
            times = (resolution / room) ** 2 if room > 0.0 else math.inf
            # Laws are left out by the exact number that their distance needs.
            needed[variant.name] = times if variant.target is not None else max(times, math.nextafter(1.0, 2.0))
    return needed | {v.name: 1.0 for v in check.variants if v.distance is not None and not v.sized}


def sizes_told(planned: PlannedCheck) -> dict[str, float]:
    """Return the mistakes of a size, as a check spells them, and the smallest that is told; infinite if none is.

    Parameters
    ----------
    planned : PlannedCheck

    Returns
    -------
    dict of str to float
    """
    told = {v.name: v.sized for v in planned.check.variants}
    return {text: next((size for name, size in told.items() if size and text.format(size) == name), math.inf)
            for text in planned.check.sized}  # fmt: skip


def plan_drawn(claim: Claim, network: Any, *, level: float, seconds: float) -> tuple[PlannedCheck, ...]:
    """Plan the checks of a network that a processor time pays for; they share the level equally.

    Parameters
    ----------
    claim : Claim
    network : Experiment
    level : float
        Probability, at most, of any wrong verdict.
    seconds : float
        Processor time, estimated, that a sample may take.

    Returns
    -------
    tuple of PlannedCheck
        None if the time pays for no margin of any of them.

    Raises
    ------
    HypothesisError
        If the network is outside the domain.
    SpecificationError
        If the claim has no domain.
    """
    if claim.domain is None:
        raise SpecificationError(f"claim {claim.id} states no domain")
    checks = claim.domain.checks(network, FINE)
    if not all(check.basis.exact for check in checks):
        usual = claim.domain.checks(network, 1.0)
        checks = tuple(one if one.basis.exact else other for one, other in zip(checks, usual, strict=True))
    planned = []
    for check in checks:
        try:
            planned.append(plan_within(f"{claim.id}/{check.name}", check, level / len(checks), seconds))
        except SpecificationError:
            continue
    return tuple(planned)


def judge_drawn(claim: Claim, network: Any, *, seed: int, level: float, seconds: float) -> tuple[DrawnFinding, ...]:
    """Simulate a network of a claim's domain and judge its checks on that sample, at the looks of their plans.

    Parameters
    ----------
    claim, network, level, seconds
        As of :func:`plan_drawn`.
    seed : int
        Root seed of the streams.

    Returns
    -------
    tuple of DrawnFinding

    Raises
    ------
    HypothesisError
        If the network is outside the domain.
    SpecificationError
        If the claim has no domain, or the time pays for no margin.
    """
    planned = plan_drawn(claim, network, level=level, seconds=seconds)
    if not planned:
        raise SpecificationError(f"{claim.id}: {seconds:g} s pay for no margin of any check of {network}")
    return judge_planned(planned, seed)


def judge_planned(planned: tuple[PlannedCheck, ...], seed: int) -> tuple[DrawnFinding, ...]:
    """Simulate what :func:`plan_drawn` planned, and judge it."""
    experiments = Workload.of(pair for check in planned for pair in check.requests.items()).merged
    with Simulation(
        experiments, check_seed(seed), stops=stops(planned, {}), engine=Threads(1), folder=None, report=silent
    ) as simulation:
        decisions = decide(planned, {}, simulation)
    return tuple(DrawnFinding(check, decisions[check.id].finding) for check in planned)
