"""Planning: from a margin, a level and a miss rate to a number of replicates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from theory_check.claims.claim import Check, Claim, Profile
from theory_check.claims.estimators import DistanceEstimator
from theory_check.claims.laws import LARGEST_TILT, law_distance
from theory_check.experiments.experiment import MAXIMAL_REPLICATES, Experiment, Sample
from theory_check.findings.run import Correction as Correction
from theory_check.foundation.errors import SpecificationError

#: Chance of any false alarm in a run: the sum of the levels of all claims.
FAMILY_LEVEL = 1e-3


#: Claims share the family level equally among this many places, taken or still free, so that adding a claim, or running
#: a selection, leaves the level of every other as it was.
PLACES = 64


@dataclass(frozen=True)
class PlannedCheck:
    """A check with its level and the number of replicates that its margin needs."""

    id: str
    check: Check
    level: float
    replicates: int

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """What it is judged on."""
        return self.check.experiments

    @property
    def requests(self) -> dict[Experiment, int]:
        """Its experiments with the number of replicates that it needs."""
        return dict.fromkeys(self.experiments, self.replicates)

    def choose(self, samples: Mapping[Experiment, Sample[Any]]) -> list[Sample[Any]]:
        """Return the samples of its experiments, as many replicates of each as it was planned for."""
        return [samples[experiment].first(self.replicates) for experiment in self.experiments]


def plan_check(claim: Claim, check: Check, level: float) -> PlannedCheck:
    """Find the number of replicates that supports a true check and refutes its variants, each with the promised power.

    Values and laws at twice the margin are refuted wherever the check is supported. A named law at distance D from the
    predicted one is refuted as soon as the two radii of the level and of the miss rate fit into D minus what separates
    the truth from the prediction, minus what the variant itself is granted.

    Raises
    ------
    SpecificationError
        If a variant is so near that no sample could refute it, a margin so wide that no law lies beyond twice of it, or
        so small that no experiment could hold the sample. The text names claim and point.
    """
    planned = PlannedCheck(f"{claim.id}/{check.name}", check, level, _needed_replicates(claim, check, level))
    if planned.replicates > MAXIMAL_REPLICATES:
        margin = affordable_margin(claim, planned, MAXIMAL_REPLICATES)
        paid = "no margin that its variants leave room for" if margin is None else f"a margin of {margin:.3g}"
        raise SpecificationError(
            f"{planned.id} needs {planned.replicates} replicates for its margin of {check.margin:.3g}; an "
            f"experiment accepts up to {MAXIMAL_REPLICATES}, which pay for {paid}"
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
