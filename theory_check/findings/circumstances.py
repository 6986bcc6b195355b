"""Time, place and versions with which a record was made: all that varies between runs with identical samples."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import msgspec

from theory_check.foundation.records import Count, Seconds


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Everything that may differ between runs with identical samples.

    Attributes
    ----------
    started : str
        Date and time in UTC, ISO 8601.
    duration : float
        Wall-clock seconds of the whole run.
    threads : int
        Threads or processes that worked at the same time.
    machine : str
    versions : dict of str to str
        Versions of Python and of the packages that can move a digit.
    seconds : dict of str to float or None
        Processor seconds spent on each point (cells that points share are counted at each), or by each method on a
        million observations; None where that says nothing.
    digest : str, or unset
        In results.json: SHA-256 of all the rest.
    """

    started: str
    duration: Seconds
    threads: Count
    machine: str
    versions: dict[str, str]
    seconds: dict[str, Seconds | None]
    digest: str | msgspec.UnsetType = msgspec.UNSET


def circumstances(
    started: datetime,
    duration: float,
    *,
    threads: int,
    processors: int,
    packages: Iterable[str],
    seconds: Mapping[str, float | None],
) -> Circumstances:
    """Return the circumstances of a run on this machine.

    Parameters
    ----------
    started : datetime
        When it began, in UTC.
    duration : float
        Seconds since then.
    threads, processors : int
        How many threads worked, and how many processors they could use.
    packages : iterable of str
        Whose versions to note besides Python's.
    seconds : mapping of str to float or None

    Returns
    -------
    Circumstances
    """
    return Circumstances(
        started=started.isoformat(timespec="seconds"),
        duration=duration,
        threads=threads,
        machine=f"{platform.system()} {platform.machine()}, {processors} processors",
        versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
        seconds=dict(seconds),
    )
