"""Checks of one network: judged where the claim holds, refused elsewhere, refuted where the simulator is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

import theory_check as tc
from theory_check.experiments.costs import SECONDS_PER_WORK
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.simulation.passes import dense
from theory_check.verification.drawn import judge_drawn

CLAIMS = {claim.id: claim for claim in tc.all_claims()}
DEEP = tc.network("linear", "uniform", width=6, depth=12, gradients=True)


def judged(network=DEEP, claim="E1", **options):
    return judge_drawn(CLAIMS[claim], network, **{"seed": 5, "level": 1e-6, "seconds": 0.1, **options})


def test_true_statements_are_supported_and_repeat_by_their_seed():
    drawn = judged()
    assert [one.finding.id.rpartition("-")[2] for one in drawn] == ["norm", "displacement", "gradient"]
    assert {one.finding.verdict for one in drawn} == {"supported"}
    assert [one.finding for one in drawn] == [one.finding for one in judged()]
    assert drawn[0].finding.estimate != judged(seed=6)[0].finding.estimate


def test_checks_share_the_level_and_the_sample_and_use_all_of_the_time():
    drawn = judged()
    assert sum(one.planned.level for one in drawn) == pytest.approx(1e-6)
    (replicates,) = {one.finding.replicates for one in drawn}
    assert all(one.planned.looks == (replicates,) for one in drawn)
    assert replicates * DEEP.work_per_block / DEEP.block_size * SECONDS_PER_WORK == pytest.approx(0.1, rel=0.02)


def test_statements_with_errors_at_finite_size_keep_their_margin():
    deep = tc.network("res-1", width=2, depth=32, scale=32**-0.5, active_norm=True)
    (found,) = judge_drawn(CLAIMS["E12"], deep, seed=1, level=1e-3, seconds=0.6)
    (check,) = CLAIMS["E12"].domain.checks(deep, 1.0)
    assert found.planned.check.margin == pytest.approx(check.margin)


@pytest.mark.parametrize("seconds", [0.003, 0.1])
def test_mistakes_are_told_from_the_resolution_on(seconds):
    found = next(one for one in judged(seconds=seconds) if one.finding.id.endswith("displacement"))
    (mistake,) = (v for v in (*found.planned.check.variants, *found.planned.too_near) if not v.sized)
    apart = abs(mistake.target[0] - found.finding.target_lower)
    assert mistake.name == "increments add up without compounding"
    times = found.needed[mistake.name]
    assert (times <= 1.0) == (apart >= found.finding.resolution) == (seconds > 0.01)
    if times > 1.0:
        longer = next(one for one in judged(seconds=1.01 * times * seconds) if one.finding.id == found.finding.id)
        assert longer.needed[mistake.name] <= 1.0


def test_a_simulator_with_other_weights_is_refuted(monkeypatch):
    filler = dense.row_filler
    # Weights that are 5% too large: the mean of D moves by a tenth.
    monkeypatch.setattr(
        dense, "row_filler", lambda w: replace(filler(w), natural_deviation=filler(w).natural_deviation / 1.05)
    )
    assert "refuted" in {one.finding.verdict for one in judged()}


def test_what_a_claim_does_not_say_is_refused():
    with pytest.raises(HypothesisError, match="independent from layer to layer"):
        judged(tc.network("linear", "tied", width=4, depth=8))
    with pytest.raises(SpecificationError, match="pay for no margin"):
        judged(level=1e-300, seconds=1e-6)
    with pytest.raises(SpecificationError, match="N5 states no domain"):
        judged(claim="N5")
