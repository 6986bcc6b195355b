"""Formulas become MathML when the site is built: browsers set it themselves, without a script and without a network."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from mkdocs.plugins import get_plugin_logger

from theory_check.reporting.html import mathml

_log = get_plugin_logger("mathematics")

#: What the extension arithmatex leaves: inline formulas, and formulas on lines of their own.
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Replace the formulas of a page."""
    where = page.file.src_uri
    html = _BLOCK.sub(lambda found: _set(found[1], "block", where), html)
    return _INLINE.sub(lambda found: _set(found[1], "inline", where), html)


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
