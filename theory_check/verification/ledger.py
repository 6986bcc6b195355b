"""The file of the ledger: an SQLite database to which a night is added in one transaction, by several runs at once."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import (
    check_writable,
    flush_folder,
    make_directory,
    new_folder,
    storage_error,
    sweep_temporaries,
    temporary_path,
)
from theory_check.inference.nights import History, check_profile
from theory_check.verification.chain import Chain, Contents, Head, extended, first_chain, verify
from theory_check.verification.database import connect, storage_errors, transaction
from theory_check.verification.nights import add_night, found_by, new_history, night_identity, record_night, versions_of
from theory_check.verification.plan import Plan
from theory_check.verification.run import Outcome

#: Version of the tables, kept as SQLite's user_version.
SCHEMA_VERSION = 1

#: "TChk": what kind of database it is.
APPLICATION = 0x5443686B

_TABLES = (
    "CREATE TABLE head (content TEXT NOT NULL, nights INTEGER NOT NULL, checksum TEXT NOT NULL)",
    "CREATE TABLE nights (number INTEGER PRIMARY KEY, content TEXT NOT NULL, checksum TEXT NOT NULL)",
    "CREATE TABLE sequences (point TEXT NOT NULL, content TEXT NOT NULL)",
)

#: What brings the tables of a version to the next one.
MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = MappingProxyType({})

_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True)
class Entry:
    """A night in the ledger: its number, all nights, and how it came there.

    Attributes
    ----------
    number : int
    history : History
    repeated : bool
        Whether the ledger had it already, so that nothing was added.
    differs : bool
        Whether the ledger had it with other results; those were kept.
    """

    number: int
    history: History
    repeated: bool = False
    differs: bool = False


@dataclass(frozen=True)
class Ledger:
    """A ledger that was opened and verified; :meth:`append` refuses a file of another name.

    Attributes
    ----------
    path : Path
        The file itself, links followed.
    profile : str
    name : str
        Empty if it is yet to be made.
    """

    path: Path
    profile: str
    name: str = ""

    def append(self, outcome: Outcome) -> Entry:
        """Add a night in one transaction, after all that other runs added in the meantime.

        A night that is there already, by seed, profile, claims and versions, is recognised and counts once.

        Raises
        ------
        SpecificationError
            If the seed is there from another run.
        StorageError
            If the file cannot be written, is damaged, or is not the ledger that was opened.
        """
        if not self.name:
            level = new_history(self.profile).level
            head = Head(ledger=secrets.token_hex(16), profile=self.profile, level=level)
            create_ledger(self.path, first_chain(head))
        with transaction(self.path) as connection:
            contents = _read(connection, self.path)
            if self.name and contents.head.ledger != self.name:
                raise StorageError(f"{self.path} is not the ledger that this run began with; no night was added")
            number = _find(contents, outcome.plan, outcome.record.seed)
            if number is not None:
                return _recognised(contents, number, outcome)
            history = add_night(contents.history, outcome)
            chain = extended(contents.chain, record_night(outcome), history.sequences)
            _write(connection, contents.chain, chain)
        return Entry(len(history.nights), history)


def _find(contents: Contents, plan: Plan, seed: int) -> int | None:
    """Return the number of the night that is this run; raise if the seed is that of another run."""
    identity = night_identity(plan.profile.name, seed, versions_of(plan))
    for number, record in enumerate(contents.records, start=1):
        if record.identity == identity:
            return number
        if record.night.seed == seed:
            raise SpecificationError(
                f"seed {seed} is in the history already, as night {number}, of other claims or other versions; the "
                "same evidence must not count twice: give another seed"
            )
    return None


def _recognised(contents: Contents, number: int, outcome: Outcome) -> Entry:
    kept = contents.records[number - 1]
    differs = kept.night.claims != found_by(outcome).claims
    return Entry(number, contents.history, repeated=True, differs=differs)


def open_ledger(path: Path, *, profile: str, seed: int, plan: Callable[[], Plan], new: bool = False) -> Ledger:
    """Find and verify a ledger before a run, and make sure that the night can be added and the file be written.

    Parameters
    ----------
    path : Path
        Links are followed.
    profile : str
        Of the run.
    seed : int
        Root seed of the run.
    plan : callable
        Returns the plan of the run; called if the seed is in the ledger already.
    new : bool
        Whether it may be missing; it is made with its first night.

    Returns
    -------
    Ledger

    Raises
    ------
    StorageError
        If it is missing, damaged or not writable. What is damaged is never replaced: its level would be spent twice.
    SpecificationError
        If the ledger is one of another profile, or has the seed from another run; if the file is a history in JSON,
        which has to be imported.
    """
    file = find_ledger(path, new=new)
    sweep_temporaries(file.parent)
    if not file.exists():
        # It stays as soon as a night is in it.
        with new_folder(file.parent):
            check_writable(file.parent)
        return Ledger(file, profile)
    with transaction(file) as connection:  # a write lock that is given back: the file can be written
        contents = _read(connection, file)
    check_profile(contents.history, profile)
    if any(record.night.seed == seed for record in contents.records):
        _find(contents, plan(), seed)
    return Ledger(file, profile, contents.head.ledger)


def read_ledger(path: Path) -> Contents:
    """Return what a ledger holds, every checksum verified.

    Raises
    ------
    StorageError
        If it is missing or damaged.
    SpecificationError
        If the file is a history in JSON.
    """
    file = find_ledger(path)
    with transaction(file, write=False) as connection:
        return _read(connection, file)


def find_ledger(path: Path, *, new: bool = False) -> Path:
    """Return the file of a ledger, links followed.

    Raises
    ------
    StorageError
        If there is none, unless it may be new, or a link leads nowhere.
    SpecificationError
        If the file is a history in JSON.
    """
    try:
        file = path.resolve(strict=path.is_symlink())
        if not file.exists():
            if new:
                return file
            raise StorageError(f"there is no ledger {path}; run --new-history begins one")
        if not file.is_file():
            raise StorageError(f"cannot read {path}: it is no ordinary file")
        with file.open("rb") as opened:
            start = opened.read(len(_MAGIC))
    except StorageError:
        raise
    except (OSError, RuntimeError) as error:
        if path.is_symlink():
            raise StorageError(f"the ledger {path} is a link that leads nowhere; mend or remove the link") from error
        raise storage_error("read", path, error if isinstance(error, OSError) else OSError(str(error))) from error
    if start == _MAGIC:
        return file
    if start[:1] == b"{":
        raise SpecificationError(
            f"{path} is a history in JSON; import it once: theory-check history --import {path} --history "
            f"{path.with_suffix('.db')}"
        )
    raise StorageError(f"{path} is damaged or no ledger: it does not begin as one; it is neither used nor replaced")


def _read(connection: sqlite3.Connection, path: Path) -> Contents:
    """Return what a ledger holds, after every check that there is."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    [application] = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION:
        raise StorageError(f"{path} is damaged or no ledger: its application id is {application}; it is not used")
    while version in MIGRATIONS:
        MIGRATIONS[version](connection)
        version += 1
        connection.execute(f"PRAGMA user_version = {version}")
    if version != SCHEMA_VERSION:
        raise StorageError(f"cannot read {path}: its version is {version}, accepted is {SCHEMA_VERSION}")
    faults = [fault for (fault,) in connection.execute("PRAGMA integrity_check(1)")]
    tables = tuple(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master ORDER BY name"))
    heads = connection.execute("SELECT content, nights, checksum FROM head").fetchall()
    nights = connection.execute("SELECT number, content, checksum FROM nights ORDER BY number").fetchall()
    sequences = connection.execute("SELECT point, content FROM sequences").fetchall()
    texts = [*(t for head, _, last in heads for t in (head, last)), *(t for night in nights for t in night[1:])]
    texts += [text for row in sequences for text in row]
    numbers = [*(count for _, count, _ in heads), *(number for number, _, _ in nights)]
    orderly = (
        faults == ["ok"],
        tables == _TABLES,
        len(heads) == 1,
        all(isinstance(text, str) for text in texts),
        all(isinstance(number, int) for number in numbers),
        [number for number, _, _ in nights] == [*range(1, len(nights) + 1)],
        len({point for point, _ in sequences}) == len(sequences),
    )
    if not all(orderly):
        what = "its tables are not in order" if faults == ["ok"] else " ".join(str(faults[:1]).split())
        raise StorageError(f"{path} is damaged: {what}; it is not used: restore a copy, or import an export")
    [(head, count, checksum)] = heads
    chain = Chain(head, tuple((c, s) for _, c, s in nights), dict(sequences), count, checksum)
    return verify(chain, str(path))


def _write(connection: sqlite3.Connection, before: Chain | None, chain: Chain) -> None:
    """Write what a chain adds to the one before; without one, everything."""
    known = 0 if before is None else before.count
    connection.executemany(
        "INSERT INTO nights VALUES (?, ?, ?)",
        [(number, *night) for number, night in enumerate(chain.nights[known:], start=known + 1)],
    )
    old = {} if before is None else before.sequences
    changed = {point: line for point, line in chain.sequences.items() if old.get(point) != line}
    outdated = [(point,) for point in old if point in changed or point not in chain.sequences]
    connection.executemany("DELETE FROM sequences WHERE point = ?", outdated)
    connection.executemany("INSERT INTO sequences VALUES (?, ?)", changed.items())
    connection.execute("DELETE FROM head")
    connection.execute("INSERT INTO head VALUES (?, ?, ?)", (chain.head, chain.count, chain.checksum))


def check_not_ledger(path: Path, ledger: Path) -> None:
    """Raise :exc:`SpecificationError` if a file that is to be written is the ledger, by whatever name."""
    if path.resolve() == ledger.resolve() or (path.exists() and ledger.exists() and path.samefile(ledger)):
        raise SpecificationError(f"{path} is the ledger itself, which would be replaced; give another name")


def create_ledger(path: Path, chain: Chain) -> bool:
    """Make the file of a ledger, whole or not at all.

    Returns
    -------
    bool
        False if another run made one first; that one stays.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    make_directory(path.parent)
    aside = temporary_path(path.parent)
    try:
        with storage_errors(path):
            with closing(connect(aside, "rwc")) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                for table in _TABLES:
                    connection.execute(table)
                _write(connection, None, chain)
                connection.execute("COMMIT")
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
            try:
                os.link(aside, path)
            except FileExistsError:
                return False
        flush_folder(path.parent)
        return True
    except StorageError:
        raise
    except OSError as error:
        raise storage_error("write", path, error) from error
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                aside.with_name(aside.name + ending).unlink(missing_ok=True)


def replace_end(path: Path, grown: Chain) -> int:
    """Add the nights of a chain that goes on from the ledger's; return how many.

    Raises
    ------
    SpecificationError
        If it is another chain, or one that parted from this one.
    """
    with transaction(path) as connection:
        chain = _read(connection, path).chain
        common = min(chain.count, grown.count)
        if chain.head != grown.head or chain.nights[:common] != grown.nights[:common]:
            raise SpecificationError(
                f"{path} has nights that the import has not: evidence depends on the order of nights, and two chains "
                "are never merged; give another --history"
            )
        if grown.count > chain.count:
            _write(connection, chain, grown)
        return max(grown.count - chain.count, 0)
