"""Output of a command on the terminal: a console and the progress of its work."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from theory_check.cli.process import is_quiet

if TYPE_CHECKING:
    from rich.console import Console

    from theory_check.simulation.execution import Report


def open_console(stderr: bool = False) -> Console:
    """Return a console of rich that highlights nothing by itself."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def hold_output(
    parts: Path, *, files: Sequence[Path] = (), folders: Sequence[Path] = ()
) -> AbstractContextManager[Path]:
    """Hold what a command writes to; say so when it waits for another one.

    Parameters
    ----------
    parts, files, folders
        As of :func:`theory_check.foundation.work_folders.work_folder`.

    Returns
    -------
    context manager
    """
    from theory_check.foundation.work_folders import work_folder

    def waiting() -> None:
        click.echo(f"theory-check: waiting for another command that writes into {parts.parent}", err=True)

    return work_folder(parts, waiting, files=files, folders=folders)


#: Seconds after which work that is mostly short shows its progress.
_PATIENCE = 3.0


@contextmanager
def show_long_progress(description: str) -> Iterator[Report]:
    """Show the progress of work that mostly takes no time, once it takes seconds; nothing but on a terminal.

    Parameters
    ----------
    description : str

    Yields
    ------
    callable
        Takes note of (done, total).
    """
    started, shown = monotonic(), None
    with ExitStack() as stack:

        def report(done: int, total: int) -> None:
            nonlocal shown
            if shown is None and monotonic() - started > _PATIENCE and open_console(stderr=True).is_terminal:
                shown = stack.enter_context(show_progress(description, 1))
            if shown is not None:
                shown(done, total)

        yield report


@contextmanager
def show_progress(description: str, processors: int, piece: float = 0.0, most: float = math.inf) -> Iterator[Report]:
    """Show a bar on a terminal and a line at every tenth of the work elsewhere; nothing if the command is quiet.

    Parameters
    ----------
    description : str
    processors : int
        How many pieces of the work are done at a time.
    piece : float
        Seconds that the longest is expected to take, if that is known before the work begins.
    most : float
        Seconds after which the work ends, finished or not.

    Yields
    ------
    callable
        Takes note of (done, total).
    """
    if is_quiet():
        from theory_check.simulation.execution import silent

        yield silent
        return
    console = open_console(stderr=True)
    if console.is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from theory_check.cli.time_left import Forecast, TimeLeft

        forecast = Forecast(processors, 1e6 * piece, most)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeLeft(forecast))
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(description, total=None)

            def show(done: int, total: int) -> None:
                forecast.report(done, total, progress.tasks[task].elapsed or 0.0)
                progress.update(task, completed=done, total=total)

            yield show
        return
    shown = -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 * done // max(total, 1)
        if tenth > shown:
            shown = tenth
            click.echo(f"{description}: {10 * tenth}%", err=True)

    yield report
