"""Filters of the templates of the report: points, variants, claims and corrections as Markdown."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from html import escape
from types import MappingProxyType
from typing import Any

import msgspec

from theory_check.findings.run import (
    ClaimFinding,
    Finding,
    JudgedCorrection,
    RunRecord,
    VariantFinding,
    evidence_for,
)
from theory_check.findings.searches import SearchSummary
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.change_text import change_lines, changed_text, cost_text
from theory_check.reporting.markdown import MATHEMATICS, one_line, safe_mathematics, table_cell
from theory_check.reporting.numerals import format_at_most, format_significant
from theory_check.reporting.summary import (
    answer_certainty,
    answer_cost,
    answer_theory,
    decisive_point,
    estimate_text,
    excess,
    margin_text,
    mistakes_text,
    more_networks,
    nearest_mistake,
    off_target,
    plural,
    refuted_text,
    tally,
    target_text,
    toothless,
)

_MARKS: Mapping[Verdict, str] = MappingProxyType(
    {
        "supported": "supported",
        "refuted": "❌ **refuted**",
        "inconclusive": "⚠️ **inconclusive**",
        "inapplicable": "⚠️ **inapplicable**",
    }
)

#: What Markdown would take for markup in plain text.
_SIGNS = re.compile(r"[\\`*_<>\[\]|~#]")

#: Points that the evidence of a correction names; the table of variants has them all.
_NAMED = 3


def _mark_variant(verdict: Verdict) -> str:
    return "refuted" if verdict == "refuted" else f"⚠️ **{verdict}**"


def _points_supported(claim: ClaimFinding) -> str:
    counts = tally(f.verdict for f in claim.findings)
    return f"{counts.supported} of {counts.total}"


def _variants_refuted(claim: ClaimFinding) -> str:
    return mistakes_text(claim.findings)


def _mark_variants(claim: ClaimFinding) -> str:
    text = refuted_text(claim.findings)
    return f"⚠️ **{text or 'none'}**" if toothless(claim.findings) else text


def _told_from(claim: ClaimFinding) -> str:
    nearest = nearest_mistake(claim.findings)
    return "" if nearest is None else format_significant(nearest)


def _telling_point(claim: ClaimFinding) -> str:
    finding = decisive_point(claim)
    if finding is None:
        return "nothing checked"
    numbers = f"{estimate_text(finding)}, target {target_text(finding)} {margin_text(finding)}"
    return f"{one_line(finding.quantity)}: {numbers}"


def _variant(variant: VariantFinding, finding: Finding) -> str:
    """Return what a variant predicts and how far off that is, and how it fared unless it was refuted."""
    distance = "" if variant.distance is None else f" ({format_significant(variant.distance)})"
    same = repr((variant.estimate, variant.lower, variant.upper)) == repr(
        (finding.estimate, finding.lower, finding.upper)
    )
    estimate = "" if same else f", estimated {estimate_text(variant)}"
    mark = "" if variant.verdict == "refuted" else f" {_mark_variant(variant.verdict)}"
    return f"{variant.name}: {target_text(variant)}{distance}{estimate}{mark}"


def _by_method(findings: Iterable[Finding]) -> list[tuple[tuple[str, bool, float, float], int]]:
    """Return each method, with the kind of prediction, the level and the miss rate, and its number of points."""
    return list(Counter((f.method, f.exact, f.level, f.miss_rate) for f in findings).items())


def _percent(finding: Finding) -> str:
    used = excess(finding)
    return f"{100 * used:.0f}%" if math.isfinite(used) else "all"


def _most_used(claim: ClaimFinding) -> str:
    return _percent(max(claim.findings, key=excess)) if claim.findings else "nothing checked"


def _evidence(finding: Finding) -> str:
    """Return the e-value against a point as a power of ten."""
    return f"$10^{{{finding.log_evidence / math.log(10.0):.1f}}}$" if math.isfinite(finding.log_evidence) else "0"


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


def _diverged(claim: ClaimFinding) -> list[str]:
    """Say at which points trainings diverged, how many, and what became of them; nothing where none was trained."""
    counted = [(f.id, f.replicates, f.divergence) for f in claim.findings if f.divergence is not msgspec.UNSET]
    found = [(point, replicates, counts) for point, replicates, counts in counted if counts.diverged]
    if not found:
        return ["No training diverged."] if counted else []
    lines = [f"Trainings diverged at {len(found)} of {plural(len(claim.findings), 'point')}:", ""]
    for point, replicates, counts in found:
        share = f"in {counts.diverged:,} of {replicates:,} replicates ({counts.diverged / replicates:.1%})"
        kept = "counted, with the accuracies of a constant answer"
        if counts.left_out:
            kept = f"{counts.left_out:,} left out: the estimate is about trainings that converge"
        lines.append(f"- `{point}`: {share}, {kept}.")
    return lines


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


def literal(text: str) -> str:
    """Return plain text so that Markdown shows each of its signs as it is; mathematics stays mathematics."""
    pieces = MATHEMATICS.split(one_line(text))
    return "".join(p if place % 2 else _SIGNS.sub(r"\\\g<0>", p) for place, p in enumerate(pieces))


def _searched(search: SearchSummary) -> str:
    """Say in plain words what a search drew and found."""
    where = "beyond the hypotheses, leaving one of them at a time," if search.everywhere else "from this domain"
    found = plural(len(search.counterexamples), "counterexample") if search.counterexamples else "no counterexample"
    text = (
        f"The search of {search.started} (seed {search.seed}) drew {plural(search.drawn, 'network')} {where} and found "
        f"{found}. That of a true claim reports one with probability at most {format_at_most(search.level)}."
    )
    if search.strongest:
        evidence = search.log_evidence / math.log(10.0)
        text += f" The strongest evidence against the claim, on the sample that chose it: $10^{{{evidence:.1f}}}$."
    if search.overflowed:
        text += f" {plural(search.overflowed, 'network')} left double precision."
    return text


def _claim_ids(findings: Iterable[Finding]) -> str:
    return " ".join(dict.fromkeys(f.id.partition("/")[0] for f in findings))


def _arguments(record: RunRecord, claims: str = "", later: int = 0) -> str:
    """Return the arguments that repeat a run, or one of these claims with a later seed."""
    selection = claims or " ".join(record.selection)
    own = f"--claims {shlex.quote(record.claims_file)} " if record.claims_file else ""
    return f"{selection + ' ' if selection else ''}{own}--profile {record.profile} --seed {record.seed + later}"


def picture_markup(path: str, alt: str, dark: str = "", narrow: str = "") -> str:
    """Return a picture as HTML, which Markdown takes as it is.

    Parameters
    ----------
    path, alt, dark, narrow : str
        Path of the picture, its alternative text, and the paths of what is shown in its place on a dark background and
        on a phone.

    Returns
    -------
    str
    """
    media = (("prefers-color-scheme: dark", dark), ("max-width: 600px", narrow))
    sources = "".join(f'<source media="({one})" srcset="{other}">' for one, other in media if other)
    image = f'<img alt="{escape(alt)}" src="{path}">'
    return f"<picture>{sources}{image}</picture>" if sources else image


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "answer_certainty": answer_certainty,
        "answer_cost": answer_cost,
        "answer_theory": answer_theory,
        "arguments": _arguments,
        "at_most": format_at_most,
        "by_method": _by_method,
        "cell": table_cell,
        "diverged": _diverged,
        "change_lines": change_lines,
        "changed": changed_text,
        "claim_ids": _claim_ids,
        "cost": cost_text,
        "estimate": estimate_text,
        "evidence": _evidence,
        "line": one_line,
        "literal": literal,
        "safe": safe_mathematics,
        "searched": _searched,
        "shown": _shown,
        "margin": margin_text,
        "mark": lambda verdict: _MARKS[verdict],
        "most_used": _most_used,
        "off": lambda finding: format_significant(off_target(finding)),
        "plural": plural,
        "points_supported": _points_supported,
        "quoted": shlex.quote,
        "target": target_text,
        "telling": _telling_point,
        "told_from": _told_from,
        "undecided": _undecided,
        "used": _percent,
        "variant": _variant,
        "variants_marked": _mark_variants,
        "variants_refuted": _variants_refuted,
    }
)
