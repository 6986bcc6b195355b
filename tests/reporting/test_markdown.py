from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from example_record import make_claim, make_finding, make_record, with_other_circumstances

from reports import without_run_block
from theory_check.reporting.markdown import (
    RUN_BEGIN,
    RUN_END,
    render_report,
    safe_mathematics,
    table_cell,
)


@pytest.fixture(scope="module")
def report(record) -> str:
    return render_report(record)


def test_equal_records_give_equal_text(report):
    assert render_report(make_record()) == report


def test_circumstances_show_in_the_run_block_only(record, report):
    other = render_report(with_other_circumstances(record))
    assert other != report
    assert without_run_block(other) == without_run_block(report)
    block = report[report.index(RUN_BEGIN) : report.index(RUN_END)]
    for text in (record.run.started, record.run.machine, "4 min 12 s", "2 threads", "numpy 2.1.0", "--seed 42"):
        assert text in block
    assert without_run_block("no block") == "no block"


def test_first_screen_answers_three_questions(report):
    screen = report.splitlines()[:14]
    for question in ("Does the theory hold?", "How sure are we?", "What did it cost?"):
        assert any(question in line for line in screen)


def bars(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line))


def test_rows_of_a_table_have_equal_numbers_of_cells(report):
    rows = 0
    lines = report.splitlines()
    for before, line in pairwise(lines):
        if line.startswith("|") and before.startswith("|"):
            assert bars(line) == bars(before), line
            rows += 1
        elif line.startswith("|"):
            assert before == "", "a table needs an empty line before it"
    assert rows > 30


def test_every_claim_and_point_has_its_row(record, report):
    for claim in record.claims:
        assert f"| [{claim.id}](#claim-{claim.id.lower()}) |" in report
        assert f'<a id="claim-{claim.id.lower()}"></a>' in report
        for finding in claim.findings:
            assert f"| `{finding.id}`<br>" in report
            assert report.count(f"| `{finding.id}` |") == len(finding.variants) + 1


def test_mathematics_is_balanced(report):
    fences = [line for line in report.splitlines() if line.startswith("```")]
    assert fences[::2] == ["```math"] * (len(fences) // 2)
    assert set(fences[1::2]) == {"```"}
    for line in re.sub(r"```math.*?```", "", report, flags=re.DOTALL).splitlines():
        assert len(re.findall(r"(?<!\\)\$", line)) % 2 == 0, line


def test_every_picture_is_linked_with_text(record, report):
    links = re.findall(r"!\[([^\]]+)\]\((figures/[a-z0-9-]+\.png)\)", report)
    assert [path for _, path in links] == [f"figures/{p.name}.png" for r in record.regimes for p in r.pictures]
    assert all("$" not in text for text, _ in links)


def test_what_needs_attention_comes_first_with_its_numbers(report):
    top = report[: report.index("## How to read")]
    assert "**Refuted: 1 of 7 points.**" in top
    assert "`E1/uniform-d8`" in top
    assert "estimated as 0.4747 [0.4731, 0.4763] from 10,000 networks, predicted 0.4951 with margin ± 0.01" in top
    assert "theory-check run E1 --profile quick --seed 43" in top
    assert "**Inconclusive: 2 of 7 points.**" in top
    assert "about 21 times as many networks" in top
    assert "**Checks without proof of power: 1 of 7 points.**" in top
    assert report.count("<details open>") == 1


def test_a_good_run_needs_no_attention():
    text = render_report(make_record(only_supported=True))
    assert "> [!" not in text
    assert "⚠️" not in text
    assert "❌" not in text
    assert "Yes, wherever it was checked" in text


def test_awkward_runs():
    record = make_record(only_supported=True)
    nothing = render_report(replace(record, regimes=()))
    assert "Nothing was checked." in nothing
    claims = (make_claim("E9"), make_claim("E8", replace(make_finding("E8/a"), variants=())))
    bare = replace(record.regimes[0], pictures=(), formula="", claims=claims)
    text = render_report(replace(record, regimes=(bare,)))
    assert "nothing checked" in text
    assert "no wrong variant was tried" in text


def test_open_ends_are_one_sided(report):
    assert "0.970 (≥ 0.950)" in report
    assert not re.findall(r"\binf\b|\bnan\b", report)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a | b", r"a \| b"),
        (r"a \| b", r"a \| b"),
        ("$|x|$ | y", r"$\vert x\vert $ \| y"),
        (r"$\|x\|$", r"$\Vert x\Vert $"),
        ("two\nlines", "two lines"),
        (r"costs \$5 | \$6", r"costs \$5 \| \$6"),
    ],
)
def test_table_cells(text, cell):
    assert table_cell(text) == cell


def test_mathematics_that_markdown_would_touch_is_spelled_out():
    assert safe_mathematics(r"*a* < $R^* < \{1\}$") == r"*a* < $R^\ast  \lt  \lbrace 1\rbrace $"
    assert safe_mathematics(r"$\mathbb{E}_1$") == r"$\mathbb{E}_1$"


def test_no_trailing_space_and_one_final_newline(report):
    assert report.endswith("\n")
    assert not report.endswith("\n\n")
    assert not [line for line in report.splitlines() if line != line.rstrip()]
