"""Markdown for GitHub: text and mathematics that survive its tables, and the settings of all templates.

Two runs with identical samples give the same text but for the block between :data:`RUN_BEGIN` and
:data:`RUN_END`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

RUN_BEGIN = "<!-- run: runs with identical samples differ in this block only -->"
RUN_END = "<!-- end of run -->"

#: Inline mathematics; splitting by it leaves the mathematics at odd places.
MATHEMATICS = re.compile(r"((?<!\\)\$(?:\\.|[^$\\])+\$)")
_SPELLED = {
    r"\|": r"\Vert",
    r"\{": r"\lbrace",
    r"\}": r"\rbrace",
    r"\,": r"\thinspace",
    r"\;": r"\thickspace",
    "*": r"\ast",
    "<": r"\lt",
    ">": r"\gt",
}
_FRAGILE = re.compile("|".join(re.escape(sign) for sign in _SPELLED))


def table_cell(markdown: str) -> str:
    """Return text for a table cell: on one line, and with no vertical bar that would end the cell."""
    pieces = MATHEMATICS.split(one_line(markdown))
    return "".join(
        piece.replace("|", r"\vert ") if place % 2 else re.sub(r"(?<!\\)\|", r"\\|", piece)
        for place, piece in enumerate(pieces)
    )


def one_line(markdown: str) -> str:
    """Return text on one line, see :func:`safe_mathematics`."""
    return safe_mathematics(" ".join(markdown.split()))


def safe_mathematics(markdown: str) -> str:
    r"""Return text whose inline mathematics means the same to a Markdown parser that looks into it.

    GitHub may take ``\|`` for an escaped bar, ``*`` for emphasis and ``<`` for a tag before the
    mathematics is set; commands made of letters pass unharmed.
    """
    return MATHEMATICS.sub(lambda found: _FRAGILE.sub(lambda m: f"{_SPELLED[m[0]]} ", found[0]), markdown)


def template_environment() -> Environment:
    """Return the settings of all templates."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("theory_check.reporting", "templates"),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def tidy(text: str) -> str:
    """Return a rendered template without runs of empty lines."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
