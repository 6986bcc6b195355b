"""``search``: looks for a network that refutes a claim."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theory_check.cli.announcement import sampler_within, say
from theory_check.cli.completion import complete_claim
from theory_check.cli.engines import open_engine
from theory_check.cli.exit_codes import REFUTED
from theory_check.cli.options import (
    RealNumber,
    WholeNumber,
    WrittenFile,
    claims_option,
    cluster_options,
    memory_option,
    own_claims,
    seed_option,
    threads_option,
)
from theory_check.cli.terminal import open_console, show_progress

if TYPE_CHECKING:
    from theory_check.findings.run import Finding
    from theory_check.verification.search import Confirmation, SearchResult


@click.command()
@click.argument("claim", shell_complete=complete_claim)
@click.option("--examples", type=WholeNumber(), default=200, show_default=True, metavar="N",
              help="Networks to draw in exploration.")  # fmt: skip
@click.option("--minutes", type=RealNumber(), default=math.inf, metavar="M",
              help="Time after which exploration ends; without it a search is repeated by its seed.")  # fmt: skip
@seed_option
@click.option("--level", type=RealNumber(), default=1e-2, show_default=True,
              help="Probability, at most, that the search of a true claim finds a counterexample.")  # fmt: skip
@click.option("--everywhere", is_flag=True,
              help="Search the wider statement of the claim, without some of its hypotheses.")  # fmt: skip
@click.option("--network", default=None, metavar="TEXT",
              help="Judge this one network at the level, as a search printed it, and search for nothing.")  # fmt: skip
@click.option("--check", default=None, metavar="NAME", help="The check of that network.")
@click.option("--out", type=WrittenFile(".png"), default=None, metavar="FILE.png",
              help="Also draw the networks of exploration against width, depth and beta.")  # fmt: skip
@click.option("--report", "page", type=click.Path(path_type=Path, file_okay=False), default=None, metavar="DIR",
              help="Also keep what was found beside the report in this folder, for the page of the claim.")  # fmt: skip
@claims_option
@threads_option()
@cluster_options
@memory_option
def search(
    claim: str,
    examples: int,
    minutes: float,
    seed: int,
    level: float,
    everywhere: bool,
    network: str | None,
    check: str | None,
    out: Path | None,
    page: Path | None,
    claims_file: Path | None,
    threads: int | None,
    cluster: str | None,
    share: str | None,
    memory: int | None,
) -> int:
    """Search the domain of a claim for a network that refutes it.

    Exploration is steered by the evidence against the claim on samples of its own; the simplest suspect is judged once
    on fresh streams, at a level fixed beforehand, and only that verdict counts. Prints each counterexample with what
    repeats it, or how much of the domain was covered and the strongest evidence. Exit code 0: no counterexample; 1: one
    was confirmed; 2: bad input.
    """
    import platformdirs

    from theory_check.foundation.arguments import check_between
    from theory_check.reporting.drawing import draw
    from theory_check.reporting.searches import write_search
    from theory_check.verification.plan import find_claim
    from theory_check.verification.repetition import read_network
    from theory_check.verification.search import check_extent, confirm, searched_domain, ways_to_refute
    from theory_check.verification.search import search as run_search
    from theory_check.verification.search_picture import search_picture
    from theory_check.verification.search_progress import CONFIRMATION_SECONDS, EXPLORATION_SECONDS
    from theory_check.verification.search_record import summarised
    from theory_check.verification.user_claims import own_regime

    # Hypothesis keeps what it found out about the code; the folder of the user is no place for that.
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(platformdirs.user_cache_path("theory-check") / "search"))
    found = find_claim(claim, own_regime(own_claims(claims_file)))
    searched_domain(found, everywhere)
    # The line on the time that it takes comes before the search: both are checked before that.
    check_extent(examples, minutes)
    check_between("level", level, 0.0, 1.0)
    if network is not None and check is None:
        raise click.UsageError("--network: name the check to judge, --check NAME")
    if check is not None and network is None:
        raise click.UsageError("--check: give the network to judge, --network TEXT, as a search printed it")
    with open_engine(cluster, threads, share) as engine:
        most, sampler = sampler_within(memory, engine, cluster)
        if network is not None:
            finding = confirm(found, read_network(network), check or "", seed=seed, level=level,
                              everywhere=everywhere, sampler=sampler)  # fmt: skip
            _print_finding(finding)
            return REFUTED if finding.verdict == "refuted" else 0
        kept = ways_to_refute(found, everywhere) * CONFIRMATION_SECONDS
        say("search", min(examples * EXPLORATION_SECONDS, 60.0 * minutes) + kept, most)
        started = datetime.now(UTC)
        try:
            longest = 60.0 * minutes + kept
            with show_progress(f"theory-check search {claim}, seed {seed}", 1, EXPLORATION_SECONDS, longest) as report:
                result = run_search(found, examples=examples, minutes=minutes, seed=seed, level=level,
                                    everywhere=everywhere, sampler=sampler, report=report)  # fmt: skip
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted; a search keeps nothing, --minutes ends it with its results") from None
    _print_coverage(result)
    if out is not None:
        draw(search_picture(result), out)
        click.echo(f"picture: {out}")
    if page is not None:
        click.echo(f"kept: {write_search(summarised(result, started), search_picture(result), page)}")
    for confirmation in result.confirmations:
        _print_confirmation(result, confirmation, claims_file)
    if result.counterexamples:
        return REFUTED
    _print_absence(result)
    return 0


def _print_coverage(result: SearchResult) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("part of the domain", overflow="fold")
    table.add_column("networks", justify="right")
    for stratum, count in result.strata.items():
        table.add_row(stratum, str(count))
    open_console().print(table)
    if result.overflowed:
        click.echo(f"{result.overflowed} networks left double precision and were not judged")


def _print_absence(result: SearchResult) -> None:
    strongest = result.strongest
    if strongest is not None:
        evidence = strongest.log_evidence / math.log(10.0)
        click.echo(f"strongest evidence, in exploration: 10^{evidence:.1f} at {strongest.check}: {strongest.network}")
    out_of_time = " (out of time)" if result.exhausted else ""
    click.echo(f"{result.claim.id}: no counterexample in {result.drawn} networks{out_of_time}")


def _print_confirmation(result: SearchResult, confirmation: Confirmation, claims_file: Path | None) -> None:
    from theory_check.verification.repetition import repetition

    confirmed = confirmation.finding.verdict == "refuted"
    where = "" if confirmation.violated is None else f", where this fails: {confirmation.violated.sentence}"
    click.echo(f"\n{'counterexample' if confirmed else 'suspect, not confirmed'}{where}")
    _print_finding(confirmation.finding)
    if confirmed:
        command, lines = repetition(result, confirmation, claims_file)
        click.echo(f"  repeat    {command}\n\n{lines}\n")


def _print_finding(finding: Finding) -> None:
    from theory_check.reporting.mathematics import unicode_text
    from theory_check.reporting.numerals import format_significant as number
    from theory_check.reporting.numerals import format_target

    click.echo(f"  network   {finding.network}")
    click.echo(f"  quantity  {unicode_text(finding.quantity)}; {finding.method}; {finding.replicates} replicates")
    click.echo(
        f"  estimate  {number(finding.estimate)}, interval [{number(finding.lower)}, {number(finding.upper)}] at level "
        f"{number(finding.level)}"
    )
    margin = "exact" if finding.exact else f"within {number(finding.margin + finding.remainder)}"
    click.echo(f"  predicted {format_target(finding.target_lower, finding.target_upper)}, {margin}")
    click.echo(f"  verdict   {finding.verdict}")
