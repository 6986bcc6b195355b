"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from theory_check.foundation.errors import StorageError

#: Temporary files carry the number of the process that writes them; SQLite adds endings to the name of a database.
_TEMPORARY = re.compile(r"\.(\d+)-[0-9a-f]{16}\.tmp(-wal|-shm|-journal)?")

#: Seconds after which a temporary file is stale, even if another process has been given the number in its name.
_STALE = 86400.0

#: Temporary files that are being written.
_unfinished: set[Path] = set()


def temporary_path(folder: Path) -> Path:
    """Return the name of a temporary file of this process in a folder, see :func:`sweep_temporaries`.

    The first call for a folder removes the temporary files that killed commands left there.
    """
    _sweep_once(folder)
    return folder / f".{os.getpid()}-{secrets.token_hex(8)}.tmp"


def write_atomically(path: Path, content: bytes | str, *, flushed: bool = True) -> None:
    """Write a file so that a reader sees either its old content or all of the new one.

    The content goes to a temporary file in the same folder, is flushed to the disk and then replaces ``path`` in one
    step. A failure or an interrupt leaves no temporary file behind.

    Parameters
    ----------
    path : Path
        The file to create or replace; its folder must exist (see :func:`make_directory`).
    content : bytes or str
        Text is encoded as UTF-8, line ends are kept.
    flushed : bool
        Whether to wait for the disk. If not, only a power cut can leave less than all of it: for files whose readers
        check a digest and can do without them.

    Raises
    ------
    StorageError
        If the folder is missing or not writable, or the disk is full.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "a"), "text")
    ...     Path(folder, "a").read_text()
    'text'
    """
    _write({path: content}, flushed=flushed)


def write_together(contents: Mapping[Path, bytes | str]) -> None:
    """Write files that belong together: nothing is replaced before everything is on the disk.

    Folders that are missing are created; a failure leaves none of them empty.

    Parameters
    ----------
    contents : mapping of Path to bytes or str
        As of :func:`write_atomically`; they are replaced in this order, one right after the other.

    Raises
    ------
    StorageError
        If a folder cannot be created or a file cannot be written. Files named before it may be replaced then.
    """
    with contextlib.ExitStack() as folders:
        for folder in sorted({path.parent for path in contents}):
            folders.enter_context(new_folder(folder))
        _write(contents, flushed=True)


def _write(contents: Mapping[Path, bytes | str], *, flushed: bool) -> None:
    asides: dict[Path, Path] = {}
    path = Path()
    try:
        try:
            for path, content in contents.items():
                asides[path] = temporary_path(path.parent)
                _unfinished.add(asides[path])
                with asides[path].open("xb") as file:
                    file.write(content.encode() if isinstance(content, str) else content)
                    if flushed:
                        file.flush()
                        os.fsync(file.fileno())
            for path, aside in asides.items():
                os.replace(aside, path)  # noqa: PTH105 - named in full: the step that makes the write atomic
            for folder in {path.parent for path in contents if flushed}:
                flush_folder(folder)
        except BaseException:
            for aside in asides.values():
                with contextlib.suppress(OSError):
                    aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise storage_error("write", path, error) from error
    finally:
        _unfinished.difference_update(asides.values())


def remove_unfinished() -> None:
    """Remove the temporary files of all threads, for a process that ends without waiting for them."""
    for aside in tuple(_unfinished):
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system can: a power cut then takes no file back."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> list[Path]:
    """Create a folder and those above it, unless they exist; return those that were missing, the lowest first.

    Raises
    ------
    StorageError
        If that fails.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remove_empty(missing)
        raise storage_error("create", path, error) from error
    return missing


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those folders that are empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """Create a folder as :func:`make_directory` does, and remove what it created where that is empty at the end.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as root:
    ...     with new_folder(Path(root, "a", "b")):
    ...         Path(root, "a", "file").touch()
    ...     sorted(path.name for path in Path(root, "a").iterdir())
    ['file']
    """
    created = make_directory(path)
    try:
        yield
    finally:
        remove_empty(created)


def check_writable(folder: Path) -> None:
    """Raise :exc:`StorageError` unless files can be written into a folder: one is, and removed again."""
    aside = temporary_path(folder)
    try:
        try:
            aside.touch(exist_ok=False)
        finally:
            # After an interrupt too.
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error("write into", folder, error) from error


def check_replaceable(path: Path) -> None:
    """Raise :exc:`StorageError` if a folder has the name of a file that is to be written."""
    if path.is_dir():
        raise StorageError(f"cannot write {path}: is a directory")


@cache
def _sweep_once(folder: Path) -> None:
    sweep_temporaries(folder)


def sweep_temporaries(folder: Path) -> None:
    """Remove the temporary files that processes which are gone left in a folder."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            name = _TEMPORARY.fullmatch(path.name)
            with contextlib.suppress(OSError):
                if name and (not _is_running(int(name[1])) or time.time() - path.stat().st_mtime > _STALE):
                    path.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; raise :exc:`StorageError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise storage_error("read", path, error) from error


def storage_error(action: str, path: Path, error: OSError) -> StorageError:
    """Return the error for an action on a file that the system refused, in one line.

    Parameters
    ----------
    action : str
        What could not be done, as a verb.
    path : Path
    error : OSError

    Returns
    -------
    StorageError

    Examples
    --------
    >>> str(storage_error("write", Path("a"), OSError(28, "No space left on device")))
    'cannot write a: no space left on device'
    """
    reason = error.strerror or type(error).__name__
    return StorageError(f"cannot {action} {path}: {reason[:1].lower()}{reason[1:]}")
