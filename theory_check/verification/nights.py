"""The evidence of many runs: what a night adds to it, and what is noted about the night.

A history belongs to one profile. Its family level is for its whole life: each claim has the level of its place, each
version of a claim a share of that, each point of a version an equal part for its confidence sequence. Processes and
sequences each spend that level once: a wrong refutation has one family level, a wrong interval another. The nights are
stored as they were found, e-value by e-value; the processes are replayed from them.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from theory_check.claims.identity import claim_version
from theory_check.claims.judging import sided_evidence
from theory_check.claims.planning import FAMILY_LEVEL, PLACES, PlannedCheck
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.confidence_sequences import PointSequence, extend
from theory_check.inference.evidence import log_average
from theory_check.inference.multiplicity import assign_levels, restart_level
from theory_check.inference.nights import ClaimNight, History, Night, check_new_night, processes
from theory_check.kernels import KERNEL_VERSION
from theory_check.verification.chain import NightRecord
from theory_check.verification.plan import Plan
from theory_check.verification.run import Outcome


def versions_of(plan: Plan) -> dict[str, str]:
    """Return the version of each claim of a plan."""
    return {claim.id: claim_version(checks) for _, claims in plan.regimes for claim, checks in claims}


def night_identity(profile: str, seed: int, versions: Mapping[str, str]) -> str:
    """Return what tells a night from all others (32 hexadecimal digits): a repeated command has the same.

    Parameters
    ----------
    profile : str
    seed : int
        Root seed.
    versions : mapping of str to str
        Of the claims that are judged, by id.

    Returns
    -------
    str
    """
    text = json.dumps([profile, seed, sorted(versions.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def found_by(outcome: Outcome) -> Night:
    """Return what a run found about its claims.

    The e-value of a claim is the mean of those of its points: an e-value against their conjunction. A claim with a
    point whose hypotheses are violated has none.
    """
    versions = versions_of(outcome.plan)
    found = {
        claim.id: ClaimNight(versions[claim.id], log_average([f.log_evidence for f in claim.findings]))
        for claim in outcome.record.claims
        if claim.verdict != "inapplicable"
    }
    return Night(outcome.record.seed, outcome.record.run.started, found)


def record_night(outcome: Outcome) -> NightRecord:
    """Return what the ledger keeps of a run: what it found, and what made it."""
    record, night = outcome.record, found_by(outcome)
    return NightRecord(
        identity=night_identity(record.profile, record.seed, versions_of(outcome.plan)),
        night=night,
        selection=record.selection,
        replicates={finding.id: finding.replicates for claim in record.claims for finding in claim.findings},
        versions=record.run.versions,
        kernel_version=KERNEL_VERSION,
        commit=_commit(),
        machine=record.run.machine,
        claims_file=_digest_of(record.claims_file),
    )


def _commit() -> str:
    """Return the commit of the checkout that holds the package, with a mark if it was changed; empty without one."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return ""


def _digest_of(file: str) -> str:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
    except OSError:
        return ""


def new_history(profile: str) -> History:
    """Return an empty history; each of the places has an equal share of the family level."""
    return History(profile, assign_levels(PLACES, FAMILY_LEVEL)[0])


def add_night(history: History, outcome: Outcome) -> History:
    """Return the history with one more night.

    Raises
    ------
    SpecificationError
        If the seed is in the history already, or the profile is another one.
    """
    record = outcome.record
    check_new_night(history, seed=record.seed, profile=record.profile)
    night, versions = found_by(outcome), versions_of(outcome.plan)
    planned = {
        claim.id: checks for _, claims in outcome.plan.regimes for claim, checks in claims if claim.id in night.claims
    }
    updated = replace(history, nights=(*history.nights, night))
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
