"""The picture of a calibration: observed error rates with exact intervals beside the promised ones.

There is one panel for each promised error rate, all on one logarithmic axis: false rejections of a true statement at
each level, and misses of a planted deviation. A method is a row, and every law it was tried on a line in that row;
negative controls stand below, each in a row of its own, but for plans with too few observations, which share one.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from theory_check.findings.calibration import CalibrationRecord, RateFinding
from theory_check.reporting.figures import compact_png, own_style
from theory_check.reporting.numerals import format_significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What a panel shows: whether deviations are planted, and the promised error rate.
Panel: TypeAlias = tuple[bool, float]

_DPI = 130
# Of the palette of Okabe and Ito; markers tell them apart in black and white.
_ORANGE, _BLUE = "#D55E00", "#0072B2"
_LINE, _TEXT_LINE, _GAP = 0.075, 0.175, 0.12
_PANEL_WIDTH, _LABEL_WIDTH, _LABEL_LENGTH, _MARGINS = 2.6, 3.6, 56, 1.6


@dataclass(frozen=True)
class _Row:
    """A label and the rates beside it, in inches from above."""

    label: str
    rates: tuple[RateFinding, ...]
    top: float
    height: float

    @property
    def middle(self) -> float:
        return self.top + 0.5 * self.height

    @property
    def bottom(self) -> float:
        return self.top + self.height


def error_rate(rate: RateFinding) -> tuple[float, float, float]:
    """Return how often the method erred, with the interval: false rejections, or misses of a planted deviation."""
    if rate.sense == "at least":
        return 1.0 - rate.rate, 1.0 - rate.upper, 1.0 - rate.lower
    return rate.rate, rate.lower, rate.upper


def promised_error(rate: RateFinding) -> float:
    """Return how often the method may err."""
    # Rounded, because 1 - 0.99 is not 0.01.
    return round(1.0 - rate.promise, 12) if rate.sense == "at least" else rate.promise


def draw_calibration(record: CalibrationRecord) -> bytes:
    """Return the picture as PNG; the bytes depend on nothing but the rates and matplotlib's version."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels((*record.promises, *record.controls))
    above = _rows(((method.title, method.promises) for method in record.methods), panels, 0.0)
    edge = above[-1].bottom + 2 * _GAP if above else 0.0
    below = _rows(_labelled_controls(record.controls), panels, edge + 3 * _GAP, 0.05)
    rows = (*above, *below)
    end = (rows[-1].bottom if rows else 0.0) + _GAP
    with own_style():
        figure = Figure(
            figsize=(_LABEL_WIDTH + _PANEL_WIDTH * max(len(panels), 1), end + _MARGINS), layout="constrained"
        )
        FigureCanvasAgg(figure)
        smallest = _smallest_shown(record)
        for position, panel in enumerate(panels):
            axes = figure.add_subplot(1, len(panels), position + 1)
            _prepare(axes, panel, smallest, end)
            for row in rows:
                _draw_row(axes, [rate for rate in row.rates if _panel(rate) == panel], row, smallest)
            if below:
                axes.axhspan(edge, end, color="#FBEFE6", zorder=0)
            labels = [row.label for row in rows] if position == 0 else []
            axes.set_yticks([row.middle for row in rows] if labels else [], labels, linespacing=0.95)
            if below and position == 0:
                text = "NEGATIVE CONTROLS: must break their promise"
                axes.annotate(text, (0, edge + _GAP), (-4, 0), xycoords=("axes fraction", "data"),
                              textcoords="offset points", ha="right", va="center", fontsize=10.5, fontweight="bold",
                              color=_ORANGE, annotation_clip=False)  # fmt: skip
        _draw_legend(figure)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None})
    return compact_png(drawn)


def _panel(rate: RateFinding) -> Panel:
    return rate.sense == "at least", promised_error(rate)


def _panels(rates: Iterable[RateFinding]) -> list[Panel]:
    """Return the panels: levels from the largest down, then planted deviations."""
    return sorted({_panel(rate) for rate in rates}, key=lambda panel: (panel[0], -panel[1]))


