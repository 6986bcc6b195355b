"""How the evidence on each claim moved from run to run: tables for the terminal and a picture."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from theory_check.findings.pictures import Curve, PathPanel, Picture
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.confidence_sequences import PointSequence
from theory_check.inference.evidence import p_value
from theory_check.inference.multiplicity import holm
from theory_check.inference.nights import EvidenceProcess, History, processes, trajectories
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.numerals import format_at_most, format_significant, format_target

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Claims that the picture names: those that came closest to refutation.
NAMED = 4

_LN10 = math.log(10.0)


def claim_points(history: History, claim: str) -> dict[str, PointSequence]:
    """Return the confidence sequences of the points of a claim."""
    return {point: s for point, s in history.sequences.items() if point.partition("/")[0] == claim}


def nights_verdict(history: History, claim: str) -> Verdict:
    """Return the verdict of all nights on the current version of a claim.

    ``refuted`` if its evidence ever reached 1/level; ``supported`` if the confidence sequence of every point lies
    inside the target widened by its tolerance; ``inconclusive`` otherwise.
    """
    if processes(history)[claim].refuted:
        return "refuted"
    points = claim_points(history, claim).values()
    return "supported" if points and all(sequence.supports for sequence in points) else "inconclusive"


def refuted_claims(history: History) -> tuple[str, ...]:
    """Return the claims whose current version was refuted on some night."""
    return tuple(claim for claim, process in processes(history).items() if process.refuted)


def answer_nights(history: History) -> tuple[str, ...]:
    """Say in a sentence what all nights together find, and in a line for each claim that they refute."""
    found = processes(history)
    if not found:
        return (f"There are no nights of profile {history.profile} yet.",)
    counts = Counter(nights_verdict(history, claim) for claim in found)
    claim, closest = max(found.items(), key=lambda pair: pair[1].log_peak - pair[1].log_needed)
    nights = f"{len(history.nights)} {'night' if len(history.nights) == 1 else 'nights'} of profile {history.profile}"
    return (
        f"{nights}: {counts['supported']} of {len(found)} claims supported by all nights together, {counts['refuted']} "
        f"refuted, {counts['inconclusive']} undecided; {claim} came closest to refutation, with evidence of "
        f"$10^{{{closest.log_peak / _LN10:.1f}}}$ where $10^{{{closest.log_needed / _LN10:.1f}}}$ refutes.",
        *(f"refuted by the nights together: {refuted}" for refuted in refuted_claims(history)),
    )


def night_summary(history: History, number: int | None = None) -> list[str]:
    """Return what a night added, in a line for the night and one for each claim that the nights refute.

    The night is the last one unless another number is given, from 1. Holm's adjustment makes the p-values 1/e of the
    night comparable with one level for all.
    """
    number = len(history.nights) if number is None else number
    claims = history.nights[number - 1].claims
    if not claims:
        return [f"night {number} of the history: no evidence, each claim has a point with a violated hypothesis"]
    adjusted = holm([p_value(found.log_evidence) for found in claims.values()], alpha=history.level)
    smallest, claim = min(zip(adjusted, claims, strict=True))
    lines = [
        f"night {number} of the history: smallest p-value {format_at_most(smallest)} ({claim}), adjusted "
        f"for {len(claims)} {'claim' if len(claims) == 1 else 'claims'}"
    ]
    lines += [f"refuted by the nights together: {claim}" for claim in refuted_claims(history)]
    return lines


def print_history(history: History, console: Console) -> None:
    """Print a table of the claims and one of their points."""
    if not console.is_terminal:
        console.width = 200
    if not history.nights:
        console.print(f"no nights of profile {history.profile} yet")
        return
    last = history.nights[-1]
    nights = f"{len(history.nights)} {'night' if len(history.nights) == 1 else 'nights'}"
    console.print(f"{nights} of profile {history.profile}, last {last.started} with seed {last.seed}")
    claims = _table("claim", "version", "nights", "log10 E now", "log10 E at its peak", "verdict")
    for claim, process in processes(history).items():
        claims.add_row(
            claim,
            process.version if process.versions == 1 else f"{process.version} (number {process.versions})",
            str(process.nights),
            _evidence_text(process.log_evidence, process),
            _evidence_text(process.log_peak, process),
            nights_verdict(history, claim),
        )
    console.print(claims)
    points = _table("point", "nights", "target", "confidence sequence", "first width", "last width")
    for point, sequence in history.sequences.items():
        first, now = sequence.limits[0], sequence.now
        points.add_row(
            point,
            str(sequence.nights),
            format_target(*sequence.target),
            format_target(now.lower, now.upper) if now.width >= 0.0 else "empty: it moved",
            _width_text(first.width),
            _width_text(now.width),
        )
    console.print(points)


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(
            heading, no_wrap=True, justify="right" if "width" in heading or heading == "nights" else "left"
        )
    return table


def _evidence_text(log_evidence: float, process: EvidenceProcess) -> str:
    return f"{log_evidence / _LN10:.1f} of {process.log_needed / _LN10:.1f}"


def _width_text(width: float) -> str:
    return "open" if math.isinf(width) else "empty" if width < 0.0 else format_significant(width)


def history_picture(history: History) -> Picture:
    """Return a picture of the evidence against each claim and of the narrowing of the confidence sequences.

    Left, log10 of evidence over what refutes: a line that reaches 0 refutes its claim. The claims that came closest are
    named. Right, widths relative to those of the first night, and the curve that is best possible up to a logarithm.
    """
    paths = {claim: _margins(path) for claim, path in trajectories(history).items()}
    most = max((path.size for path in paths.values()), default=1)
    nights = np.arange(1.0, most + 1.0)
    closest = sorted(paths, key=lambda claim: -float(paths[claim].max()))[:NAMED]
    curves = [Curve("refuted from here on", nights, np.zeros(most))]
    curves += [Curve(claim, nights[: paths[claim].size], paths[claim]) for claim in closest]
    widths = [w for s in history.sequences.values() if (w := _relative_widths(s)) is not None]
    longest = max((w.size for w in widths), default=1)
    return Picture(
        "history",
        "Left: evidence against each claim, relative to what refutes it. Right: the confidence sequence of each point.",
        (
            PathPanel(
                "Evidence against the claims",
                "nights of a claim, all versions",
                "$\\log_{10}$ evidence, 0 refutes",
                nights,
                _stack(list(paths.values()), most),
                tuple(curves),
                "claims",
            ),
            PathPanel(
                "Confidence sequences",
                "nights of a version",
                "width over the first night's",
                np.arange(1.0, longest + 1.0),
                _stack(widths, longest),
                (Curve("$1/\\sqrt{t}$", np.arange(1.0, longest + 1.0), np.arange(1.0, longest + 1.0) ** -0.5),),
                "points",
            ),
        ),
    )


def _margins(path: tuple[EvidenceProcess, ...]) -> FloatArray:
    return np.array([(process.log_evidence - process.log_needed) / _LN10 for process in path])


def _relative_widths(sequence: PointSequence) -> FloatArray | None:
    """Return the width after each night over that of the first, None if the first is open."""
    first = sequence.limits[0].width
    if not 0.0 < first < math.inf:
        return None
    widths = np.empty(sequence.nights)
    for limit in sequence.limits:
        widths[limit.night - 1 :] = max(limit.width, 0.0) / first
    return widths


def _stack(rows: list[FloatArray], length: int) -> FloatArray:
    stacked = np.full((len(rows), length), np.nan)
    for row, values in zip(stacked, rows, strict=True):
        row[: values.size] = values
    return stacked
