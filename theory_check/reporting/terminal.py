"""The outcome of a run on a terminal, or as plain lines in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from theory_check.findings.run import ClaimFinding, Finding, RunRecord
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.mathematics import unicode_text
from theory_check.reporting.summary import (
    all_points,
    answer_certainty,
    answer_cost,
    answer_theory,
    decisive_point,
    estimate_text,
    margin_text,
    mistakes_text,
    tally,
    target_text,
    toothless,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLES: dict[Verdict, str] = {
    "supported": "green",
    "refuted": "bold red",
    "inconclusive": "bold yellow",
    "inapplicable": "bold yellow",
}


#: Columns of a terminal from which on the numbers of a point can be read in the table.
_TABLE_WIDTH = 120


def print_summary(record: RunRecord, console: Console, every_point: bool = False) -> None:
    """Print the verdict on every claim, the points that need attention, and the answers of the report.

    Parameters
    ----------
    record : RunRecord
    console : rich.console.Console
        A table with colours on a terminal (without colours under ``NO_COLOR``), else one plain line
        for each claim.
    every_point : bool
        Whether to print the numbers of every point; otherwise of those that are not supported.
    """
    if console.is_terminal:
        console.print(_table(record, wide=console.width >= _TABLE_WIDTH))
    else:
        for claim in record.claims:
            _print_line(_line(claim), console)
    for finding in all_points(record):
        if every_point or finding.verdict != "supported":
            _print_line(_attention(finding), console, _STYLES[finding.verdict])
    for finding in toothless(all_points(record)):
        _print_line(f"without proof of power  {finding.id}", console, "yellow")
    for answer in (answer_theory, answer_certainty, answer_cost):
        _print_line(answer(record), console)


def _print_line(text: str, console: Console, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _table(record: RunRecord, *, wide: bool) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE)
    table.add_column("Claim", no_wrap=True)
    table.add_column("Statement", ratio=2)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Points", justify="right", no_wrap=True)
    table.add_column("Mistakes", justify="right", no_wrap=True)
    if wide:
        table.add_column("Most telling point", ratio=2)
    for claim in record.claims:
        verdict = Text(claim.verdict, _STYLES[claim.verdict])
        variants = Text(mistakes_text(claim.findings), _STYLES["inconclusive"] if toothless(claim.findings) else "")
        cells = [Text(claim.id), Text(unicode_text(claim.title)), verdict, Text(_points(claim)), variants]
        table.add_row(*cells, *([Text(_telling(claim))] if wide else []))
    return table


def _line(claim: ClaimFinding) -> str:
    counts = f"points {_points(claim)}  mistakes {mistakes_text(claim.findings)}"
    return f"{claim.verdict:<12}  {claim.id:<4}  {counts}  {unicode_text(claim.title)}"


def _points(claim: ClaimFinding) -> str:
    counts = tally(f.verdict for f in claim.findings)
    return f"{counts.supported}/{counts.total}"


def _telling(claim: ClaimFinding) -> str:
    finding = decisive_point(claim)
    return "nothing checked" if finding is None else _numbers(finding)


def _attention(finding: Finding) -> str:
    why = finding.violation or _numbers(finding)
    return f"{finding.verdict:<12}  {finding.id}  {why}"


def _numbers(finding: Finding) -> str:
    predicted = f"predicted {target_text(finding)} {margin_text(finding)}"
    return f"{unicode_text(finding.quantity)}: {estimate_text(finding)}, {predicted}"
