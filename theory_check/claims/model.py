"""What a claim is: a statement, where it comes from, and the checks that decide it.

A claim over many laws is one claim with several checks, built from data by a function of the profile. Checks name their
cells without a number of replicates: the planner finds it from the margin, the level and the miss rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from theory_check.cells import MAXIMAL_REPLICATES
from theory_check.claims.estimators import DistanceEstimator, Estimator, ProportionEstimator, Range
from theory_check.claims.laws import LARGEST_TILT, Tilted, law_distance
from theory_check.errors import SpecificationError
from theory_check.experiments import Experiment, Sample
from theory_check.findings import Correction as Correction
from theory_check.findings import Finding, Picture, VariantFinding
from theory_check.inference.verdicts import judge

#: Chance of any false alarm in a run: the sum of the levels of all claims.
FAMILY_LEVEL = 1e-3

#: Claims share the family level equally among this many places, taken or still free, so that adding a claim, or running
#: a selection, leaves the level of every other as it was.
PLACES = 64

#: Probability, at most, that a check does not support a true statement, by lack of replicates; the default.
MISS_RATE = 1e-6


@dataclass(frozen=True)
class Profile:
    """How deep the evidence goes: margins are multiplied by ``precision``, depths by ``depth``.

    ``budget`` is the processor time, in seconds, that a run may be planned to take: all cores of the two-core machine
    for the 50 s, 20 min and 90 min that the profiles stand for.
    """

    name: str
    precision: float
    depth: int
    budget: float


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("quick", 1.0, 1, 100.0),
        Profile("standard", 0.4, 4, 2400.0),
        Profile("nightly", 0.2, 8, 10800.0),
    )
}


@dataclass(frozen=True)
class Variant:
    """A nearby false statement that a check must refute: another target, or another estimator, on the same samples."""

    name: str
    target: Range | None = None
    estimator: Estimator | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One quantity of one network against its prediction at that depth and width.

    Attributes
    ----------
    name : str
        Point of the claim's grid, ``rademacher-d40-law``; never changes meaning.
    cells : tuple of experiments
        Networks to simulate, with one replicate each as a placeholder.
    quantity : str
        What is estimated, Markdown with inline mathematics.
    estimator : Estimator
    target : (float, float)
        Predicted value, lower and upper.
    margin : float
        Deviation that counts as agreement, and why it is that large.
    margin_reason : str
    remainder : float
        Proven error of the prediction at this size.
    exact : bool
        Whether the prediction is exact at this size.
    allowance : float
        Part of the margin that planning leaves free for a finite-size error without a proven bound.
    miss_rate : float
        Probability, at most, that a true statement is not supported by lack of replicates. Margin and miss rate decide
        how many there are; a check never says so itself.
    variants : tuple of Variant
        Named false theories, besides the two at twice the margin that every check gets.
    """

    name: str
    cells: tuple[Experiment, ...]
    quantity: str
    estimator: Estimator
    target: Range
    margin: float
    margin_reason: str
    remainder: float = 0.0
    exact: bool = False
    allowance: float = 0.0
    miss_rate: float = MISS_RATE
    variants: tuple[Variant, ...] = ()

    @property
    def null(self) -> Range:
        """What a true statement allows: the target, unless it is exact widened by margin and remainder."""
        if self.exact:
            return self.target
        tolerance = self.margin + self.remainder
        return self.target[0] - tolerance, self.target[1] + tolerance

    @property
    def all_variants(self) -> tuple[Variant, ...]:
        """The named variants and those at twice the margin on either side (twice the remainder comes on top)."""
        step = 2.0 * (self.margin + self.remainder)
        low, high = self.target
        if isinstance(self.estimator, DistanceEstimator):
            nearby = tuple(
                Variant(
                    f"the predicted law tilted {word} by twice the margin",
                    estimator=replace(self.estimator, law=Tilted(self.estimator.law, sign * step)),
                )
                for word, sign in (("down", 1.0), ("up", -1.0))
            )
        else:
            nearby = (
                Variant("a value lower by twice the margin", (low - step, low - step)),
                Variant("a value higher by twice the margin", (high + step, high + step)),
            )
        bounded = [v for v in nearby if v.target is None or not self._is_impossible(v.target[0])]
        return (*bounded, *self.variants)

    def _is_impossible(self, value: float) -> bool:
        return isinstance(self.estimator, ProportionEstimator) and not 0.0 <= value <= 1.0


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A theorem as an executable statement.

    Attributes
    ----------
    id, title, statement, formula, source : str
        Catalogue id; a few words; the statement in words; in LaTeX; where it is stated or derived.
    derivation, hypotheses : str
        Why it holds, in short; what it needs.
    checks : callable
        The checks at a profile.
    corrections : tuple of Correction
        Where the statement differs from its source.
    quick_precision : float
        Factor of its margins at the quick profile alone, above 1 where they leave room before its variants come near:
        what the quick profile has no time for is left to the others.
    """

    id: str
    title: str
    statement: str
    formula: str
    source: str
    derivation: str
    hypotheses: str
    checks: Callable[[Profile], tuple[Check, ...]]
    corrections: tuple[Correction, ...] = ()
    quick_precision: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Illustration:
    """A picture of a regime: the cells it needs at a profile and the pure function that makes it from their samples."""

    cells: Callable[[Profile], tuple[Experiment, ...]]
    draw: Callable[[Sequence[Sample[Any]]], Picture]


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A group of claims that the report treats together."""

    name: str
    title: str
    text: str
    formula: str
    claims: tuple[Claim, ...]
    illustrations: tuple[Illustration, ...] = ()


