"""Judging a network that was drawn from the domain of a claim."""

from __future__ import annotations

from typing import Any

from theory_check.claims.claim import Claim
from theory_check.claims.planning import plan_within
from theory_check.experiments.workload import Workload
from theory_check.findings.run import Finding
from theory_check.foundation.arguments import check_choice
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.streams import check_seed
from theory_check.simulation.execution import Simulation, silent
from theory_check.verification.looks import decide, stops


def judge_drawn(
    claim: Claim, network: Any, check: str, *, seed: int, level: float, seconds: float, precision: float = 1.0
) -> Finding:
    """Simulate a network of a claim's domain and judge one of its checks there, at the looks of its plan.

    Parameters
    ----------
    claim : Claim
    network : Experiment
    check : str
        Name of the check.
    seed : int
        Root seed of the streams.
    level : float
        Probability, at most, of a wrong verdict.
    seconds : float
        Processor time, estimated, that the sample may take; the margin is what it pays for.
    precision : float
        Factor of the margin that the claim asks for.

    Returns
    -------
    Finding
        With the wrong variants that this sample tells from the prediction.

    Raises
    ------
    HypothesisError
        If the network is outside the domain.
    SpecificationError
        If the claim has no domain or no such check of the network, or the time pays for no margin.
    """
    if claim.domain is None:
        raise SpecificationError(f"claim {claim.id} states no domain")
    checks = {made.name: made for made in claim.domain.checks(network, precision)}
    check_choice(f"check of {claim.id}", check, checks)
    planned = plan_within(f"{claim.id}/{check}", checks[check], level, seconds)
    experiments = Workload.of(planned.requests.items()).merged
    with Simulation(
        experiments, check_seed(seed), stops=stops([planned], {}), threads=1, folder=None, report=silent
    ) as simulation:
        return decide([planned], {}, simulation)[planned.id].finding
