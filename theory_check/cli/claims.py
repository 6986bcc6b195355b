"""``run``: claims are simulated, judged and reported."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theory_check.cli.announcement import say, weigh
from theory_check.cli.completion import complete_claim
from theory_check.cli.engines import open_engine
from theory_check.cli.exit_codes import INCONCLUSIVE, REFUTED
from theory_check.cli.options import (
    claims_option,
    cluster_options,
    memory_option,
    out_option,
    own_claims,
    profile_option,
    seed_option,
    threads_option,
)
from theory_check.cli.terminal import hold_output, open_console, show_progress

if TYPE_CHECKING:
    from theory_check.claims.claim import Regime
    from theory_check.experiments.machine_costs import MachineCosts
    from theory_check.experiments.memory import Memory
    from theory_check.verification.ledger import Entry, Ledger
    from theory_check.verification.plan import Plan


@click.command(short_help="Simulate, judge and report: all claims, or those named.")
@click.argument("claims", nargs=-1, metavar="[CLAIM]...", shell_complete=complete_claim)
@profile_option()
@claims_option
@seed_option
@out_option()
@click.option("--history", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE.db",
              help="Add the evidence to that of earlier runs in this ledger; the seed must be a new one.")  # fmt: skip
@click.option("--new-history", is_flag=True, help="Begin the ledger if there is none.")
@threads_option()
@cluster_options
@memory_option
@click.option("-v", "--verbose", is_flag=True, help="Print the numbers of every point.")
@click.option("--pictures", default="", metavar="svg,pdf", help="Also write the figures in these formats.")
@click.option("--budget", default=None, metavar="TIME",
              help="Processor time that may be expected, 90s, 10min, 1.5h; default: that of the profile.")  # fmt: skip
def run(
    claims: tuple[str, ...],
    profile: str,
    claims_file: Path | None,
    seed: int,
    out: Path,
    history: Path | None,
    new_history: bool,
    threads: int | None,
    cluster: str | None,
    share: str | None,
    memory: int | None,
    verbose: bool,
    pictures: str,
    budget: str | None,
) -> int:
    """Simulate, judge and report: all claims, or those named; with --claims those of the file, or those named.

    Writes DIR/REPORT.md with a page per claim, DIR/SUMMARY.md, DIR/results.json, DIR/junit.xml, DIR/badge.json and
    DIR/figures, and the values of own claims into DIR/data. Under GitHub Actions, annotations name what is not
    supported. Exit code 0: all supported; 1: one refuted, with a history by all its runs together; 2: bad input; 3:
    none refuted, some inconclusive; 70: internal error; 74: input or output failed; 130 interrupted, 143 terminated:
    the same command continues.
    """
    from theory_check.catalogue.weight_law_table import weight_law_table
    from theory_check.claims.claim import PROFILES
    from theory_check.foundation.arguments import check_choice, parse_duration
    from theory_check.reporting.files import FILES, FOLDERS, FORMATS, write_report
    from theory_check.reporting.nights import answer_nights
    from theory_check.reporting.status import github_annotations
    from theory_check.reporting.terminal import print_summary
    from theory_check.simulation.units import UnitStore
    from theory_check.verification.plan import find_claim, find_profile, plan_run
    from theory_check.verification.run import examine, exit_code
    from theory_check.verification.user_claims import own_data, own_regime

    given = own_claims(claims_file)
    own = own_regime(given)
    for name in claims:
        if name in PROFILES:
            raise click.UsageError(f"{name!r} is a profile, not a claim; give it by --profile {name}")
        find_claim(name, own)
    if new_history and history is None:
        raise click.UsageError("--new-history: give the ledger to begin, --history FILE.db")
    formats = tuple(filter(None, pictures.split(",")))
    for name in formats:
        check_choice("format of pictures", name, FORMATS)
    granted = None if budget is None else parse_duration("budget", budget)
    resume, files, folders = out / ".resume", [out / name for name in FILES], [out / name for name in FOLDERS]
    ledger = None
    if history is not None:
        plan = partial(plan_run, claims, find_profile(profile), own)
        ledger = _open_ledger(history, files, profile=profile, seed=seed, plan=plan, new=new_history)

    def room(plan: Plan) -> Memory:
        return weigh(plan.workload, threads=threads, cluster=cluster, limit=memory)

    def announce(plan: Plan, costs: MachineCosts) -> None:
        say("run", plan.seconds(costs), room(plan).total)
        # Modules and plan stay to the end: no collection of garbage looks at them again.
        gc.freeze()
        click.get_current_context().call_on_close(gc.unfreeze)

    with hold_output(resume, files=files, folders=folders):
        with (
            open_engine(cluster, threads, share) as engine,
            show_progress(f"theory-check run, profile {profile}, seed {seed}", engine.processors) as report,
        ):
            outcome = examine(
                claims, profile=profile, seed=seed, folder=resume, report=report, budget=granted, engine=engine,
                claims=given, claims_file="" if claims_file is None else str(claims_file), announce=announce,
                memory=lambda plan: room(plan).stored,
            )  # fmt: skip
        record = outcome.record
        code = exit_code(record)
        # Evidence first: a night counts from the moment that its samples are judged.
        entry = None if ledger is None else ledger.append(outcome)
        samples = {point: made.samples for point, made in outcome.decisions.items()}
        data = own_data(outcome.plan.regimes, samples) if given else ()
        said = () if entry is None else answer_nights(entry.history)
        written = write_report(record, out, outcome.pictures, [weight_law_table(record)], data, said, formats)
        UnitStore(resume).clear()
    print_summary(record, open_console(), every_point=verbose)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in github_annotations(record, str(written[0])):
            click.echo(line)
    click.echo(f"report: {written[0]}")
    return code if entry is None else _report_night(entry, history, own, code)


def _open_ledger(
    history: Path, files: Iterable[Path], *, profile: str, seed: int, plan: Callable[[], Plan], new: bool
) -> Ledger:
    """Return the ledger, which must be none of the files of the report."""
    from theory_check.verification.ledger import check_not_ledger, open_ledger

    for file in files:
        check_not_ledger(file, history)
    return open_ledger(history, profile=profile, seed=seed, plan=plan, new=new)


def _report_night(entry: Entry, history: Path | None, own: Regime | None, code: int) -> int:
    """Print what the night adds to the ledger; return the code that all nights together give."""
    from theory_check.reporting.nights import night_summary, refuted_claims
    from theory_check.verification.user_claims import regimes_with

    nights = entry.history
    for line in night_summary(nights, entry.number):
        click.echo(line)
    if entry.repeated:
        click.echo(f"night {entry.number} is this run: the ledger has it already, nothing was added")
    if entry.differs:
        click.echo(
            f"theory-check: warning: the ledger has night {entry.number} with other results, which were kept; the same "
            "seed on another processor or library may differ in its last digits",
            err=True,
        )
    click.echo(f"history: {history}")
    # A claim that has left the catalogue is history.
    if set(refuted_claims(nights)) & {claim.id for regime in regimes_with(own) for claim in regime.claims}:
        return REFUTED
    if code == REFUTED:
        # A level of one run is not one for the life of a history: only the nights together refute.
        click.echo("refuted by this night alone, not by the nights together")
        return INCONCLUSIVE
    return code
