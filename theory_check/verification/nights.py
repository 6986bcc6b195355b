"""The evidence of many runs on one file: what a night adds to it, and how it is stored.

A history belongs to one profile. Its family level is for its whole life: each claim has the level of its place, each
version of a claim a share of that, each point of a version an equal part for its confidence sequence. Processes and
sequences each spend that level once: a wrong refutation has one family level, a wrong interval another. The nights are
stored as they were found, e-value by e-value; the processes are replayed from them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from theory_check.claims.identity import claim_version
from theory_check.claims.judging import sided_evidence
from theory_check.claims.planning import FAMILY_LEVEL, PLACES, PlannedCheck
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.files import write_atomically
from theory_check.foundation.records import encode_record, load_record
from theory_check.inference.confidence_sequences import PointSequence, extend
from theory_check.inference.evidence import log_average
from theory_check.inference.multiplicity import assign_levels, restart_level
from theory_check.inference.nights import ClaimNight, History, Night, check_new_night, processes
from theory_check.verification.run import Outcome

SCHEMA_VERSION = 1


def new_history(profile: str) -> History:
    """Return an empty history; each of the places has an equal share of the family level."""
    return History(profile, assign_levels(PLACES, FAMILY_LEVEL)[0])


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
    updated = replace(history, nights=(*history.nights, Night(record.seed, record.run.started, found)))
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
            made = outcome.decisions[check.id]
            evidence = sided_evidence(check, made.samples, made.look, known.candidates, known.gain)
            sequences[check.id] = extend(known, *evidence)
    return replace(updated, sequences=sequences)


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
