"""From claims to a judged record, end to end at small cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from theory_check.claims.catalogue import all_claims
from theory_check.claims.model import FAMILY_LEVEL, PROFILES, evaluate, plan_claim
from theory_check.errors import HypothesisError, SpecificationError
from theory_check.initializations import Weights
from theory_check.runner import run_cells
from theory_check.verification import exit_code, find_claim, plan_run, planned_cost, verify

SEED = 71


@pytest.fixture(scope="module")
def record():
    return verify(["E8", "E3"], seed=SEED)


def test_a_selection_is_reported_in_catalogue_order_with_the_levels_of_the_whole(record):
    assert [claim.id for claim in record.claims] == ["E3", "E8"]
    whole = {p.id: p.level for claim in all_claims() for p in plan_claim(claim, PROFILES["quick"])}
    assert all(f.level == whole[f.id] for claim in record.claims for f in claim.findings)
    assert record.family_level == FAMILY_LEVEL


def test_the_verdict_sets_the_exit_code(record):
    assert record.verdict == "supported"
    assert exit_code(record) == 0
    finding = record.claims[0].findings[0]
    for verdict, code in (("refuted", 1), ("inconclusive", 3)):
        claim = replace(record.claims[0], findings=(replace(finding, verdict=verdict),))
        regime = replace(record.regimes[0], claims=(claim,))
        assert exit_code(replace(record, regimes=(regime,))) == code


def test_a_check_without_teeth_is_not_a_pass(record):
    finding = record.claims[0].findings[0]
    blunt = replace(finding, variants=(replace(finding.variants[0], verdict="inconclusive"),))
    claim = replace(record.claims[0], findings=(blunt,))
    assert exit_code(replace(record, regimes=(replace(record.regimes[0], claims=(claim,)),))) == 3


def test_the_same_seed_gives_the_same_findings_and_another_seed_others(record):
    def outcome(other):
        return [(f.id, f.estimate, f.lower, f.upper) for claim in other.claims for f in claim.findings]

    assert outcome(verify(["E3", "E8"], seed=SEED, threads=1)) == outcome(record)
    assert outcome(verify(["E3", "E8"], seed=SEED + 1)) != outcome(record)


@pytest.mark.parametrize("claim_id", ["E1", "E2", "E4", "E6", "P5"])
def test_networks_with_weights_of_twice_the_variance_refute_the_claims(claim_id):
    """The simulated networks are wrong here, not the statements: the suite must notice."""
    planned = plan_claim(find_claim(claim_id), PROFILES["quick"])[0]
    doubled = [replace(cell, weights=Weights(cell.weights.law, variance="he")) for cell in planned.cells]
    samples = run_cells(doubled, SEED)
    assert evaluate(planned, [samples[cell] for cell in doubled]).verdict == "refuted"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["E99"]}, "unknown claim"),
        ({"profile": "fast"}, "unknown profile"),
        ({"seed": -1}, "seed is -1"),
        ({"threads": 0}, "number of threads"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(SpecificationError, match=message):
        verify(**arguments)


def test_a_claim_on_a_network_outside_its_hypotheses_says_so():
    claim = find_claim("E8")
    network = plan_claim(claim, PROFILES["quick"])[0].cells[0]
    heavy = replace(network, weights=Weights.parse("student:df=1.5"), kernel="dense")
    from theory_check.claims.grids import one_layer

    with pytest.raises(HypothesisError, match="finite, positive variance"):
        one_layer(heavy)


def test_costs_grow_with_the_profile():
    claim = find_claim("P4")
    networks, draws = zip(*(planned_cost(claim, profile) for profile in PROFILES.values()), strict=True)
    assert list(networks) == sorted(networks)
    assert list(draws) == sorted(draws)


def test_a_plan_of_everything_names_every_claim():
    plan = plan_run((), PROFILES["quick"])
    assert [c.id for _, claims in plan.regimes for c, _ in claims] == [c.id for c in all_claims()]
