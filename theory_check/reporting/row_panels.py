"""Panels with one row per statement: observed rates beside promised ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from theory_check.findings.pictures import PromisePanel, RateDot
from theory_check.reporting.panels import COLOURS, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_LENGTH = 56

#: Heights of a rate, of a line of text and of the space between rows of rates, in inches.
_RATE, _TEXT, _GAP = 0.075, 0.175, 0.12


def draw_promise(axes: Axes, panel: PromisePanel, panels: Sequence[PromisePanel]) -> None:
    """Draw observed rates, one per line, beside the promised one; what breaks the promise is hatched.

    Parameters
    ----------
    axes, panel, panels
        Where to draw what, and all panels that share its legend.
    """
    middles, edge, end = row_places(panels)
    axes.set_xscale("log")
    axes.set_xlim(0.7 * panel.smallest, 1.5)
    axes.set_ylim(end, -_GAP)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.axvline(panel.promise, color="#000000", linewidth=1.6, zorder=2)
    beyond: dict[str, Any] = {"facecolor": "none", "edgecolor": "#DCDCDC", "hatch": "////", "linewidth": 0}
    axes.axvspan(panel.promise, 1.5, zorder=0.5, **beyond)
    for row, middle in zip(panel.rows, middles, strict=True):
        for position, dot in enumerate(row.dots):
            height = middle + (position - 0.5 * (len(row.dots) - 1)) * _RATE
            _draw_rate(axes, dot, height, row.control, panel.smallest)
    first = panel is panels[0]
    labels = [wrapped(row.label, _ROW_LENGTH) for row in panel.rows if first]
    axes.set_yticks(middles if first else [], labels, linespacing=0.95)
    if edge < end:
        axes.axhspan(edge, end, color="#FBEFE6", zorder=0)
    if edge < end and first:
        axes.annotate(
            "NEGATIVE CONTROLS: must break their promise", (0, edge + _GAP), (-4, 0), ha="right", va="center",
            xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=10.5, fontweight="bold",
            color=COLOURS[0], annotation_clip=False,
        )  # fmt: skip
    for marker, colour, fill, label in (
        ("o", COLOURS[1], COLOURS[1], "method, with exact interval"),
        ("s", COLOURS[1], "white", "square: the rate is promised exactly"),
        ("D", COLOURS[0], "white", "negative control"),
        ("<", "#555555", "#555555", "no error seen"),
    ):
        axes.plot([], [], color=colour, marker=marker, markerfacecolor=fill, markersize=5.0, label=label)
    axes.fill_between([], [], label="breaks the promise", **beyond)
    axes.plot([], [], "x", color="#000000", markersize=9, markeredgewidth=2.2, label="not as it should be")


def _draw_rate(axes: Axes, dot: RateDot, height: float, control: bool, smallest: float) -> None:
    colour = COLOURS[0 if control else 1]
    axes.plot([max(dot.lower, 0.7 * smallest), dot.upper], [height] * 2, color=colour, linewidth=1.3, zorder=3)
    marker = "<" if dot.estimate == 0.0 else "s" if dot.exact else "D" if control else "o"
    estimate, size = dot.estimate or smallest, 5.5 if control else 4.0
    fill = "white" if control or dot.exact else colour
    axes.plot(estimate, height, marker, color=colour, markersize=size, markerfacecolor=fill, zorder=4)
    if not dot.as_expected:
        axes.plot(estimate, height, "x", color="#000000", markersize=11, markeredgewidth=2.2, zorder=5)


def row_places(panels: Sequence[PromisePanel]) -> tuple[list[float], float, float]:
    """Return the middle of every row, where the controls begin and where the rows end, in inches from above."""
    middles: list[float] = []
    bottom, gap, edge = 0.0, 0.0, math.inf
    for row in zip(*(panel.rows for panel in panels), strict=True):
        if row[0].control and edge == math.inf:
            edge = bottom + 2 * _GAP if middles else 0.0
            bottom, gap = edge, 3 * _GAP
        lines = wrapped(row[0].label, _ROW_LENGTH).count("\n") + 1
        height = max(max(len(part.dots) for part in row) * _RATE, lines * _TEXT)
        middles.append(bottom + gap + 0.5 * height)
        bottom, gap = bottom + gap + height, 0.05 if row[0].control else _GAP
    return middles, edge, bottom + _GAP
