"""The results of a run as strict JSON with a published schema: ``results.json``.

The file holds the fields of :class:`~theory_check.findings.run.RunRecord`. What varies between runs with identical
samples is under ``run``, seconds included. Samples and the data of pictures are left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from theory_check.findings.run import RunRecord
from theory_check.foundation.records import encode_record, load_record, record_schema

SCHEMA_VERSION = 7

#: Version 2 had no corrections and no own claims, version 3 no distances of variants and no words for pictures,
#: version 4 no violated hypotheses, version 5 no sources of corrections, version 6 no derivations, domains and remarks.
READABLE = (2, 3, 4, 5, 6, 7)

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
    return _OBJECT.sub(rb"\n{", encode_record(record, SCHEMA_VERSION, "run"))


def load_results(path: Path) -> RunRecord:
    """Read ``results.json`` back.

    Raises
    ------
    StorageError
        If the file cannot be read or is not what :func:`encode_results` writes.
    """
    return load_record(path, RunRecord, READABLE, "results")


def results_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of ``results.json``: the content of ``results.schema.json``."""
    return record_schema(RunRecord, SCHEMA_VERSION, "Results of theory-check")