@dataclass(frozen=True)
class PlannedCheck:
    """A check with its level and the number of replicates that its margin needs."""

    id: str
    check: Check
    level: float
    replicates: int

    @property
    def cells(self) -> tuple[Experiment, ...]:
        """The cells with that many replicates."""
        return tuple(replace(cell, replicates=self.replicates) for cell in self.check.cells)


def plan_check(claim: Claim, check: Check, level: float) -> PlannedCheck:
    """Find the number of replicates that supports a true check and refutes its variants, each with the promised power.

    Values and laws at twice the margin are refuted wherever the check is supported. A named law at distance D from the
    predicted one is refuted as soon as the two radii of the level and of the miss rate fit into D minus what separates
    the truth from the prediction, minus what the variant itself is granted.

    Raises
    ------
    SpecificationError
        If a variant is so near that no sample could refute it, a margin so wide that no law lies beyond twice of it, or
        so small that no cell could hold the sample. The text names claim and point.
    """
    planned = PlannedCheck(f"{claim.id}/{check.name}", check, level, _needed_replicates(claim, check, level))
    if planned.replicates > MAXIMAL_REPLICATES:
        margin = affordable_margin(claim, planned, MAXIMAL_REPLICATES)
        paid = "no margin that its variants leave room for" if margin is None else f"a margin of {margin:.3g}"
        raise SpecificationError(
            f"{planned.id} needs {planned.replicates} replicates for its margin of {check.margin:.3g}; a cell "
            f"accepts up to {MAXIMAL_REPLICATES}, which pay for {paid}"
        )
    return planned


def affordable_margin(claim: Claim, planned: PlannedCheck, replicates: int) -> float | None:
    """Return the smallest margin, to a tenth of a per cent, that so many replicates pay for; None if there is none."""
    check = planned.check

    def pays(margin: float) -> bool:
        try:
            return _needed_replicates(claim, replace(check, margin=margin), planned.level) <= replicates
        except SpecificationError:  # wider than a statement can be, or than its variants leave room for
            return False

    if replicates < 1:
        return None
    below = above = check.margin
    while not pays(above):
        below, above = above, 1.2 * above
        if above > 1e6 * check.margin:
            return None
    while above > 1.001 * below:
        middle = math.sqrt(below * above)
        below, above = (below, middle) if pays(middle) else (middle, above)
    return above


