"""Judging a network that was drawn from the domain of a claim, by all of its checks on one sample."""

from __future__ import annotations

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
    def mistakes(self) -> dict[str, bool]:
        """Named mistakes, and whether planning promises to tell each from the prediction with a probability of 99%.

        A value is told if it lies outside of what agrees with the statement by the resolution; a law if it was kept.
        One that only samples can tell is not listed.
        """
        check, exact = self.planned.check, self.planned.check.basis.exact
        reach = self.finding.resolution + (0.0 if exact else check.tolerance)
        told = {v.name: True for v in check.variants if v.distance is not None}
        near = {
            v.name: v.target is not None and v.distance * check.tolerance >= reach
            for v in self.planned.too_near
            if v.distance is not None
        }
        return near | told


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
    usual, fine = (claim.domain.checks(network, precision) for precision in (1.0, FINE))
    planned = []
    for check, finer in zip(usual, fine, strict=True):
        try:
            wanted = finer if check.basis.exact else check
            planned.append(plan_within(f"{claim.id}/{check.name}", wanted, level / len(usual), seconds))
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
    experiments = Workload.of(pair for check in planned for pair in check.requests.items()).merged
    with Simulation(
        experiments, check_seed(seed), stops=stops(planned, {}), engine=Threads(1), folder=None, report=silent
    ) as simulation:
        decisions = decide(planned, {}, simulation)
    return tuple(DrawnFinding(check, decisions[check.id].finding) for check in planned)
