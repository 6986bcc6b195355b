from __future__ import annotations

import pytest

from theory_check.reporting.markdown import safe_mathematics, table_cell


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
