"""What a command shows on the terminal: a console and the progress of its work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from theory_check.simulation.execution import Report


def open_console(stderr: bool = False) -> Console:
    """Return a console of rich that highlights nothing by itself."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


@contextmanager
def show_progress(description: str) -> Iterator[Report]:
    """Show a bar on a terminal and a line at every tenth of the work elsewhere."""
    console = open_console(stderr=True)
    if console.is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(description)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        return
    shown = -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 * done // max(total, 1)
        if tenth > shown:
            shown = tenth
            click.echo(f"{description}: {10 * tenth}%", err=True)

    yield report
