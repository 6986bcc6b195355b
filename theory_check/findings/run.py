"""Conclusions of a run: a finding for every checked point, the claims they belong to, and the record of the run.

``claims`` makes these frozen values from samples, ``verification`` collects them, ``reporting`` shows them. They are
also the only definition of ``results.json``, see :mod:`theory_check.foundation.records`: what follows from other fields
(a verdict on several points) is a field that the constructor fills in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from theory_check.findings.circumstances import Circumstances
from theory_check.findings.pictures import PictureText
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.kinds import check_kinds
from theory_check.foundation.records import (
    Count,
    Deviation,
    Estimate,
    LogEvidence,
    LowerEnd,
    Probability,
    UpperEnd,
)
from theory_check.inference.verdicts import Verdict, combine_verdicts

#: How a false statement is judged. ``measured``: by an estimate of its own on the same samples, of another law or
#: another observable. ``value``: by the estimate of the point, so that its distance in margins says all. ``displaced``:
#: at twice the margin by construction, which checks the code and not the claim.
VariantKind: TypeAlias = Literal["measured", "value", "displaced"]


@dataclass(frozen=True, kw_only=True)
class VariantFinding:
    """How a nearby false statement fared on the same sample.

    Attributes
    ----------
    name : str
        What the false statement says, in a few words.
    target_lower, target_upper : float
        The value it predicts (equal for a point).
    estimate, lower, upper : float
        Estimate and confidence interval under the false statement. They repeat those of the point
        unless the quantity itself depends on the statement (a distance to a predicted law).
    distance : float or None
        How far what it predicts lies from the prediction of the point, in units of the point's tolerance; None where
        that is not measured.
    verdict : Verdict
        Must be ``refuted``, otherwise the check has no teeth.
    kind : VariantKind
        Only the measured ones are counted. Records of earlier versions do not tell.
    """

    name: str
    target_lower: LowerEnd
    target_upper: UpperEnd
    estimate: Estimate
    lower: LowerEnd
    upper: UpperEnd
    distance: float | None = None
    verdict: Verdict
    kind: VariantKind = "measured"


@dataclass(frozen=True)
class Divergence:
    """Trainings of a point that diverged.

    Attributes
    ----------
    diverged : int
        Replicates with a training that did, of those that the point has.
    left_out : int
        Those of them that the estimate is without: they have no value, and the point speaks of the others.
    """

    diverged: Count
    left_out: Count


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The outcome of one check: one quantity of one network against one predicted value.

    Attributes
    ----------
    id : str
        Claim id and point, ``E4/rademacher-d40-law``.
    network : str
        The network in a few words, ``res-3, width 40, depth 200, rademacher, beta 0.5``.
    quantity : str
        What was estimated, in Markdown with inline mathematics.
    method : str
        The interval that was used, by its usual name.
    estimate, lower, upper : float
        Point estimate and confidence interval, valid at this number of replicates.
    target_lower, target_upper : float
        Prediction at *this* depth and width; equal for a point, an interval otherwise.
    remainder : float
        Proven bound on the error of the prediction at this size, 0 for an exact statement.
    margin : float
        Deviation that is still counted as agreement.
    exact : bool
        Whether the prediction is exact at this size, so that a miss of the target alone refutes it.
    level : float
        Probability of a wrong verdict, at most, all looks together.
    miss_rate : float
        Probability, at most, that a true statement is not supported at this sample size.
    resolution : float
        Smallest deviation that this sample size detects with probability 99%.
    verdict : Verdict
    replicates : int
        Independent networks behind the estimate: those of the look that decided.
    planned : int
        Independent networks that were planned at most, for the last look; 0 in records of earlier versions.
    log_evidence : float
        Natural logarithm of an e-value against the statement: against the target widened by margin and remainder, or
        against the target itself if it is exact. 0 where a hypothesis is violated.
    violation : str
        The hypothesis that the sample contradicts, in a few words; empty if there is none.
    divergence : Divergence, or unset
        Unset where nothing was trained.
    variants : tuple of VariantFinding
        The nearby false statements that this check must refute.
    """

    id: str
    network: str
    quantity: str
    method: str
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
    verdict: Verdict
    replicates: Count
    planned: Count = 0
    log_evidence: LogEvidence
    violation: str = ""
    divergence: Divergence | msgspec.UnsetType = msgspec.UNSET
    variants: tuple[VariantFinding, ...]

    @property
    def tolerance(self) -> float:
        """Distance from the target that still counts as agreement: margin and remainder."""
        return self.margin + self.remainder

    @property
    def has_teeth(self) -> bool:
        """Whether there are wrong variants and every one was refuted."""
        return bool(self.variants) and all(v.verdict == "refuted" for v in self.variants)

    @property
    def nearest(self) -> float | None:
        """Distance in margins of the nearest wrong value that is named; None if there is none."""
        return min((v.distance for v in self.variants if v.kind == "value" and v.distance is not None), default=None)


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A sentence of a source that is false or imprecise, what holds instead, and the evidence against the first.

    Attributes
    ----------
    source : str
        The work, ``@key`` of the bibliography, and the place: section, theorem, display, abstract. Empty only in
        results of earlier versions.
    stated : str
        The sentence as it stands there.
    corrected : str
        In words, Markdown with inline mathematics.
    variant : str
        Name of the wrong variant, of one check of the claim or of several, that says what was stated: that it is
        refuted is the evidence.
    """

    source: str = ""
    stated: str
    corrected: str
    variant: str


@dataclass(frozen=True, kw_only=True)
class JudgedCorrection(Correction):
    """A correction with its evidence.

    Attributes
    ----------
    shown : bool
        Whether what was first stated was judged at some point, and refuted wherever it was.
    points : tuple of str
        Ids of these points.
    """

    shown: bool
    points: tuple[str, ...]


def evidence_for(correction: Correction, findings: Sequence[Finding]) -> list[tuple[Finding, VariantFinding]]:
    """Return the points that judged what was first stated, each with how it fared there."""
    return [(f, v) for f in findings for v in f.variants if v.name == correction.variant]


def judge_correction(correction: Correction, findings: Sequence[Finding]) -> JudgedCorrection:
    """Return a correction with the evidence among the findings of its claim."""
    evidence = evidence_for(correction, findings)
    return JudgedCorrection(
        source=correction.source,
        stated=correction.stated,
        corrected=correction.corrected,
        variant=correction.variant,
        shown=bool(evidence) and all(variant.verdict == "refuted" for _, variant in evidence),
        points=tuple(finding.id for finding, _ in evidence),
    )


@dataclass(frozen=True, kw_only=True)
class ClaimFinding:
    """The outcome of a claim: its statement, the findings at each of its points, and where it corrects its source.

    Attributes
    ----------
    id, regime, title, statement, formula, source, derivation, hypotheses : str
        Of the claim.
    domain : tuple of str
        What the networks of its domain have in common, a sentence each; empty if the claim states no domain.
    remarks : tuple of str
        What a reader should know besides, Markdown.
    findings : tuple of Finding
    corrections : tuple of JudgedCorrection
    verdict : Verdict
        On all points together.
    has_teeth : bool
        Whether every point has wrong variants and all were refuted.
    """

    id: str
    regime: str
    title: str
    statement: str
    formula: str
    source: str
    derivation: str = ""
    hypotheses: str = ""
    domain: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    findings: tuple[Finding, ...]
    corrections: tuple[JudgedCorrection, ...] = ()
    verdict: Verdict = field(init=False)
    has_teeth: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", combine_verdicts(f.verdict for f in self.findings))
        object.__setattr__(self, "has_teeth", bool(self.findings) and all(f.has_teeth for f in self.findings))


@dataclass(frozen=True)
class Table:
    """A table of the report: its title, what it shows, headings, and rows of Markdown."""

    title: str
    text: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class PointData:
    """What a point was judged on, for a file beside the report.

    Attributes
    ----------
    id : str
        Of the finding.
    notes : tuple of str
        Where the values come from, a line each.
    columns : mapping of str to float64 array
        One value per replicate each.
    """

    id: str
    notes: tuple[str, ...]
    columns: Mapping[str, FloatArray]


@dataclass(frozen=True)
class RegimeReport:
    """A regime in words, its pictures and the claims that belong to it.

    The first page of the report shows the pictures of a ``headline`` where no claim is in trouble.
    """

    name: str
    title: str
    text: str
    formula: str
    pictures: tuple[PictureText, ...]
    claims: tuple[ClaimFinding, ...]
    headline: bool = False


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything a run concluded, and the circumstances a reader needs to repeat it.

    Attributes
    ----------
    profile, seed, selection, family_level
        What was asked: depth of evidence, root seed, claims (none named means all), probability of any false alarm.
    claims_file : str
        The file of the own claims; empty if there is none.
    simulated_networks, simulated_layers : int
        Networks simulated, and their residual layers, all replicates together.
    regimes : tuple of RegimeReport
    run : Circumstances
        Its seconds are by the id of a point.
    verdict : Verdict
        ``supported`` only if every claim is, and every wrong variant was refuted.
    """

    profile: str
    seed: int
    selection: tuple[str, ...] = ()
    claims_file: str = ""
    family_level: Probability
    simulated_networks: Count
    simulated_layers: Count
    regimes: tuple[RegimeReport, ...]
    run: Circumstances
    verdict: Verdict = field(init=False)

    def __post_init__(self) -> None:
        check_kinds("regimes", self.regimes, RegimeReport, "a RegimeReport")
        verdict = combine_verdicts(c.verdict for c in self.claims)
        if verdict == "supported" and not all(c.has_teeth for c in self.claims):
            verdict = "inconclusive"
        object.__setattr__(self, "verdict", verdict)

    @property
    def claims(self) -> tuple[ClaimFinding, ...]:
        """All claim findings in the order of the report."""
        return tuple(c for r in self.regimes for c in r.claims)
