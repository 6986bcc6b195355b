"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from theory_check.foundation.errors import StorageError


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees either its old content or all of the new one.

    The content goes to a temporary file in the same folder, is flushed to the disk and then replaces ``path`` in one
    step. A failure or an interrupt leaves no temporary file behind.

    Parameters
    ----------
    path : Path
        The file to create or replace; its folder must exist (see :func:`make_directory`).
    content : bytes or str
        Text is encoded as UTF-8, line ends are kept.

    Raises
    ------
    StorageError
        If the folder is missing or not writable, or the disk is full.
    """
    data = content.encode() if isinstance(content, str) else content
    aside = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)  # noqa: PTH105 - named in full: the step that makes the write atomic
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _storage_error("write", path, error) from error


def make_directory(path: Path) -> None:
    """Create a folder and those above it, unless they exist; raise :exc:`StorageError` if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _storage_error("create", path, error) from error


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; raise :exc:`StorageError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _storage_error("read", path, error) from error


def _storage_error(action: str, path: Path, error: OSError) -> StorageError:
    reason = error.strerror or type(error).__name__
    return StorageError(f"cannot {action} {path}: {reason[:1].lower()}{reason[1:]}")
