"""The command line: ``theory-check`` and its commands, one module for each subject.

Everything here is parsing and printing; errors end as one line on stderr with exit code 2, an interrupt with 130.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import click

from theory_check import __version__
from theory_check.cli.calibration import calibrate
from theory_check.cli.claims import history, list_claims, run, show
from theory_check.cli.exit_codes import INTERRUPTED, USAGE_ERROR
from theory_check.cli.experiments import phase_map, simulate
from theory_check.cli.figures import figure
from theory_check.foundation.errors import TheoryCheckError

#: What NumPy's and SciPy's libraries of linear algebra read when they are loaded.
_LINEAR_ALGEBRA_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name="theory-check")
@click.pass_context
def cli(context: click.Context) -> None:
    """Check theorems about very deep random residual networks by simulation, with controlled error."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(USAGE_ERROR)


for _command in (run, list_claims, show, simulate, phase_map, figure, calibrate, history):
    cli.add_command(_command)


def _invoke(command: Callable[..., object], arguments: list[str] | None) -> int:
    try:
        code = command(args=arguments, standalone_mode=False, prog_name="theory-check")
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("theory-check: interrupted; finished parts are kept, the same command continues", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        click.echo(f"theory-check: error: {message}", err=True)
        return USAGE_ERROR
    except TheoryCheckError as error:
        click.echo(f"theory-check: error: {error}", err=True)
        return USAGE_ERROR
    return code if isinstance(code, int) else 0


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    # Simulation has threads of its own. Those of linear algebra wait by spinning, which made the matrices of a plan
    # take ten times as long on a machine with other work.
    for variable in _LINEAR_ALGEBRA_THREADS:
        os.environ.setdefault(variable, "1")
    sys.exit(_invoke(cli, arguments))
