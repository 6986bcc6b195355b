"""The evidence of many runs on one file: what a night adds to it, and how it is stored.

A history belongs to one profile. Its family level is for its whole life: each claim has the level of its place, each
version of a claim a share of that, each point of a version an equal part for its confidence sequence. Processes and
sequences each spend that level once: a wrong refutation has one family level, a wrong interval another. The nights are
stored as they were found, e-value by e-value; the processes are replayed from them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from theory_check.claims.planning import FAMILY_LEVEL, PLACES, PlannedCheck
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.files import write_atomically
from theory_check.foundation.records import encode_record, load_record
from theory_check.inference.confidence_sequences import PointSequence, extend
from theory_check.inference.evidence import log_average
from theory_check.inference.multiplicity import assign_levels, restart_level
from theory_check.inference.nights import ClaimNight, History, Night, check_new_night, processes
from theory_check.kernels import KERNEL_VERSION
from theory_check.verification.run import Outcome

SCHEMA_VERSION = 1


def new_history(profile: str) -> History:
    """Return an empty history; each of the places has an equal share of the family level."""
    return History(profile, assign_levels(PLACES, FAMILY_LEVEL)[0])


def claim_version(checks: Sequence[PlannedCheck]) -> str:
    """Return the identity of what a claim states at a profile (16 hexadecimal digits).

    It covers the id, networks, quantity, target, margin, remainder, level and the whole estimator of each check and the
    version of the kernels, but not the number of replicates, on which no null depends. Numbers enter with six digits,
    laws by their deciles: an update of a library that moves the last digits is not another statement.
    """
    text = json.dumps({"checks": [_statement(planned) for planned in checks], "kernel_version": KERNEL_VERSION})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _statement(planned: PlannedCheck) -> list[object]:
    check = planned.check
    numbers = [*check.target, check.margin, check.remainder, planned.level]
    networks = [experiment.identity for experiment in planned.experiments]
    return [planned.id, networks, check.quantity, check.exact, _described(numbers), _described(check.estimator)]


def _described(value: object) -> object:
    """Return JSON values that tell an estimator, an observable or a part of one from every other."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    if isinstance(value, (tuple, list, np.ndarray)):
        return [_described(part) for part in value]
    if hasattr(value, "quantile"):
        return [type(value).__name__, _described(value.quantile(np.arange(0.1, 0.95, 0.1)))]
    if dataclasses.is_dataclass(value):
        parts = {field.name: _described(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return [type(value).__name__, parts]
    return getattr(value, "__qualname__", type(value).__qualname__)


def add_night(history: History, outcome: Outcome) -> History:
    """Return the history with one more night.

    The e-value of a claim is the mean of those of its points: an e-value against their conjunction.

    Raises
    ------
    SpecificationError
        If the seed is in the history already, or the profile is another one.
    """
    record = outcome.record
    check_new_night(history, seed=record.seed, profile=record.profile)
    planned = {claim.id: checks for _, claims in outcome.plan.regimes for claim, checks in claims}
    versions = {claim: claim_version(checks) for claim, checks in planned.items()}
    found = {
        claim.id: ClaimNight(versions[claim.id], log_average([f.log_evidence for f in claim.findings]))
        for claim in record.claims
    }
    updated = History(
        history.profile,
        history.level,
        (*history.nights, Night(record.seed, record.run.started, found)),
        history.sequences,
    )
    numbers = {claim: process.versions for claim, process in processes(updated).items()}
    if len(numbers) > PLACES:
        raise SpecificationError(
            f"the history has seen {len(numbers)} claims, but {PLACES} share its level: begin a new one"
        )
    sequences = {
        point: sequence for point, sequence in history.sequences.items() if point.partition("/")[0] not in planned
    }
    for claim, checks in planned.items():
        for check in checks:
            known = history.sequences.get(check.id)
            if known is None or known.version != versions[claim]:
                known = _new_sequence(check, versions[claim], restart_level(check.level, numbers[claim]))
            samples = check.choose(outcome.samples)
            estimator = check.check.estimator
            sequences[check.id] = extend(known, *estimator.sided_evidence(samples, known.candidates, known.gain))
    return History(updated.profile, updated.level, updated.nights, sequences)


def _new_sequence(planned: PlannedCheck, version: str, level: float) -> PointSequence:
    check = planned.check
    return PointSequence(
        version=version,
        level=level,
        target=check.target,
        tolerance=check.margin + check.remainder,
        bounds=check.estimator.bounds,
    )


def write_history(path: Path, history: History) -> None:
    """Write a history, whole or not at all: equal histories give equal bytes.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    write_atomically(path, encode_record(history, SCHEMA_VERSION, "history"))


def read_history(path: Path) -> History:
    """Read what :func:`write_history` wrote.

    Raises
    ------
    StorageError
        If the file cannot be read or is not such a history. A damaged history is never replaced by an empty one: its
        level would be spent twice.
    """
    return load_record(path, History, (SCHEMA_VERSION,), "a history")
