"""Where a claim corrects its source: in the report, in results.json, and in the catalogue."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources

import jsonschema
import pytest
from example_record import make_claim, make_finding, make_record

from theory_check.catalogue.regimes import all_claims
from theory_check.claims.claim import PROFILES, Correction
from theory_check.claims.planning import plan_claim
from theory_check.findings.run import ClaimFinding, RunRecord, judge_correction
from theory_check.foundation.errors import SpecificationError
from theory_check.reporting.pages import Report, render_pages
from theory_check.reporting.results import encode_results, load_results

STATED = "mean lowered by twice the margin, $|b| = 2\\delta$"
CORRECTION = Correction(
    source="A work, page 3", stated="The mean is | lower.", corrected="It is $\\kappa$.", variant=STATED
)
CORRECTED = [claim for claim in all_claims() if claim.corrections]


def record_of(claim: ClaimFinding) -> RunRecord:
    record = make_record(only_supported=True)
    return replace(record, regimes=(replace(record.regimes[0], claims=(claim,)),))


def corrected(*findings, variant=STATED) -> ClaimFinding:
    judged = judge_correction(replace(CORRECTION, variant=variant), findings)
    return replace(make_claim("E4", *findings), corrections=(judged,))


def page(record: RunRecord) -> str:
    return render_pages(Report(record))["claims/E4.md"]


def row(page: str) -> str:
    section = page.split("## Corrected")[1].split("\n## ")[0]
    return section.rstrip().splitlines()[-1]


def test_a_correction_is_shown_by_the_points_that_refute_what_was_stated():
    claim = corrected(make_finding(), make_finding("E4/uniform-d8"))
    (judged,) = claim.corrections
    assert judged.shown
    assert judged.points == ("E4/gaussian-d40", "E4/uniform-d8")
    line = row(page(record_of(claim)))
    # Target of the variant and estimate, of every point, and no cell is broken by a bar in the text.
    assert "The mean is \\| lower." in line
    assert line.count("it predicts 0.4651, estimated 0.4747 [0.4731, 0.4763], refuted") == 2
    assert "`E4/uniform-d8`" in line
    assert "not shown" not in line
    assert line.replace("\\|", "").count("|") == 5


def test_evidence_of_many_points_is_cut_short():
    line = row(page(record_of(corrected(*(make_finding(f"E4/point-{i}") for i in range(5))))))
    assert "`E4/point-2`" in line
    assert "`E4/point-3`" not in line
    assert "and 2 more" in line


def test_what_is_not_refuted_somewhere_is_not_shown_and_named_first():
    points = [make_finding(f"E4/point-{i}") for i in range(5)]
    claim = corrected(*points, make_finding("E4/blind", variant_verdict="inconclusive"))
    assert not claim.corrections[0].shown
    line = row(page(record_of(claim)))
    assert "**not shown**: `E4/blind`" in line


def test_a_variant_that_no_point_has_is_not_shown():
    claim = corrected(make_finding(), variant="something else")
    assert not claim.corrections[0].shown
    assert "**not shown**: no point judged it" in row(page(record_of(claim)))


def test_a_report_without_corrections_has_no_section():
    assert "## Corrected" not in page(make_record())


@pytest.mark.parametrize("variant_verdict", ["refuted", "inconclusive"])
def test_results_say_what_is_shown_and_come_back(tmp_path, variant_verdict):
    record = record_of(corrected(make_finding(variant_verdict=variant_verdict)))
    path = tmp_path / "results.json"
    path.write_bytes(encode_results(record))
    plain = json.loads(path.read_bytes())
    schema = json.loads(resources.files("theory_check.reporting").joinpath("results.schema.json").read_bytes())
    jsonschema.validate(plain, schema, jsonschema.Draft202012Validator)
    assert plain["regimes"][0]["claims"][0]["corrections"] == [
        {
            "source": "A work, page 3",
            "stated": CORRECTION.stated,
            "corrected": CORRECTION.corrected,
            "variant": STATED,
            "shown": variant_verdict == "refuted",
            "points": ["E4/gaussian-d40"],
        }
    ]
    assert load_results(path) == record
    assert encode_results(load_results(path)) == path.read_bytes()


def test_results_of_the_version_before_are_read_without_corrections(tmp_path):
    plain = json.loads(encode_results(record_of(corrected(make_finding()))))
    plain["schema_version"] = 2
    del plain["regimes"][0]["claims"][0]["corrections"]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(plain))
    claim = load_results(path).claims[0]
    assert claim.corrections == ()
    assert claim.findings


def test_a_correction_without_its_variant_is_refused_by_the_plan():
    claim = next(claim for claim in all_claims() if claim.id == "E3")
    broken = replace(claim, corrections=(CORRECTION,))
    with pytest.raises(SpecificationError, match=r"E3: no check has the variant 'mean lowered"):
        plan_claim(broken, PROFILES["quick"])


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("claim", CORRECTED, ids=lambda claim: claim.id)
def test_every_correction_of_the_catalogue_has_its_variant(claim, profile):
    names = {variant.name for check in claim.checks(profile) for variant in check.variants}
    assert {correction.variant for correction in claim.corrections} <= names


def test_the_catalogue_corrects_its_sources():
    assert {claim.id for claim in CORRECTED} == {"E7"}
