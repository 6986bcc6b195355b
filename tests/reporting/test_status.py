from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from example_record import make_claim, make_finding, make_record

from theory_check.reporting.status import MOST_ANNOTATIONS, badge, github_annotations, junit


def record_of(*findings):
    record = make_record(only_supported=True)
    return replace(record, regimes=(replace(record.regimes[0], claims=(make_claim("E4", *findings),)),))


def test_junit_has_a_case_per_point_that_fails_only_if_refuted(record):
    top = ElementTree.fromstring(junit(record))
    assert (top.get("tests"), top.get("failures"), top.get("errors")) == ("7", "1", "2")
    assert [suite.get("name") for suite in top] == [claim.id for claim in record.claims]
    cases = {case.get("name"): case for case in top.iter("testcase")}
    assert set(cases) == {finding.id for claim in record.claims for finding in claim.findings}
    [failure] = cases["E1/uniform-d8"]
    assert (failure.tag, failure.get("type")) == ("failure", "refuted")
    assert "is estimated as 0.4747 [0.4731, 0.4763] from 10,000 networks, predicted 0.4951 ± 0.01" in failure.get(
        "message"
    )
    assert [child.tag for child in cases["E1/student-d8"]] == ["error"]
    assert len(cases["E4/gaussian-d40"]) == 0


def test_support_without_proof_of_power_is_an_error_and_a_warning():
    record = record_of(make_finding(variant_verdict="inconclusive"))
    [case] = ElementTree.fromstring(junit(record)).iter("testcase")
    assert case[0].get("message").startswith("without proof of power: ")
    [line] = github_annotations(record, "REPORT.md")
    assert line.startswith("::warning title=E4/gaussian-d40 without proof of power::")
    assert "not refuted: mean lowered" in line


def test_what_xml_cannot_hold_is_replaced():
    record = record_of(make_finding(quantity="a\x00 < b & \x1b", verdict="refuted"))
    assert "a\ufffd < b & \ufffd" in next(ElementTree.fromstring(junit(record)).iter("failure")).get("message")


@pytest.mark.parametrize(
    ("record", "message", "colour"),
    [
        (make_record(), "2 of 3 claims supported, 1 refuted", "red"),
        (make_record(only_supported=True), "2 of 2 claims supported", "brightgreen"),
        (record_of(make_finding(verdict="inconclusive")), "0 of 1 claim supported, 1 undecided", "yellow"),
        (record_of(make_finding(verdict="inapplicable")), "0 of 1 claim supported, 1 undecided", "yellow"),
    ],
)
def test_a_badge_says_how_many_claims_are_supported(record, message, colour):
    assert json.loads(badge(record)) == {"schemaVersion": 1, "label": "theory", "message": message, "color": colour}


def test_annotations_are_one_line_each_and_escaped():
    finding = replace(make_finding("E4/50%", verdict="refuted"), violation="a, b:\nc")
    [line] = github_annotations(record_of(finding), "REPORT.md")
    assert line.startswith("::error title=E4/50%25 refuted::a, b:%0Ac; ")
    assert github_annotations(make_record(only_supported=True), "REPORT.md") == []


def test_no_more_annotations_than_github_shows():
    many = [make_finding(f"E4/{i}", verdict="refuted") for i in range(MOST_ANNOTATIONS + 3)]
    lines = github_annotations(record_of(*many), "out/REPORT.md")
    assert len(lines) == MOST_ANNOTATIONS
    assert lines[-1] == "::error title=4 more points::All are in out/REPORT.md"
    assert len(github_annotations(record_of(*many[:MOST_ANNOTATIONS]), "r")) == MOST_ANNOTATIONS
