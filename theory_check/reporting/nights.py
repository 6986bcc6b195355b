"""Evidence on each claim from run to run: tables for the terminal, a picture, and a page with both."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from theory_check.findings.pictures import Curve, PathPanel, Picture
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.files import write_together
from theory_check.inference.confidence_sequences import PointSequence
from theory_check.inference.evidence import p_value
from theory_check.inference.multiplicity import holm
from theory_check.inference.nights import EvidenceProcess, History, Night, processes, trajectories
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.drawing import darkened, render
from theory_check.reporting.markdown import table_cell, template_environment, tidy
from theory_check.reporting.numerals import format_at_most, format_significant, format_target
from theory_check.reporting.page_filters import picture_markup
from theory_check.reporting.summary import describe, plural

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
    nights = f"{plural(len(history.nights), 'night')} of profile {history.profile}"
    return (
        f"{nights}: {counts['supported']} of {plural(len(found), 'claim')} supported by all nights together, "
        f"{counts['refuted']} refuted, {counts['inconclusive']} undecided; {claim} came closest to refutation, "
        f"with evidence of $10^{{{closest.log_peak / _LN10:.1f}}}$ where $10^{{{closest.log_needed / _LN10:.1f}}}$ "
        "refutes.",
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
    smallest, claim = _smallest(history.nights[number - 1], history.level)
    lines = [
        f"night {number} of the history: smallest p-value {format_at_most(smallest)} ({claim}), adjusted "
        f"for {len(claims)} {'claim' if len(claims) == 1 else 'claims'}"
    ]
    lines += [f"refuted by the nights together: {claim}" for claim in refuted_claims(history)]
    return lines


#: Columns of a terminal from which on the table of the points can be read.
_TABLE_WIDTH = 120


def print_history(history: History, console: Console) -> None:
    """Print a table of the claims and one of their points, which are paragraphs on a narrow terminal."""
    from rich.padding import Padding
    from rich.text import Text

    if not console.is_terminal:
        console.width = 200
    if not history.nights:
        console.print(f"no nights of profile {history.profile} yet")
        return
    console.print(_nights_line(history))
    console.print(_table(CLAIM_HEADINGS, claim_rows(history)))
    points = point_rows(history.sequences)
    if console.width >= _TABLE_WIDTH:
        console.print(_table(POINT_HEADINGS, points))
        return
    for point, nights, target, sequence, first, last in points:
        console.print(Text(point))
        told = f"target {target}, confidence sequence {sequence}, width {first}, now {last}, nights {nights}"
        console.print(Padding(Text(told), (0, 0, 0, 4)))


def _nights_line(history: History) -> str:
    last = history.nights[-1]
    nights = plural(len(history.nights), "night")
    return f"{nights} of profile {history.profile}, last {last.started} with seed {last.seed}"


#: Headings of the rows of :func:`claim_rows`.
CLAIM_HEADINGS = ("claim", "version", "nights", "log10 E now", "log10 E at its peak", "verdict")

#: Headings of the rows of :func:`night_rows`.
NIGHT_HEADINGS = ("night", "started", "seed", "claims", "smallest adjusted p-value", "made by")

#: Headings of the rows of :func:`point_rows`.
POINT_HEADINGS = ("point", "nights", "target", "confidence sequence", "first width", "last width")


def claim_rows(history: History) -> list[tuple[str, ...]]:
    """Return for each claim the evidence against its current version, relative to what refutes it, and its verdict."""
    return [
        (
            claim,
            process.version if process.versions == 1 else f"{process.version} (number {process.versions})",
            str(process.nights),
            _evidence_text(process.log_evidence, process),
            _evidence_text(process.log_peak, process),
            nights_verdict(history, claim),
        )
        for claim, process in processes(history).items()
    ]


def slowest_points(history: History) -> dict[str, PointSequence]:
    """Return the point of each claim whose confidence sequence narrowed least, and those that are empty."""
    found: dict[str, PointSequence] = {}
    for claim in processes(history):
        points = claim_points(history, claim)
        slowest = max(points, key=lambda point: _narrowed(points[point]), default=None)
        found |= {point: s for point, s in points.items() if point == slowest or s.now.width < 0.0}
    return found


def _narrowed(sequence: PointSequence) -> float:
    """Return the last width over the first, 1 where both are infinite."""
    first = sequence.limits[0].width
    return sequence.now.width / first if 0.0 < first < math.inf else 1.0


def point_rows(sequences: Mapping[str, PointSequence]) -> list[tuple[str, ...]]:
    """Return for each point its target, its confidence sequence and how that narrowed."""
    return [
        (
            point,
            str(sequence.nights),
            format_target(*sequence.target),
            format_target(sequence.now.lower, sequence.now.upper) if sequence.now.width >= 0.0 else "empty: it moved",
            _width_text(sequence.limits[0].width),
            _width_text(sequence.now.width),
        )
        for point, sequence in sequences.items()
    ]


def night_rows(history: History, made_by: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each night its number, date and seed, its smallest p-value with the claim, and what made it."""
    rows: list[tuple[str, ...]] = []
    for number, (night, maker) in enumerate(zip(history.nights, made_by, strict=True), start=1):
        smallest = "none: every claim had a violated hypothesis"
        if night.claims:
            value, claim = _smallest(night, history.level)
            smallest = f"{format_at_most(value)} ({claim})"
        rows.append((str(number), night.started, str(night.seed), str(len(night.claims)), smallest, maker))
    return rows


