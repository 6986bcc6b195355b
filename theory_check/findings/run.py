"""What a run concludes: findings for every checked point, and the pictures that illustrate them.

These are plain frozen values. ``claims`` makes them from samples, ``verification`` collects them,
``reporting`` shows them; they convert to JSON by one function, :func:`msgspec.to_builtins`.
"""

from __future__ import annotations

from dataclasses import dataclass

from theory_check.findings.pictures import Picture
from theory_check.inference.verdicts import Verdict, combine_verdicts


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
    verdict : Verdict
        Must be ``refuted``, otherwise the check has no teeth.
    """

    name: str
    target_lower: float
    target_upper: float
    estimate: float
    lower: float
    upper: float
    verdict: Verdict


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
        Probability of a wrong verdict, at most.
    miss_rate : float
        Probability, at most, that a true statement is not supported at this sample size.
    resolution : float
        Smallest deviation that this sample size detects with probability 99%.
    verdict : Verdict
    replicates : int
        Independent networks behind the estimate.
    seconds : float
        Time spent on simulating them (shared cells are counted at each point that uses them).
    log_evidence : float
        Natural logarithm of an e-value against the statement: against the target widened by margin and remainder, or
        against the target itself if it is exact.
    variants : tuple of VariantFinding
        The nearby false statements that this check must refute.
    """

    id: str
    network: str
    quantity: str
    method: str
    estimate: float
    lower: float
    upper: float
    target_lower: float
    target_upper: float
    remainder: float
    margin: float
    exact: bool
    level: float
    miss_rate: float
    resolution: float
    verdict: Verdict
    replicates: int
    seconds: float
    log_evidence: float
    variants: tuple[VariantFinding, ...]

    @property
    def tolerance(self) -> float:
        """Distance from the target that still counts as agreement: margin and remainder."""
        return self.margin + self.remainder

    @property
    def has_teeth(self) -> bool:
        """Whether there are wrong variants and every one was refuted."""
        return bool(self.variants) and all(v.verdict == "refuted" for v in self.variants)


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A statement that is false or imprecise at finite size, what holds instead, and the evidence against the first.

    Attributes
    ----------
    stated, corrected : str
        In words, Markdown with inline mathematics.
    variant : str
        Name of the wrong variant, of one check of the claim or of several, that says what was stated: that it is
        refuted is the evidence.
    """

    stated: str
    corrected: str
    variant: str


@dataclass(frozen=True, kw_only=True)
class JudgedCorrection:
    """A correction with its evidence: the points that judged what was first stated, and how it fared there."""

    stated: str
    corrected: str
    variant: str
    evidence: tuple[tuple[Finding, VariantFinding], ...]

    @property
    def shown(self) -> bool:
        """Whether what was first stated was judged at some point, and refuted wherever it was."""
        return bool(self.evidence) and all(variant.verdict == "refuted" for _, variant in self.evidence)

    @property
    def points(self) -> tuple[str, ...]:
        """Ids of these points."""
        return tuple(finding.id for finding, _ in self.evidence)


@dataclass(frozen=True, kw_only=True)
class ClaimFinding:
    """The outcome of a claim: its statement, the findings at each of its points, and where it corrects its source."""

    id: str
    regime: str
    title: str
    statement: str
    formula: str
    source: str
    findings: tuple[Finding, ...]
    corrections: tuple[Correction, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict on all points together."""
        return combine_verdicts(f.verdict for f in self.findings)

    @property
    def has_teeth(self) -> bool:
        """Whether every wrong variant of every point was refuted."""
        return bool(self.findings) and all(f.has_teeth for f in self.findings)

    @property
    def judged_corrections(self) -> tuple[JudgedCorrection, ...]:
        """The corrections, each with the points that judged what was first stated."""
        return tuple(
            JudgedCorrection(
                stated=correction.stated,
                corrected=correction.corrected,
                variant=correction.variant,
                evidence=tuple((f, v) for f in self.findings for v in f.variants if v.name == correction.variant),
            )
            for correction in self.corrections
        )


@dataclass(frozen=True)
class Table:
    """A table of the report: its title, what it shows, headings, and rows of Markdown."""

    title: str
    text: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class RegimeReport:
    """A section of the report: a regime in words, its pictures and the claims that belong to it."""

    name: str
    title: str
    text: str
    formula: str
    pictures: tuple[Picture, ...]
    claims: tuple[ClaimFinding, ...]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything a run concluded, and the circumstances a reader needs to repeat it.

    Attributes
    ----------
    profile, seed, selection, family_level
        What was asked: depth of evidence, root seed, claims (none named means all), chance of any false alarm.
    claims_file : str
        The file that the own claims come from; empty if there is none.
    started : str
        Date and time in UTC, ISO 8601.
    duration : float
        Wall-clock seconds of the whole run.
    simulated_layers : int
        Residual layers simulated, all replicates together.
    machine, versions
        Where and with what it ran.
    regimes : tuple of RegimeReport
    """

    profile: str
    seed: int
    selection: tuple[str, ...] = ()
    claims_file: str = ""
    family_level: float
    started: str
    duration: float
    threads: int
    simulated_layers: int
    simulated_networks: int
    machine: str
    versions: dict[str, str]
    regimes: tuple[RegimeReport, ...]

    @property
    def claims(self) -> tuple[ClaimFinding, ...]:
        """All claim findings in the order of the report."""
        return tuple(c for r in self.regimes for c in r.claims)

    @property
    def verdict(self) -> Verdict:
        """``supported`` only if every claim is, and every wrong variant was refuted."""
        verdict = combine_verdicts(c.verdict for c in self.claims)
        if verdict == "supported" and not all(c.has_teeth for c in self.claims):
            return "inconclusive"
        return verdict