def _needed_replicates(claim: Claim, check: Check, level: float) -> int:
    name = f"{claim.id}/{check.name}"
    try:
        enough = check.margin * (1.0 - check.allowance)
        needed = [check.estimator.replicates(check.target, enough, level, check.miss_rate)]
    except SpecificationError as error:
        raise SpecificationError(f"{name}: {error}") from error
    if isinstance(check.estimator, DistanceEstimator):
        granted = 0.0 if check.exact else check.margin + check.remainder
        truth = check.remainder + check.allowance * check.margin
        if 2.0 * (check.margin + check.remainder) > LARGEST_TILT:
            raise SpecificationError(
                f"{name}: margin and remainder must be at most {LARGEST_TILT / 2:g} for a distance"
            )
        for variant in check.variants:
            if isinstance(variant.estimator, DistanceEstimator):
                distance = law_distance(check.estimator.law, variant.estimator.law)
                room = distance - truth - granted
                if room <= 0.0:
                    raise SpecificationError(
                        f"{name}: variant {variant.name!r} is too near, at distance {distance:.3g}"
                    )
                estimator = variant.estimator
                needed.append(estimator.replicates(check.target, min(room, 0.5), level, check.miss_rate))
    return max(needed)


def plan_claim(claim: Claim, profile: Profile) -> tuple[PlannedCheck, ...]:
    """Plan all checks of a claim; they share its pre-assigned level equally.

    Raises
    ------
    SpecificationError
        As :func:`plan_check`, and for a correction without evidence: no check has the variant that it names.
    """
    if profile.name == "quick":
        profile = replace(profile, precision=profile.precision * claim.quick_precision)
    checks = claim.checks(profile)
    names = {variant.name for check in checks for variant in check.all_variants}
    for correction in claim.corrections:
        if correction.variant not in names:
            raise SpecificationError(
                f"{claim.id}: no check has the variant {correction.variant!r}, which a correction names as evidence"
            )
    level = FAMILY_LEVEL / PLACES / len(checks)
    return tuple(plan_check(claim, check, level) for check in checks)


def evaluate(planned: PlannedCheck, samples: Sequence[Sample[Any]]) -> Finding:
    """Judge a check and its wrong variants on samples of its cells."""
    check = planned.check
    interval = check.estimator.interval(samples, planned.level)

    variants = []
    for variant in check.all_variants:
        estimate = interval if variant.estimator is None else variant.estimator.interval(samples, planned.level)
        target = check.target if variant.target is None else variant.target
        variants.append(
            VariantFinding(
                name=variant.name,
                target_lower=target[0],
                target_upper=target[1],
                estimate=estimate.estimate,
                lower=estimate.lower,
                upper=estimate.upper,
                verdict=judge(
                    estimate, target=target, margin=check.margin, remainder=check.remainder, exact=check.exact
                ),
            )
        )
    return Finding(
        id=planned.id,
        network="; ".join(str(sample.cell) for sample in samples),
        quantity=check.quantity,
        method=check.estimator.method,
        estimate=interval.estimate,
        lower=interval.lower,
        upper=interval.upper,
        target_lower=check.target[0],
        target_upper=check.target[1],
        remainder=check.remainder,
        margin=check.margin,
        exact=check.exact,
        level=planned.level,
        miss_rate=check.miss_rate,
        resolution=check.estimator.resolution(check.target, planned.replicates, planned.level),
        verdict=judge(interval, target=check.target, margin=check.margin, remainder=check.remainder, exact=check.exact),
        replicates=planned.replicates,
        seconds=sum(sample.seconds for sample in samples),
        log_evidence=check.estimator.log_evidence(samples, check.null, planned.level),
        variants=tuple(variants),
    )
