"""A run in a few sentences and counts, for every medium."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from string import ascii_lowercase

from theory_check.findings.pictures import HistogramPanel, Panel, PathPanel, Picture, RatePanel
from theory_check.findings.run import ClaimFinding, Finding, RunRecord, VariantFinding
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.numerals import (
    format_at_most,
    format_count,
    format_duration,
    format_estimate,
    format_significant,
    format_target,
    unit_exponent,
)


@dataclass(frozen=True)
class Tally:
    """Numbers of verdicts by kind."""

    supported: int
    refuted: int
    inconclusive: int
    inapplicable: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.supported + self.refuted + self.inconclusive + self.inapplicable


def tally(verdicts: Iterable[Verdict]) -> Tally:
    """Count verdicts."""
    counts = Counter(verdicts)
    return Tally(counts["supported"], counts["refuted"], counts["inconclusive"], counts["inapplicable"])


def all_points(record: RunRecord) -> tuple[Finding, ...]:
    """Return the findings of all claims in the order of the report."""
    return tuple(f for c in record.claims for f in c.findings)


def measured_variants(findings: Iterable[Finding]) -> tuple[VariantFinding, ...]:
    """Return the wrong variants of several points that have an estimate of their own: the only ones that count."""
    return tuple(v for f in findings for v in f.variants if v.kind == "measured")


def refuted_text(findings: Iterable[Finding]) -> str:
    """Return how many measured variants were refuted, of how many; nothing where there are none."""
    counts = tally(v.verdict for v in measured_variants(findings))
    return f"{counts.refuted}/{counts.total}" if counts.total else ""


def nearest_mistake(findings: Iterable[Finding]) -> float | None:
    """Return the least distance in margins of a wrong value that a point tells from its target, if any does."""
    return min((f.nearest for f in findings if f.nearest is not None), default=None)


def mistakes_text(findings: Sequence[Finding]) -> str:
    """Return how many measured variants were refuted, and from how many margins on wrong values are told."""
    nearest = nearest_mistake(findings)
    told = "" if nearest is None else f"from {format_significant(nearest)} margins on"
    return ", ".join(part for part in (refuted_text(findings), told) if part)


def toothless(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the supported points without a wrong variant, or with one that was not refuted."""
    return tuple(f for f in findings if f.verdict == "supported" and not f.has_teeth)


def decisive_point(claim: ClaimFinding) -> Finding | None:
    """Return the point that tells most about a claim.

    Among the points with the verdict of the claim: for a supported claim the one with the narrowest
    interval relative to the size of the quantity, otherwise the one that is farthest off.
    """
    candidates = [f for f in claim.findings if f.verdict == claim.verdict]
    if not candidates:
        return None
    if claim.verdict == "supported":
        return min(candidates, key=_relative_width)
    return max(candidates, key=excess)


def off_target(finding: Finding) -> float:
    """Return the distance of the estimate from the target."""
    return max(finding.target_lower - finding.estimate, finding.estimate - finding.target_upper, 0.0)


def excess(finding: Finding) -> float:
    """Return the distance of the estimate from the target in tolerances."""
    tolerance, distance = finding.tolerance, off_target(finding)
    if distance == 0 or math.isnan(distance):
        return 0.0
    return distance / tolerance if tolerance > 0 else math.inf


def nearest_points(findings: Iterable[Finding], most: int) -> list[Finding]:
    """Return the supported points that use most of their tolerance."""
    supported = [finding for finding in findings if finding.verdict == "supported"]
    return sorted(supported, key=lambda finding: -excess(finding))[:most]


def _relative_width(finding: Finding) -> float:
    ends = (finding.target_lower, finding.target_upper, finding.estimate)
    size = max((abs(v) for v in ends if math.isfinite(v)), default=0.0)
    sides = [abs(end - finding.estimate) for end in (finding.lower, finding.upper) if math.isfinite(end)]
    width = max(sides, default=math.inf)
    return width / size if size > 0 and not math.isnan(width) else math.inf


def answer_theory(record: RunRecord) -> str:
    """Answer in one sentence whether the theory holds."""
    claims, points = tally(c.verdict for c in record.claims), tally(f.verdict for f in all_points(record))
    if claims.total == 0:
        return "Nothing was checked."
    support = (
        f"{claims.supported} of {plural(claims.total, 'claim')} supported, {claims.refuted} refuted, "
        f"{claims.inconclusive} inconclusive ({points.supported} of {plural(points.total, 'point')} supported, "
        f"{points.refuted} refuted, {points.inconclusive} inconclusive)."
    )
    if points.inapplicable:
        support += f" At {plural(points.inapplicable, 'point')} the sample contradicts a hypothesis of the judgement."
    if claims.refuted:
        return f"Not everywhere: {support}"
    if claims.inconclusive or claims.inapplicable:
        return f"Nothing contradicts it, but not all is decided: {support}"
    if record.verdict != "supported":
        return f"Nothing contradicts it, but some checks could not have failed: {support}"
    return (
        f"Yes, wherever it was checked: {claims.total} of {plural(claims.total, 'claim')} supported, at {points.total} "
        f"of {plural(points.total, 'point')}."
    )


def answer_certainty(record: RunRecord) -> str:
    """Answer in one sentence how sure the verdicts are."""
    points = all_points(record)
    variants = tally(v.verdict for v in measured_variants(points))
    distances = [f.nearest for f in points if f.nearest is not None]
    told = "" if not distances else (
        f" The nearest wrong value that a point tells from its target lies {format_significant(median(distances))} "
        "margins away in the median."
    )  # fmt: skip
    miss = max((f.miss_rate for f in points), default=math.nan)
    refuted = "" if not variants.total else (
        f", and {variants.refuted:,} of {plural(variants.total, 'deliberately wrong variant')} with an estimate of "
        f"{'its own was' if variants.total == 1 else 'their own were'} refuted on the same samples"
    )  # fmt: skip
    return (
        f"The probability of any false alarm in the whole run is at most {format_at_most(record.family_level)}, "
        f"{'' if refuted else 'and '}a true statement is left unsupported at a point with probability at most "
        f"{format_at_most(miss)}{refuted}.{told}"
    )


