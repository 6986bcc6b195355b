from __future__ import annotations

import pytest
from command_line import names
from example_record import make_pictures, make_record, small_png

from theory_check.reporting import files
from theory_check.reporting.files import write_report


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    monkeypatch.setattr(files, "render", lambda panels, suffixes: dict.fromkeys(suffixes, small_png()))


def test_pages_are_written_anew(command, tmp_path):
    written = write_report(make_record(), tmp_path / "out", make_pictures())
    before = names(tmp_path)
    kept = written[0].read_bytes()
    written[0].unlink()
    code, out, err = command("report", "--out", "out")
    assert (code, out, err) == (0, ["report: out/REPORT.md"], [])
    assert written[0].read_bytes() == kept
    assert names(tmp_path) == before


def test_without_results_there_is_no_report(command, tmp_path):
    code, out, err = command("report", "--out", "nowhere")
    assert (code, out) == (74, [])
    assert err == ["theory-check: error: cannot read nowhere/results.json: no such file or directory"]
    assert names(tmp_path) == []


def test_a_missing_ledger_is_said(command, tmp_path):
    write_report(make_record(), tmp_path / "out", make_pictures())
    code, _, err = command("report", "--out", "out", "--history", "h.db")
    assert code == 74
    assert "there is no ledger h.db" in err[0]


def test_a_page_for_browsers_is_written_on_demand(command, tmp_path):
    write_report(make_record(), tmp_path / "out", make_pictures())
    code, out, err = command("report", "--out", "out", "--html")
    assert (code, out, err) == (0, ["report: out/report.html"], [])
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
