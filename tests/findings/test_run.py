from __future__ import annotations

from dataclasses import replace

import pytest
from example_record import make_claim, make_finding, make_record

from theory_check.findings.run import Correction, evidence_for, judge_correction


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), "inconclusive"),
        (("supported", "supported"), "supported"),
        (("supported", "inconclusive"), "inconclusive"),
        (("inconclusive", "refuted"), "refuted"),
    ],
)
def test_the_verdict_on_a_claim_follows_from_its_points(verdicts, expected):
    claim = make_claim("E4", *(make_finding(f"E4/{i}", verdict=verdict) for i, verdict in enumerate(verdicts)))
    assert claim.verdict == expected
    # A changed copy is judged again.
    assert replace(claim, findings=(make_finding(verdict="refuted"),)).verdict == "refuted"


def test_a_claim_has_teeth_if_every_variant_of_every_point_was_refuted():
    blind = make_finding("E4/blind", variant_verdict="inconclusive")
    assert make_claim("E4", make_finding()).has_teeth
    assert not make_claim("E4", make_finding(), blind).has_teeth
    assert not make_claim("E4", replace(make_finding(), variants=())).has_teeth
    assert not make_claim("E4").has_teeth


def test_a_run_without_teeth_is_inconclusive():
    record = make_record(only_supported=True)
    assert record.verdict == "supported"
    blind = make_claim("E4", make_finding(variant_verdict="inconclusive"))
    regime = replace(record.regimes[0], claims=(blind,))
    assert replace(record, regimes=(regime,)).verdict == "inconclusive"
    assert make_record().verdict == "refuted"


@pytest.mark.parametrize(("variant_verdict", "shown"), [("refuted", True), ("inconclusive", False)])
def test_a_correction_is_shown_where_what_was_stated_is_refuted(variant_verdict, shown):
    findings = [make_finding("E4/a"), make_finding("E4/b", variant_verdict=variant_verdict)]
    name = findings[0].variants[0].name
    judged = judge_correction(Correction(stated="s", corrected="c", variant=name), findings)
    assert (judged.shown, judged.points) == (shown, ("E4/a", "E4/b"))
    assert [(f.id, v.name) for f, v in evidence_for(judged, findings)] == [("E4/a", name), ("E4/b", name)]
    nowhere = judge_correction(Correction(stated="s", corrected="c", variant="another"), findings)
    assert (nowhere.shown, nowhere.points) == (False, ())
