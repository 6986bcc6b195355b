from __future__ import annotations

import math
from dataclasses import replace

import pytest
from example_record import make_picture, make_record, small_png

from theory_check.findings.searches import Confirmed, SearchSummary
from theory_check.reporting import searches
from theory_check.reporting.pages import Report, render_pages
from theory_check.reporting.searches import read_searches, write_search

CLEAN = SearchSummary(
    claim="E4", started="2026-01-02T03:04:05+00:00", seed=3, level=0.01, everywhere=False, drawn=200, overflowed=1,
    strata={"critical": 200, "width 2": 12}, suspects=1, counterexamples=(), log_evidence=math.log(50.0),
    strongest="law: linear, width 2, depth 3",
)  # fmt: skip
FOUND = Confirmed(
    network="linear, width 1 | depth 3", check="law", violated="the width is not 1: a_b", estimate=0.5, lower=0.4,
    upper=0.6, target_lower=0.0, target_upper=0.0,
)  # fmt: skip
BEYOND = replace(CLEAN, everywhere=True, counterexamples=(FOUND,))


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    monkeypatch.setattr(searches, "render", lambda panels: {"png": small_png()})


def test_searches_are_kept_by_claim_and_read_back(tmp_path):
    assert read_searches(tmp_path, ["E4"]) == {}
    written = write_search(BEYOND, make_picture(), tmp_path / "new")
    assert written == tmp_path / "new" / "searches" / "E4-everywhere.json"
    write_search(CLEAN, make_picture(), tmp_path / "new")
    assert read_searches(tmp_path / "new", ["E1", "E4"]) == {"E4": (CLEAN, BEYOND)}
    later = replace(CLEAN, seed=4)
    write_search(later, make_picture(), tmp_path / "new")
    assert read_searches(tmp_path / "new", ["E4"]) == {"E4": (later, BEYOND)}


def test_a_search_that_cannot_be_read_is_left_out(tmp_path):
    write_search(CLEAN, make_picture(), tmp_path).write_text("{")
    assert read_searches(tmp_path, ["E4"]) == {}


def test_the_page_of_the_claim_shows_what_was_searched_and_found():
    pages = render_pages(Report(make_record(), searches={"E4": (CLEAN, BEYOND)}))
    page = pages["claims/E4.md"]
    assert "(seed 3) drew 200 networks from this domain and found no counterexample." in page
    assert "$10^{1.7}$" in page
    assert "1 network left double precision" in page
    assert "drew 200 networks beyond the hypotheses, leaving one of them at a time, and found 1 counterexample." in page
    assert r"| linear, width 1 \| depth 3 | law | the width is not 1: a\_b | 0.500 [0.400, 0.600] | 0 |" in page
    assert "| width 2 | 12 |" in page
    assert 'src="../figures/search-E4.png"' in page
    assert 'srcset="../figures/dark/search-E4-everywhere.png"' in page
    assert "drew" not in pages["claims/E1.md"]
