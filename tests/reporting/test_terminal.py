from __future__ import annotations

import io
from dataclasses import replace

import pytest
from example_record import make_claim, make_finding, make_record
from rich.console import Console

from theory_check.findings.run import RunRecord
from theory_check.reporting.terminal import print_summary


def printed(record: RunRecord, **options: object) -> str:
    stream = io.StringIO()
    print_summary(record, Console(file=stream, width=120, **options))
    return stream.getvalue()


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_lines_are_plain_away_from_a_terminal(record):
    text = printed(record)
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0] == "supported     E4    points 2/2  mistakes 4/4  Lognormal limit of ‖h_L‖"
    assert lines[1].startswith("refuted       E1")
    assert any(line.startswith("refuted       E1/uniform-d8  𝔼 log R: 0.4747 [0.4731, 0.4763]") for line in lines)
    assert not any("without proof of power" in line for line in lines)
    assert lines[-3].startswith("Not everywhere")
    assert "4 min 12 s" in lines[-1]


def test_mathematics_is_text(record):
    finding = replace(make_finding(), quantity=r"$\mathbb{E}\,R^2 / d^2$")
    claim = make_claim("E4", finding, title=r"Growth by $1+\kappa a^2$")
    stream = io.StringIO()
    print_summary(replace(record, regimes=(replace(record.regimes[0], claims=(claim,)),)), Console(file=stream), True)
    assert "Growth by 1+κa²" in stream.getvalue()
    assert "𝔼 R² / d²" in stream.getvalue()


def test_every_point_has_a_line_if_it_is_asked_for(record):
    console = Console(file=io.StringIO(), highlight=False, width=500)
    print_summary(record, console, every_point=True)
    lines = console.file.getvalue().splitlines()
    points = [finding.id for claim in record.claims for finding in claim.findings]
    assert [point for point in points if any(f"  {point}  " in line for line in lines)] == points


def test_table_on_a_terminal(record):
    text = printed(record, force_terminal=True)
    assert "\x1b[1;31m" in text
    assert "Most telling point" in text
    assert "0.4747 [0.4731, 0.4763]" in text


def test_support_without_power_is_told():
    record = make_record(only_supported=True)
    claims = (make_claim("P4", make_finding("P4/a", variant_verdict="inconclusive")),)
    record = replace(record, regimes=(replace(record.regimes[0], claims=claims),))
    assert "without proof of power  P4/a" in printed(record).splitlines()


def test_the_table_of_a_narrow_terminal_leaves_numbers_out(record):
    stream = io.StringIO()
    print_summary(record, Console(file=stream, width=80, force_terminal=True, color_system=None))
    text = stream.getvalue()
    assert "Most telling point" not in text
    table = text[: text.index("refuted       E1/uniform-d8")]
    assert len(table.splitlines()) <= 2 * len(record.claims) + 5


def test_no_color(record, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = printed(record, force_terminal=True)
    assert "\x1b[1;31m" not in text
    assert "\x1b[31m" not in text
    assert "Most telling point" in text


def test_brackets_are_not_markup():
    record = make_record(only_supported=True)
    claims = (make_claim("P4", make_finding("P4/a"), title="input in [0,1]^64 [bold]"), make_claim("P5"))
    record = replace(record, regimes=(replace(record.regimes[0], claims=claims),))
    for options in ({}, {"force_terminal": True, "color_system": None}):
        text = printed(record, **options)
        assert "[0,1]^64 [bold]" in text
    assert "nothing checked" in text
