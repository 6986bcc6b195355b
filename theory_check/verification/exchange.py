"""Ledgers as JSON Lines: exported and imported night by night in their order; histories in JSON are imported once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import read_bytes, write_together
from theory_check.foundation.records import load_record
from theory_check.inference.nights import History
from theory_check.verification.chain import Chain, Head, NightRecord, extended, first_chain, verify
from theory_check.verification.ledger import check_not_ledger, create_ledger, find_ledger, read_ledger, replace_end
from theory_check.verification.nights import night_identity

#: Version of the histories in JSON.
_JSON_VERSION = 1

_FORMAT = "theory-check ledger 1"


class _Night(msgspec.Struct, forbid_unknown_fields=True):
    night: str
    checksum: str


class _Start(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    head: str


class _End(msgspec.Struct, forbid_unknown_fields=True):
    sequences: dict[str, str]
    nights: int
    checksum: str


def export_ledger(ledger: Path, path: Path) -> int:
    """Write a verified ledger as JSON Lines: the head, each night with its checksum, the sequences of the points.

    Returns
    -------
    int
        The number of nights.

    Raises
    ------
    StorageError
        If the ledger is damaged, or a file cannot be read or written.
    SpecificationError
        If the export would replace the ledger.
    """
    check_not_ledger(path, ledger)
    chain = read_ledger(ledger).chain
    lines = [_Start(_FORMAT, chain.head), *(_Night(*night) for night in chain.nights)]
    lines.append(_End(dict(sorted(chain.sequences.items())), chain.count, chain.checksum))
    write_together({path: b"".join(msgspec.json.encode(line) + b"\n" for line in lines)})
    return chain.count


def import_nights(path: Path, ledger: Path) -> int:
    """Bring what :func:`export_ledger` wrote, or a history in JSON, into a ledger, which is made if there is none.

    Nights are appended in the order of the export. A ledger that has them already stays as it is.

    Returns
    -------
    int
        The number of nights that were added.

    Raises
    ------
    SpecificationError
        If the ledger has other nights: two chains are never merged.
    StorageError
        If a file is damaged, or cannot be read or written.
    """
    lines = read_bytes(path).splitlines()
    if lines and lines[0].startswith(b'{"format":'):
        chain = _read_export(lines, str(path))
    else:
        chain = _convert(load_record(path, History, (_JSON_VERSION,), "an export or a history"))
    verify(chain, str(path))
    file = find_ledger(ledger, new=True)
    return chain.count if create_ledger(file, chain) else replace_end(file, chain)


def _read_export(lines: list[bytes], source: str) -> Chain:
    try:
        start = msgspec.json.decode(lines[0], type=_Start)
        nights = [msgspec.json.decode(line, type=_Night) for line in lines[1:-1]]
        end = msgspec.json.decode(lines[-1], type=_End)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read {source}: not an export of theory-check, or not all of it: {error}") from error
    if start.format != _FORMAT:
        raise StorageError(f"cannot read {source}: its format is {start.format!r}, accepted is {_FORMAT!r}")
    return Chain(start.head, tuple((n.night, n.checksum) for n in nights), end.sequences, end.nights, end.checksum)


def _convert(history: History) -> Chain:
    """Return the chain of a history in JSON: the same one each time."""
    seeds = [night.seed for night in history.nights]
    if len(set(seeds)) < len(seeds):
        raise SpecificationError("the history counts a seed twice; it cannot be imported")
    name = hashlib.sha256(msgspec.json.encode(history, order="deterministic")).hexdigest()[:32]
    chain = first_chain(Head(ledger=name, profile=history.profile, level=history.level))
    for number, night in enumerate(history.nights, start=1):
        versions = {claim: found.version for claim, found in night.claims.items()}
        record = NightRecord(identity=night_identity(history.profile, night.seed, versions), night=night)
        chain = extended(chain, record, history.sequences if number == len(history.nights) else {})
    return chain
