"""From claims to a judged record, end to end at small cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plans import plans

from theory_check.catalogue.regimes import all_claims
from theory_check.claims.claim import PROFILES
from theory_check.claims.judging import evaluate
from theory_check.claims.planning import FAMILY_LEVEL, affordable_margin, plan_check, plan_claim
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.networks.weights import Weights
from theory_check.simulation.runner import run_experiments
from theory_check.verification.plan import find_claim, plan_run
from theory_check.verification.run import exit_code, verify

SEED = 71


@pytest.fixture(scope="module")
def record():
    return verify(["P4", "E3"], seed=SEED)


def test_a_selection_is_reported_in_catalogue_order_with_the_levels_of_the_whole(record):
    assert [claim.id for claim in record.claims] == ["E3", "P4"]
    whole = {p.id: p.level for p in plans()}
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

    assert outcome(verify(["E3", "P4"], seed=SEED, threads=1)) == outcome(record)
    assert outcome(verify(["E3", "P4"], seed=SEED + 1)) != outcome(record)


@pytest.mark.parametrize("claim_id", ["E1", "E2", "E4", "E6", "P5"])
def test_networks_with_weights_of_twice_the_variance_refute_the_claims(claim_id):
    """The simulated networks are wrong here, not the statements: the suite must notice."""
    planned = plan_claim(find_claim(claim_id), PROFILES["quick"])[0]
    doubled = [replace(cell, weights=Weights(cell.weights.law, variance="he")) for cell in planned.experiments]
    samples = run_experiments(dict.fromkeys(doubled, planned.replicates), SEED)
    assert evaluate(planned, [samples[cell] for cell in doubled]).verdict == "refuted"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["E99"]}, "unknown claim"),
        ({"names": "E4"}, "list of claims is 'E4'; it must be a sequence"),
        ({"profile": "fast"}, "unknown profile"),
        ({"names": ["P4"], "seed": -1}, "seed is -1"),
        ({"names": ["P4"], "threads": 0}, "number of threads"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(SpecificationError, match=message):
        verify(**arguments)


def test_a_claim_on_a_network_outside_its_hypotheses_says_so():
    claim = find_claim("E8")
    network = plan_claim(claim, PROFILES["quick"])[0].experiments[0]
    heavy = replace(network, weights=Weights.parse("student:df=1.5"), kernel="dense")
    from theory_check.claims.networks import one_layer

    with pytest.raises(HypothesisError, match="finite, positive variance"):
        one_layer(heavy)


@pytest.mark.parametrize("claim_id", ["E1", "E7", "P1", "P4"])
def test_the_affordable_margin_is_the_smallest_that_is_paid_for(claim_id):
    claim = find_claim(claim_id)
    planned = plan_claim(claim, PROFILES["quick"])[0]
    margin = affordable_margin(planned, planned.replicates // 2)
    assert planned.check.margin < margin
    assert plan_check(claim, replace(planned.check, margin=margin), planned.level).replicates <= planned.replicates // 2
    # It is found to a tenth of a per cent; replicates grow like the square of the margin.
    closer = plan_check(claim, replace(planned.check, margin=margin / 1.002), planned.level).replicates
    assert closer > planned.replicates // 2
    assert affordable_margin(planned, planned.replicates) == planned.check.margin
    assert affordable_margin(planned, 0) is None
    assert affordable_margin(planned, 1) is None


def test_no_margin_pays_for_the_variants_that_need_more():
    claim = find_claim("E2")
    planned = plan_claim(claim, PROFILES["quick"])[0]
    # A wider margin does not make the named law, at a fixed distance, easier to refute.
    assert affordable_margin(planned, 10) is None


def test_a_sample_that_no_cell_holds_names_claim_and_point():
    claim = find_claim("E1")
    check = claim.checks(PROFILES["quick"])[0]
    tiny = replace(check, margin=3e-3 * check.margin)
    message = r"E1/linear-gaussian-d20-beta0\.5-norm needs \d+ replicates .* a margin of"
    with pytest.raises(SpecificationError, match=message):
        plan_check(claim, tiny, 1e-6)
    with pytest.raises(SpecificationError, match=r"^E1/linear-gaussian-d20-beta0\.5-norm: more than 1e\+12 replicates"):
        plan_check(claim, replace(check, margin=1e-9 * check.margin), 1e-6)


def test_a_declared_miss_rate_decides_the_number_of_replicates_and_is_reported():
    claim = find_claim("E2")
    check = claim.checks(PROFILES["quick"])[0]
    generous, strict = (plan_check(claim, replace(check, miss_rate=rate), 1e-6) for rate in (0.1, 1e-9))
    assert generous.replicates < strict.replicates
    samples = run_experiments(generous.requests, SEED)
    assert evaluate(generous, list(samples.values())).miss_rate == 0.1


def test_a_plan_of_everything_names_every_claim():
    plan = plan_run((), PROFILES["quick"])
    assert [c.id for _, claims in plan.regimes for c, _ in claims] == [c.id for c in all_claims()]
