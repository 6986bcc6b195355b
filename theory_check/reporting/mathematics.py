r"""Mathematics as a line of Unicode, for terminals.

Pylatexenc reads the LaTeX and knows its signs; here stands how fractions, roots, powers and indices are written in one
line without becoming another formula: ``\frac{e}{2L}`` is e/(2L), ``L^{1-\beta}`` is L^(1-β), ``a^{-2}`` is a⁻².
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pylatexenc.latex2text import (
    LatexNodes2Text,
    MacroTextSpec,
    SpecialsTextSpec,
)
from pylatexenc.latex2text import (
    get_default_latex_context_db as default_texts,
)
from pylatexenc.latexwalker import LatexWalker, LatexWalkerParseError
from pylatexenc.latexwalker import get_default_latex_context_db as default_syntax
from pylatexenc.macrospec import MacroSpec, MacroStandardArgsParser, SpecialsSpec

_RAISED, _LOWERED = (str.maketrans("0123456789+-", digits) for digits in ("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "₀₁₂₃₄₅₆₇₈₉₊₋"))
_NUMBER = re.compile(r"-?\d+")

#: An exponent or index that needs no brackets, and a numerator and a denominator that need none.
_WHOLE = re.compile(r"\(.*\)|\d+|[^\W\d_]+|.")
_PRODUCT = re.compile(r"[^-+= ]+")
_SYMBOL = re.compile(r"\d+|[√∂d]?[^\W\d_](_[^\W_]+|_\([^()]*\)|[₀-₉])?[⁰¹²³⁴-⁹]*|‖[^‖]*‖[⁰¹²³⁴-⁹]*|√\([^()]*\)")
_ENCLOSED = re.compile(r"\([^()]*\)|‖[^‖]*‖")
_PARTS = {"1/2": "½", "1/3": "⅓", "1/4": "¼"}

#: Signs for private use: where a name begins and ends, and a fraction.
_NAME, _NAMED, _OPEN, _CLOSE = "\ue000\ue001\ue002\ue003"
_ARGUMENT = re.compile(rf"({_NAMED}[₀-₉]*){_OPEN}([^{_CLOSE}]*){_CLOSE}")
#: Names are set off from letters, and fractions from letters and brackets that follow.
_SET_OFF = re.compile(rf"(?<=[\w)\]*]){_NAME}|{_NAMED}(?={_NAME}?[^\W_₀-₉⁰¹²³⁴-⁹]|[⟨‖√∂])|{_CLOSE}(?=[\w(\[⟨√∂])")
_RELATIONS = re.compile(r"\s*([→≤≥≈∼≫≠])\s*|(?<=\S)([-=<>+]) ")
#: A star after a letter is part of a name, R^* and D*.
_EMPHASIS = re.compile(r"(?<![\w^*])(\*{1,2})(?=\S)([^*]+)\1(?!\w)")

_NAMES = ("log", "max", "min", "det", "tanh")
_SPACES = {",": " ", ";": " ", " ": " ", "quad": "  ", "qquad": "  "}
_SIGNS = {"|": "‖", "Vert": "‖", "lVert": "‖", "rVert": "‖", "ne": "≠", "sim": "∼"}
_SIZES = ("big", "Big", "bigl", "bigr", "Bigl", "Bigr", "left", "right")


def unicode_formula(latex: str) -> str:
    r"""Return a formula as a line of text.

    Parameters
    ----------
    latex : str
        Without dollar signs.

    Returns
    -------
    str
        Without backslashes and braces. A command that is not known is written as its name, and what is no LaTeX, as
        where a brace is not closed, as it stands.

    Examples
    --------
    >>> unicode_formula(r"\mathbb{E}\,D = (1+\kappa a_L^2)^{L-1},\qquad \sqrt D \to \tfrac12 V_{k+1}")
    '𝔼 D = (1+κa_L²)^(L-1), √D → ½ V_(k+1)'
    """
    syntax, writer = _language()
    # A per cent sign begins a comment in LaTeX, in a text of a claim it is one.
    source = re.sub(r"(?<!\\)%", r"\%", latex)
    try:
        nodes, _, _ = LatexWalker(source, latex_context=syntax, tolerant_parsing=False).get_latex_nodes()
    except LatexWalkerParseError:
        return latex
    text = writer.nodelist_to_text(nodes)
    # A fraction after a name is its argument as a whole.
    text = _SET_OFF.sub(" ", _ARGUMENT.sub(r"\1(\2)", text))
    text = re.sub(f"[{_NAME}{_NAMED}{_OPEN}{_CLOSE}]", "", text)
    text = _RELATIONS.sub(lambda found: f" {found[1] or found[2]} ", text)
    return " ".join(text.split())


def unicode_text(markdown: str) -> str:
    """Return text with formulas between dollar signs as a line without the signs of Markdown.

    Examples
    --------
    >>> unicode_text(r"At *most* $L^{-1/2}$, see `network`")
    'At most L^(-1/2), see network'
    """
    parts = re.split(r"\$([^$]+)\$", markdown)
    parts[::2] = [_EMPHASIS.sub(r"\2", part).replace("`", "") for part in parts[::2]]
    parts[1::2] = map(unicode_formula, parts[1::2])
    return " ".join("".join(parts).split())


@cache
def _language() -> tuple[Any, LatexNodes2Text]:
    """Return the syntax that is read, and what writes it."""
    syntax, texts = default_syntax(), default_texts()
    one = MacroStandardArgsParser("{")
    commands = [MacroSpec(name, "{{") for name in ("frac", "tfrac", "dfrac", "overset")] + [MacroSpec("sqrt", "[{")]
    commands += [MacroSpec(name, "{") for name in ("mathrm", "text", "operatorname")]
    syntax.add_context_category(
        "lines", commands, specials=[SpecialsSpec(sign, args_parser=one) for sign in "^_"], prepend=True
    )
    written: dict[str, Any] = {**dict.fromkeys(_SIZES, ""), **_SPACES, **_SIGNS}
    written |= {name: _NAME + name + _NAMED for name in _NAMES}
    written |= dict.fromkeys(("frac", "tfrac", "dfrac"), _fraction)
    written |= dict.fromkeys(("mathrm", "operatorname"), _name)
    written |= {"sqrt": _root, "overset": _overset, "text": _text}
    texts.add_context_category(
        "lines",
        [MacroTextSpec(name, simplify_repl=text) for name, text in written.items()],
        specials=[SpecialsTextSpec("^", simplify_repl=_power), SpecialsTextSpec("_", simplify_repl=_index)],
        prepend=True,
    )
    texts.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=lambda node: f"{_NAME}{node.macroname}{_NAMED}"))
    return syntax, LatexNodes2Text(latex_context=texts, math_mode="text", strict_latex_spaces="macros")


def _arguments(node: Any, l2tobj: LatexNodes2Text) -> list[str]:
    return [l2tobj.nodelist_to_text([part]).strip() for part in node.nodeargd.argnlist]


def _bracketed(text: str, whole: re.Pattern[str]) -> str:
    return text if whole.fullmatch(text) else f"({text})"


def _script(node: Any, l2tobj: LatexNodes2Text, sign: str, digits: dict[int, int]) -> str:
    (text,) = _arguments(node, l2tobj)
    if text in "*'":
        return text
    return text.translate(digits) if _NUMBER.fullmatch(text) else sign + _bracketed(text, _WHOLE)


def _power(node: Any, l2tobj: LatexNodes2Text) -> str:
    return _script(node, l2tobj, "^", _RAISED)


def _index(node: Any, l2tobj: LatexNodes2Text) -> str:
    return _script(node, l2tobj, "_", _LOWERED)


def _fraction(node: Any, l2tobj: LatexNodes2Text) -> str:
    over, under = _arguments(node, l2tobj)
    outside = _ENCLOSED.sub("", over)
    text = f"{over if not outside or _PRODUCT.fullmatch(outside) else f'({over})'}/{_bracketed(under, _SYMBOL)}"
    return _PARTS.get(text, _OPEN + text + _CLOSE)


def _root(node: Any, l2tobj: LatexNodes2Text) -> str:
    order, text = _arguments(node, l2tobj)
    return f"{order.translate(_RAISED)}√{_bracketed(text, _SYMBOL)}"


def _overset(node: Any, l2tobj: LatexNodes2Text) -> str:
    over, base = _arguments(node, l2tobj)
    return f"{base}^{over}"


def _name(node: Any, l2tobj: LatexNodes2Text) -> str:
    (text,) = _arguments(node, l2tobj)
    return f"{_NAME}{text}{_NAMED}" if len(text) > 1 else text


def _text(node: Any, l2tobj: LatexNodes2Text) -> str:
    return str(l2tobj.nodelist_to_text(node.nodeargd.argnlist))
