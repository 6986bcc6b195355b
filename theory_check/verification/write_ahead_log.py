"""The log beside the file of a ledger: what a run had added when it was killed, and whether all of it is there.

SQLite ends its reading of the log at the first frame that does not fit its checksum, whatever made it so: a bit that
changed there would take back a night that was committed, and nobody would know. A log is therefore looked through
before SQLite sees it. What a killed run leaves behind ends with a frame that is not whole; a whole one that does not
fit is damage.

References
----------
SQLite, "Database File Format", section 4: the write-ahead log.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path

from theory_check.foundation.errors import StorageError

_HEADER, _FRAME = 32, 24

#: The last bit says in which order the bytes of a word are summed.
_MAGIC = 0x377F0682

#: Looks, and seconds between them: a run that is just writing is done by then.
_LOOKS, _PAUSE = 10, 0.05


def check_log(path: Path) -> None:
    """Raise :exc:`StorageError` if there is a log beside the file of a ledger, and a part of it was changed."""
    log = path.with_name(f"{path.name}-wal")
    for look in range(_LOOKS):
        try:
            content = log.read_bytes()
        except OSError:
            return
        if is_whole(content):
            return
        if look < _LOOKS - 1:
            time.sleep(_PAUSE)
    raise StorageError(
        f"{log} is damaged: it holds what a killed run had added, and a part of it was changed; {path} is not used: "
        "restore a copy, import an export, or remove the log to go on without it"
    )


def is_whole(content: bytes) -> bool:
    """Tell whether no whole frame of a log was changed.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    bool
    """
    if len(content) < _HEADER:
        return True
    magic, _, size, _, *salts, first, second = struct.unpack(">8I", content[:_HEADER])
    if magic & ~1 != _MAGIC:
        return False
    order = ">" if magic & 1 else "<"
    sums = _add((0, 0), content[: _HEADER - 8], order)
    if sums != (first, second):
        return False
    for start in range(_HEADER, len(content) - _FRAME - size + 1, _FRAME + size):
        head, page = content[start : start + _FRAME], content[start + _FRAME : start + _FRAME + size]
        *_, salt, other, first, second = struct.unpack(">6I", head)
        if [salt, other] != salts:
            # Frames of an earlier log may follow; their random numbers do not differ by a single bit.
            differing: int = (salt ^ salts[0]).bit_count() + (other ^ salts[1]).bit_count()
            return differing > 1
        sums = _add(sums, head[:8] + page, order)
        if sums != (first, second):
            return False
    return True


def _add(sums: tuple[int, int], content: bytes, order: str) -> tuple[int, int]:
    """Return the two running sums of the format after more bytes."""
    first, second = sums
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
