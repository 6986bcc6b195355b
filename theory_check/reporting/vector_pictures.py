"""Deviations of estimates from their targets as SVG: one claim point by point, and all claims on one page.

Zero is anywhere in the target, one the edge of the tolerance (margin and remainder). The pictures adapt to dark
backgrounds by themselves and cost no drawing library: they are templates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from theory_check.findings.run import ClaimFinding, Finding, RunRecord
from theory_check.reporting.markdown import template_environment
from theory_check.reporting.numerals import format_at_most
from theory_check.reporting.summary import all_points, excess, plain_text, plural, tally

if TYPE_CHECKING:
    from jinja2 import Template

#: What lies farther from its target, in tolerances, is drawn at the edge of the picture.
_FARTHEST, _FARTHEST_OF_ALL = 2.0, 1.5

#: Claims that a panel of the overview holds before there is another beside it.
_FEW = 4

#: Sizes in pixels: of the picture, of a row, of a row where there are many, and where rows begin.
_WIDTH, _ROW, _LOW_ROW, _TOP = 860, 17, 14, 24

_AXIS_HEIGHT = 42


def relative(finding: Finding, value: float) -> float:
    """Return the deviation of a value from the target of a point, in tolerances.

    Parameters
    ----------
    finding : Finding
    value : float

    Returns
    -------
    float
        0 anywhere in a target that is a range; infinite off a target without tolerance.
    """
    off = max(value - finding.target_upper, 0.0) - max(finding.target_lower - value, 0.0)
    if off == 0.0 or math.isnan(off):
        return off
    return off / finding.tolerance if finding.tolerance > 0 else math.copysign(math.inf, off)


def claim_picture(claim: ClaimFinding) -> str:
    """Return the points of a claim as SVG, a row each: estimate and interval about the target."""
    names = [finding.id.partition("/")[2] for finding in claim.findings]
    left = min(max(7 * max(map(len, names), default=0) + 16, 120), 420)
    rows = [(name, [finding]) for name, finding in zip(names, claim.findings, strict=True)]
    level = format_at_most(max((finding.level for finding in claim.findings), default=1.0))
    bars = f"; bars: intervals at level {level} or less each"
    xlabel = f"deviation from the target, in margins{_at_the_edge(claim.findings, _FARTHEST)}{bars}"
    return _draw([_panel("", rows, left, _WIDTH - 16, _FARTHEST, bars=True)], describe_claim(claim), xlabel)


def overview_picture(record: RunRecord, columns: int = 4, width: int = _WIDTH) -> str:
    """Return all claims as SVG, a row each with a dot per point.

    Parameters
    ----------
    record : RunRecord
    columns : int
        Panels side by side that share the claims, at most.
    width : int
        Of the picture in pixels.

    Returns
    -------
    str
    """
    rows = [(claim.id, claim.findings) for claim in record.claims]
    columns = min(columns, math.ceil(len(rows) / _FEW) or 1)
    share, wide = math.ceil(len(rows) / columns) or 1, width // columns
    letters = ascii_lowercase if columns > 1 else ("",)
    panels = [
        _panel(letter, rows[place * share : (place + 1) * share], place * wide + 44, (place + 1) * wide - 10,
               _FARTHEST_OF_ALL, row=_LOW_ROW, bars=False)
        for place, letter in zip(range(columns), letters, strict=False)
    ]  # fmt: skip
    edge = _at_the_edge(all_points(record), _FARTHEST_OF_ALL)
    # Beside others a panel has no room for more letters than without the edge.
    xlabel = f"margins; edge: ≥ {_FARTHEST_OF_ALL:g}" if edge and columns > 1 else f"deviation in margins{edge}"
    return _draw(panels, describe_overview(record), xlabel, width)


def describe_claim(claim: ClaimFinding) -> str:
    """Return in plain words what the picture of a claim shows."""
    counts = tally(finding.verdict for finding in claim.findings)
    return (
        f"Estimates of {claim.id}, {plain_text(claim.title)}, with their intervals about the target: {counts.supported}"
        f" of {plural(counts.total, 'point')} supported{_farthest(claim.findings)}"
    )


def describe_overview(record: RunRecord) -> str:
    """Return in plain words what the picture of all claims shows."""
    points = all_points(record)
    return f"Deviations of {plural(len(points), 'estimate')} from their targets, by claim{_farthest(points)}"


def _at_the_edge(findings: Iterable[Finding], farthest: float) -> str:
    """Say that the edge of the picture stands for all that is farther, if anything is."""
    beyond = any(abs(relative(finding, finding.estimate)) > farthest for finding in findings)
    return f"; at the edge: {farthest:g} or more" if beyond else ""


def _farthest(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    farthest = max(findings, key=excess)
    return f"; the farthest, {farthest.id}, is off by {100 * min(excess(farthest), 99.99):.0f}% of its margin"


def _panel(
    letter: str,
    rows: Sequence[tuple[str, Iterable[Finding]]],
    left: int,
    right: int,
    farthest: float,
    *,
    row: int = _ROW,
    bars: bool,
) -> dict[str, Any]:
    """Return what the template draws: places in pixels of band, ticks and rows."""

    def place(deviation: float) -> float:
        clipped = min(max(deviation, -farthest), farthest)
        return round((left + right) / 2 + clipped / farthest * (right - left) / 2, 1)

    def mark(finding: Finding) -> dict[str, Any]:
        estimate = relative(finding, finding.estimate)
        ends = place(relative(finding, finding.lower)), place(relative(finding, finding.upper))
        good = finding.verdict == "supported"
        return {
            "style": ("supported" if good else "other") + ("" if bars or not good else " faint"),
            "x": None if math.isnan(estimate) else place(estimate),
            "ends": ends if bars else None,
        }

    ticks = range(-math.floor(farthest), math.floor(farthest) + 1)
    return {
        "letter": letter,
        "left": left,
        "right": right,
        "bottom": _TOP + row * len(rows),
        "band": (place(-1.0), place(1.0)),
        "zero": place(0.0),
        "ticks": [(f"{tick}".replace("-", "−"), place(tick)) for tick in ticks],
        "rows": [
            {"label": label, "y": _TOP + row * number + row // 2, "marks": [mark(f) for f in findings]}
            for number, (label, findings) in enumerate(rows)
        ],
    }


def _draw(panels: Sequence[dict[str, Any]], title: str, xlabel: str, width: int = _WIDTH) -> str:
    height = max(panel["bottom"] for panel in panels) + _AXIS_HEIGHT
    shown = [panel for panel in panels if panel["rows"]]
    return _template().render(panels=shown, title=title, xlabel=xlabel, width=width, height=height, top=_TOP)


@cache
def _template() -> Template:
    return template_environment().get_template("deviations.svg.jinja")
