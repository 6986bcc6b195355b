"""The memory that this machine has for a process, and sizes as text."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from theory_check.foundation.errors import SpecificationError

_UNITS = {"MiB": 2**20, "GiB": 2**30, "M": 2**20, "G": 2**30, "": 2**20}

#: Largest size that is accepted.
_LARGEST = 2**40

#: Most threads, or processes of this machine, that can be asked for.
MAXIMAL_THREADS = 1024

#: Files that say what a control group may take and takes, of version 2 and of version 1.
_GROUP_FILES = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))


def parse_size(what: str, text: str) -> int:
    """Read a size such as ``512``, in MiB, ``512MiB`` or ``1.5GiB``, in bytes.

    Parameters
    ----------
    what : str
        Name of the argument.
    text : str

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If it is no size from 1 MiB to 1024 GiB.

    Examples
    --------
    >>> parse_size("memory", "1.5GiB") // 2**20
    1536
    """
    number = text.strip().rstrip("MGiB")
    unit = text.strip()[len(number) :]
    size = math.nan
    if unit in _UNITS:
        with suppress(ValueError):
            size = float(number) * _UNITS[unit]
    if not 2**20 <= size <= _LARGEST:
        raise SpecificationError(f"{what} is {text!r}; it must be a size from 1MiB to 1024GiB such as 512MiB or 1.5GiB")
    return int(size)


def format_size(size: float) -> str:
    """Return a number of bytes in whole MiB, or in GiB from 10 GiB on.

    Parameters
    ----------
    size : float

    Returns
    -------
    str

    Examples
    --------
    >>> format_size(400.2 * 2**20), format_size(12.34 * 2**30)
    ('401 MiB', '12.4 GiB')
    """
    if size < 10 * 2**30:
        return f"{math.ceil(size / 2**20)} MiB"
    return f"{math.ceil(10 * size / 2**30) / 10:.1f} GiB"


def available_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes that a process may take before the machine, or its control group, runs out of memory.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    int or None
        None where neither Linux nor POSIX tells.
    """
    known = [*_free(root), *_left_to_groups(root)]
    return max(0, min(known)) if known else None


def _free(root: Path) -> Iterator[int]:
    with suppress(OSError, ValueError):
        for line in (root / "proc" / "meminfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                yield 1024 * int(value.split()[0])
                return
    with suppress(OSError, ValueError, AttributeError):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _left_to_groups(root: Path) -> Iterator[int]:
    """Yield what each control group of this process, and those around it, may still take."""
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        mount = root / "sys" / "fs" / "cgroup" / controllers
        group = Path(path.lstrip("/"))
        for folder in (mount / group, *(mount / parent for parent in group.parents)):
            for limit, usage in _GROUP_FILES:
                with suppress(OSError, ValueError):
                    # Without a limit the file says "max", which is no number.
                    most = int((folder / limit).read_text())
                    yield most - int((folder / usage).read_text()) + _reclaimable(folder)


def _reclaimable(folder: Path) -> int:
    """Return the bytes of files that a group keeps at hand and gives up first."""
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name in ("inactive_file", "total_inactive_file"):
                return int(value)
    return 0
