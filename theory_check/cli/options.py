"""Options that several commands share; their values are checked as they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theory_check.cli.completion import Names

if TYPE_CHECKING:
    from theory_check.claims.claim import Claim, Illustration

    _ParamType = click.ParamType[Any]
else:  # generic since click 8.5
    _ParamType = click.ParamType

Callback = Callable[[click.Context, click.Parameter, Any], Any]


class WrittenFile(click.Path):
    """A file that a command writes; by its ending, so that none of another kind, named by mistake, is overwritten.

    Parameters
    ----------
    *endings : str
        Accepted endings, with their dots.
    """

    def __init__(self, *endings: str) -> None:
        super().__init__(path_type=Path, dir_okay=False)
        self._endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path.

        Parameters
        ----------
        value : any
            As click has it.
        param : click.Parameter, optional
        ctx : click.Context, optional
            For the message.

        Returns
        -------
        Path
        """
        path: Any = super().convert(value, param, ctx)
        if path.suffix not in self._endings:
            self.fail(f"{path}: give a file whose name ends in {' or '.join(self._endings)}", param, ctx)
        return path


class _Number(_ParamType):
    """A number of a kind. What is none goes on as text to the check of the option, which says what is accepted."""

    kind: Callable[[str], float]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002 - of click
        """Return the number, or what is none.

        Parameters
        ----------
        value : any
            As click has it.
        param : click.Parameter, optional
            Not read.
        ctx : click.Context, optional
            Not read.

        Returns
        -------
        int or float, or what was given
        """
        try:
            # As text: the default of a project may be 2.5, which int would cut off, or true.
            return self.kind(str(value))
        except ValueError:
            return value


class WholeNumber(_Number):
    """A whole number, or what was given instead."""

    name = "integer"
    kind = int


class RealNumber(_Number):
    """A number, or what was given instead."""

    name = "float"
    kind = float


def _check_seed(_context: click.Context, _parameter: click.Parameter, seed: int) -> int:
    from theory_check.foundation.streams import check_seed

    return check_seed(seed)


def _check_threads(_context: click.Context, _parameter: click.Parameter, threads: int | None) -> int | None:
    from theory_check.foundation.arguments import check_integer
    from theory_check.foundation.machine import MAXIMAL_THREADS

    if threads is not None:
        check_integer("number of threads", threads, 1, MAXIMAL_THREADS)
    return threads


def _read_memory(_context: click.Context, _parameter: click.Parameter, size: str | None) -> int | None:
    """Return bytes."""
    from theory_check.foundation.machine import parse_size

    return None if size is None else parse_size("memory", size)


