from __future__ import annotations

from dataclasses import replace

from example_record import make_record

from theory_check.findings.changes import Measured, Move, VerdictChange, compare_runs
from theory_check.reporting.change_text import change_lines, changed_text, comparison_page, cost_text

NOW = make_record()
SAME = compare_runs(NOW, NOW)
MOVE = Move(id="E4/a", before=Measured(0.474712, 0.473136, 0.476293), now=Measured(0.48, 0.478, 0.482))


def test_no_run_before():
    assert changed_text(None, NOW) == "There is no earlier run beside this one."
    assert change_lines(None) == []


def test_the_same_seed_gives_the_same_estimates_or_something_changed():
    assert "all 7 estimates are the same, as they must be with the same seed" in changed_text(SAME, NOW)
    text = changed_text(replace(SAME, differing=2), NOW)
    assert "0 of 7 estimates moved beyond chance, and 2 differ although the seed is the same" in text
    assert "although" not in changed_text(replace(SAME, differing=2, seed=1), NOW)
    assert text.endswith("By chance alone any moves with probability at most 0.002.")


def test_verdicts_lead():
    one = VerdictChange(id="E4", before="supported", now="refuted")
    assert changed_text(replace(SAME, claims=(one,)), NOW).startswith("1 claim changed its verdict since the run of")
    assert changed_text(replace(SAME, claims=(one, one)), NOW).startswith("2 claims changed their verdicts")
    point = replace(SAME, points=(one,))
    assert changed_text(point, NOW).startswith("No claim changed its verdict, but 1 point did")
    assert "Points: `E4` was supported, is **refuted**" in change_lines(point)


def test_lines_name_a_few_and_count_the_others():
    lines = change_lines(replace(SAME, moved=(MOVE,) * 7, versions={"numpy": ("2.0", ""), "a": ("", "1")}))
    assert lines[0].count("from 0.4747 [0.4731, 0.4763] to 0.4800 [0.4780, 0.4820]") == 5
    assert lines[0].endswith(" and 2 more")
    assert lines[1] == "Versions: numpy 2.0 → none; a none → 1"
    assert len(lines) == 2
    assert cost_text(SAME, NOW) == "Cost: 4 min 12 s, before 4 min 12 s; 1,234,567 networks, before 1,234,567."


def test_a_restated_point_is_named_once():
    assert change_lines(replace(SAME, restated=("P5/a",))) == ["Another network or quantity: `P5/a`"]


def test_runs_without_a_common_point_are_not_compared():
    other = replace(SAME, compared=0, appeared=("E4/a",), gone=("E5/a",))
    assert changed_text(other, NOW).startswith("No point is in common with the run of")
    assert change_lines(other) == []


def test_a_page_names_everything():
    old = make_record()
    page = comparison_page(old, old)
    assert page.startswith("# What changed\n\nNo verdict changed since the run of")
    assert "##" not in page[2:]
    without = replace(old, regimes=old.regimes[:1])
    gone = [f.id for claim in old.claims for f in claim.findings if claim not in without.claims]
    page = comparison_page(old, without)
    assert f"## Gone: {len(gone)}\n\n" in page
    assert [line for line in page.splitlines() if line.startswith("- ")] == [f"- `{id}`" for id in gone]
