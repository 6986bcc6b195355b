"""What a run will simulate and judge, and what that costs: expected if all statements hold, and at most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from theory_check.claims.claim import PROFILES, Claim, Illustration, Profile, Regime
from theory_check.claims.planning import PlannedCheck, affordable_margin, plan_claim
from theory_check.experiments.costs import SECONDS_PER_WORK
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.machine_costs import ESTIMATED, MachineCosts, store_costs, stored_costs
from theory_check.experiments.workload import Workload
from theory_check.foundation.arguments import check_choice
from theory_check.foundation.errors import BudgetError
from theory_check.foundation.stored_values import shelf, stored
from theory_check.verification.user_claims import regimes_with

#: Processor seconds, estimated, below which timing the machine is not worth the time.
_WORTH_TIMING = 10.0

#: Processor seconds besides the simulation, where :attr:`MachineCosts.speed` is 1: of a run (loading, its pages), of
#: each point (planned, judged at a few looks), and of each picture.
_RUN_SECONDS, _POINT_SECONDS, _PICTURE_SECONDS = 3.0, 0.024, 0.38


@dataclass(frozen=True)
class Plan:
    """What a run will simulate and judge: claims with their planned checks, by regime."""

    profile: Profile
    regimes: tuple[tuple[Regime, tuple[tuple[Claim, tuple[PlannedCheck, ...]], ...]], ...]

    @property
    def checks(self) -> list[PlannedCheck]:
        """All checks, in order."""
        return [check for _, claims in self.regimes for _, checks in claims for check in checks]

    @cached_property
    def pictures(self) -> Mapping[Illustration, Mapping[Experiment, int]]:
        """The experiments of each picture, with the numbers of replicates that it shows."""
        return {picture: picture.experiments(self.profile) for r, _ in self.regimes for picture in r.illustrations}

    @cached_property
    def workload(self) -> Workload[Experiment]:
        """The union of all that is simulated at most."""
        requests = [*(check.requests for check in self.checks), *self.pictures.values()]
        return Workload.of(pair for request in requests for pair in request.items())

    @cached_property
    def expected(self) -> Workload[Experiment]:
        """What of it is expected to be simulated if all statements hold."""
        points = [dict.fromkeys(check.experiments, check.expected) for check in self.checks]
        return Workload.of(pair for request in [*points, *self.pictures.values()] for pair in request.items())

    def seconds(self, costs: MachineCosts) -> float:
        """Return the processor time of the whole run that is expected if all statements hold.

        Parameters
        ----------
        costs : MachineCosts
            What simulations take on this machine, and how fast it is.

        Returns
        -------
        float
        """
        besides = _RUN_SECONDS + _POINT_SECONDS * len(self.checks) + _PICTURE_SECONDS * len(self.pictures)
        return costs.seconds(self.expected.merged.values()) + costs.speed * besides


def find_profile(name: str) -> Profile:
    """Return the profile of that name."""
    check_choice("profile", name, PROFILES)
    return PROFILES[name]


def find_claim(name: str, own: Regime | None = None) -> Claim:
    """Return the claim of that id, in the catalogue or among the own ones."""
    claims = [claim for regime in regimes_with(own) for claim in regime.claims]
    check_choice("claim", name, [claim.id for claim in claims])
    return next(claim for claim in claims if claim.id == name)


def plan_run(names: Iterable[str], profile: Profile, own: Regime | None = None) -> Plan:
    """Plan claims; the levels of their checks do not depend on the selection.

    Parameters
    ----------
    names : iterable of str
        Claim ids; when empty the own claims or, without any, the catalogue.
    profile : Profile
    own : Regime, optional
        Own claims.

    Returns
    -------
    Plan

    Raises
    ------
    SpecificationError
        For an unknown claim.
    """
    default = regimes_with(None) if own is None else (own,)
    selected = {find_claim(name, own).id for name in names} or {claim.id for r in default for claim in r.claims}
    regimes = tuple(
        (regime, tuple((claim, plan_claim(claim, profile)) for claim in regime.claims if claim.id in selected))
        for regime in regimes_with(own)
    )
    return Plan(profile, tuple((regime, claims) for regime, claims in regimes if claims))


def machine_costs(plan: Plan, threads: int) -> MachineCosts:
    """Return what simulations take on this machine; kinds of experiments that a long plan has first are timed."""
    known = stored_costs()
    experiments = [union for union, _ in plan.workload.merged.values()]
    kinds = {experiment.kind for experiment in experiments}
    if kinds <= known.factors.keys() or known.seconds(plan.expected.merged.values()) < _WORTH_TIMING:
        return known
    from theory_check.simulation.timing import measured_costs

    costs = measured_costs(experiments, known, threads)
    store_costs(costs)
    return costs


#: How many points a plan beyond its budget names.
_WORST = 5


def check_budget(plan: Plan, budget: float, costs: MachineCosts = ESTIMATED) -> None:
    """Raise if the plan is expected to take more than ``budget`` seconds of processor time.

    The error names the points that cost most, each taken by itself, with what they need and the smallest margin that
    their share of the budget pays for: the replicates of all points reduced by one factor.

    Parameters
    ----------
    plan : Plan
    budget : float
    costs : MachineCosts

    Raises
    ------
    BudgetError
    """
    total = costs.seconds(plan.expected.merged.values())
    if total <= budget:
        return
    points = [(costs.seconds((e, planned.expected) for e in planned.experiments), planned) for planned in plan.checks]
    points.sort(key=lambda point: -point[0])
    most = costs.seconds(plan.workload.merged.values())
    lines = [
        f"the plan needs about {total:.3g} s of processor time, at most {most:.3g} s, its budget is {budget:.3g} s: "
        "name fewer claims, widen margins or grant more (--budget); the most expensive of "
        f"{len(points)} points:"
    ]
    for seconds, planned in points[:_WORST]:
        margin = affordable_margin(planned, math.floor(planned.replicates * budget / total))
        paid = "is too small for any margin that keeps its wrong variants apart"
        if margin is not None:
            paid = f"pays for a margin of {margin:.3g}"
        lines.append(
            f"  {planned.id} needs about {planned.expected} of {planned.replicates} replicates, {seconds:.3g} s, for a "
            f"margin of {planned.check.margin:.3g}; its share of the budget {paid}"
        )
    raise BudgetError("\n".join(lines))


@dataclass(frozen=True)
class PlannedCost:
    """What a claim costs at a profile, for itself alone.

    Attributes
    ----------
    replicates : int
        Networks at most.
    works : tuple of (str, int, int)
        For each kind of experiment: the work that is expected, and at most.
    """

    replicates: int
    works: tuple[tuple[str, int, int], ...]

    def seconds(self, costs: MachineCosts) -> tuple[float, float]:
        """Return the processor time that is expected, and at most."""
        units = [(SECONDS_PER_WORK * costs.factor(kind), expected, most) for kind, expected, most in self.works]
        return sum(unit * expected for unit, expected, _ in units), sum(unit * most for unit, _, most in units)


def planned_costs(
    claims: Iterable[Claim],
    profiles: Iterable[Profile],
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[list[PlannedCost]]:
    """Return what claims cost at profiles; those of the catalogue are planned once for a version of the package.

    Parameters
    ----------
    claims : iterable of Claim
    profiles : iterable of Profile
    report : callable
        Called with (done, total) claims.

    Returns
    -------
    list of list of PlannedCost
        A list for each claim.
    """
    known = {claim.id: claim for regime in regimes_with(None) for claim in regime.claims}
    claims, profiles = tuple(claims), tuple(profiles)
    costs = []
    with shelf("costs of the catalogue"):
        for claim in claims:
            costs.append(
                [
                    _catalogue_cost(claim.id, profile.name) if known.get(claim.id) is claim else _cost(claim, profile)
                    for profile in profiles
                ]
            )
            report(len(costs), len(claims))
    return costs


@stored
def _catalogue_cost(claim: str, profile: str) -> PlannedCost:
    return _cost(find_claim(claim), PROFILES[profile])


def _cost(claim: Claim, profile: Profile) -> PlannedCost:
    alone = Regime(name="", title="", text="", formula="", claims=(claim,))
    plan = Plan(profile, ((alone, ((claim, plan_claim(claim, profile)),)),))
    works: dict[str, list[int]] = {}
    for place, workload in enumerate((plan.expected, plan.workload)):
        for union, replicates in workload.merged.values():
            work = -(-replicates // union.block_size) * union.work_per_block
            works.setdefault(union.kind, [0, 0])[place] += work
    return PlannedCost(plan.workload.replicates, tuple((kind, a, b) for kind, (a, b) in sorted(works.items())))