def answer_cost(record: RunRecord) -> str:
    """Answer in one sentence what the run cost."""
    networks, layers = record.simulated_networks, record.simulated_layers
    return (
        f"{format_count(networks)} {'network' if networks == 1 else 'networks'} with "
        f"{format_count(layers)} residual {'layer' if layers == 1 else 'layers'} were simulated in "
        f"{format_duration(record.run.duration)} on {plural(record.run.threads, 'thread')}."
    )


def estimate_text(finding: Finding | VariantFinding) -> str:
    """Return the estimate with its interval."""
    return format_estimate(finding.estimate, finding.lower, finding.upper)


def target_text(finding: Finding | VariantFinding) -> str:
    """Return the predicted value to the digits of the estimate."""
    exponent = unit_exponent(finding.estimate, finding.lower, finding.upper)
    return format_target(finding.target_lower, finding.target_upper, exponent)


def margin_text(finding: Finding) -> str:
    """Return the margin, and after a plus sign the proven remainder unless it is zero."""
    margin = f"± {format_significant(finding.margin)}"
    return margin if finding.remainder == 0 else f"{margin} + {format_at_most(finding.remainder)}"


def more_networks(finding: Finding) -> float:
    """Return the factor on the sample size that makes the resolution as fine as the margin, at least 1.

    Deviations that a sample can detect shrink with the square root of its size.
    """
    tolerance = finding.tolerance
    if tolerance <= 0 or not math.isfinite(finding.resolution):
        return math.inf
    return max((finding.resolution / tolerance) ** 2, 1.0)


_FONT = re.compile(r"\\(?:mathrm|mathbf|mathbb|mathcal|mathsf|operatorname|text|left|right)(?![A-Za-z])\*?")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_SIGNS = {r"\|": "‖", r"\lVert": "‖", r"\rVert": "‖", r"\Vert": "‖", r"\vert": "|", r"\sqrt": "√", r"\infty": "∞"}
_SIGNS |= {r"\leq": "≤", r"\le": "≤", r"\geq": "≥", r"\ge": "≥", r"\to": "→", r"\times": "×", r"\,": " ", r"\;": " "}
_SIGNS |= {r"\langle": "⟨", r"\rangle": "⟩"}
_RAISED = re.compile(r"([\^_])\{([^{}]+)\}")

#: What needs no bracket as an exponent or index once the braces are gone.
_WHOLE = re.compile(r"\(.*\)|\\?[A-Za-z]+|[\d.]+|.")
_EMPHASIS = re.compile(r"\*{1,2}([^*$]+)\*{1,2}")


def plain_text(markdown: str) -> str:
    """Return text without the signs of Markdown and mathematics, for alternative texts and their length."""
    text = _RAISED.sub(_bracketed, _FRACTION.sub(r"\1/\2", _FONT.sub("", markdown)))
    text = _EMPHASIS.sub(r"\1", text)
    text = re.sub(r"\\(?:[A-Za-z]+|.)", lambda m: _SIGNS.get(m[0]) or _greek(m[0][1:]), text)
    return " ".join(re.sub(r"[$`{}]|\*\*", "", text).split())


def _bracketed(found: re.Match[str]) -> str:
    return found[1] + (found[2] if _WHOLE.fullmatch(found[2].strip()) else f"({found[2]})")


def describe(picture: Picture) -> str:
    """Return in plain words what a picture shows, for readers who cannot see it."""
    words = [_describe_panel(panel) for panel in picture.panels]
    if len(words) > 1:
        words = [f"({letter}) {text}" for letter, text in zip(ascii_lowercase, words, strict=False)]
    return "; ".join(words) or "Empty picture"


def _describe_panel(panel: Panel) -> str:
    title = plain_text(panel.title)
    labels = (plain_text(curve.label).removeprefix("predicted ") for curve in panel.theory)
    curves = ", ".join(dict.fromkeys(f"“{label}”" for label in labels))
    against = f", predicted {curves}" if curves else ""
    match panel:
        case HistogramPanel():
            return f"Histogram of {plain_text(panel.xlabel)} ({title}){against}"
        case RatePanel():
            measured = ", ".join(f"“{plain_text(band.label)}”" for band in panel.measured)
            axes = f"{plain_text(panel.ylabel)} against {plain_text(panel.xlabel)}"
            kind = "Logarithmic plot" if panel.logarithmic else "Plot"
            bars = f" ({panel.bars.removeprefix('bars: ')})" if panel.bars else ""
            return f"{kind} of {axes} ({title}): measured {measured}{bars}{against}"
        case PathPanel():
            axes = f"{plain_text(panel.ylabel)} along {plain_text(panel.xlabel)}"
            # Not all are predictions: some are thresholds, or paths that stand out.
            drawn = ", ".join(dict.fromkeys(f"“{plain_text(curve.label)}”" for curve in panel.theory))
            return f"{panel.noun.capitalize()} of {axes} ({title}){f', with {drawn}' if drawn else ''}"
        case _:
            return f"{title}: {plain_text(panel.xlabel)}{against}"


def _greek(name: str) -> str:
    """Return the Greek letter of this name, or the name."""
    case = "CAPITAL" if name[:1].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {case} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
    except KeyError:
        return name


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 point``, ``2,000 points``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
