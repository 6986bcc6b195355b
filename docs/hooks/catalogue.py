"""The catalogue as pages: one for each claim, from the claim itself, and a list of all by regime."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markdown.extensions.toc import slugify
from mkdocs.structure.files import File, Files

from theory_check.catalogue.references import origin, written_out
from theory_check.catalogue.regimes import REGIMES, all_claims
from theory_check.claims import Claim, Regime
from theory_check.reporting.markdown import one_line, safe_mathematics, table_cell
from theory_check.reporting.page_filters import literal

_ID = re.compile(r"\b[PECNT]\d{1,2}\b")
_NOT_TEXT = re.compile(r"((?<!\\)\$(?:\\.|[^$\\])+\$|`[^`]*`)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages, and name them in the navigation."""
    files.append(File.generated(config, "catalogue/index.md", content=index()))
    for regime in REGIMES:
        for claim in regime.claims:
            files.append(File.generated(config, f"catalogue/{claim.id}.md", content=page(claim, regime)))
    # Once: a server that builds again keeps the configuration.
    for item in config.nav:
        if item == {"Catalogue": "catalogue/index.md"}:
            item["Catalogue"] = ["catalogue/index.md", *navigation()]
    return files


def navigation() -> list[dict[str, Any]]:
    """Return the claims by regime, as the configuration of the site spells it."""
    return [
        {regime.title: [{f"{claim.id}. {claim.title}": f"catalogue/{claim.id}.md"} for claim in regime.claims]}
        for regime in REGIMES
    ]


def index() -> str:
    """Return the page that lists all claims."""
    lines = [
        "# Catalogue",
        "",
        "Every statement that the package checks, by regime. The letter of an id tells where a statement is from: P is "
        "stated by the paper; E and C are derived, at finite depth and width where that is possible, E for independent "
        "and C for correlated weights; N is about several networks or derivatives at once; T is about networks after "
        "training. Ids never change meaning. [The report of this version](../report.html) says how each was judged; "
        "`theory-check show E4` prints one with its checks.",
    ]
    for regime in REGIMES:
        lines += ["", f"## {regime.title}", "", safe_mathematics(regime.text), "", *_formula(regime.formula)]
        lines += ["", "| Claim | Statement |", "|:--|:--|"]
        lines += [
            f"| [{claim.id}]({claim.id}.md)<br>{claim.title} | {table_cell(claim.statement)} |"
            for claim in regime.claims
        ]
    return "\n".join(lines) + "\n"


def page(claim: Claim, regime: Regime) -> str:
    """Return the page of a claim."""
    return "\n".join(_lines(claim, regime)) + "\n"


def _lines(claim: Claim, regime: Regime) -> Iterator[str]:
    yield from (f"# {claim.id}. {claim.title}", "", safe_mathematics(claim.statement), "", *_formula(claim.formula), "")
    yield f"**Regime.** [{regime.title}](index.md#{slugify(regime.title, '-')})"
    yield from ("", f"**Source.** {_linked(one_line(origin(claim)), claim)}", "")
    yield f"**Verdict.** [Points, estimates and mistakes refuted](../report.html#claim-{claim.id}), in the report."
    yield from ("", "## Hypotheses", "", _linked(literal(claim.hypotheses), claim), "")
    if claim.domain is not None:
        yield f"`theory-check search {claim.id}` draws networks of which all this holds:"
        yield from ("", *(f"- {literal(one.sentence)}" for one in claim.domain.hypotheses), "")
    yield from ("## Derivation", "", _linked(literal(claim.derivation), claim), "")
    if claim.corrections:
        yield from ("## Corrected", "", "| Source | As stated | What holds |", "|:--|:--|:--|")
        for one in claim.corrections:
            cells = (written_out(one.source), one.stated, one.corrected)
            yield f"| {' | '.join(map(table_cell, cells))} |"
        yield ""
    if claim.remarks:
        yield from ("## Remarks", "")
        for remark in claim.remarks:
            yield from (_linked(safe_mathematics(remark), claim), "")


def _linked(text: str, claim: Claim) -> str:
    """Return text in which the ids of other claims are links; formulas and code have none."""
    others = {other.id for other in all_claims()} - {claim.id}
    pieces = _NOT_TEXT.split(text)
    return "".join(
        piece
        if place % 2
        else _ID.sub(lambda found: f"[{found[0]}]({found[0]}.md)" if found[0] in others else found[0], piece)
        for place, piece in enumerate(pieces)
    )


def _formula(formula: str) -> tuple[str, ...]:
    return ("```math", formula.strip(), "```") if formula else ()
