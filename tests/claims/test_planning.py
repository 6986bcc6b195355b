"""Planning: what is too near, how levels are shared, and what a number of replicates pays for."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.claims import (
    EXACT,
    LIMIT,
    PROFILES,
    Basis,
    Correction,
    CriticalPoint,
    Distance,
    Mean,
    Normal,
    Order,
    Probability,
    Slope,
    Spread,
    check,
    claim,
    median,
)
from theory_check.claims.observables import LOG_NORM_RATIO, between
from theory_check.claims.planning import FAMILY_LEVEL, PLACES, affordable_margin, plan_check, plan_claim
from theory_check.experiments.experiment import MAXIMAL_REPLICATES
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.laws import LogNormal, Tilted

CELL = network("linear", width=4, depth=2)
LAW = Normal(0.5, 4.0)
LEVEL = 1e-5
MEAN = Mean("a", 1.0)


def claim_of(*checks, **options):
    @claim("N1", **options)
    def stated(profile):
        """State it."""
        return checks

    return stated


def point(estimator=MEAN, target=None, *, name="point", margin=0.1, **options):
    return check(name, CELL, "a quantity", estimator, target, margin=margin, **options)


def plan(made, level=LEVEL):
    return plan_check(claim_of(made), made, level)


#: One check of every kind, with the target that its estimator has there.
CHECKS = {
    "mean": point(MEAN, 1.0),
    "probability": point(Probability(between(LOG_NORM_RATIO, upper=0.0)), 0.3),
    "likely": point(Probability(between(LOG_NORM_RATIO, upper=0.0), truth=0.98), (0.9, 1.0)),
    "quantile": point(median("a", LAW)),
    "spread": point(Spread("a", (0.25, 0.75), LAW), margin=0.3),
    "distance": point(Distance("a", LAW), margin=0.05, wrong={"another law": Normal(1.5, 4.0)}),
    "slope": point(Slope("a", (10, 20, 40), tuple(LogNormal(Normal(0.1 * k, 0.04)) for k in range(3))), 0.1),
    "order": point(Order("a", (10, 20, 40), (1.0, 0.7, 0.5), (0.04, 0.02, 0.01)), -0.5),
    "critical point": point(
        CriticalPoint("a", (0.4, 0.44, 0.48, 0.52, 0.56, 0.6), lambda beta: Normal(0.5 - beta, 0.01)), 0.5, margin=0.07
    ),
}
every_check = pytest.mark.parametrize("made", CHECKS.values(), ids=CHECKS)


@given(
    st.floats(0.01, 6.0), st.sampled_from([-1.0, 1.0]), st.floats(0.0, 1.0), st.sampled_from([EXACT, LIMIT]),
    st.floats(0.0, 0.05),
)  # fmt: skip
def test_values_nearer_than_two_tolerances_are_left_out_and_named(distance, side, width, basis, remainder):
    tolerance = 0.1 + remainder
    # A range, from the end that is nearer to the target.
    nearest = 1.0 + side * distance * tolerance
    ends = tuple(sorted((nearest, nearest + side * width)))
    made = point(MEAN, 1.0, basis=basis, remainder=remainder, wrong={"mistake": ends, "far": 9.0, "observable": "b"})
    planned = plan(made)
    kept, left_out = ([v.name for v in variants] for variants in (planned.check.variants, planned.too_near))
    # At exactly two tolerances the rounding of the value itself decides.
    if abs(distance - 2.0) > 1e-9:
        assert (left_out == ["mistake"]) == (distance < 2.0)
    assert [*kept, *left_out] == (["far", "observable", "mistake"] if left_out else ["mistake", "far", "observable"])
    # It costs nothing: a named value is refuted wherever the check is supported.
    assert planned.replicates == plan(replace(made, variants=())).replicates


@pytest.mark.parametrize("basis", [EXACT, Basis("measured")], ids=["exact", "limit"])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.3])
def test_a_value_at_two_tolerances_is_planned_like_the_displaced_statement(share, basis):
    event = Probability(between(LOG_NORM_RATIO, upper=0.0), truth=0.5)
    planned = plan(point(event, (share, 1.0), margin=0.5 * share, basis=basis, wrong={"never": 0.0}))
    (never,) = planned.check.variants
    below, *_ = planned.check.displaced
    assert (below.target, below.distance) == (pytest.approx(never.target, abs=1e-15), pytest.approx(never.distance))
    assert planned.too_near == ()


def test_what_is_left_out_comes_back_where_the_profile_resolves_it():
    @claim("N1")
    def stated(profile):
        """State it."""
        return point(MEAN, 1.0, margin=0.1 * profile.precision, wrong={"near": 1.1, "far": 2.0})

    named = {name: [v.name for v in plan_claim(stated, profile)[0].too_near] for name, profile in PROFILES.items()}
    assert named == {"quick": ["near"], "standard": [], "nightly": []}


@every_check
def test_mistakes_that_only_samples_tell_are_never_left_out(made):
    far = replace(made, variants=())
    wrong = made.estimator.instead(between(LOG_NORM_RATIO, upper=-1.0))
    variants = point(made.estimator, made.target, margin=made.margin, wrong={"mistake": wrong}).variants
    planned = plan(replace(made, variants=variants))
    assert planned.check.variants == variants
    assert planned.replicates == plan(far).replicates


@pytest.mark.parametrize(
    ("basis", "least"),
    # What separates the truth from the prediction, and what the variant itself is granted: an exact statement needs
    # neither, a limit its allowance and its tolerance.
    [(EXACT, 0.0), (Basis("limit"), 0.05), (Basis("limit", allowance=0.4), 0.05 + 0.4 * 0.05)],
)
def test_laws_that_are_too_near_are_refused_by_name(basis, least):
    def tilted(distance):
        return point(Distance("a", LAW), margin=0.05, basis=basis, wrong={"a near law": Tilted(LAW, distance)})

    if least:
        with pytest.raises(
            SpecificationError, match=r"^N1/point: variant 'a near law' is too near, at distance 0\.0\d"
        ):
            plan(tilted(0.95 * least))
    alone = plan(point(Distance("a", LAW), margin=0.05, basis=basis)).replicates
    needed = [plan(tilted(least + room)).replicates for room in (0.005, 0.02, 0.15)]
    # The smaller the room, the more replicates; far laws cost nothing.
    assert needed[0] > needed[1] > needed[2] == alone


def test_a_remainder_takes_from_the_room_of_a_law():
    def planned(remainder, distance):
        near = {"a near law": Tilted(LAW, distance)}
        return plan(point(Distance("a", LAW), margin=0.05, remainder=remainder, wrong=near))

    assert planned(0.0, 0.1).replicates < planned(0.07, 0.1).replicates
    with pytest.raises(SpecificationError, match="too near"):
        planned(0.07, 0.065)


@pytest.mark.parametrize("count", [1, 3, 7])
def test_the_checks_of_a_claim_share_one_place_of_the_family(count):
    planned = plan_claim(
        claim_of(*(point(MEAN, 1.0, name=f"p{i}", wrong={"far": 2.0}) for i in range(count))), PROFILES["quick"]
    )
    assert [p.id for p in planned] == [f"N1/p{i}" for i in range(count)]
    assert len({p.level for p in planned}) == 1
    assert sum(p.level for p in planned) == pytest.approx(FAMILY_LEVEL / PLACES, rel=1e-14)


def test_a_check_none_of_whose_mistakes_can_be_told_is_refused_with_the_tolerance_that_would():
    made = point(MEAN, 1.0, margin=0.1, remainder=0.02, wrong={"near": 1.06, "less near": 0.85})
    with pytest.raises(SpecificationError) as refused:
        plan_claim(claim_of(made), PROFILES["quick"])
    assert str(refused.value) == (
        "N1/point: no mistake that it names can be told from the prediction: the farthest, 'less near', is 1.25 "
        "margins away and needs 2; a tolerance of 0.075 would tell it"
    )


def test_a_claim_that_gives_checks_without_end_is_refused():
    @claim("N1")
    def endless(profile):
        """State it."""
        yield from repeat(point(target=1.0))

    with pytest.raises(SpecificationError, match="claim N1: it gives more than 10000 checks"):
        plan_claim(endless, PROFILES["quick"])


@pytest.mark.parametrize("wrong", [None, {"the prediction": 1.0}])
def test_a_check_that_names_no_mistake_is_refused_with_what_to_name(wrong):
    with pytest.raises(SpecificationError, match=r"^N1/point: it names no mistake that differs .* wrong=\{'no drift'"):
        plan_claim(claim_of(point(MEAN, 1.0, wrong=wrong)), PROFILES["quick"])


def test_the_precision_of_a_claim_widens_its_margins_at_quick_alone():
    def margins(quick_precision):
        @claim("N1", quick_precision=quick_precision)
        def stated(profile):
            """State it."""
            return point(MEAN, 1.0, margin=0.1 * profile.precision, wrong={"far": 2.0})

        return [plan_claim(stated, profile)[0].check.margin for profile in PROFILES.values()]

    assert margins(1.5) == pytest.approx([0.15, 0.04, 0.02])
    assert margins(1.0) == pytest.approx([0.1, 0.04, 0.02])


def test_a_correction_names_a_variant():
    correction = Correction(source="Own notes, page 1", stated="It is 2.", corrected="It is 1.", variant="twice")
    (planned,) = plan_claim(
        claim_of(point(MEAN, 1.0, wrong={"twice": 2.0}), corrections=(correction,)), PROFILES["quick"]
    )
    assert [variant.name for variant in planned.check.variants] == ["twice"]
    with pytest.raises(SpecificationError, match=r"^N1: no check has the variant 'twice', which a correction names"):
        plan_claim(claim_of(point(MEAN, 1.0), corrections=(correction,)), PROFILES["quick"])


def test_a_correction_names_its_source():
    correction = Correction(stated="It is 2.", corrected="It is 1.", variant="twice")
    corrected = claim_of(point(MEAN, 1.0, wrong={"twice": 2.0}), corrections=(correction,))
    with pytest.raises(SpecificationError, match=r"^N1: a correction names no source; give the work and the place"):
        plan_claim(corrected, PROFILES["quick"])


@every_check
def test_a_plan_depends_on_the_check_as_it_should(made):
    planned = plan(made)
    assert planned.check == made
    assert (planned.id, planned.level, planned.too_near) == ("N1/point", LEVEL, ())
    assert planned.requests == {CELL: planned.replicates}
    assert planned.replicates >= 1
    narrower = plan(replace(made, margin=0.7 * made.margin)).replicates
    surer = plan(replace(made, miss_rate=1e-9)).replicates
    stricter = plan(made, LEVEL / 1000.0).replicates
    freer = plan(replace(made, basis=Basis("limit", allowance=0.3))).replicates
    assert planned.replicates < min(narrower, surer, stricter, freer)


@every_check
def test_the_affordable_margin_is_the_smallest_that_is_paid_for(made):
    planned = plan(made)
    half = planned.replicates // 2
    margin = affordable_margin(planned, half)
    assert margin is not None
    assert margin > made.margin
    assert plan(replace(made, margin=margin)).replicates <= half
    # It is found to a tenth of a per cent.
    assert plan(replace(made, margin=margin / 1.0011)).replicates > half
    assert affordable_margin(planned, planned.replicates) == made.margin
    assert affordable_margin(planned, 0) is None


@every_check
def test_the_affordable_margin_falls_with_the_replicates(made):
    planned = plan(made)
    counts = [planned.replicates * share // 100 for share in (10, 30, 60, 90, 100)]
    margins = [affordable_margin(planned, count) for count in counts]
    paid = [margin for margin in margins if margin is not None]
    # Once some margin is paid for, more replicates pay for one that is no larger.
    assert margins[-len(paid) :] == paid
    assert all(fewer >= more for fewer, more in pairwise(paid))


def test_no_margin_pays_for_a_law_at_a_fixed_distance():
    planned = plan(point(Distance("a", LAW), margin=0.05, wrong={"another law": Tilted(LAW, 0.06)}))
    assert affordable_margin(planned, planned.replicates // 2) is None


def test_a_sample_that_no_experiment_holds_is_refused_with_the_margin_that_is_paid_for():
    with pytest.raises(
        SpecificationError, match=r"^N1/point needs \d+ replicates for its margin of 0\.0001; "
    ) as caught:
        plan(point(MEAN, 1.0, margin=1e-4))
    assert f"accepts up to {MAXIMAL_REPLICATES}, which pay for a margin of" in str(caught.value)
    margin = float(str(caught.value).split()[-1])
    # It is printed with three digits.
    assert plan(point(MEAN, 1.0, margin=1.01 * margin)).replicates <= MAXIMAL_REPLICATES


def test_a_sample_that_no_margin_makes_possible_is_refused_too():
    near = point(Distance("a", LAW), margin=0.05, wrong={"a near law": Tilted(LAW, 2e-4)})
    with pytest.raises(SpecificationError, match=r"too few for any margin that keeps its wrong variants apart$"):
        plan(near)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (point(MEAN, 1.0, margin=1e-9), "more than 1e\\+12 replicates"),
        (point(Distance("a", LAW), margin=0.2), "a tilted law has distance at most 0.25"),
        (replace(CHECKS["critical point"], margin=0.01), "holds no beta on one side"),
    ],
    ids=["margin too small", "margin too wide", "no beta"],
)
def test_what_cannot_be_planned_names_claim_and_point(made, message):
    with pytest.raises(SpecificationError, match=f"^N1/point: .*{message}"):
        plan(made)
