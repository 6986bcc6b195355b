"""Claims and samples to findings: selects, plans, simulates the union of the experiments once, judges.

It names no claim: the catalogue is data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter

from theory_check.catalogue.references import origin
from theory_check.claims.claim import PROFILES, Claim, Illustration, Profile, Regime
from theory_check.claims.planning import FAMILY_LEVEL, PlannedCheck, affordable_margin, plan_claim
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.workload import Workload
from theory_check.findings.circumstances import circumstances
from theory_check.findings.pictures import Picture, PictureText
from theory_check.findings.run import ClaimFinding, RegimeReport, RunRecord, judge_correction
from theory_check.foundation.arguments import check_choice, check_integer
from theory_check.foundation.errors import BudgetError
from theory_check.foundation.files import make_directory
from theory_check.foundation.streams import check_seed
from theory_check.reporting.summary import describe
from theory_check.simulation.execution import Report, Simulation, silent
from theory_check.simulation.runner import available_threads
from theory_check.verification.looks import Decision, decide, stops
from theory_check.verification.rehearsal import rehearse
from theory_check.verification.user_claims import is_own, own_pictures, own_regime, regimes_with

#: Packages whose versions can move a digit of the report.
_PACKAGES = ("theory-check", "numpy", "numba", "scipy", "statsmodels")


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
        """The union of all that is simulated."""
        requests = [*(check.requests for check in self.checks), *self.pictures.values()]
        return Workload.of(pair for request in requests for pair in request.items())


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


#: How many points a plan beyond its budget names.
_WORST = 5


def check_budget(plan: Plan, budget: float) -> None:
    """Raise if the plan is estimated to take more than ``budget`` seconds of processor time.

    The error names the points that cost most, each taken by itself, with what they need and the smallest margin that
    their share of the budget pays for: the replicates of all points reduced by one factor.

    Raises
    ------
    BudgetError
    """
    total = plan.workload.seconds
    if total <= budget:
        return
    points = [(Workload.of(check.requests.items()).seconds, check) for check in plan.checks]
    points.sort(key=lambda point: -point[0])
    lines = [
        f"the plan needs about {total:.3g} s of processor time, its budget is {budget:.3g} s: name fewer claims, widen "
        f"margins or grant more (--budget); the most expensive of {len(points)} points:"
    ]
    for seconds, planned in points[:_WORST]:
        margin = affordable_margin(planned, math.floor(planned.replicates * budget / total))
        paid = "is too small for any margin that keeps its wrong variants apart"
        if margin is not None:
            paid = f"pays for a margin of {margin:.3g}"
        lines.append(
            f"  {planned.id} needs {planned.replicates} replicates, {seconds:.3g} s, for a margin of "
            f"{planned.check.margin:.3g}; its share of the budget {paid}"
        )
    raise BudgetError("\n".join(lines))


def _report_regime(
    plan: Plan,
    regime: Regime,
    claims: Sequence[tuple[Claim, tuple[PlannedCheck, ...]]],
    decisions: Mapping[str, Decision],
    simulation: Simulation[Experiment],
) -> tuple[RegimeReport, tuple[Picture, ...]]:
    """Draw up the section of a regime, with the pictures that it names."""
    pictures = tuple(
        illustration.draw([simulation.sample(e, n) for e, n in plan.pictures[illustration].items()])
        for illustration in regime.illustrations
    )
    findings = tuple(_report_claim(regime, claim, checks, decisions) for claim, checks in claims)
    pictures += own_pictures(regime, findings)
    texts = tuple(PictureText(p.name, p.caption, describe(p)) for p in pictures)
    return RegimeReport(regime.name, regime.title, regime.text, regime.formula, texts, findings), pictures


def _report_claim(
    regime: Regime, claim: Claim, checks: Sequence[PlannedCheck], decisions: Mapping[str, Decision]
) -> ClaimFinding:
    findings = tuple(decisions[check.id].finding for check in checks)
    return ClaimFinding(
        id=claim.id,
        regime=regime.name,
        title=claim.title,
        statement=claim.statement,
        formula=claim.formula,
        source=origin(claim),
        findings=findings,
        corrections=tuple(judge_correction(correction, findings) for correction in claim.corrections),
    )


@dataclass(frozen=True)
class Outcome:
    """A judged run, its plan, the decision on each point with its samples, and the pictures of its report."""

    plan: Plan
    decisions: Mapping[str, Decision]
    record: RunRecord
    pictures: tuple[Picture, ...]


def examine(
    names: Iterable[str] = (),
    *,
    profile: str = "quick",
    seed: int = 0,
    threads: int | None = None,
    folder: Path | None = None,
    report: Report = silent,
    budget: float | None = None,
    claims: Iterable[Claim | Illustration] = (),
    claims_file: str = "",
) -> Outcome:
    """Simulate and judge claims, and keep the samples and the pictures.

    Parameters
    ----------
    names, profile, seed, threads, folder, report, budget, claims, claims_file
        As of :func:`verify`.

    Returns
    -------
    Outcome

    Raises
    ------
    SpecificationError, BudgetError
        As :func:`verify`.
    """
    started, clock = datetime.now(UTC), perf_counter()
    count = available_threads() if threads is None else threads
    check_integer("number of threads", count, 1, 1024)
    names = tuple(names)
    plan = plan_run(names, find_profile(profile), own_regime(claims, claims_file))
    check_budget(plan, plan.profile.budget if budget is None else budget)
    check_seed(seed)
    rehearse(
        [check for regime, found in plan.regimes if is_own(regime) for _, checks in found for check in checks], seed
    )
    if folder is not None:
        make_directory(folder)
    shown: dict[Experiment, int] = {}
    for picture in plan.pictures.values():
        shown |= {e: max(n, shown.get(e, 0)) for e, n in picture.items()}
    with Simulation(
        plan.workload.merged, seed, stops=stops(plan.checks, shown), threads=count, folder=folder, report=report
    ) as simulation:
        decisions = decide(plan.checks, shown, simulation)
    sections = [_report_regime(plan, regime, claims, decisions, simulation) for regime, claims in plan.regimes]
    seconds = {point: sum(sample.seconds for sample in decision.samples) for point, decision in decisions.items()}
    simulated = simulation.simulated.values()
    record = RunRecord(
        profile=profile,
        seed=seed,
        selection=names,
        claims_file=claims_file,
        family_level=FAMILY_LEVEL,
        simulated_layers=sum(n * experiment.layers for experiment, n in simulated),
        simulated_networks=sum(n for _, n in simulated),
        regimes=tuple(section for section, _ in sections),
        run=circumstances(
            started, perf_counter() - clock, threads=count, processors=available_threads(), packages=_PACKAGES,
            seconds=seconds,
        ),
    )  # fmt: skip
    return Outcome(plan, decisions, record, tuple(picture for _, pictures in sections for picture in pictures))


def verify(
    names: Iterable[str] = (),
    *,
    profile: str = "quick",
    seed: int = 0,
    threads: int | None = None,
    folder: Path | None = None,
    report: Report = silent,
    budget: float | None = None,
    claims: Iterable[Claim | Illustration] = (),
    claims_file: str = "",
) -> RunRecord:
    """Simulate and judge claims.

    Parameters
    ----------
    names : iterable of str
        Claim ids; when empty all claims of the catalogue, or all of ``claims`` if some are given.
    profile : {"quick", "standard", "nightly"}
        Depth of evidence.
    seed : int
        Root seed, 0 to 2^64 - 1.
    threads : int, optional
        Default: all processors. Values do not depend on it.
    folder : Path, optional
        Where finished parts are kept, so that an interrupted run goes on when repeated.
    report : callable
        Called with (done, total).
    budget : float, optional
        Processor seconds that the plan may take, instead of those of the profile.
    claims : iterable of Claim, or of Illustration for pictures
        Own claims, see :func:`theory_check.claims.claim.claim`. They take places of the family level that the catalogue
        leaves free.
    claims_file : str
        Where they come from, for the report.

    Returns
    -------
    RunRecord

    Raises
    ------
    SpecificationError
        For an unknown claim or profile, a bad seed or number of threads, or own claims that have no place.
    BudgetError
        If the plan is estimated to exceed the budget; nothing has been simulated then.
    """
    return examine(
        names, profile=profile, seed=seed, threads=threads, folder=folder, report=report, budget=budget, claims=claims,
        claims_file=claims_file,
    ).record  # fmt: skip


def planned_cost(claim: Claim, profile: Profile) -> tuple[int, float]:
    """Return the networks and the processor seconds that a claim needs at a profile, for itself alone."""
    workload = Workload.of(pair for check in plan_claim(claim, profile) for pair in check.requests.items())
    return workload.replicates, workload.seconds


def exit_code(record: RunRecord) -> int:
    """Return 0 if all claims are supported and all wrong variants refuted, 1 if a claim is refuted, 3 otherwise."""
    verdict = record.verdict
    return {"supported": 0, "refuted": 1}.get(verdict, 3)
