"""SQLite as the ledger uses it: connections that wait for other runs, transactions, errors in one line."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import flush_folder
from theory_check.verification.write_ahead_log import check_log

#: Seconds to wait for other runs, in turns that an interrupt can end.
_PATIENCE = 600.0
_TURN = 0.25

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into a :exc:`StorageError` that names the file."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite quotes damage, which need not be text
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _BUSY:
            reason = f"cannot write {path}: other runs have held it for {_PATIENCE:.0f} s"
        elif code in _DAMAGE:
            reason = f"{path} is damaged: {error}; it is not used: restore a copy, or import an export"
        else:
            reason = f"cannot write {path}: {error}"
        raise StorageError(" ".join(reason.split())) from error


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Return a connection in a mode of SQLite's, such as ``rw``, that commits only when told to."""
    uri = f"file:{quote(os.fsencode(path))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_TURN, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


@contextmanager
def transaction(path: Path, *, write: bool = True) -> Iterator[sqlite3.Connection]:
    """Open a ledger and hold a transaction, committed at the end unless something is raised."""
    read_only = not write and not os.access(path.parent, os.W_OK)
    if read_only and _has_log(path):
        raise StorageError(
            f"cannot read {path}: a run that was killed left a log beside it, which takes the right to write its folder"
        )
    check_log(path)
    with storage_errors(path), closing(_begin(path, "ro&immutable=1" if read_only else "rw", write)) as connection:
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        if write:
            # The night leaves the log for the file itself, whose checksums tell more.
            with suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            flush_folder(path.parent)


def _has_log(path: Path) -> bool:
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except OSError:
        return False


def _begin(path: Path, mode: str, write: bool) -> sqlite3.Connection:
    """Return a connection that holds a transaction, as soon as other runs let go of the file."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        # Each turn connects anew: a run that recovers the log of a killed one, or closes it as the last, locks the file
        # against even the first statement that reads it.
        try:
            connection = connect(path, mode)
            try:
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                connection.execute("SELECT count(*) FROM sqlite_master")
            except BaseException:
                connection.close()
                raise
            return connection
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
