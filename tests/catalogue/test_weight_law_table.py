"""The table of weight laws from made-up findings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from example_record import make_claim, make_finding, make_record

from theory_check.catalogue.weight_law_table import ROWS, STATEMENTS, weight_law_table
from theory_check.reporting.pages import Report, render_pages


def record_with(*findings):
    record = make_record(only_supported=True)
    return replace(record, regimes=(replace(record.regimes[0], claims=(make_claim("E4", *findings),)),))


def row_of(law, *findings):
    (row,) = (row for row in weight_law_table(record_with(*findings)).rows if row[0] == f"`{law}`")
    return row


def test_no_law_no_table():
    record = make_record()
    assert weight_law_table(record).rows == ()
    assert "tables/weight-laws.md" not in render_pages(Report(record, (weight_law_table(record),)))


def test_only_laws_with_a_finding_have_a_row():
    table = weight_law_table(record_with(make_finding("E4/res-3-laplace-d6-norm-law"))).rows
    assert [row[0] for row in table] == ["`laplace`"]
    assert len(table[0]) == 2 + len(STATEMENTS)
    assert table[0].count("not in this run") == 3


@pytest.mark.parametrize(
    ("point", "law", "column", "verdict", "said"),
    [
        ("E4/res-3-laplace-d6-norm-law", "laplace", 3, "supported", "obeys: distance 0.4747 [0.4731, 0.4763]"),
        ("E4/res-3-laplace-d6-norm-law", "laplace", 3, "refuted", "❌ **does not obey**: distance"),
        ("E4/res-3-laplace-d6-norm-law", "laplace", 3, "inconclusive", "⚠️ **undecided**: distance"),
        ("E15/linear-tied-d8-markov", "tied, linear", 2, "supported", "breaks, $\\log R \\sim \\sqrt{L}$: probability"),
        ("E15/linear-tied-d8-markov", "tied, linear", 2, "refuted", "❌ **does not break as predicted**"),
    ],
)
def test_cells_say_what_the_verdict_says(point, law, column, verdict, said):
    assert row_of(law, make_finding(point, verdict=verdict))[column].startswith(said)


def test_a_broken_statement_is_cited_with_what_it_predicts():
    finding = make_finding("E15/linear-tied-d8-markov")
    limit = replace(finding.variants[0], name="the lognormal limit (E4)", target_lower=0.25, target_upper=0.25)
    row = row_of("tied, linear", replace(finding, variants=(limit,)))
    assert row[3].endswith("predicted 0.4751, by the statement 0.25")
    assert "by the statement" not in row[2]


def test_support_without_teeth_decides_nothing():
    finding = make_finding("E4/res-3-laplace-d6-norm-law", variant_verdict="inconclusive")
    assert row_of("laplace", finding)[3].startswith("⚠️ **undecided**")


def test_the_report_shows_every_row():
    points = dict.fromkeys(entry.point for row in ROWS for entry in row.entries if entry is not None)
    record = record_with(*(make_finding(point) for point in points))
    section = render_pages(Report(record, (weight_law_table(record),)))["tables/weight-laws.md"]
    for row in ROWS:
        assert f"| `{row.law}` | {row.case} |" in section
    assert "not in this run" not in section
