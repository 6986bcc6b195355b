"""Contracts that every claim of the catalogue keeps, present and future."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from itertools import pairwise

import pytest
from plans import CLAIMS, plan_of, plans

from theory_check import catalogue
from theory_check.catalogue.regimes import MODULES, REGIMES, all_claims
from theory_check.claims import PROFILES, Claim, Distance, Illustration
from theory_check.claims.networks import COMBINATIONS, label
from theory_check.claims.planning import FAMILY_LEVEL, PLACES, plan_claim
from theory_check.experiments.spelling import network
from theory_check.verification.plan import Plan, check_budget


def test_ids_are_unique_and_levels_add_up():
    assert len(CLAIMS) == len(all_claims()) <= PLACES
    spent = sum(planned.level for planned in plans())
    assert spent == pytest.approx(FAMILY_LEVEL * len(CLAIMS) / PLACES)


@pytest.mark.parametrize("claim", all_claims(), ids=lambda c: c.id)
def test_a_claim_states_everything_a_reader_needs(claim):
    for text in (claim.title, claim.statement, claim.formula, claim.source, claim.derivation, claim.hypotheses):
        assert text.strip()


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("claim", all_claims(), ids=lambda c: c.id)
def test_points_keep_their_names_across_profiles_and_plan(claim, name):
    planned = plan_of(claim.id, name)
    assert len({p.id for p in planned}) == len(planned)
    points, quick = [p.id for p in planned], [p.id for p in plan_of(claim.id)]
    assert [point for point in points if point in quick] == quick
    if points != quick:
        assert name != "quick"
        assert points == [p.id for p in plan_of(claim.id, "standard")]
        assert any("quick profile" in remark for remark in claim.remarks)
    for one in planned:
        check = one.check
        assert one.replicates >= 1
        assert check.margin > 0.0
        assert check.basis.reason
        assert check.target[0] <= check.target[1]
        # Wrong variants of distance checks are at twice margin plus remainder; tilted laws reach a distance of 1/4.
        if isinstance(check.estimator, Distance):
            assert check.margin + check.remainder <= 0.125


@pytest.mark.parametrize("claim", all_claims(), ids=lambda c: c.id)
def test_every_point_tells_a_mistake_that_it_names(claim):
    for name in PROFILES:
        assert [p.id for p in plan_of(claim.id, name) if not p.check.variants] == []


@pytest.mark.parametrize("claim", all_claims(), ids=lambda c: c.id)
def test_checks_declare_a_miss_rate(claim):
    for check in (planned.check for planned in plan_of(claim.id)):
        assert 0.0 < check.miss_rate < 1.0


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda p: p.name)
def test_every_profile_stays_within_its_budget(profile):
    regimes = ((regime, tuple((c, plan_of(c.id, profile.name)) for c in regime.claims)) for regime in REGIMES)
    check_budget(Plan(profile, tuple(regimes)), profile.budget)


@pytest.mark.parametrize("claim_id", ["E1", "E4", "E5", "E6", "P1", "P2", "P3", "P4", "P5", "E8", "E10"])
def test_central_statements_cover_both_branches_and_three_weight_laws(claim_id):
    checks = [planned.check for planned in plan_of(claim_id)]
    seen = {(c.network.branch.name, c.weights.law) for check in checks for c in check.experiments}
    assert set(COMBINATIONS) <= seen


@pytest.mark.parametrize("claim", all_claims(), ids=lambda c: c.id)
def test_a_finer_profile_never_plans_fewer_networks(claim):
    for coarse, fine in pairwise([plan_of(claim.id, name) for name in PROFILES]):
        finer = {planned.id: planned for planned in fine}
        for a in coarse:
            b = finer[a.id]
            # Where the predicted probability itself tends to 0 or 1 with depth, less is needed.
            if a.check.target == b.check.target:
                assert a.replicates <= b.replicates


def test_the_miss_rate_leaves_a_run_inconclusive_by_chance_less_than_once_in_a_thousand():
    assert sum(planned.check.miss_rate for planned in plans()) < 1e-3


def test_labels_tell_networks_apart():
    assert label(network("res-3", "uniform", width=20, depth=5)) == "res-3-uniform-d20"


def test_every_claim_and_picture_of_every_module_is_in_one_regime():
    names = [f"theory_check.catalogue.{module.name}" for module in pkgutil.iter_modules(catalogue.__path__)]
    found = [value for name in names for value in vars(importlib.import_module(name)).values()]
    claims = [value for value in found if isinstance(value, Claim)]
    pictures = [value for value in found if isinstance(value, Illustration)]
    assert sorted(claim.id for claim in claims) == sorted(claim.id for claim in all_claims())
    listed = [picture for regime in REGIMES for picture in regime.illustrations]
    assert sorted(map(id, listed)) == sorted(map(id, pictures))
    assert {module.__name__ for module in MODULES} <= set(names)


def test_regimes_have_pictures():
    assert all(regime.illustrations for regime in REGIMES if regime.name != "moments")


def planned_mistakes(planned):
    """Return the point and the name of every wrong value that a plan refutes, none sized by the margin."""
    return {(p.id, v.name) for p in planned for v in p.check.variants if v.target is not None and not v.sized}


@pytest.mark.parametrize("claim", [c for c in all_claims() if c.quick_precision != 1.0], ids=lambda claim: claim.id)
def test_what_wider_margins_leave_out_at_quick_is_refuted_at_standard(claim):
    plain = planned_mistakes(plan_claim(replace(claim, quick_precision=1.0), PROFILES["quick"]))
    assert planned_mistakes(plan_of(claim.id, "standard")) >= plain


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.id)
def test_every_mistake_that_a_claim_names_is_refuted_somewhere_at_nightly(claim):
    checks = claim.checks(PROFILES["nightly"])
    named = {v.name for check in checks for v in check.variants if v.target is not None and not v.sized}
    assert {name for _, name in planned_mistakes(plan_of(claim.id, "nightly"))} == named


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("claim", [c for c in all_claims() if c.corrections], ids=lambda claim: claim.id)
def test_every_correction_has_evidence_at_every_profile(claim, profile):
    planned = {variant.name for p in plan_of(claim.id, profile.name) for variant in p.check.variants}
    assert {correction.variant for correction in claim.corrections} <= planned
