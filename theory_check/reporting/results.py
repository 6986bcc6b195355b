"""The results of a run as strict JSON with a published schema: ``results.json``.

JSON has no infinite numbers: an open end of an interval is ``null``, and so is a number that is not
finite for any other reason. What varies between runs with identical samples is under ``run``, seconds
included. Samples and the data of pictures are left out.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
import numpy as np

from theory_check.findings.pictures import Picture
from theory_check.findings.run import ClaimFinding, Correction, Finding, RegimeReport, RunRecord, VariantFinding
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import read_bytes
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.summary import all_points

_T = TypeVar("_T")

SCHEMA_VERSION = 3

#: The version before had no corrections and no own claims; it is read as a run without any.
_VERSION_BEFORE = 2

SCHEMA_URL = "https://json-schema.org/draft/2020-12/schema"

Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
LowerEnd = Annotated[float | None, msgspec.Meta(description="A lower end; null if open, that is minus infinity.")]
UpperEnd = Annotated[float | None, msgspec.Meta(description="An upper end; null if open, that is infinity.")]
Estimate = Annotated[float | None, msgspec.Meta(description="An estimate; null if it is not a finite number.")]
Deviation = Annotated[float | None, msgspec.Meta(description="A deviation; null if no finite one is known.")]
LogEvidence = Annotated[
    float | None,
    msgspec.Meta(description="Natural logarithm of an e-value against the statement; null if it is minus infinity."),
]
PictureName = Annotated[
    str, msgspec.Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", description="The file is figures/NAME.png.")
]


class VariantResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a nearby false statement fared on the same sample; it has to be refuted."""

    name: str
    verdict: Verdict
    estimate: Estimate
    lower: LowerEnd
    upper: UpperEnd
    target_lower: LowerEnd
    target_upper: UpperEnd


