"""The content of a ledger, chained by checksums: any change of a night or of what the nights lead to is found.

A night is a line of JSON. Its checksum is the SHA-256 of the checksum before and of the line; the first one follows the
head, which names the ledger, its profile and its level. The sequences of the points are kept as the last night left
them; that night holds their digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from theory_check.foundation.errors import StorageError
from theory_check.foundation.records import Count, decode_record, encode_record
from theory_check.inference.confidence_sequences import PointSequence
from theory_check.inference.nights import History, Night

#: Version of the lines of JSON.
LINE_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Head:
    """The first line: which ledger it is, for which profile, and the level of each claim for its life."""

    ledger: str
    profile: str
    level: float


@dataclass(frozen=True, kw_only=True)
class NightRecord:
    """A night as the ledger keeps it: what it found, and what made it.

    Attributes
    ----------
    identity : str
        Of the run: its seed, profile, claims and their versions.
    night : Night
    selection : tuple of str
        Claims that were asked for; none means all.
    replicates : mapping of str to int
        Sample size of each point.
    versions : mapping of str to str
        Of Python, the package and its libraries; empty for a night that was imported from JSON.
    kernel_version : int
    commit : str
        Of the checkout that the package was run from, if it was.
    machine : str
    claims_file : str
        SHA-256 of the file of own claims, if there was one.
    sequences : str
        Digest of the sequences after this night.
    """

    identity: str
    night: Night
    selection: tuple[str, ...] = ()
    replicates: Mapping[str, Count] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    kernel_version: Count = 0
    commit: str = ""
    machine: str = ""
    claims_file: str = ""
    sequences: str = ""


@dataclass(frozen=True)
class Chain:
    """The content of a ledger as text.

    Attributes
    ----------
    head : str
    nights : tuple of (str, str)
        Lines with their checksums.
    sequences : mapping of str to str
        The line of each point.
    count : int
        Number of nights, noted apart.
    checksum : str
        The last one, noted apart: a missing end is found as well.
    """

    head: str
    nights: tuple[tuple[str, str], ...] = ()
    sequences: Mapping[str, str] = field(default_factory=dict)
    count: int = 0
    checksum: str = ""


@dataclass(frozen=True)
class Contents:
    """A chain that was verified, and what it says."""

    chain: Chain
    head: Head
    records: tuple[NightRecord, ...]
    history: History


def to_line(record: object) -> str:
    """Return a record as its line of JSON."""
    return encode_record(record, LINE_VERSION, "night").decode().rstrip("\n")


def first_chain(head: Head) -> Chain:
    """Return the chain of a ledger without nights."""
    line = to_line(head)
    return Chain(line, checksum=_follow("", line))


def extended(chain: Chain, record: NightRecord, sequences: Mapping[str, PointSequence]) -> Chain:
    """Return the chain with one more night.

    Parameters
    ----------
    chain : Chain
    record : NightRecord
        Its digest of the sequences is filled in.
    sequences : mapping of str to PointSequence
        Of all points, after the night.

    Returns
    -------
    Chain
    """
    lines = {point: to_line(sequence) for point, sequence in sequences.items()}
    line = to_line(replace(record, sequences=_digest(lines)))
    checksum = _follow(chain.checksum, line)
    return Chain(chain.head, (*chain.nights, (line, checksum)), lines, chain.count + 1, checksum)


def _follow(checksum: str, line: str) -> str:
    return hashlib.sha256(f"{checksum}\n{line}".encode()).hexdigest()


def _digest(lines: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(f"{point}\t{lines[point]}\n" for point in sorted(lines)).encode()).hexdigest()


def verify(chain: Chain, source: str) -> Contents:
    """Check every checksum of a chain and read what it says.

    Parameters
    ----------
    chain : Chain
    source : str
        Where it comes from, for the error.

    Returns
    -------
    Contents

    Raises
    ------
    StorageError
        If anything was changed, is missing or is doubled; the first fault is named.
    """

    def damaged(what: str) -> StorageError:
        return StorageError(f"{source} is damaged: {what}; it is not used: restore a copy, or import an export")

    checksum, records = _follow("", chain.head), []
    for number, (line, noted) in enumerate(chain.nights, start=1):
        checksum = _follow(checksum, line)
        if checksum != noted:
            raise damaged(f"night {number} does not fit its checksum")
    if (chain.count, chain.checksum) != (len(chain.nights), checksum):
        raise damaged(f"it notes {chain.count!r} nights and holds {len(chain.nights)}, or its head was changed")
    for number, (line, _) in enumerate(chain.nights, start=1):
        records.append(decode_record(line.encode(), NightRecord, (LINE_VERSION,), f"night {number} of {source}"))
    if len({record.night.seed for record in records}) < len(records):
        raise damaged("it counts a seed twice")
    if records and _digest(chain.sequences) != records[-1].sequences:
        raise damaged("the sequences of its points are not those that the last night left")
    if not records and chain.sequences:
        raise damaged("it holds sequences of points without a night")
    head = decode_record(chain.head.encode(), Head, (LINE_VERSION,), f"the head of {source}")
    sequences = {
        point: decode_record(line.encode(), PointSequence, (LINE_VERSION,), f"point {point} of {source}")
        for point, line in chain.sequences.items()
    }
    history = History(head.profile, head.level, tuple(record.night for record in records), sequences)
    return Contents(chain, head, tuple(records), history)
