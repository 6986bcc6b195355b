"""Options that several commands share, and their checks."""

from __future__ import annotations

from pathlib import Path

import click

threads_option = click.option(
    "--threads",
    type=int,
    default=None,
    metavar="N",
    help="Threads; default: all processors. Values do not depend on it.",
)
seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, metavar="N", help="Root seed, 0 to 2^64 - 1."
)
claims_option = click.option(
    "--claims",
    "claims_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE.py",
    help="A Python file of own claims (theory_check.claim).",
)
memory_option = click.option(
    "--memory",
    type=int,
    default=512,
    show_default=True,
    metavar="MIB",
    help="Memory for weights that are tied across layers, all threads together. Values do not depend on it.",
)


def check_resources(threads: int | None, memory: int) -> None:
    """Raise unless threads and memory are within their bounds."""
    from theory_check.foundation.arguments import check_integer

    if threads is not None:
        check_integer("number of threads", threads, 1, 1024)
    check_integer("memory in MiB", memory, 1, 2**20)