class PointResult(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity of one network against one predicted value."""

    id: str
    network: str
    quantity: str
    method: str
    verdict: Verdict
    estimate: Estimate
    lower: LowerEnd
    upper: UpperEnd
    target_lower: LowerEnd
    target_upper: UpperEnd
    remainder: Deviation
    margin: Deviation
    exact: bool
    level: Probability
    miss_rate: Probability
    resolution: Deviation
    replicates: Count
    log_evidence: LogEvidence
    variants: tuple[VariantResult, ...]


class CorrectionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was first stated, what holds instead, and the points whose wrong variant is the evidence."""

    stated: str
    corrected: str
    variant: str
    shown: Annotated[bool, msgspec.Meta(description="Whether the variant was refuted wherever it was judged.")]
    points: Annotated[tuple[str, ...], msgspec.Meta(description="Ids of the points that judged the variant.")]


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """A claim and the verdict on all its points together."""

    id: str
    regime: str
    title: str
    statement: str
    formula: str
    source: str
    verdict: Verdict
    has_teeth: Annotated[bool, msgspec.Meta(description="Whether every wrong variant was refuted.")]
    judged_corrections: tuple[CorrectionResult, ...] = msgspec.field(name="corrections")
    findings: tuple[PointResult, ...]


class PictureResult(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of the report, without its data."""

    name: PictureName
    caption: str


class RegimeResult(msgspec.Struct, frozen=True, kw_only=True):
    """A regime, its pictures and its claims."""

    name: str
    title: str
    text: str
    formula: str
    pictures: tuple[PictureResult, ...]
    claims: tuple[ClaimResult, ...]


class RunCircumstances(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may differ between runs with identical samples."""

    started: str
    duration: Seconds
    threads: Count
    machine: str
    versions: dict[str, str]
    seconds: Annotated[dict[str, Seconds], msgspec.Meta(description="Time spent on simulation, by the id of a point.")]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of theory-check concluded."""

    schema_version: Literal[3]
    verdict: Verdict
    profile: str
    seed: int
    selection: tuple[str, ...]
    claims_file: Annotated[str, msgspec.Meta(description="The file of the own claims; empty if there is none.")]
    family_level: Probability
    simulated_networks: Count
    simulated_layers: Count
    regimes: tuple[RegimeResult, ...]
    run: RunCircumstances


def encode_results(record: RunRecord) -> bytes:
    """Return the content of ``results.json``: equal records give equal bytes.

    Raises
    ------
    SpecificationError
        If a value is outside the schema (a picture's name with a slash, a level of 2).
    """
    plain = _unboxed(record)
    values = {
        "schema_version": SCHEMA_VERSION,
        "run": {
            "started": plain.started,
            "duration": plain.duration,
            "threads": plain.threads,
            "machine": plain.machine,
            "versions": plain.versions,
            "seconds": {f.id: f.seconds for f in all_points(plain)},
        },
    }
    try:
        named = {name: getattr(plain, name) for name in Results.__struct_fields__ if name not in values}
        results = msgspec.convert(named | values, Results, from_attributes=True)
    except msgspec.ValidationError as error:
        raise SpecificationError(f"the run does not fit its results schema: {error}") from error
    # Numbers that are not finite become null; order="deterministic" sorts dictionaries only.
    return msgspec.json.format(msgspec.json.encode(results, order="deterministic"), indent=2) + b"\n"


def load_results(path: Path) -> RunRecord:
    """Read ``results.json`` back; its pictures have no panels.

    Raises
    ------
    StorageError
        If the file cannot be read or is not what :func:`encode_results` writes.
    """
    content = read_bytes(path)
    try:
        version = msgspec.json.decode(content, type=_Versioned).schema_version
        if version == _VERSION_BEFORE:
            return _record(msgspec.convert(_updated(msgspec.json.decode(content)), Results))
        if version != SCHEMA_VERSION:
            raise StorageError(f"cannot read {path}: schema version {version}, accepted is {SCHEMA_VERSION}")
        return _record(msgspec.json.decode(content, type=Results))
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError) as error:
        raise StorageError(f"cannot read {path}: not results of theory-check: {error}") from error


def results_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of ``results.json``."""
    return {"$schema": SCHEMA_URL, "title": "Results of theory-check", **msgspec.json.schema(Results)}


def encode_schema() -> bytes:
    """Return the content of the published schema file, ``results.schema.json``."""
    return msgspec.json.format(msgspec.json.encode(results_schema(), order="sorted"), indent=2) + b"\n"


class _Versioned(msgspec.Struct):
    schema_version: int


def _updated(results: Any) -> Any:
    """Return the values of version 2 as those of this version, without corrections and own claims."""
    regimes = [
        {**regime, "claims": [{**claim, "corrections": []} for claim in regime["claims"]]}
        for regime in results["regimes"]
    ]
    return {**results, "schema_version": SCHEMA_VERSION, "claims_file": "", "regimes": regimes}


def _unboxed(value: _T) -> _T:
    """Return a record, or any part of it, with Python's numbers in place of NumPy's scalars."""
    if isinstance(value, np.generic):
        return cast(_T, value.item())
    if isinstance(value, tuple):
        return cast(_T, tuple(_unboxed(item) for item in value))
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, Picture)):
        return dataclasses.replace(value, **{f.name: _unboxed(getattr(value, f.name)) for f in fields(value)})
    return value


def _record(results: Results) -> RunRecord:
    run = results.run
    return RunRecord(
        profile=results.profile,
        seed=results.seed,
        selection=results.selection,
        claims_file=results.claims_file,
        family_level=results.family_level,
        started=run.started,
        duration=run.duration,
        threads=run.threads,
        simulated_layers=results.simulated_layers,
        simulated_networks=results.simulated_networks,
        machine=run.machine,
        versions=run.versions,
        regimes=tuple(_regime(regime, run.seconds) for regime in results.regimes),
    )


def _regime(regime: RegimeResult, seconds: dict[str, float]) -> RegimeReport:
    return RegimeReport(
        regime.name,
        regime.title,
        regime.text,
        regime.formula,
        tuple(Picture(p.name, p.caption, ()) for p in regime.pictures),
        tuple(_claim(claim, seconds) for claim in regime.claims),
    )


def _claim(claim: ClaimResult, seconds: dict[str, float]) -> ClaimFinding:
    return ClaimFinding(
        id=claim.id,
        regime=claim.regime,
        title=claim.title,
        statement=claim.statement,
        formula=claim.formula,
        source=claim.source,
        findings=tuple(_finding(point, seconds.get(point.id, 0.0)) for point in claim.findings),
        corrections=tuple(
            Correction(stated=c.stated, corrected=c.corrected, variant=c.variant) for c in claim.judged_corrections
        ),
    )


def _finding(point: PointResult, seconds: float) -> Finding:
    return Finding(
        id=point.id,
        network=point.network,
        quantity=point.quantity,
        method=point.method,
        estimate=_or(point.estimate, math.nan),
        lower=_or(point.lower, -math.inf),
        upper=_or(point.upper, math.inf),
        target_lower=_or(point.target_lower, -math.inf),
        target_upper=_or(point.target_upper, math.inf),
        remainder=_or(point.remainder, math.inf),
        margin=_or(point.margin, math.inf),
        exact=point.exact,
        level=point.level,
        miss_rate=point.miss_rate,
        resolution=_or(point.resolution, math.inf),
        verdict=point.verdict,
        replicates=point.replicates,
        seconds=seconds,
        log_evidence=_or(point.log_evidence, -math.inf),
        variants=tuple(_variant(variant) for variant in point.variants),
    )


def _variant(variant: VariantResult) -> VariantFinding:
    return VariantFinding(
        name=variant.name,
        target_lower=_or(variant.target_lower, -math.inf),
        target_upper=_or(variant.target_upper, math.inf),
        estimate=_or(variant.estimate, math.nan),
        lower=_or(variant.lower, -math.inf),
        upper=_or(variant.upper, math.inf),
        verdict=variant.verdict,
    )


def _or(value: float | None, instead: float) -> float:
    return instead if value is None else value
