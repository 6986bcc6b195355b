"""One check of one network: judged where the claim holds, refused elsewhere, refuted where the simulator is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

import theory_check as tc
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.simulation.passes import dense
from theory_check.verification.drawn import judge_drawn

CLAIMS = {claim.id: claim for claim in tc.all_claims()}
DEEP = tc.network("linear", "uniform", width=6, depth=12, gradients=True)
NAME = "linear-uniform-d6-beta0.5-displacement"


def judged(network=DEEP, check=NAME, claim="E1", **options):
    return judge_drawn(CLAIMS[claim], network, check, **{"seed": 5, "level": 1e-6, "seconds": 0.2, **options})


def test_a_true_statement_is_supported_and_repeats_by_its_seed():
    finding = judged()
    assert finding.verdict == "supported"
    assert finding.id == f"E1/{NAME}"
    assert finding == judged()
    assert finding.estimate != judged(seed=6).estimate


def test_a_simulator_with_other_weights_is_refuted(monkeypatch):
    right = judged(seconds=1.0, precision=0.3)
    filler = dense.row_filler
    # Weights that are 5% too large: the mean of D moves by a tenth.
    monkeypatch.setattr(
        dense, "row_filler", lambda w: replace(filler(w), natural_deviation=filler(w).natural_deviation / 1.05)
    )
    wrong = judged(seconds=1.0, precision=0.3)
    assert (right.verdict, wrong.verdict) == ("supported", "refuted")


def test_what_a_claim_does_not_say_is_refused():
    with pytest.raises(HypothesisError, match="independent from layer to layer"):
        judged(tc.network("linear", "tied", width=4, depth=8))
    with pytest.raises(SpecificationError, match="unknown check of E1 'no-such'"):
        judged(check="no-such")
    with pytest.raises(SpecificationError, match="N5 states no domain"):
        judged(claim="N5")
