"""Planning: from a margin, a level and a miss rate to a number of replicates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from theory_check.claims.checks import LEAST_DISTANCE, Check, Variant
from theory_check.claims.claim import Claim, Profile
from theory_check.experiments.costs import SECONDS_PER_WORK
from theory_check.experiments.experiment import MAXIMAL_REPLICATES, Experiment
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kind
from theory_check.foundation.stored_values import shelf
from theory_check.foundation.user_code import located
from theory_check.inference.design import look_shares, planned_looks

#: Chance of any false alarm in a run: the sum of the levels of all claims.
FAMILY_LEVEL = 1e-3

#: Claims share the family level equally among this many places, taken or still free, so that adding a claim, or running
#: a selection, leaves the level of every other as it was.
PLACES = 64


@dataclass(frozen=True)
class PlannedCheck:
    """A check with its level and the number of replicates that its margin needs.

    Attributes
    ----------
    id : str
        Claim and point.
    check : Check
        Without the wrong values that lie too near at this profile.
    level : float
        Probability, at most, of a wrong verdict, all looks together.
    replicates : int
        Needed at most, at the last look.
    too_near : tuple of Variant
        The wrong values that were left out.
    believed : bool
        Whether the hypotheses of its estimator are tested on its samples.
    looked_once : bool
        Whether it is judged on all replicates alone, with the whole level: what is to be found is then smaller than the
        margin.
    """

    id: str
    check: Check
    level: float
    replicates: int
    too_near: tuple[Variant, ...] = ()
    believed: bool = False
    looked_once: bool = False

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Experiments of the check."""
        return self.check.experiments

    @cached_property
    def looks(self) -> tuple[int, ...]:
        """Numbers of replicates at which it is judged until it is decided: whole blocks, and the planned number.

        Few replicates, a block or two, are judged once.
        """
        if self.looked_once:
            return (self.replicates,)
        return planned_looks(self.replicates, block=max(experiment.block_size for experiment in self.experiments))

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the level of each look: half for the last, the rest equally for the others; they add up to 1."""
        return look_shares(len(self.looks))

    @cached_property
    def _undecided(self) -> tuple[float, ...]:
        r"""Probability that a true statement is not decided when so many looks have been made, from none to all.

        At level a an interval reaches q(a) s / sqrt(n) to either side, and its middle is off by s / sqrt(n) times a
        number that exceeds q(p) with probability p: a normal one in absolute value, or Kolmogorov's. So the planned N
        is where q(a) + q(miss) of these fit what planning takes of the margin, with the level a of the last look; a
        look at n does not decide if the number exceeds (q(a) + q(miss)) sqrt(n/N) times tolerance over that part of
        the margin, less q of its own level. Over the points of the quick profile the mean is right within a tenth of N
        for each method, but for slopes and one-sided probabilities, which need less.
        """
        check, law = self.check, self.check.estimator.deviation
        room = law.quantile(self.level * self.shares[-1]) + law.quantile(check.miss_rate)
        room *= check.tolerance / (check.margin * (1.0 - check.basis.allowance))
        undecided = [1.0]
        for count, share in zip(self.looks, self.shares, strict=True):
            spare = room * math.sqrt(count / self.replicates) - law.quantile(self.level * share)
            undecided.append(min(undecided[-1], law.tail(spare)))
        return tuple(undecided)

    @cached_property
    def expected(self) -> int:
        """Replicates that a true statement is expected to need."""
        return self.expected_after(0)

    def expected_after(self, looks: int) -> int:
        """Return the replicates that a true statement is expected to need if so many looks did not decide it.

        Parameters
        ----------
        looks : int
            Less than there are.

        Returns
        -------
        int
            At least those of the next look.
        """
        undecided = self._undecided[looks:-1]
        # It may have been all but impossible that these looks do not decide.
        until_now = undecided[0] or 1.0
        steps = zip(undecided, pairwise((0, *self.looks[looks:])), strict=True)
        expected = sum(each / until_now * (count - before) for each, (before, count) in steps)
        return max(self.looks[looks], math.ceil(expected))

    @property
    def requests(self) -> dict[Experiment, int]:
        """Its experiments, each with that number of replicates."""
        return dict.fromkeys(self.experiments, self.replicates)


def plan_check(claim: Claim, check: Check, level: float) -> PlannedCheck:
    """Find the number of replicates that supports a true check and refutes its variants, each with the promised power.

    The point is judged at a few looks and stops when it is decided. The looks share its level (a union bound), and the
    last one alone has the promised power.

    A value two tolerances or more from the target is refuted wherever the check is supported, and so is a law tilted
    by as much. A nearer value cannot be told from the target and is left out at this profile. A named law at
    distance D from the predicted one is refuted as soon as the two radii of the level and of the miss rate fit into D
    minus what separates the truth from the prediction, minus what the variant itself is granted.

    Parameters
    ----------
    claim : Claim
    check : Check
    level : float
        Probability, at most, of a wrong verdict on this point.

    Returns
    -------
    PlannedCheck

    Raises
    ------
    SpecificationError
        If a law is so near that no sample could refute it, a margin so wide that no law lies beyond twice of it, or so
        small that no experiment could hold the sample. The text names claim and point.
    """
    name = f"{claim.id}/{check.name}"
    kept = tuple(v for v in check.variants if v.target is None or _is_far(v))
    near = tuple(v for v in check.variants if v not in kept)
    bare = replace(check, variants=kept)
    planned = _with_replicates(PlannedCheck(name, bare, level, 1, near, claim.believed))
    if planned.replicates > MAXIMAL_REPLICATES:
        margin = affordable_margin(planned, MAXIMAL_REPLICATES)
        paid = "too few for any margin that keeps its wrong variants apart"
        if margin is not None:
            paid = f"which pay for a margin of {margin:.3g}"
        raise SpecificationError(
            f"{planned.id} needs {planned.replicates} replicates for its margin of {check.margin:.3g}; an experiment "
            f"accepts up to {MAXIMAL_REPLICATES}, {paid}"
        )
    return planned


def _with_replicates(planned: PlannedCheck) -> PlannedCheck:
    """Return a plan with the replicates that its level needs at its looks."""
    planned = replace(planned, replicates=_needed_replicates(planned.id, planned.check, planned.level))
    if len(planned.looks) == 1:
        return planned
    # The last look has a part of the level only. More replicates have no fewer looks: it stays one of several.
    last = planned.level * planned.shares[-1]
    return replace(planned, replicates=_needed_replicates(planned.id, planned.check, last))


def _untold(check: Check) -> str:
    """Return that a check names no mistake, or which of them is the farthest and the tolerance that would tell it."""
    if not check.variants:
        return (
            "it names no mistake that differs from its prediction; name one that a reader would fear, with the value, "
            f"law or observable that it predicts: check({check.name!r}, ..., wrong={{'no drift': 0.0}})"
        )
    nearest = max(check.variants, key=lambda variant: variant.distance or 0.0)
    distance = nearest.distance or 0.0
    return (
        f"no mistake that it names can be told from the prediction: the farthest, {nearest.name!r}, is {distance:.3g} "
        f"margins away and needs {LEAST_DISTANCE:g}; a tolerance of {distance * check.tolerance / LEAST_DISTANCE:.3g} "
        "would tell it"
    )


def _is_far(variant: Variant) -> bool:
    # The displaced statements lie at exactly that distance; rounding must not decide on a named one there.
    return variant.distance is not None and variant.distance >= LEAST_DISTANCE - 1e-9


def affordable_margin(planned: PlannedCheck, replicates: int) -> float | None:
    """Return the smallest margin, to a tenth of a per cent, that so many replicates pay for; None if there is none."""
    check = planned.check

    def needed(margin: float) -> float:
        try:
            return _with_replicates(replace(planned, check=replace(check, margin=margin))).replicates
        except SpecificationError:  # wider than a statement can be, or than its variants leave room for
            return math.nan

    if replicates < 1:
        return None
    below, above, step = check.margin, check.margin, 2.0
    count = needed(above)
    while not count <= replicates:
        before, count = count, needed(step * above)
        if math.isnan(count) and before > replicates and step == 2.0:  # too wide, but less may do
            step, count = 1.1, before
            continue
        below, above = above, step * above
        if above > 1e6 * check.margin:
            return None
    while above > 1.001 * below:
        middle = math.sqrt(below * above)
        below, above = (below, middle) if needed(middle) <= replicates else (middle, above)
    return above


def paid_replicates(check: Check, seconds: float) -> int:
    """Return how many replicates of its experiments a processor time pays for: whole blocks, one at least."""
    block = max(experiment.block_size for experiment in check.experiments)
    cost = sum(e.work_per_block / e.block_size for e in check.experiments) * SECONDS_PER_WORK
    return min(max(int(seconds / cost) // block * block, block), MAXIMAL_REPLICATES)


def plan_within(id: str, check: Check, level: float, seconds: float) -> PlannedCheck:
    """Plan a check of a drawn network: its margin is widened to what a processor time pays for.

    It is looked at once. The mistakes that cannot be told from the prediction with that margin are left out.

    Parameters
    ----------
    id : str
        For the finding.
    check : Check
    level : float
        Probability, at most, of a wrong verdict.
    seconds : float
        Processor time, estimated.

    Returns
    -------
    PlannedCheck

    Raises
    ------
    SpecificationError
        If the time pays for no margin at all.
    """
    block = max(experiment.block_size for experiment in check.experiments)
    paid = paid_replicates(check, seconds)
    bare = PlannedCheck(id, replace(check, variants=()), level, paid, looked_once=True)
    margin = affordable_margin(bare, paid)
    if margin is None:
        raise SpecificationError(f"{id}: {seconds:g} s pay for {paid} replicates, too few for any margin")
    wide = check.within(max(margin, check.margin))
    widened = wide.margin > check.margin
    kept = tuple(v for v in wide.variants if _is_told(id, replace(wide, variants=(v,)), level, paid, widened=widened))
    planned = replace(wide, variants=kept)
    return PlannedCheck(
        id, planned, level, min(-(-_needed_replicates(id, planned, level) // block) * block, paid),
        tuple(v for v in wide.variants if v not in kept), looked_once=True,
    )  # fmt: skip


def _is_told(name: str, check: Check, level: float, replicates: int, *, widened: bool) -> bool:
    """Tell whether so many replicates refute the one variant of a check."""
    (variant,) = check.variants
    if variant.target is not None:
        return _is_far(variant)
    if variant.estimator is None or check.estimator.separation(variant.estimator) is None:
        return not widened  # planned for with the margin of its author
    try:
        return _needed_replicates(name, check, level) <= replicates
    except SpecificationError:
        return False


def _needed_replicates(name: str, check: Check, level: float) -> int:
    estimator, free = check.estimator, check.margin * check.basis.allowance
    try:
        needed = [estimator.replicates(check.target, check.margin - free, level, check.miss_rate)]
        _ = check.displaced  # raises where no statement lies twice the tolerance away
    except SpecificationError as error:
        raise SpecificationError(f"{name}: {error}") from error
    granted = 0.0 if check.basis.exact else check.tolerance
    for variant in check.variants:
        apart = None if variant.estimator is None else estimator.separation(variant.estimator)
        if variant.estimator is None or apart is None:
            continue
        room = apart - check.remainder - free - granted
        if room <= 0.0:
            raise SpecificationError(f"{name}: variant {variant.name!r} is too near, at distance {apart:.3g}")
        needed.append(variant.estimator.replicates(check.target, min(room, 0.5), level, check.miss_rate))
    return max(needed)


def plan_claim(claim: Claim, profile: Profile) -> tuple[PlannedCheck, ...]:
    """Plan all checks of a claim; they share its pre-assigned level equally.

    Raises
    ------
    SpecificationError
        As :func:`plan_check`, for a check that names no mistake or none that can be told from its prediction, and for
        a correction without evidence: no check has the variant that it names.
    """
    check_kind("claim", claim, Claim, "what claim(...) makes of a function")
    check_kind("profile", profile, Profile, "one of PROFILES")
    if profile.name == "quick":
        profile = replace(profile, precision=profile.precision * claim.quick_precision)
    with located(claim.place), shelf(f"plan of {claim.id} at {profile.name}"):
        return _planned(claim, claim.checks(profile))


def _planned(claim: Claim, checks: tuple[Check, ...]) -> tuple[PlannedCheck, ...]:
    names = {variant.name for check in checks for variant in check.variants}
    for correction in claim.corrections:
        if not correction.source:
            raise SpecificationError(f"{claim.id}: a correction names no source; give the work and the place in it")
        if correction.variant not in names:
            raise SpecificationError(
                f"{claim.id}: no check has the variant {correction.variant!r}, which a correction names as evidence"
            )
    level = FAMILY_LEVEL / PLACES / len(checks)
    plans = []
    for check in checks:
        with located(check.place):
            plan = plan_check(claim, check, level)
            if not plan.check.variants:
                raise SpecificationError(f"{plan.id}: {_untold(check)}")
            if check.basis.exact and check.remainder > 0.0:
                raise SpecificationError(
                    f"{plan.id}: its remainder is {check.remainder!r}; that of an exact prediction is 0"
                )
        plans.append(plan)
    return tuple(plans)