def _rows(
    labelled: Iterable[tuple[str, tuple[RateFinding, ...]]], panels: Sequence[Panel], top: float, gap: float = _GAP
) -> list[_Row]:
    rows: list[_Row] = []
    for label, rates in labelled:
        lines = max(sum(_panel(rate) == panel for rate in rates) for panel in panels)
        text = _wrapped(label)
        height = max(lines * _LINE, (text.count("\n") + 1) * _TEXT_LINE)
        rows.append(_Row(text, rates, top, height))
        top = rows[-1].bottom + gap
    return rows


def _smallest_shown(record: CalibrationRecord) -> float:
    """Return a rate below a single error in all the repetitions: where no error at all is drawn."""
    most = max((rate.repetitions for rate in (*record.promises, *record.controls)), default=1)
    return 0.4 / most


def _prepare(axes: Axes, panel: Panel, smallest: float, end: float) -> None:
    planted, promise = panel
    what = "missed deviations" if planted else "false rejections"
    axes.set_title(f"{what},\nat most {format_significant(100 * promise)}% promised", fontsize=12)
    axes.set_xscale("log")
    axes.set_xlim(0.7 * smallest, 1.5)
    axes.set_ylim(end, -_GAP)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelsize=10.5)
    axes.set_xlabel("observed rate", fontsize=11.5)
    axes.axvline(promise, color="#000000", linewidth=1.6, zorder=2)
    axes.axvspan(promise, 1.5, facecolor="none", edgecolor="#DCDCDC", hatch="////", linewidth=0, zorder=0.5)


def _draw_row(axes: Axes, rates: Sequence[RateFinding], row: _Row, smallest: float) -> None:
    for position, rate in enumerate(rates):
        height = row.middle + (position - 0.5 * (len(rates) - 1)) * _LINE
        estimate, lower, upper = error_rate(rate)
        colour = _ORANGE if rate.control else _BLUE
        axes.plot([max(lower, 0.7 * smallest), upper], [height] * 2, color=colour, linewidth=1.3, zorder=3)
        marker, fill = _marker(rate)
        if estimate == 0.0:
            marker, estimate = "<", smallest
        size = 5.5 if rate.control else 4.0
        axes.plot(estimate, height, marker, color=colour, markersize=size, markerfacecolor=fill, zorder=4)
        if not rate.as_expected:
            axes.plot(estimate, height, "x", color="#000000", markersize=11, markeredgewidth=2.2, zorder=5)


def _marker(rate: RateFinding) -> tuple[str, str]:
    if rate.control:
        return ("s" if rate.sense == "exactly" else "D"), "white"
    return ("s", "white") if rate.sense == "exactly" else ("o", _BLUE)


def _draw_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def entry(marker: str, colour: str, fill: str, label: str, size: float = 5.0) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, markerfacecolor=fill, markersize=size, label=label)

    handles = [
        entry("o", _BLUE, _BLUE, "method, with exact interval"),
        entry("s", _BLUE, "white", "square: the rate is promised exactly"),
        entry("D", _ORANGE, "white", "negative control"),
        entry("<", "#555555", "#555555", "no error seen"),
        Patch(facecolor="none", edgecolor="#CFCFCF", hatch="////", linewidth=0, label="breaks the promise"),
        Line2D([], [], color="#000000", marker="x", linestyle="", markersize=9, markeredgewidth=2.2,
               label="not as it should be"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=10.5, handlelength=2.4)


def _labelled_controls(controls: Sequence[RateFinding]) -> list[tuple[str, tuple[RateFinding, ...]]]:
    """Return rows of controls; the law is named where one procedure is tried on several."""
    plans = tuple(rate for rate in controls if rate.sense == "at least")
    others = [rate for rate in controls if rate.sense != "at least"]
    names = [rate.procedure + (", monitored" if rate.monitored else "") for rate in others]
    labelled: list[tuple[str, tuple[RateFinding, ...]]] = [
        (f"{name} ({rate.law}, n = {rate.observations:,})" if names.count(name) > 1 else name, (rate,))
        for name, rate in zip(names, others, strict=True)
    ]
    return [*labelled, ("plans with half or a quarter of the observations", plans)] if plans else labelled


def _wrapped(label: str) -> str:
    return "\n".join(part for line in label.splitlines() for part in textwrap.wrap(line, _LABEL_LENGTH))
