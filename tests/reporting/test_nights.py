from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from theory_check.inference.confidence_sequences import Limits, PointSequence
from theory_check.inference.nights import ClaimNight, History, Night
from theory_check.reporting.drawing import render
from theory_check.reporting.nights import (
    answer_nights,
    history_page,
    history_picture,
    night_summary,
    nights_verdict,
    print_history,
    refuted_claims,
    slowest_points,
    write_history_page,
)

SEQUENCE = PointSequence(
    version="a", level=1e-6, target=(0.5, 0.5), tolerance=0.1, nights=3,
    limits=(Limits(1, 0.42, 0.59), Limits(3, 0.45, 0.55)),
)  # fmt: skip


def make_history(nights=3):
    evidence = {"E1": [-1.0, 0.5, -2.0], "E2": [9.0, 9.0, -30.0], "P1": [0.0, 0.0, 0.0]}
    return History(
        "nightly",
        1e-5,
        tuple(
            Night(
                seed, f"2026-01-0{seed}T00:00:00+00:00", {c: ClaimNight("a", e[seed - 1]) for c, e in evidence.items()}
            )
            for seed in range(1, nights + 1)
        ),
        {
            "E1/x": SEQUENCE,
            "E2/x": SEQUENCE,
            "P1/wide": replace(SEQUENCE, limits=(Limits(1, -np.inf, np.inf),)),
            "P1/moved": replace(SEQUENCE, limits=(*SEQUENCE.limits[:1], Limits(2, 0.55, 0.45))),
        },
    )


def text_of(history):
    console = Console(file=io.StringIO(), highlight=False)
    print_history(history, console)
    return console.file.getvalue().splitlines()


def test_the_verdict_of_the_nights():
    history = make_history()
    assert [nights_verdict(history, claim) for claim in ("E1", "E2", "P1")] == ["supported", "refuted", "inconclusive"]
    assert refuted_claims(history) == ("E2",)
    # Nothing says that a claim without sequences holds.
    assert nights_verdict(replace(history, sequences={}), "E1") == "inconclusive"


def test_the_tables_say_how_much_of_how_much():
    lines = text_of(make_history())
    assert lines[0] == "3 nights of profile nightly, last 2026-01-03T00:00:00+00:00 with seed 3"
    rows = {line.split()[0]: " ".join(line.split()) for line in lines[1:] if line.split()}
    # log10 of pi^2/6 / 1e-5 is 5.2. E2 peaked at 18 + ln(6/pi^2 + e^-9 6/(4 pi^2)) = 17.5 on the second night: 7.6.
    assert rows["E2"].endswith("of 5.2 7.6 of 5.2 refuted")
    assert rows["E1/x"] == "E1/x 3 0.5 [0.45, 0.55] 0.17 0.1"
    assert rows["P1/wide"].endswith("any value open open")
    assert rows["P1/moved"].endswith("empty: it moved 0.17 empty")


def test_a_narrow_terminal_breaks_no_number():
    console = Console(file=io.StringIO(), highlight=False, width=60, force_terminal=True, color_system=None)
    long = replace(make_history().nights[0], claims={"E1": ClaimNight("0123456789abcdef" * 3, -1.0)})
    print_history(replace(make_history(), nights=(long,)), console)
    text = console.file.getvalue()
    assert "…" not in text
    assert "inconclusive" in text or "supported" in text
    point = text[text.index("E1/x") :].splitlines()
    assert "    target 0.5, confidence sequence [0.45, 0.55]" in point[1]


def test_a_history_without_nights():
    assert text_of(make_history(0)) == ["no nights of profile nightly yet"]


def test_the_summary_of_a_night():
    lines = night_summary(make_history(1))
    # exp(-9) times three claims.
    assert lines == ["night 1 of the history: smallest p-value 3.8e-4 (E2), adjusted for 3 claims"]
    assert night_summary(make_history(3))[1:] == ["refuted by the nights together: E2"]


@pytest.mark.parametrize("nights", [1, 3])
def test_the_picture_shows_every_claim_and_point(nights):
    history = make_history(nights)
    picture = history_picture(history)
    evidence, widths = picture.panels
    assert evidence.paths.shape == (3, nights)
    assert [curve.label for curve in evidence.theory] == ["refuted from here on", "E2", "P1", "E1"]
    assert (evidence.paths[1].max() >= 0.0) == (nights == 3)
    # A point whose first interval is open has no relative width; an empty one has width 0.
    np.testing.assert_allclose(widths.paths[0], [1.0, 1.0, 0.1 / 0.17], rtol=1e-12)
    assert widths.paths[2].tolist() == [1.0, 0.0, 0.0]
    assert len(widths.paths) == 3
    assert render(picture.panels)["png"].startswith(b"\x89PNG")


def test_all_nights_are_answered_in_a_sentence_and_a_line_per_refuted_claim():
    answer, refuted = answer_nights(make_history())
    assert answer.startswith(
        "3 nights of profile nightly: 1 of 3 claims supported by all nights together, 1 refuted, 1"
    )
    assert "E2 came closest to refutation, with evidence of $10^{" in answer
    assert answer.endswith("where $10^{5.2}$ refutes.")
    assert refuted == "refuted by the nights together: E2"
    assert answer_nights(make_history(0)) == ("There are no nights of profile nightly yet.",)


def test_the_page_has_the_nights_the_claims_and_the_points(tmp_path):
    history = make_history()
    page, light, dark = write_history_page(history, ["one", "a|b", "three"], tmp_path / "n.md")
    text = page.read_text()
    assert text.startswith("# The nights together\n\n3 nights of profile nightly: 1 of 3 claims supported")
    assert 'srcset="n-dark.png"' in text
    assert light.read_bytes() != dark.read_bytes()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:2] == "| "]
    assert ["2", "2026-01-02T00:00:00+00:00", "2", "3", "3.8e-4 (E2)", r"a\|b"] in rows
    assert ["E1/x", "3", "0.5", "[0.45, 0.55]", "0.17", "0.1"] in rows
    assert any(row[0] == "E2" and row[-1] == "refuted" for row in rows)
    assert {len(row) for row in rows} == {6}
    assert "<details>\n<summary>Points: 4</summary>\n\n" in text


def test_a_claim_of_many_points_has_one_on_the_page():
    history = make_history()
    narrower = replace(SEQUENCE, limits=(*SEQUENCE.limits, Limits(4, 0.49, 0.51)))
    many = replace(history, sequences={"E1/a": narrower, **history.sequences, "E1/b": narrower})
    assert slowest_points(many) == history.sequences


def test_the_page_of_a_history_without_nights():
    assert history_page(History("nightly", 1e-5), [], "l", "d") == (
        "# The nights together\n\nThere are no nights of profile nightly yet.\n"
    )


def test_the_picture_says_when():
    assert history_picture(make_history()).panels[0].xlabel.endswith(", 2026-01-01 to 2026-01-03")
    assert history_picture(make_history(1)).panels[0].xlabel.endswith(", 2026-01-01")
