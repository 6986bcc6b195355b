"""The report as Markdown, for GitHub: ``REPORT.md``, a page per claim, a page per table, and ``SUMMARY.md``.

Two runs with identical samples give the same text but for the block between
:data:`~theory_check.reporting.markdown.RUN_BEGIN` and :data:`~theory_check.reporting.markdown.RUN_END` of the first
page and the summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from theory_check.findings.changes import Changes
from theory_check.findings.pictures import PictureText
from theory_check.findings.run import ClaimFinding, Finding, RegimeReport, RunRecord, Table
from theory_check.findings.searches import SearchSummary
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.markdown import RUN_BEGIN, RUN_END, template_environment, tidy
from theory_check.reporting.page_filters import FILTERS, picture_markup
from theory_check.reporting.searches import search_pictures
from theory_check.reporting.summary import all_points, nearest_points, plural, toothless
from theory_check.reporting.vector_pictures import describe_claim, describe_overview

if TYPE_CHECKING:
    from jinja2 import Environment

#: Bytes of the first page, and of any other, at most.
FIRST_PAGE, ANY_PAGE = 20_000, 60_000

#: Points of each kind of trouble, points nearest to their edge, and pictures on the first page, at most.
_TROUBLE, _NEAREST, _PICTURES = 6, 3, 2


@dataclass(frozen=True)
class Report:
    """A run and what its report says besides.

    Attributes
    ----------
    record : RunRecord
    tables : tuple of Table
        Each has a page of its own, unless it has no rows.
    changes : Changes, optional
        Since the run before; None if there was none.
    nights : tuple of str
        What all nights together say: a sentence, and a line for each thing that stands out.
    searches : mapping of str to tuple of SearchSummary
        Searches for counterexamples, by claim.
    """

    record: RunRecord
    tables: tuple[Table, ...] = ()
    changes: Changes | None = None
    nights: tuple[str, ...] = ()
    searches: Mapping[str, tuple[SearchSummary, ...]] = field(default_factory=dict)

    @property
    def points(self) -> tuple[Finding, ...]:
        """All points."""
        return all_points(self.record)

    def _judged(self, verdict: Verdict) -> list[Finding]:
        return [finding for finding in self.points if finding.verdict == verdict]

    @property
    def refuted(self) -> list[Finding]:
        """Refuted points."""
        return self._judged("refuted")

    @property
    def inapplicable(self) -> list[Finding]:
        """Points whose sample contradicts a hypothesis."""
        return self._judged("inapplicable")

    @property
    def inconclusive(self) -> list[Finding]:
        """Undecided points."""
        return self._judged("inconclusive")

    @property
    def toothless(self) -> tuple[Finding, ...]:
        """Points without proof of power."""
        return toothless(self.points)

    @property
    def ordered(self) -> list[ClaimFinding]:
        """The claims, those in trouble first, each part in the order of the catalogue."""
        return sorted(self.record.claims, key=is_well)

    @property
    def shown_tables(self) -> list[Table]:
        """The tables with rows."""
        return [table for table in self.tables if table.rows]


def is_well(claim: ClaimFinding) -> bool:
    """Tell whether a claim is supported with proof of power."""
    return claim.verdict == "supported" and claim.has_teeth


def render_pages(report: Report) -> dict[str, str]:
    """Return the pages by their paths in the folder of the report, ``REPORT.md`` last.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict of str to str
        Their pictures are in ``figures/``, ``figures/dark/`` and ``figures/claims/``.
    """
    pages = dict(_claim_pages(report))
    pages |= {table_path(table): _render("table.md.jinja", table=table) for table in report.shown_tables}
    pages["SUMMARY.md"] = _render("summary.md.jinja", report=report, most=3 * _TROUBLE)
    pages["REPORT.md"] = render_first_page(report)
    return pages


def render_first_page(report: Report) -> str:
    """Return ``REPORT.md``, cut short where it would be longer than :data:`FIRST_PAGE`."""
    pictures = _headlines(report.record)
    everything = [(picture, regime) for regime in report.record.regimes for picture in regime.pictures]
    troubled = [claim for claim in report.record.claims if not is_well(claim)]
    options = {
        "report": report,
        "overview": describe_overview(report.record),
        "nearest": nearest_points(report.points, _NEAREST),
        "pictures": pictures,
        "others": [pair for pair in everything if pair not in pictures],
        "troubled": troubled,
        "well": [claim for claim in report.record.claims if is_well(claim)],
    }
    options["folded"] = _folded_text(options)
    for most, rows, listed in ((_TROUBLE, len(troubled), True), (1, len(troubled), True), (1, 20, False)):
        text = _render("report.md.jinja", most=most, rows=rows, listed=listed, **options)
        if len(text.encode()) <= FIRST_PAGE:
            break
    return text


def _folded_text(options: dict[str, Any]) -> str:
    """Return what is folded away on the first page, in a line; empty if there is nothing."""
    parts = []
    if well := len(options["well"]):
        which = "The other" if options["troubled"] else "All" if well > 1 else "The"
        parts.append(f"{which} {'claim' if well == 1 else plural(well, 'claim')}, supported")
    if options["nearest"]:
        parts.append("the points nearest to the edge of their margins")
    if options["report"].shown_tables or options["others"]:
        parts.append("further pictures and tables")
    if well and len(parts) > 1:
        parts[:2] = [f"{parts[0]}, and {parts[1]}"]
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def _headlines(record: RunRecord) -> list[tuple[PictureText, RegimeReport]]:
    """Return the pictures of regimes in trouble, or else of those that are headlines."""
    troubled = [regime for regime in record.regimes if not all(map(is_well, regime.claims))]
    regimes = troubled or [regime for regime in record.regimes if regime.headline]
    return [(picture, regime) for regime in regimes for picture in regime.pictures][:_PICTURES]


def _claim_pages(report: Report) -> Iterator[tuple[str, str]]:
    record = report.record
    claims = record.claims
    neighbours = zip((None, *claims), (*claims[1:], None), strict=False)
    listed = ((regime, claim) for regime in record.regimes for claim in regime.claims)
    for (regime, claim), (before, after) in zip(listed, neighbours, strict=False):
        options = {
            "c": claim, "regime": regime, "before": before, "after": after, "alt": describe_claim(claim),
            "searches": report.searches.get(claim.id, ()), "claims_file": record.claims_file,
        }  # fmt: skip
        text = _render("claim.md.jinja", variants=claim.findings, **options)
        if len(text.encode()) > ANY_PAGE:
            text = _render("claim.md.jinja", variants=[f for f in claim.findings if not f.has_teeth], **options)
        yield claim_path(claim), text


def claim_path(claim: ClaimFinding) -> str:
    """Return the path of the page of a claim in the folder of the report."""
    return f"claims/{claim.id}.md"


def table_path(table: Table) -> str:
    """Return the path of the page of a table in the folder of the report."""
    return f"tables/{'-'.join(re.findall('[a-z0-9]+', table.title.lower()))}.md"


def _render(template: str, **values: Any) -> str:
    return tidy(_environment().get_template(template).render(**values))


@cache
def _environment() -> Environment:
    environment = template_environment()
    environment.filters |= FILTERS
    environment.globals |= {
        "picture": picture_markup, "search_pictures": search_pictures,
        "table_path": table_path, "run_begin": RUN_BEGIN, "run_end": RUN_END,
    }  # fmt: skip
    return environment
