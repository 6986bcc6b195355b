"""``report``: the pages of a report from its results."""

from __future__ import annotations

from pathlib import Path

import click

from theory_check.cli.options import out_option
from theory_check.cli.terminal import hold_output


@click.command(short_help="Write the pages of a report anew from its results.")
@out_option(help="The folder of the report, with its results.json.")
@click.option("--history", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE.db",
              help="Also say what all nights of this ledger find.")  # fmt: skip
@click.option("--html", is_flag=True, help="Also write DIR/report.html, one file that needs nothing else.")
def report(out: Path, history: Path | None, html: bool) -> int:
    """Write the pages of a report anew from its results; nothing is simulated or judged, and pictures stay.

    With --html also as one file for a browser, with search and a filter by verdict (pip install 'theory-check[html]').

    Exit code 0: written; 2: bad input; 74: a file cannot be read or written.
    """
    from theory_check.catalogue.weight_law_table import weight_law_table
    from theory_check.foundation.files import read_bytes
    from theory_check.reporting.files import FILES, FOLDERS, rewrite_report
    from theory_check.reporting.nights import answer_nights
    from theory_check.verification.ledger import check_not_ledger, read_ledger

    read_bytes(out / "results.json")  # a missing one is an error before any folder is made
    nights: tuple[str, ...] = ()
    if history is not None:
        for name in FILES:
            check_not_ledger(out / name, history)
        nights = answer_nights(read_ledger(history).history)
    files, folders = [out / name for name in FILES], [out / name for name in FOLDERS]
    with hold_output(out / ".resume", files=files, folders=folders):
        written = rewrite_report(out, weight_law_table, nights, html)
    click.echo(f"report: {out / 'report.html' if html else written[0]}")
    return 0