def _add_definitions(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    if path is not None:
        from theory_check.verification.user_claims import load_definitions

        load_definitions(path)
        _remember_definitions(context, parameter, path)


#: Where a command keeps the path of the file of definitions or claims that it was given.
_DEFINITIONS = "theory_check.definitions"


def _remember_definitions(context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    context.meta[_DEFINITIONS] = path
    return path


def given_definitions() -> Path | None:
    """Return the file of own definitions or claims that the command was given."""
    found: Path | None = click.get_current_context().meta.get(_DEFINITIONS)
    return found


def own_claims(file: Path | None) -> tuple[Claim | Illustration, ...]:
    """Return the claims and pictures in the file of ``--claims``; none without a file."""
    from theory_check.verification.user_claims import load_claims

    return () if file is None else load_claims(file)


def read_integers(what: str) -> Callback:
    """Return the callback of an option that takes whole numbers separated by commas."""

    def read(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[int, ...]:
        from theory_check.foundation.arguments import parse_numbers

        return parse_numbers(what, text, int)

    return read


def read_pairs(what: str) -> Callback:
    """Return the callback of an option that takes pairs of whole numbers, ``I:J``, separated by commas."""

    def read(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[tuple[int, int], ...]:
        from theory_check.foundation.errors import SpecificationError

        try:
            pairs = [tuple(map(int, part.split(":"))) for part in text.split(",")] if text.strip() else []
            return tuple(sorted({(first, second) for first, second in pairs}))
        except ValueError:
            raise SpecificationError(f"{what} {text!r} must be pairs I:J separated by commas") from None

    return read


def data_option(default: str | None) -> Callable[..., Any]:
    """Return the option of a data set."""
    return click.option(
        "--data", default=default, show_default=default is not None, metavar="digits|DIR",
        help="The digits that come with the package, or a folder with MNIST, Fashion-MNIST or CIFAR-10.",
    )  # fmt: skip


def threads_option(help: str = "Threads; default: all processors. Values do not depend on it.") -> Callable[..., Any]:
    """Return the option of the number of threads, or of processes."""
    return click.option("--threads", type=WholeNumber(), default=None, metavar="N", callback=_check_threads, help=help)


cluster_option = click.option(
    "--cluster", default=None, metavar="local|HOST:PORT|FILE",
    help="Simulate in processes of this machine, or on the cluster of a dask scheduler, given by its address or file. "
    "Values do not depend on it.",
)  # fmt: skip


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a cluster that keeps finished units."""
    share = click.option(
        "--share", default=None, metavar="DIR|URL",
        help="With --cluster: where workers keep finished units for each other and for later runs.",
    )  # fmt: skip
    return cluster_option(share(command))


def out_option(default: str = "reports/latest", help: str | None = None) -> Callable[..., Any]:
    """Return the option of the folder of a report."""
    return click.option(
        "--out", type=click.Path(path_type=Path, file_okay=False), default=Path(default), show_default=True,
        metavar="DIR", help=help,
    )  # fmt: skip


def profile_option(
    names: Sequence[str] = ("quick", "standard", "nightly"), help: str | None = "Depth of evidence."
) -> Callable[..., Any]:
    """Return the option of the profile."""
    return click.option("--profile", type=Names(names), default="quick", show_default=True, help=help)


branch_option = click.option("--branch", default="res-3", show_default=True, metavar="linear|res-1|res-2|res-3")
activation_option = click.option(
    "--activation", default="relu", show_default=True, metavar="relu|leaky:slope=S|identity|tanh"
)
width_option = click.option("--width", type=WholeNumber(), default=40, show_default=True)
depth_option = click.option("--depth", type=WholeNumber(), default=1000, show_default=True)
gradients_option = click.option("--gradients/--no-gradients", default=True, show_default=True)
seed_option = click.option(
    "--seed", type=WholeNumber(), default=0, show_default=True, metavar="N", callback=_check_seed,
    help="Root seed, 0 to 2^64 - 1.",
)  # fmt: skip
claims_option = click.option(
    "--claims", "claims_file", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE.py",
    callback=_remember_definitions,
    help="A Python file of own claims (theory_check.claim).",
)  # fmt: skip
definitions_option = click.option(
    "--claims", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE.py",
    callback=_add_definitions, expose_value=False, is_eager=True,
    help="A Python file of own weight laws, processes, activations, branches and input laws.",
)  # fmt: skip
memory_option = click.option(
    "--memory", default=None, metavar="SIZE", callback=_read_memory,
    help="Memory that the command may take, 800MiB, 4GiB; default: what the machine has. Values do not depend on it.",
)  # fmt: skip
archive_option = click.option("--out", type=WrittenFile(".npz"), required=True, metavar="FILE.npz")


def parts_beside(out: Path) -> Path:
    """Return the folder, beside a file to be written, that keeps the finished parts of an interrupted command.

    Parameters
    ----------
    out : Path
        The file.

    Returns
    -------
    Path

    Raises
    ------
    click.UsageError
        If the folder of the file does not exist.
    """
    if not out.parent.is_dir():
        raise click.UsageError(f"--out {out}: give the path of a file in an existing folder")
    return out.parent / f".{out.name}.resume"
