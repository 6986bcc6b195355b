"""``history --out PAGE`` and ``compare``."""

from __future__ import annotations

import pytest


@pytest.fixture
def two_reports(command):
    """The folders of two runs with other seeds, and a ledger of both."""
    for seed, new in ((1, ["--new-history"]), (2, [])):
        code, _, err = command("run", "P4", "--seed", seed, "--out", f"r{seed}", "--history", "h.db", *new)
        assert code == 0, err
    return "r1", "r2"


def test_a_page_of_the_nights_and_what_changed_between_two(command, two_reports, tmp_path):
    code, out, err = command("history", "--history", "h.db", "--out", "nights.md")
    assert (code, out[-1], err) == (0, "page: nights.md", [])
    page = (tmp_path / "nights.md").read_text()
    assert page.startswith("# The nights together\n\n2 nights of profile quick: ")
    assert "version " in page
    assert {path.name for path in tmp_path.glob("nights*")} == {"nights.md", "nights.png", "nights-dark.png"}

    code, out, err = command("compare", "r1", "r2/results.json", "--out", "changes.md")
    assert (code, err) == (0, [])
    assert out[0].startswith("No verdict changed since the run of ")
    assert "0 of " in out[0]
    assert out[-1] == "page: changes.md"
    assert (tmp_path / "changes.md").read_text().startswith("# What changed\n\nNo verdict changed")
    assert "are the same, as they must be with the same seed" in command("compare", "r1", "r1")[1][0]


@pytest.mark.parametrize(
    ("arguments", "endings"),
    [
        (("compare", "r1", "r2", "--out", "r2/results.json"), ".md"),
        (("history", "--out", "own.py"), ".md or .png"),
        (("history", "--export", "own.py"), ".jsonl"),
        (("search", "E1", "--out", "own.py"), ".png"),
    ],
)
def test_a_file_of_another_kind_is_not_overwritten(refusal, arguments, endings):
    assert refusal(*arguments).endswith(f"{arguments[-1]}: give a file whose name ends in {endings}")


def test_what_cannot_be_compared_is_named(command, tmp_path):
    code, out, err = command("compare", "none", "none")
    assert (code, out, len(err)) == (74, [], 1)
    assert "none" in err[0]
    (tmp_path / "x.json").write_text("{}")
    code, out, err = command("compare", "x.json", "x.json")
    assert (code, out, len(err)) == (74, [], 1)
