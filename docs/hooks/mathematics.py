"""Formulas become MathML when the site is built: browsers set it themselves, without a script and without a network."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from mkdocs.plugins import get_plugin_logger

from theory_check.reporting.html import mathml
from theory_check.reporting.markdown import MATHEMATICS

_log = get_plugin_logger("mathematics")

#: What the extension arithmatex leaves: inline formulas, and formulas on lines of their own.
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)

#: Code, which keeps its signs, or inline mathematics.
_PIECES = re.compile(rf"(```.*?\n```|`[^`\n]*`)|{MATHEMATICS.pattern}", re.DOTALL)
_CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)

#: A formula that was taken for text.
_LEFT = re.compile(r"\$[^$<>]*\\[A-Za-z]+[^$<>]*\$")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Take the spaces inside of the signs around a formula away: with them it would be text."""
    return _PIECES.sub(lambda found: found[1] or f"${found[2][1:-1].strip()}$", markdown)


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Replace the formulas of a page."""
    where = page.file.src_uri
    html = _BLOCK.sub(lambda found: _set(found[1], "block", where), html)
    html = _INLINE.sub(lambda found: _set(found[1], "inline", where), html)
    for found in _LEFT.findall(_CODE.sub("", html)):
        _log.warning(f"{where}: {found} is not set")
    return html


def _set(formula: str, display: str, where: str) -> str:
    formula = unescape(formula).strip()
    try:
        markup = mathml(formula, display)
    except Exception as error:  # whatever the library raises, the page is named
        _log.warning(f"{where}: {formula!r} is no formula: {type(error).__name__} {error}")
        return formula
    if "\\" in markup:
        _log.warning(f"{where}: a command of {formula!r} is not known")
    return markup
