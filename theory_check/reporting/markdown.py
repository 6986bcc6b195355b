"""The report as Markdown, for GitHub: ``REPORT.md``.

Two runs with identical samples give the same text but for the block between :data:`RUN_BEGIN` and
:data:`RUN_END`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from theory_check.findings.run import (
    ClaimFinding,
    Finding,
    JudgedCorrection,
    RunRecord,
    Table,
    VariantFinding,
    evidence_for,
)
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.numerals import format_at_most, format_significant
from theory_check.reporting.summary import (
    all_points,
    all_variants,
    answer_certainty,
    answer_cost,
    answer_theory,
    decisive_point,
    estimate_text,
    margin_text,
    more_networks,
    off_target,
    tally,
    target_text,
    toothless,
)

if TYPE_CHECKING:
    from jinja2 import Environment

RUN_BEGIN = "<!-- run: runs with identical samples differ in this block only -->"
RUN_END = "<!-- end of run -->"

_MATH = re.compile(r"((?<!\\)\$(?:\\.|[^$\\])+\$)")
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
_MARKS: dict[Verdict, str] = {
    "supported": "supported",
    "refuted": "❌ **refuted**",
    "inconclusive": "⚠️ **inconclusive**",
    "inapplicable": "⚠️ **inapplicable**",
}


def render_report(record: RunRecord, tables: Sequence[Table] = ()) -> str:
    """Return the report on a run, with these tables, as Markdown for GitHub; its pictures are in ``figures/``."""
    points = all_points(record)
    text = (
        _environment()
        .get_template("report.md.jinja")
        .render(
            record=record,
            points=points,
            refuted=[f for f in points if f.verdict == "refuted"],
            inapplicable=[f for f in points if f.verdict == "inapplicable"],
            inconclusive=[f for f in points if f.verdict == "inconclusive"],
            toothless=toothless(points),
            corrections=[(claim, correction) for claim in record.claims for correction in claim.corrections],
            tables=[table for table in tables if table.rows],
            run_begin=RUN_BEGIN,
            run_end=RUN_END,
        )
    )
    return tidy(text)


def table_cell(markdown: str) -> str:
    """Return text for a table cell: on one line, and with no vertical bar that would end the cell."""
    pieces = _MATH.split(one_line(markdown))
    # Splitting by a group leaves the mathematics at odd places.
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
    return _MATH.sub(lambda found: _FRAGILE.sub(lambda m: f"{_SPELLED[m[0]]} ", found[0]), markdown)


def _mark_variant(verdict: Verdict) -> str:
    return "refuted" if verdict == "refuted" else f"⚠️ **{verdict}**"


def _points_supported(claim: ClaimFinding) -> str:
    counts = tally(f.verdict for f in claim.findings)
    return f"{counts.supported} of {counts.total}"


def _variants_refuted(claim: ClaimFinding) -> str:
    counts = tally(v.verdict for v in all_variants(claim.findings))
    return f"{counts.refuted} of {counts.total}"


def _mark_variants(claim: ClaimFinding) -> str:
    text = _variants_refuted(claim)
    return text if claim.has_teeth else f"⚠️ **{text}**"


def _telling_point(claim: ClaimFinding) -> str:
    finding = decisive_point(claim)
    if finding is None:
        return "nothing checked"
    numbers = f"{estimate_text(finding)}, target {target_text(finding)} {margin_text(finding)}"
    return f"{table_cell(finding.quantity)}: {numbers}"


def _distance(variant: VariantFinding) -> str:
    return "" if variant.distance is None else format_significant(variant.distance)


def _undecided(finding: Finding) -> str:
    tolerance = finding.tolerance
    factor = more_networks(finding)
    if factor == 1:
        reason = "the interval reaches across the edge of the margin."
    elif math.isinf(factor):
        reason = "no sample size is known to decide it."
    else:
        reason = f"about {format_at_most(factor)} times as many networks would resolve the margin."
    return f"resolution {format_at_most(finding.resolution)} against {format_significant(tolerance)}; {reason}"


#: Points that the evidence of a correction names; the table of variants has them all.
_NAMED = 3


def _shown(correction: JudgedCorrection, claim: ClaimFinding) -> str:
    """Return the points that refuted what was first stated, or what is missing for it to be shown false."""
    if not correction.points:
        return "⚠️ **not shown**: no point judged it"
    # What was not refuted comes first: it must not hide behind points that were.
    ordered = sorted(evidence_for(correction, claim.findings), key=lambda pair: pair[1].verdict == "refuted")
    places = [
        f"`{finding.id}`: it predicts {target_text(variant)}, estimated {estimate_text(variant)}, "
        f"{_mark_variant(variant.verdict)}"
        for finding, variant in ordered[:_NAMED]
    ]
    if len(ordered) > _NAMED:
        places.append(f"and {len(ordered) - _NAMED} more")
    return ("" if correction.shown else "⚠️ **not shown**: ") + "; ".join(places)


def _claim_ids(findings: list[Finding]) -> str:
    return " ".join(dict.fromkeys(f.id.partition("/")[0] for f in findings))


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


def _environment() -> Environment:
    environment = template_environment()
    environment.filters |= {
        "alt": lambda text: re.sub(r"[\[\]]", "", text),
        "answer_certainty": answer_certainty,
        "answer_cost": answer_cost,
        "answer_theory": answer_theory,
        "at_most": format_at_most,
        "cell": table_cell,
        "claim_ids": _claim_ids,
        "distance": _distance,
        "estimate": estimate_text,
        "line": one_line,
        "safe": safe_mathematics,
        "shown": _shown,
        "margin": margin_text,
        "mark": lambda verdict: _MARKS[verdict],
        "off": lambda finding: format_significant(off_target(finding)),
        "points_supported": _points_supported,
        "target": target_text,
        "telling": _telling_point,
        "undecided": _undecided,
        "variant_mark": _mark_variant,
        "variants_marked": _mark_variants,
        "variants_refuted": _variants_refuted,
    }
    return environment
