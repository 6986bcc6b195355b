"""The folder in which a command keeps its finished parts: locked, and swept of what killed commands left."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import (
    check_replaceable,
    check_writable,
    make_directory,
    remove_empty,
    storage_error,
    sweep_temporaries,
)

try:
    import fcntl
except ImportError:  # not on Windows: commands there are not kept apart
    fcntl = None  # type: ignore[assignment]

#: Days after which the finished parts of a command that nobody repeated are removed.
_KEPT_DAYS = 30.0


@contextmanager
def work_folder(
    parts: Path, waiting: Callable[[], None], *, files: Sequence[Path] = (), folders: Sequence[Path] = ()
) -> Iterator[Path]:
    """Hold what a command writes to: check it before the work begins, and keep other commands out.

    The folder of parts is locked as long as the command runs, and stays if parts are in it at the end: the same command
    continues from them. Folders that were created and are empty at the end are removed.

    Parameters
    ----------
    parts : Path
        A folder for finished parts, inside the folder of the output, ``.resume`` or ``.NAME.resume``.
    waiting : callable
        Called once if another command holds the folder, before it is waited for.
    files : sequence of Path
        What will be written.
    folders : sequence of Path
        Where more will be written, if they exist.

    Yields
    ------
    Path
        The folder of parts.

    Raises
    ------
    StorageError
        If something cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, work_folder(Path(folder, "out", ".resume"), print) as parts:
    ...     parts.is_dir()
    True
    """
    created: list[Path] = []
    try:
        with _locked(parts, waiting, created):
            try:
                for file in files:
                    check_replaceable(file)
                for folder in (parts.parent, *folders):
                    if folder.exists() or folder.is_symlink():
                        check_writable(folder)
                        sweep_temporaries(folder)
                sweep_temporaries(parts)
                _sweep_old_parts(parts)
                yield parts
            finally:
                with contextlib.suppress(OSError):
                    parts.rmdir()
    finally:
        remove_empty(created)


@contextmanager
def _locked(folder: Path, waiting: Callable[[], None], created: list[Path]) -> Iterator[None]:
    """Hold a folder, and note which ones above it were created: the one that was waited for may remove them."""
    while True:
        created += make_directory(folder)[1:]
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # another command removed it just now
        except OSError as error:
            raise storage_error("open", folder, error) from error
        try:
            if _lock(descriptor, waiting) and not _is_same(descriptor, folder):
                continue  # the command that was waited for removed the folder
            yield
            return
        finally:
            os.close(descriptor)


def _lock(descriptor: int, waiting: Callable[[], None] | None) -> bool:
    """Lock a folder; without ``waiting`` only if that needs no wait. Return whether it is locked."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting is None:
            return False
        waiting()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False  # a network file system without locks
    return True


def _is_same(descriptor: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except OSError:
        return False


def _sweep_old_parts(parts: Path) -> None:
    """Remove folders of parts beside this one that nothing was added to for a long time."""
    limit = time.time() - 86400.0 * _KEPT_DAYS
    for folder in parts.parent.glob(".*resume"):
        with contextlib.suppress(OSError, StorageError):
            if folder == parts or folder.is_symlink() or folder.stat().st_mtime > limit:
                continue
            descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
            try:
                if _lock(descriptor, None):
                    sweep_temporaries(folder)
                    for unit in folder.glob("*.unit"):
                        unit.unlink()
                    folder.rmdir()
            finally:
                os.close(descriptor)
