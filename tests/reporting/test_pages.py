from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from example_record import make_claim, make_finding, make_record, with_other_circumstances

from reports import without_run_block
from theory_check.findings.changes import compare_runs
from theory_check.findings.run import ClaimFinding, RunRecord, Table
from theory_check.reporting.markdown import RUN_BEGIN, RUN_END
from theory_check.reporting.pages import ANY_PAGE, FIRST_PAGE, Report, render_pages, table_path

TABLE = Table("Weight laws", "Of a | b.", ("Law", "Case"), (("`laplace`", "a | b"),))


@pytest.fixture(scope="module")
def pages(record) -> dict[str, str]:
    return render_pages(Report(record, (TABLE, Table("Empty", "", (), ()))))


@pytest.fixture(scope="module")
def first(pages) -> str:
    return pages["REPORT.md"]


def with_claims(*claims: ClaimFinding) -> RunRecord:
    record = make_record(only_supported=True)
    return replace(record, regimes=(replace(record.regimes[0], claims=claims),))


def bars(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line))


def test_a_page_per_claim_and_per_table_with_rows(record, pages):
    claims = [f"claims/{claim.id}.md" for claim in record.claims]
    assert list(pages) == [*claims, "tables/weight-laws.md", "SUMMARY.md", "REPORT.md"]
    assert table_path(TABLE) == "tables/weight-laws.md"


def test_equal_records_give_equal_text(pages):
    again = render_pages(Report(make_record(), (TABLE,)))
    assert again == pages


def test_circumstances_show_in_the_run_block_only(record, pages):
    other = render_pages(Report(with_other_circumstances(record), (TABLE,), compare_runs(record, record), ("a night",)))
    for name, text in pages.items():
        assert (other[name] != text) == (name in ("REPORT.md", "SUMMARY.md"))
        assert without_run_block(other[name]) == without_run_block(text)
    block = pages["REPORT.md"][pages["REPORT.md"].index(RUN_BEGIN) : pages["REPORT.md"].index(RUN_END)]
    for text in (record.run.started, record.run.machine, "4 min 12 s", "2 threads", "numpy 2.1.0", "--seed 42"):
        assert text in block
    assert "a night" in other["REPORT.md"]
    assert without_run_block("no block") == "no block"


def test_first_screen_answers_four_questions(first):
    screen = first.splitlines()[:14]
    for question in ("Does the theory hold?", "How sure are we?", "What did it cost?", "What changed since"):
        assert any(question in line for line in screen)


def test_rows_of_a_table_have_equal_numbers_of_cells(pages):
    rows = 0
    for text in pages.values():
        for before, line in pairwise(text.splitlines()):
            if line.startswith("|") and before.startswith("|"):
                assert bars(line) == bars(before), line
                rows += 1
            elif line.startswith("|"):
                assert before == "", "a table needs an empty line before it"
    assert rows > 30


def test_what_is_supported_is_folded_away(first):
    folded = first[first.index("<details>\n<summary>The other 2 claims, supported") :]
    assert "| [P2](claims/P2.md) |" in folded[: folded.index("</details>")]
    assert "| [E1](claims/E1.md) |" not in folded
    seen = re.sub(r"<details>.*?</details>", "", first, flags=re.DOTALL)
    assert re.findall(r"^\| \[(\w+)\]", seen, re.MULTILINE) == ["E1"]


def test_every_claim_has_its_row_and_every_point_its_page(record, pages, first):
    for claim in record.claims:
        assert first.count(f"| [{claim.id}](claims/{claim.id}.md) |") == 1
        page = pages[f"claims/{claim.id}.md"]
        assert "(../REPORT.md)" in page
        assert claim.source in page
        for finding in claim.findings:
            assert page.count(f"| `{finding.id}`<br>") == page.count(f"| `{finding.id}` |") == 1
            assert f"{finding.variants[0].name.partition(',')[0]}" in page
    order = re.findall(r"^\| \[(\w+)\]", first, re.MULTILINE)
    assert order == ["E1", "E4", "P2"], "trouble first, then as the catalogue has them"


