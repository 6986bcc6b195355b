"""The results of a run as strict JSON with a published schema: ``results.json``.

The file holds the fields of :class:`~theory_check.findings.run.RunRecord`. What varies between runs with identical
samples is under ``run``, seconds included. Samples and the data of pictures are left out.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from theory_check.findings.run import RunRecord
from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import read_bytes
from theory_check.foundation.records import decode_record, encode_record, record_schema

SCHEMA_VERSION = 9

#: Version 2 had no corrections and no own claims, version 3 no distances of variants and no words for pictures,
#: version 4 no violated hypotheses, version 5 no sources of corrections, version 6 no derivations, domains and
#: remarks, version 7 no digest, version 8 no diverged trainings.
READABLE = (2, 3, 4, 5, 6, 7, 8, 9)

_FIRST_SEALED = 8

#: Where an object with an id or a name begins. Quotes inside a string are escaped, and after one that ends a string
#: comes no letter: no string contains this.
_OBJECT = re.compile(rb'\{(?="(?:id|name)":)')


def encode_results(record: RunRecord) -> bytes:
    """Return the content of ``results.json``, a line per finding and per variant: equal records give equal bytes.

    Raises
    ------
    SpecificationError
        If a value is outside the schema (a picture's name with a slash, a level of 2).
    """
    digest = _digest(encode_record(record, SCHEMA_VERSION, "run"))
    sealed = replace(record, run=replace(record.run, digest=digest))
    return _OBJECT.sub(rb"\n{", encode_record(sealed, SCHEMA_VERSION, "run"))


def _digest(content: bytes) -> str:
    """Return the digest of what a file says but for the digest itself, however it is laid out."""
    said = msgspec.json.decode(content)
    said["run"].pop("digest", None)
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def load_results(path: Path) -> RunRecord:
    """Read ``results.json`` back.

    Raises
    ------
    StorageError
        If the file cannot be read, is not what :func:`encode_results` writes, or was changed since.
    """
    content = read_bytes(path)
    record = decode_record(content, RunRecord, READABLE, str(path), "results")
    sealed = msgspec.json.decode(content)["schema_version"] >= _FIRST_SEALED
    if sealed and record.run.digest != _digest(content):
        raise StorageError(f"{path} is damaged: its digest is not that of its content; run the same command again")
    return replace(record, run=replace(record.run, digest=msgspec.UNSET))


def results_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of ``results.json``: the content of ``results.schema.json``."""
    return record_schema(RunRecord, SCHEMA_VERSION, "Results of theory-check")
