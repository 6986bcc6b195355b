"""Changes from one run to another: verdicts, estimates, predictions, versions and cost.

An estimate *moved* if its intervals in the two runs are disjoint. Where neither the network nor the quantity changed,
both hold the same number as long as both are right, so that a run in which nothing changed lists a point with at most
the family levels of both runs together, whatever the samples have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from theory_check.findings.run import Finding, RunRecord
from theory_check.foundation.records import Count, Estimate, LowerEnd, Seconds, UpperEnd
from theory_check.inference.verdicts import Verdict


class Measured(NamedTuple):
    """An estimate with its interval."""

    estimate: Estimate
    lower: LowerEnd
    upper: UpperEnd


@dataclass(frozen=True, kw_only=True)
class VerdictChange:
    """A claim or a point with another verdict than before."""

    id: str
    before: Verdict
    now: Verdict


@dataclass(frozen=True, kw_only=True)
class Move:
    """A point whose intervals in the two runs are disjoint."""

    id: str
    before: Measured
    now: Measured


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How a run differs from one before.

    Attributes
    ----------
    started, profile, seed, duration, networks
        Of the run before: ISO 8601, name, root seed, wall-clock seconds, simulated networks.
    claims, points : tuple of VerdictChange
        With another verdict than before.
    compared : int
        Points of both runs with one network and one quantity.
    differing : int
        How many of them have another estimate.
    moved : tuple of Move
        Those whose intervals are disjoint.
    repredicted : tuple of str
        Those with another target.
    restated : tuple of str
        Points of both runs that are another network or quantity now.
    appeared, gone : tuple of str
        Points that only one of the runs has.
    versions : mapping of str to (str, str)
        Before and now, of what has another version; empty where there was or is none.
    """

    started: str
    profile: str
    seed: int
    duration: Seconds
    networks: Count
    claims: tuple[VerdictChange, ...] = ()
    points: tuple[VerdictChange, ...] = ()
    compared: Count = 0
    differing: Count = 0
    moved: tuple[Move, ...] = ()
    repredicted: tuple[str, ...] = ()
    restated: tuple[str, ...] = ()
    appeared: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    versions: Mapping[str, tuple[str, str]]


def compare_runs(before: RunRecord, now: RunRecord) -> Changes:
    """Return what changed between two runs.

    Parameters
    ----------
    before, now : RunRecord

    Returns
    -------
    Changes
    """
    old, new = _findings(before), _findings(now)
    common = [(old[id], finding) for id, finding in new.items() if id in old]
    pairs = [(a, b) for a, b in common if _identity(a) == _identity(b)]
    claims = {claim.id: claim.verdict for claim in before.claims}
    packages = sorted(before.run.versions.keys() | now.run.versions.keys())
    versions = {name: (before.run.versions.get(name, ""), now.run.versions.get(name, "")) for name in packages}
    return Changes(
        started=before.run.started,
        profile=before.profile,
        seed=before.seed,
        duration=before.run.duration,
        networks=before.simulated_networks,
        claims=tuple(
            VerdictChange(id=c.id, before=claims[c.id], now=c.verdict)
            for c in now.claims
            if claims.get(c.id, c.verdict) != c.verdict
        ),
        points=tuple(
            VerdictChange(id=b.id, before=a.verdict, now=b.verdict) for a, b in pairs if a.verdict != b.verdict
        ),
        compared=len(pairs),
        differing=sum(repr(a.estimate) != repr(b.estimate) for a, b in pairs),
        moved=tuple(
            Move(id=b.id, before=_measured(a), now=_measured(b))
            for a, b in pairs
            if a.upper < b.lower or b.upper < a.lower
        ),
        repredicted=tuple(b.id for a, b in pairs if _target(a) != _target(b)),
        restated=tuple(b.id for a, b in common if _identity(a) != _identity(b)),
        appeared=tuple(id for id in new if id not in old),
        gone=tuple(id for id in old if id not in new),
        versions={name: pair for name, pair in versions.items() if pair[0] != pair[1]},
    )


def _findings(record: RunRecord) -> dict[str, Finding]:
    return {finding.id: finding for claim in record.claims for finding in claim.findings}


def _identity(finding: Finding) -> tuple[str, str]:
    return finding.network, finding.quantity


def _measured(finding: Finding) -> Measured:
    return Measured(finding.estimate, finding.lower, finding.upper)


def _target(finding: Finding) -> tuple[float, float]:
    return finding.target_lower, finding.target_upper
