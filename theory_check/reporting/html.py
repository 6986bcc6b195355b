"""The report as one HTML file that needs nothing else: the same pages, with search and a filter by verdict.

The pages are those of :mod:`theory_check.reporting.pages`, translated from Markdown; formulas become MathML, which
browsers set by themselves, and pictures are part of the file, each once.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from html import escape
from typing import TYPE_CHECKING, Any

from theory_check.findings.run import ClaimFinding
from theory_check.foundation.errors import SpecificationError
from theory_check.reporting.markdown import MATHEMATICS, template_environment
from theory_check.reporting.pages import Report, claim_path, is_well, render_pages, table_path
from theory_check.reporting.summary import plural, tally

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

#: Code and blocks, which keep their signs, or inline mathematics.
_PIECES = re.compile(rf"(```.*?\n```|`[^`\n]*`)|{MATHEMATICS.pattern}", re.DOTALL)

#: Stands for the mathematics of a page while Markdown is translated: signs of private use.
_PLACE = "\ue000{}\ue001"

_IMAGE = re.compile(r'(?:<picture>(.*?))?<img alt="([^"]*)" src="([^"]+)">(?:</picture>)?')
_NARROW = re.compile(r'media="(\(max-width: [^"]+)" srcset="([^"]+)"')
_ALERT = re.compile(r"<blockquote>\n<p>\[!(\w+)\]\n")
_ARROW = re.compile(r"\\xrightarrow\{((?:[^{}]|\{[^{}]*\})*)\}")
_LINK = re.compile(r'href="([^"]+)"')


def render_html(report: Report, read: Callable[[str], bytes]) -> str:
    """Return the report as one file of HTML.

    Parameters
    ----------
    report : Report
    read : callable
        Returns a picture by its path in the folder of the report.

    Returns
    -------
    str

    Raises
    ------
    SpecificationError
        If the packages of the extra ``html`` are not installed.
    StorageError
        If a picture cannot be read.
    """
    pages = render_pages(report)
    anchors = {claim_path(claim): f"claim-{claim.id}" for claim in report.record.claims}
    anchors |= {table_path(table): _anchor(table_path(table)) for table in report.shown_tables}
    anchors["REPORT.md"] = "report"
    translator = _Translator(anchors, read)

    def translated(path: str) -> str:
        return translator.translate(path, pages[path])

    # In the order of reading: pictures are the targets of links where they come first.
    first = translated("REPORT.md")
    claims = [_article(claim, translated(claim_path(claim))) for claim in report.record.claims]
    tables = [{"id": anchors[path], "body": translated(path)} for path in map(table_path, report.shown_tables)]
    counts = tally(claim.verdict for claim in report.record.claims)
    kinds = [claim["kind"] for claim in claims]
    return (
        template_environment()
        .get_template("report.html.jinja")
        .render(
            first=first,
            claims=claims,
            tables=tables,
            pictures=list(translator.pictures.values()),
            counts=f"{counts.supported} of {plural(counts.total, 'claim')} supported",
            verdicts=[(kind, kinds.count(kind)) for kind in ("supported", "refuted", "undecided")],
        )
    )


def _article(claim: ClaimFinding, body: str) -> dict[str, str]:
    """Return what the template shows of a claim; its title moves from the page to what is shown while it is folded."""
    before, _, rest = body.partition("<h1>")
    title, _, after = rest.partition("</h1>")
    kind = "supported" if is_well(claim) else "refuted" if claim.verdict == "refuted" else "undecided"
    mark = claim.verdict if claim.verdict != "supported" or claim.has_teeth else "without proof of power"
    return {
        "id": escape(claim.id),
        "kind": kind,
        "title": title,
        "mark": mark,
        "body": re.sub(r"(</?h)2>", r"\g<1>3>", before + after),
    }


@dataclass
class _Translator:
    """Translates pages; pictures of pixels that it meets are collected, each once.

    Attributes
    ----------
    anchors : mapping of str to str
        Place in the file of each page, by its path.
    read : callable
        Returns a picture by its path in the folder of the report.
    pictures : dict
        What the template shows of each picture of pixels, by its name.
    """

    anchors: Mapping[str, str]
    read: Callable[[str], bytes]
    pictures: dict[str, dict[str, Any]] = field(default_factory=dict)

    def translate(self, path: str, text: str) -> str:
        """Return a page as HTML whose links lead within the file."""
        formulas: list[str] = []

        def kept(found: re.Match[str]) -> str:
            if found[1] is not None:
                return found[1]
            formulas.append(mathml(found[2][1:-1], "inline"))
            return _PLACE.format(len(formulas) - 1)

        html = _markdown().render(_PIECES.sub(kept, text))
        html = _LINK.sub(partial(self._link, path), html)
        html = _IMAGE.sub(partial(self._image, path), html)
        html = _ALERT.sub(lambda found: f'<blockquote class="{found[1].lower()}">\n<p>', html)
        html = html.replace("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="table"><table>')
        html = html.replace("</table>", "</table></div>")
        return re.sub("\ue000(\\d+)\ue001", lambda found: formulas[int(found[1])], html)

    def _link(self, path: str, found: re.Match[str]) -> str:
        target = _resolved(path, found[1])
        if target.startswith("figures/"):
            return f'href="#picture-{target.rpartition("/")[2].rpartition(".")[0]}"'
        return f'href="#{self.anchors[target]}"' if target in self.anchors else found[0]

    def _image(self, path: str, found: re.Match[str]) -> str:
        alt, source = found[2], _resolved(path, found[3])
        narrow = _NARROW.search(found[1] or "")
        if narrow is not None:
            on_phones = _embedded(self.read(_resolved(path, narrow[2])))
            return (
                f'<picture><source media="{narrow[1]}" srcset="{on_phones}">'
                f'<img alt="{alt}" src="{_embedded(self.read(source))}"></picture>'
            )
        if source.endswith(".svg"):
            return _scrolled(f'<img alt="{alt}" src="{_embedded(self.read(source))}">', alt)
        name = re.sub(r"\W+", "-", source.rpartition("/")[2].rpartition(".")[0])
        # A picture that several pages show is the target of links where it comes first.
        place = "" if name in self.pictures else f' id="picture-{name}"'
        if name not in self.pictures:
            self.pictures[name] = _pixels(name, self.read(source))
        return _scrolled(f'<span class="picture p-{name}"{place} role="img" aria-label="{alt}"></span>', alt)


def _pixels(name: str, png: bytes) -> dict[str, Any]:
    width, height = struct.unpack(">II", png[16:24])
    return {"name": name, "width": width, "height": height, "data": base64.b64encode(png).decode()}


def _embedded(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _scrolled(element: str, label: str) -> str:
    """Return a picture in a box that a phone, and a keyboard, can scroll."""
    return f'<span class="scroll" tabindex="0" role="group" aria-label="{label}">{element}</span>'


def _resolved(page: str, target: str) -> str:
    """Return the path in the folder of the report of what a page links to."""
    folder = page.rpartition("/")[0]
    if target.startswith("../"):
        return target.removeprefix("../")
    return f"{folder}/{target}" if folder and ":" not in target else target


def _anchor(path: str) -> str:
    return path.removesuffix(".md").replace("/", "-")


@cache
def mathml(formula: str, display: str) -> str:
    """Return a formula as MathML.

    Parameters
    ----------
    formula : str
        LaTeX.
    display : str
        ``"inline"`` or ``"block"``.

    Returns
    -------
    str

    Raises
    ------
    SpecificationError
        If the packages of the extra ``html`` are not installed.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise _missing() from None
    # The one command of the reports that the library does not know by this name, and one that it sets in a way that
    # browsers no longer read.
    known = _ARROW.sub(r"\\overset{\1}{\\longrightarrow}", re.sub(r"\\[lr]?Vert(?![A-Za-z])", r"\\|", formula))
    # A norm of a given size keeps the sign of its command.
    return str(convert(known, display=display)).replace(r">\|</mo>", ">&#x02016;</mo>")


@cache
def _markdown() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise _missing() from None
    translator = MarkdownIt("commonmark", {"html": True}).enable("table")

    def fence(_self: Any, tokens: Any, place: int, _options: Any, _environment: Any) -> str:
        token = tokens[place]
        if token.info.strip() == "math":
            return mathml(token.content.strip(), "block") + "\n"
        return f"<pre><code>{escape(token.content)}</code></pre>\n"

    translator.add_render_rule("fence", fence)
    return translator


def _missing() -> SpecificationError:
    return SpecificationError("HTML needs more packages: pip install 'theory-check[html]'")
