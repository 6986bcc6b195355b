"""Claims and samples to findings: selects, plans, simulates the union of the experiments once, judges.

It names no claim: the catalogue is data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from theory_check.catalogue.references import origin, written_out
from theory_check.claims.claim import Claim, Illustration, Regime
from theory_check.claims.planning import FAMILY_LEVEL, PlannedCheck
from theory_check.experiments.experiment import MEMORY, Experiment
from theory_check.experiments.machine_costs import MachineCosts
from theory_check.findings.circumstances import circumstances
from theory_check.findings.pictures import Picture, PictureText
from theory_check.findings.run import ClaimFinding, RegimeReport, RunRecord, judge_correction
from theory_check.foundation.arguments import check_positive
from theory_check.foundation.files import make_directory
from theory_check.foundation.kinds import check_sequence
from theory_check.foundation.stored_values import shelf
from theory_check.foundation.streams import check_seed
from theory_check.reporting.summary import describe
from theory_check.simulation.engines import Engine, Threads, available_threads, count_threads
from theory_check.simulation.execution import Report, Simulation, silent
from theory_check.verification.looks import Decision, decide, stops
from theory_check.verification.plan import Plan, check_budget, find_profile, machine_costs, plan_run
from theory_check.verification.rehearsal import rehearse
from theory_check.verification.user_claims import is_own, own_regime

#: Packages whose versions can move a digit of the report.
_PACKAGES = ("theory-check", "numpy", "numba", "scipy", "statsmodels")


def _report_regime(
    plan: Plan,
    regime: Regime,
    claims: Sequence[tuple[Claim, tuple[PlannedCheck, ...]]],
    decisions: Mapping[str, Decision],
    simulation: Simulation[Experiment],
) -> tuple[RegimeReport, tuple[Picture, ...]]:
    """Draw up the section of a regime, with the pictures that it names."""
    # Curves of a picture take as long to compute as those of a plan.
    with shelf(f"pictures of {regime.name}"):
        pictures = tuple(
            illustration.draw([simulation.sample(e, n) for e, n in plan.pictures[illustration].items()])
            for illustration in regime.illustrations
        )
    findings = tuple(_report_claim(regime, claim, checks, decisions) for claim, checks in claims)
    texts = tuple(PictureText(p.name, p.caption, describe(p)) for p in pictures)
    made = RegimeReport(regime.name, regime.title, regime.text, regime.formula, texts, findings, regime.headline)
    return made, pictures


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
        derivation=claim.derivation,
        hypotheses=claim.hypotheses,
        remarks=claim.remarks,
        domain=() if claim.domain is None else tuple(one.sentence for one in claim.domain.hypotheses),
        findings=findings,
        corrections=tuple(
            judge_correction(replace(correction, source=written_out(correction.source)), findings)
            for correction in claim.corrections
        ),
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
    engine: Engine | None = None,
    memory: Callable[[Plan], int] = lambda _plan: MEMORY,
    announce: Callable[[Plan, MachineCosts], None] = lambda _plan, _costs: None,
) -> Outcome:
    """Simulate and judge claims, and keep the samples and the pictures.

    Parameters
    ----------
    names, profile, seed, threads, folder, report, budget, claims, claims_file, engine
        As of :func:`verify`.
    memory : callable
        Returns the bytes that stored weights of a plan may take, or refuses it.
    announce : callable
        Called with the plan and what it costs on this machine, when nothing stands against it.

    Returns
    -------
    Outcome

    Raises
    ------
    SpecificationError, BudgetError
        As :func:`verify`.
    """
    started, clock = datetime.now(UTC), perf_counter()
    count = count_threads(threads)
    if budget is not None:
        check_positive("budget", budget)
    chosen = engine or Threads(count)
    names = check_sequence("list of claims", names)
    plan = plan_run(names, find_profile(profile), own_regime(claims, claims_file))
    costs = machine_costs(plan, count)
    if budget is None:
        # What a profile may cost is said of an ordinary core: it runs on a slow machine too.
        check_budget(plan, plan.profile.budget)
    else:
        check_budget(plan, budget, costs)
    check_seed(seed)
    granted = memory(plan)
    rehearse(
        [check for regime, found in plan.regimes if is_own(regime) for _, checks in found for check in checks],
        seed,
        granted,
    )
    announce(plan, costs)
    if folder is not None:
        make_directory(folder)
    shown: dict[Experiment, int] = {}
    for picture in plan.pictures.values():
        shown |= {e: max(n, shown.get(e, 0)) for e, n in picture.items()}
    with Simulation(
        plan.workload.merged, seed, stops=stops(plan.checks, shown), engine=chosen, folder=folder, report=report,
        memory=granted, costs=costs,
    ) as simulation:  # fmt: skip
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
            started, perf_counter() - clock, threads=chosen.processors, processors=available_threads(),
            packages=_PACKAGES, seconds=seconds,
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
    engine: Engine | None = None,
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
        Processor seconds that the plan may be expected to take, instead of those of the profile.
    claims : iterable of Claim, or of Illustration for pictures
        Own claims, see :func:`theory_check.claims.claim.claim`. They take places of the family level that the catalogue
        leaves free.
    claims_file : str
        Where they come from, for the report.
    engine : Engine, optional
        Where to simulate instead of in threads, see :func:`theory_check.simulation.cluster.open_cluster`.

    Returns
    -------
    RunRecord

    Raises
    ------
    SpecificationError
        For an unknown claim or profile, names that are no list, a bad seed or number of threads, or own claims that
        have no place.
    BudgetError
        If the plan is expected to exceed the budget; nothing but trials has been simulated then.
    """
    return examine(
        names, profile=profile, seed=seed, threads=threads, folder=folder, report=report, budget=budget, claims=claims,
        claims_file=claims_file, engine=engine,
    ).record  # fmt: skip


def exit_code(record: RunRecord) -> int:
    """Return 0 if all claims are supported and all wrong variants refuted, 1 if a claim is refuted, 3 otherwise."""
    verdict = record.verdict
    return {"supported": 0, "refuted": 1}.get(verdict, 3)
