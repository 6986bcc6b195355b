"""``history`` and ``compare``: what many runs say together, and what changed from one to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from theory_check.cli.options import WrittenFile
from theory_check.cli.terminal import open_console

if TYPE_CHECKING:
    from theory_check.findings.run import RunRecord
    from theory_check.verification.chain import NightRecord


@click.command()
@click.option("--history", type=click.Path(path_type=Path, dir_okay=False), default=Path("reports/history.db"),
              show_default=True, metavar="FILE.db", help="What run --history wrote.")  # fmt: skip
@click.option("--out", type=WrittenFile(".md", ".png"), default=None, metavar="FILE.md|FILE.png",
              help="Also write a page with its picture, or draw the picture alone.")  # fmt: skip
@click.option("--verify", "only_verify", is_flag=True, help="Check every checksum, and show nothing else.")
@click.option("--export", "exported", type=WrittenFile(".jsonl"), default=None, metavar="FILE.jsonl",
              help="Write the ledger as JSON Lines, and show nothing else.")  # fmt: skip
@click.option("--import", "imported", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE",
              help="First bring the nights of an export, or of a history in JSON, into the ledger.")  # fmt: skip
def history(history: Path, out: Path | None, only_verify: bool, exported: Path | None, imported: Path | None) -> int:
    """Show how the evidence on each claim moved from run to run.

    For each claim: the evidence against it now and at its peak, of what refutes it (logarithms to base 10). For each
    point: its confidence sequence, valid for all nights together, and how it narrowed. The page also has the nights:
    when, with which seed, and what made them. Nights are imported in the order of the export, into a new ledger or one
    whose nights are the first of the export. Exit code 2: bad input; 74: a file cannot be read or written, or the
    ledger is damaged.
    """
    from theory_check.reporting.drawing import draw
    from theory_check.reporting.nights import (
        history_picture,
        history_picture_paths,
        print_history,
        write_history_page,
    )
    from theory_check.verification.exchange import export_ledger, import_nights
    from theory_check.verification.ledger import check_not_ledger, read_ledger

    is_page = out is not None and out.suffix == ".md"
    if out is not None:
        for path in (out, *history_picture_paths(out)) if is_page else (out,):
            check_not_ledger(path, history)
    if imported is not None:
        click.echo(f"nights added to {history}: {import_nights(imported, history)}")
    if exported is not None:
        click.echo(f"nights in {exported}: {export_ledger(history, exported)}")
        return 0
    contents = read_ledger(history)
    if only_verify:
        checksum = contents.chain.checksum
        click.echo(f"{history}: {len(contents.records)} nights of profile {contents.head.profile}, checksum {checksum}")
        return 0
    print_history(contents.history, open_console())
    if out is not None and is_page:
        write_history_page(contents.history, [_maker(record) for record in contents.records], out)
        click.echo(f"page: {out}")
    elif out is not None:
        draw(history_picture(contents.history), out)
        click.echo(f"picture: {out}")
    return 0


def _maker(record: NightRecord) -> str:
    """Say what made a night: the package, its commit and the machine, as far as the ledger knows."""
    version = record.versions.get("theory-check", "")
    commit = f"commit {record.commit[:12]}" if record.commit else ""
    return ", ".join(filter(None, (version and f"version {version}", commit, record.machine))) or "not recorded"


@click.command(short_help="Say what changed from one report to another.")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("now", type=click.Path(path_type=Path))
@click.option("--out", type=WrittenFile(".md"), default=None, metavar="FILE.md",
              help="Also write all of it as a page.")  # fmt: skip
def compare(before: Path, now: Path, out: Path | None) -> int:
    """Say what changed from one report to another: folders, or their results.json.

    Verdicts, estimates that moved beyond chance, predictions, points, versions, cost. Exit code 0 whatever changed; 2:
    bad input; 74: a file cannot be read or written.
    """
    from theory_check.findings.changes import compare_runs
    from theory_check.foundation.files import write_together
    from theory_check.reporting.change_text import change_lines, changed_text, comparison_page, cost_text
    from theory_check.reporting.mathematics import unicode_text

    first, second = _load(before), _load(now)
    changes = compare_runs(first, second)
    for line in (changed_text(changes, second), *change_lines(changes), cost_text(changes, second)):
        click.echo(unicode_text(line))
    if out is not None:
        write_together({out: comparison_page(first, second)})
        click.echo(f"page: {out}")
    return 0


def _load(path: Path) -> RunRecord:
    from theory_check.reporting.results import load_results

    return load_results(path / "results.json" if path.is_dir() else path)