def _smallest(night: Night, level: float) -> tuple[float, str]:
    """Return the smallest p-value 1/e of a night after Holm's adjustment, and its claim."""
    adjusted = holm([p_value(found.log_evidence) for found in night.claims.values()], alpha=level)
    return min(zip(adjusted, night.claims, strict=True))


def history_page(history: History, made_by: Sequence[str], light: str, dark: str) -> str:
    """Return the page of a history: what all nights together find, the picture, the nights, the claims, some points.

    Parameters
    ----------
    history : History
    made_by : sequence of str
        What made each night, as far as it is known: versions, commit, machine.
    light, dark : str
        Paths of its picture from the page, on light and on dark backgrounds.

    Returns
    -------
    str
        Markdown.
    """
    environment = template_environment()
    environment.filters["cell"] = table_cell
    return tidy(
        environment.get_template("history.md.jinja").render(
            profile=history.profile,
            answers=answer_nights(history),
            picture=picture_markup(light, describe(history_picture(history)), dark) if history.nights else "",
            tables=(
                ("Claims", "", CLAIM_HEADINGS, claim_rows(history)),
                ("Nights", "", NIGHT_HEADINGS, night_rows(history, made_by)),
                (
                    "Points",
                    f"Of {plural(len(history.sequences), 'point')} the one of each claim that narrowed least, and any "
                    "that moved; `theory-check history` prints all. A confidence sequence holds for all nights "
                    "together, however many follow.",
                    POINT_HEADINGS,
                    point_rows(slowest_points(history)),
                ),
            ),
        )
    )


def write_history_page(history: History, made_by: Sequence[str], path: Path) -> tuple[Path, ...]:
    """Write the page of a history, and beside it its picture for light and for dark backgrounds.

    Parameters
    ----------
    history : History
    made_by : sequence of str
        As of :func:`history_page`.
    path : Path
        Of the page; the pictures have its name and end in ``.png`` and ``-dark.png``.

    Returns
    -------
    tuple of Path
        The files, the page first.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    light, dark = history_picture_paths(path)
    drawn = render(history_picture(history).panels)["png"]
    page = history_page(history, made_by, quote(light.name), quote(dark.name))
    write_together({light: drawn, dark: darkened(drawn), path: page})
    return path, light, dark


def history_picture_paths(page: Path) -> tuple[Path, Path]:
    """Return the paths of the pictures of a page, for light and for dark backgrounds."""
    return page.with_suffix(".png"), page.with_name(f"{page.stem}-dark.png")


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table whose versions and points are broken where the terminal is narrow, and whose numbers are not."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(
            heading, no_wrap=heading not in ("version", "point"), overflow="fold",
            justify="right" if "width" in heading or heading == "nights" else "left",
        )  # fmt: skip
    for row in rows:
        table.add_row(*row)
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
                f"nights of a claim, all versions{_dates(history)}",
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


def _dates(history: History) -> str:
    days = [night.started.partition("T")[0] for night in history.nights]
    return "" if not days else f", {days[0]}" if days[0] == days[-1] else f", {days[0]} to {days[-1]}"


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