def test_pages_link_to_their_neighbours(record, pages):
    ids = [claim.id for claim in record.claims]
    for id, (before, after) in zip(ids, zip([None, *ids], [*ids[1:], None], strict=False), strict=False):
        head = pages[f"claims/{id}.md"].splitlines()[0]
        assert ("before: " in head) == (before is not None)
        assert ("next: " in head) == (after is not None)
        assert all(f"[{other}]({other}.md)" in head for other in (before, after) if other)


def test_a_wrong_variant_says_what_it_predicts_and_how_it_fared(pages):
    page = pages["claims/E1.md"]
    row = next(line for line in page.splitlines() if line.startswith("| `E1/uniform-d8` |"))
    assert row.count("<br>") == 1
    assert "mean lowered by twice the margin, $|b|" not in row, "a bar in mathematics would end the cell"
    assert ": 0.4751 (2)" in row
    assert "refuted" not in row, "only what was not refuted says so"
    other = next(line for line in page.splitlines() if line.startswith("| `E1/student-d8` |"))
    assert other.count("⚠️ **inconclusive**") == 2


def test_mathematics_is_balanced(pages):
    for text in pages.values():
        fences = [line for line in text.splitlines() if line.startswith("```")]
        assert fences[::2] == ["```math"] * (len(fences) // 2)
        assert set(fences[1::2]) <= {"```"}
        for line in re.sub(r"```math.*?```", "", text, flags=re.DOTALL).splitlines():
            assert len(re.findall(r"(?<!\\)\$", line)) % 2 == 0, line


def test_every_picture_has_alternative_text_and_those_of_pixels_a_dark_twin(pages):
    for text in pages.values():
        images = re.findall(r'<img alt="([^"]+)" src="([^"]+)">', text)
        assert len(images) == text.count("<img")
        assert not any("$" in alt for alt, _ in images)
        for _, path in images:
            dark = f'srcset="{path.replace("figures/", "figures/dark/")}"'
            assert path.endswith(".svg") or dark in text
    assert '(max-width: 600px)" srcset="figures/overview-narrow.svg"' in pages["REPORT.md"]
    assert 'src="../figures/claims/E4.svg"' in pages["claims/E4.md"]
    assert 'src="../figures/critical-laws.png"' in pages["claims/E4.md"]


def test_the_first_page_shows_pictures_of_regimes_in_trouble_or_headlines(first):
    assert 'src="figures/critical-laws.png"' in first
    assert "[Explosion](figures/explosion.png)" in first
    good = make_record(only_supported=True)
    headline = replace(good, regimes=(good.regimes[0], replace(good.regimes[1], headline=True)))
    text = render_pages(Report(headline))["REPORT.md"]
    assert 'src="figures/explosion.png"' in text
    assert 'src="figures/critical-laws.png"' not in text


def test_what_needs_attention_comes_first_with_its_numbers(first):
    top = first[: first.index("overview.svg")]
    assert "**Refuted: 1 of 7 points.**" in top
    assert "`E1/uniform-d8`" in top
    assert "estimated as 0.4747 [0.4731, 0.4763] from 10,000 networks, predicted 0.4951 with margin ± 0.01" in top
    assert "theory-check run E1 --profile quick --seed 43" in top
    assert "**Inconclusive: 2 of 7 points.**" in top
    assert "about 21 times as many networks" in top
    # A point that is refuted or undecided needs no power.
    assert "without proof of power" not in top


def test_support_without_power_is_told():
    blind = make_claim("E8", make_finding("E8/a", variant_verdict="inconclusive"))
    text = render_pages(Report(with_claims(blind)))["REPORT.md"]
    assert "**Checks without proof of power: 1 of 1 point.**" in text
    refuted = make_claim("E8", make_finding("E8/a", verdict="refuted", variant_verdict="inconclusive"))
    text = render_pages(Report(with_claims(refuted)))["REPORT.md"]
    assert "**Refuted: 1 of 1 point.**" in text
    assert "without proof of power" not in text


@pytest.mark.parametrize(
    ("verdicts", "folded"),
    [
        (("supported",), "The claim, supported, and the points nearest to the edge of their margins"),
        (("supported",) * 2, "All 2 claims, supported, and the points nearest to the edge of their margins"),
        (("supported", "refuted"), "The other claim, supported, and the points nearest to the edge of their margins"),
        (("refuted",), ""),
    ],
)
def test_what_is_folded_away_is_named(verdicts, folded):
    claims = [make_claim(f"X{n}", make_finding(f"X{n}/p", verdict=one)) for n, one in enumerate(verdicts)]
    record = with_claims(*claims)
    bare = replace(record, regimes=tuple(replace(regime, pictures=()) for regime in record.regimes))
    text = render_pages(Report(bare))["REPORT.md"]
    summaries = [one for one in re.findall("<summary>(.*)</summary>", text) if "<b>" not in one]
    assert summaries == [*([folded] if folded else []), "How to read this report"]


def test_variants_are_folded_away_unless_they_were_not_refuted(pages):
    assert "<details open>" in pages["claims/E1.md"]
    assert "<details open>" not in pages["claims/E4.md"]
    assert pages["claims/E4.md"].count("<details>") == 2


def test_a_good_run_needs_no_attention():
    for text in render_pages(Report(make_record(only_supported=True))).values():
        assert not {"> [!", "⚠️", "❌"} & set(re.findall(r"> \[!|⚠️|❌", text))
    assert "Yes, wherever it was checked" in text


def test_awkward_runs():
    nothing = render_pages(Report(replace(make_record(only_supported=True), regimes=())))
    assert "Nothing was checked." in nothing["REPORT.md"]
    claims = (make_claim("E9"), make_claim("E8", replace(make_finding("E8/a"), variants=())))
    text = render_pages(Report(with_claims(*claims)))
    assert "nothing checked" in text["REPORT.md"]
    assert "no wrong variant was tried" in text["REPORT.md"]
    assert "none was tried" in text["claims/E8.md"]


def test_pages_stay_short_whatever_happens():
    bad = [make_claim(f"X{i}", *(make_finding(f"X{i}/p{j}", target=0.9, verdict="refuted") for j in range(40)))
           for i in range(64)]  # fmt: skip
    pages = render_pages(Report(with_claims(*bad)))
    assert len(pages["REPORT.md"].encode()) <= FIRST_PAGE
    assert "**Refuted: 2,560 of 2,560 points.**" in pages["REPORT.md"]
    assert "and 2554 more, on the pages of X0 X1" in pages["REPORT.md"]
    long = make_claim("X", *(make_finding(f"X/p{j}") for j in range(220)))
    text = render_pages(Report(with_claims(long)))["claims/X.md"]
    assert len(text.encode()) <= ANY_PAGE
    assert "All others were refuted" in text


def test_the_summary_stands_alone(pages):
    text = pages["SUMMARY.md"]
    assert "Does the theory hold?" in text
    assert "| E1 | Exact means | ❌ **refuted** |" in text
    assert "](" not in text
    assert "<img" not in text


def test_domain_hypotheses_and_derivation_are_on_the_page():
    domain = ("the mean of E_1 * 2 is finite", "beta is 1/2")
    claim = replace(make_claim("E4", make_finding()), domain=domain)
    claim = replace(claim, hypotheses="Symmetry, $a_1$.", derivation="By <induction>.")
    page = render_pages(Report(with_claims(claim)))["claims/E4.md"]
    for text in ("Symmetry, $a_1$.", "- beta is 1/2", r"E\_1 \* 2", r"By \<induction\>.", "theory-check search E4"):
        assert text in page
    assert "search" not in render_pages(Report(with_claims(replace(claim, domain=()))))["claims/E4.md"]


def test_commands_for_own_claims_name_their_file():
    claim = replace(make_claim("X1", make_finding("X1/a", verdict="refuted")), domain=("beta is 1/2",))
    pages = render_pages(Report(replace(with_claims(claim), claims_file="my claims.py")))
    assert "`theory-check search X1 --claims 'my claims.py'` draws" in pages["claims/X1.md"]
    assert "theory-check show X1 --claims 'my claims.py'" in pages["REPORT.md"]
    assert "theory-check run X1 --claims 'my claims.py' --profile quick --seed" in pages["REPORT.md"]


def test_open_ends_are_one_sided(pages):
    assert "0.970 (≥ 0.950)" in pages["claims/P2.md"]
    assert not any(re.findall(r"\binf\b|\bnan\b", text) for text in pages.values())


def test_no_trailing_space_and_one_final_newline(pages):
    for text in pages.values():
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert not [line for line in text.splitlines() if line != line.rstrip()]
