"""A calibration as strict JSON: ``calibration.json``.

What varies between calibrations with identical samples is under ``run``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from theory_check.findings.calibration import CalibrationRecord, MethodFinding, Outcome, RateFinding
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import read_bytes
from theory_check.reporting.results import Count, Probability, Seconds

SCHEMA_VERSION = 1


class MethodResult(msgspec.Struct, frozen=True, kw_only=True):
    """A method, its promises and the negative controls that imitate it."""

    name: str
    title: str
    function: str
    promise: str
    rates: tuple[RateFinding, ...]


class CalibrationCircumstances(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may differ between calibrations with identical samples."""

    started: str
    duration: Seconds
    threads: Count
    machine: str
    versions: dict[str, str]
    seconds: Annotated[
        dict[str, Seconds | None], msgspec.Meta(description="For 10^6 observations, by the name of a method.")
    ]


class CalibrationResults(msgspec.Struct, frozen=True, kw_only=True):
    """What a calibration concluded."""

    schema_version: Literal[1]
    outcome: Outcome
    profile: str
    seed: int
    selection: tuple[str, ...]
    family_level: Probability
    methods: tuple[MethodResult, ...]
    run: CalibrationCircumstances


class _Versioned(msgspec.Struct):
    schema_version: int


def encode_calibration(record: CalibrationRecord) -> bytes:
    """Return the content of ``calibration.json``: equal records give equal bytes."""
    results = CalibrationResults(
        schema_version=1,
        outcome=record.outcome,
        profile=record.profile,
        seed=record.seed,
        selection=record.selection,
        family_level=record.family_level,
        methods=tuple(
            MethodResult(name=m.name, title=m.title, function=m.function, promise=m.promise, rates=m.rates)
            for m in record.methods
        ),
        run=CalibrationCircumstances(
            started=record.started,
            duration=record.duration,
            threads=record.threads,
            machine=record.machine,
            versions=record.versions,
            seconds={m.name: m.seconds for m in record.methods},
        ),
    )
    try:
        content = msgspec.json.encode(results, order="deterministic")
        msgspec.json.decode(content, type=CalibrationResults)
    except msgspec.ValidationError as error:
        raise SpecificationError(f"the calibration does not fit its schema: {error}") from error
    return msgspec.json.format(content, indent=2) + b"\n"


def load_calibration(path: Path) -> CalibrationRecord:
    """Read ``calibration.json`` back.

    Raises
    ------
    StorageError
        If the file cannot be read or is not what :func:`encode_calibration` writes.
    """
    content = read_bytes(path)
    try:
        version = msgspec.json.decode(content, type=_Versioned).schema_version
        if version != SCHEMA_VERSION:
            raise StorageError(f"cannot read {path}: schema version {version}, accepted is {SCHEMA_VERSION}")
        return _record(msgspec.json.decode(content, type=CalibrationResults))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read {path}: not a calibration of theory-check: {error}") from error


def _record(results: CalibrationResults) -> CalibrationRecord:
    run = results.run
    return CalibrationRecord(
        profile=results.profile,
        seed=results.seed,
        selection=results.selection,
        family_level=results.family_level,
        started=run.started,
        duration=run.duration,
        threads=run.threads,
        machine=run.machine,
        versions=run.versions,
        methods=tuple(
            MethodFinding(
                name=m.name,
                title=m.title,
                function=m.function,
                promise=m.promise,
                rates=m.rates,
                seconds=run.seconds.get(m.name),
            )
            for m in results.methods
        ),
    )
