"""The engine that a command simulates with: threads of its own, or a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from theory_check.cli.options import given_definitions

if TYPE_CHECKING:
    from theory_check.simulation.cluster import Cluster
    from theory_check.simulation.engines import Engine


@contextmanager
def open_engine(cluster: str | None, threads: int | None, share: str | None = None) -> Iterator[Engine]:
    """Yield what ``--cluster``, ``--threads`` and ``--share`` ask for; definitions of the user's are known there.

    Parameters
    ----------
    cluster : str or None
        As of :func:`theory_check.simulation.cluster.open_cluster`.
    threads : int or None
    share : str, optional

    Yields
    ------
    Engine

    Raises
    ------
    UsageError
        If ``share`` is given without a cluster.
    """
    if cluster is None:
        if share is not None:
            raise click.UsageError("--share: it is for the workers of a cluster; give --cluster too")
        from theory_check.simulation.engines import Threads, available_threads

        yield Threads(threads or available_threads())
        return
    with open_workers(cluster, threads, share) as workers:
        yield workers


@contextmanager
def open_workers(cluster: str, threads: int | None, share: str | None = None) -> Iterator[Cluster]:
    """Yield the cluster of :func:`open_engine`.

    Parameters
    ----------
    cluster, threads, share
        As of :func:`open_engine`.

    Yields
    ------
    Cluster
    """
    from theory_check.simulation.cluster import open_cluster
    from theory_check.verification.user_claims import add_source

    file = given_definitions()
    prepare = None if file is None else partial(add_source, file.name, file.read_bytes())
    with open_cluster(cluster, workers=threads, prepare=prepare, share=share) as workers:
        click.echo(f"theory-check: {workers.processors} processors of the cluster {cluster}", err=True)
        yield workers
