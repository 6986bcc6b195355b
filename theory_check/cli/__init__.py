"""The command line: ``theory-check`` and its commands, one module for each subject.

Everything here is parsing and printing; :mod:`theory_check.cli.process` turns what is raised into an exit code.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from pathlib import Path

import click

from theory_check import __version__
from theory_check.cli.calibration import calibrate
from theory_check.cli.claims import run
from theory_check.cli.exit_codes import INTERRUPTED, USAGE_ERROR
from theory_check.cli.experiments import phase_map, simulate
from theory_check.cli.figures import figure
from theory_check.cli.listing import list_claims, show
from theory_check.cli.nights import compare, history
from theory_check.cli.process import debug_option, quiet_option, run_command
from theory_check.cli.project import read_defaults
from theory_check.cli.report import report
from theory_check.cli.search import search
from theory_check.cli.training import train
from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import remove_unfinished

#: Set by a shell that completes a line; the command itself must not run.
_COMPLETE = "_THEORY_CHECK_COMPLETE"

#: What Numba, Matplotlib and NumPy's compiler of Fortran read when they are loaded.
_UNUSED_VARIABLES = ("NUMBA_NUM_THREADS", "MPLBACKEND", "SOURCE_DATE_EPOCH")

#: What NumPy's and SciPy's libraries of linear algebra read when they are loaded.
_LINEAR_ALGEBRA_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name="theory-check")
@click.pass_context
def cli(context: click.Context) -> None:
    """Check theorems about very deep random residual networks by simulation, with controlled error.

    Defaults of options come from the table [tool.theory-check.COMMAND] of the nearest pyproject.toml, if there is one.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(USAGE_ERROR)
    try:
        folder = Path.cwd()
    except OSError as error:
        raise StorageError("the working folder no longer exists; change into one that does") from error
    context.default_map = read_defaults(folder, cli.commands)


for _command in (
    run,
    list_claims,
    show,
    simulate,
    phase_map,
    train,
    figure,
    calibrate,
    history,
    compare,
    report,
    search,
):
    _command.params.extend((quiet_option, debug_option))
    cli.add_command(_command)
cli.params.append(debug_option)


def _complete() -> int:
    """Answer a shell that completes a line, and return the exit code."""
    try:
        cli.main(prog_name="theory-check")
    except SystemExit as answered:
        if not answered.code:
            return 0
    except (KeyError, ValueError):
        pass  # the other variables of a completing shell are missing or wrong
    sys.stderr.write(f"theory-check: error: {_COMPLETE} is set, but not as the completion of a shell sets it\n")
    return USAGE_ERROR


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    # Simulation has threads of its own. Those of linear algebra wait by spinning, which made the matrices of a plan
    # take ten times as long on a machine with other work.
    for variable in _LINEAR_ALGEBRA_THREADS:
        os.environ.setdefault(variable, "1")
    # Libraries stop at values of these that they do not know, and nothing here depends on them: threads are those of
    # --threads, pictures are drawn into files, and none has a date.
    for variable in _UNUSED_VARIABLES:
        os.environ.pop(variable, None)
    if os.environ.get(_COMPLETE):
        sys.exit(_complete())
    try:
        code = run_command(cli, arguments)
    except KeyboardInterrupt:  # a second one, while the command ends
        code = INTERRUPTED
    if any(thread.name.startswith("theory-check") for thread in threading.enumerate()):
        # A kernel that an interrupt did not wait for; Python would.
        remove_unfinished()
        os._exit(code)
    if code == INTERRUPTED:
        # Python forgets its handler before it has left: another interrupt would kill the process with another code.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)
