"""Pictures of a report, drawn with matplotlib on no display and without global state.

Series differ by colour (the palette of Okabe and Ito, which colour-blind people can tell apart), by
line style and by marker, so that they stay apart in black and white. Equal data give equal bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from theory_check.findings.pictures import Band, Curve, HistogramPanel, Panel, PathPanel, Picture, RatePanel
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.files import write_atomically
from theory_check.reporting.summary import plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PATHS = 60
CENTRAL_SHARE = 0.998

_DPI = 130
_COLUMNS = 3
_PANEL_WIDTH, _PANEL_HEIGHT, _LEGEND_LINE = 4.0, 3.1, 0.21
_TITLE_LENGTH, _LEGEND_LENGTH, _HALF_LEGEND = 46, 48, 20

_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_DASHES = ("-", (0, (6, 2)), (0, (5, 2, 1, 2)), (0, (1.5, 1.5)), (0, (9, 2, 1, 2, 1, 2)), (0, (3, 1)), (0, (1, 3)))
_BROKEN = (*_DASHES[1:], (0, (10, 4)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SAMPLE, _SAMPLE_EDGE, _PATH = "#D9D9D9", "#8C8C8C", "#9A9A9A"

_STYLE: dict[Any, Any] = {
    # Both come with matplotlib, so that text looks the same everywhere.
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.labelsize": 13,
    "legend.fontsize": 12,
    "xtick.labelsize": 11.5,
    "ytick.labelsize": 11.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 3.0,
    "legend.labelspacing": 0.35,
    "legend.columnspacing": 1.6,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # Names inside an SVG are hashes; without a salt of ours they differ from run to run.
    "svg.hashsalt": "theory-check",
}


def draw(picture: Picture, path: Path) -> None:
    """Draw the panels of a picture side by side into a PNG file.

    Parameters
    ----------
    picture : Picture
    path : Path
        Written whole or not at all.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    write_atomically(path, render(picture))


def render(picture: Picture) -> bytes:
    """Return a picture as PNG; the bytes depend on nothing but the picture and matplotlib's version."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = max(len(picture.panels), 1)
    rows = math.ceil(count / _COLUMNS)
    columns = math.ceil(count / rows)
    legend_lines = max((_legend_lines(panel) for panel in picture.panels), default=0)
    height = rows * (_PANEL_HEIGHT + _LEGEND_LINE * legend_lines)
    with own_style():
        figure = Figure(figsize=(columns * max(_PANEL_WIDTH, 5.2 if count == 1 else 0), height), layout="constrained")
        FigureCanvasAgg(figure)
        for position, panel in enumerate(picture.panels, start=1):
            axes = figure.add_subplot(rows, columns, position)
            axes.set_title(_label(panel.title, _TITLE_LENGTH))
            axes.set_xlabel(_label(panel.xlabel, _TITLE_LENGTH))
            _draw_panel(axes, panel)
            _draw_legend(axes, panel)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None})
    return compact_png(drawn)


def histogram_bins(values: FloatArray) -> FloatArray:
    """Return bin edges over the central 99.8% of a finite sample, their width by Freedman and Diaconis."""
    tail = (1 - CENTRAL_SHARE) / 2
    low, first, third, high = (float(q) for q in np.quantile(values, [tail, 0.25, 0.75, 1 - tail]))
    if not high > low:
        half = max(abs(low), 1.0) / 20
        return np.linspace(low - half, low + half, 12)
    width = 2 * (third - first) / np.cbrt(values.size)
    bins = math.ceil(min((high - low) / width, 100.0)) if width > 0 else 30
    return np.linspace(low, high, max(bins, 8) + 1)


def _legend_lines(panel: Panel) -> int:
    if not isinstance(panel, RatePanel):
        return len(panel.theory) + 1
    entries = len(panel.measured) + len(panel.theory)
    return math.ceil(entries / 2) if _has_wide_legend(panel) else entries


def _has_wide_legend(panel: Panel) -> bool:
    """Return whether measurements and predictions fit side by side below a panel."""
    if not isinstance(panel, RatePanel) or len(panel.measured) != len(panel.theory):
        return False
    labels = [band.label for band in panel.measured] + [curve.label for curve in panel.theory]
    return all(len(plain_text(label)) <= _HALF_LEGEND for label in labels)


def compact_png(png: io.BytesIO) -> bytes:
    """Return a picture of few colours at a third of its size."""
    from PIL import Image

    small = io.BytesIO()
    with Image.open(png) as image:
        indexed = image.convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        indexed.save(small, format="png", optimize=True, dpi=(_DPI, _DPI))
    return small.getvalue()


def picture_files(figure: Figure) -> dict[str, bytes]:
    """Return a figure as PNG and SVG, by suffix; shades of many boxes are an image inside the SVG as well."""
    files = {}
    for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        drawn = io.BytesIO()
        figure.savefig(drawn, format=suffix, dpi=_DPI, metadata=metadata)
        files[suffix] = compact_png(drawn) if suffix == "png" else drawn.getvalue()
    return files


def _draw_panel(axes: Axes, panel: Panel) -> None:
    match panel:
        case HistogramPanel():
            _draw_histogram(axes, panel)
        case RatePanel():
            _draw_rates(axes, panel)
        case PathPanel():
            _draw_paths(axes, panel)


def _draw_histogram(axes: Axes, panel: HistogramPanel) -> None:
    axes.set_ylabel("density")
    values = panel.values[np.isfinite(panel.values)]
    if values.size == 0:
        _say_nothing_to_draw(axes)
        return
    edges = histogram_bins(values)
    counts, _ = np.histogram(values, edges)
    # Relative to the whole sample, not only its central part: comparable with a density.
    density = counts / (values.size * np.diff(edges))
    label = f"sample of {values.size:,}"
    axes.stairs(density, edges, fill=True, facecolor=_SAMPLE, edgecolor=_SAMPLE_EDGE, linewidth=0.7, label=label)
    top = float(density.max())
    for index, curve in enumerate(panel.theory):
        inside = (curve.x >= edges[0]) & (curve.x <= edges[-1]) & np.isfinite(curve.y)
        _line(axes, curve, index, _DASHES, _COLOURS[index % len(_COLOURS)])
        top = max(top, min(float(curve.y[inside].max(initial=0.0)), 2 * float(density.max())))
    axes.set_xlim(float(edges[0]), float(edges[-1]))
    axes.set_ylim(0, 1.06 * top)


def _draw_rates(axes: Axes, panel: RatePanel) -> None:
    axes.set_ylabel(_label(panel.ylabel, _TITLE_LENGTH))
    if panel.logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    hidden = sum(_draw_band(axes, band, index, panel.logarithmic) for index, band in enumerate(panel.measured))
    paired = len(panel.theory) == len(panel.measured)
    for index, curve in enumerate(panel.theory):
        shown = _positive_part(curve) if panel.logarithmic else curve
        _line(axes, shown, index, _BROKEN, _COLOURS[index % len(_COLOURS)] if paired else "#333333")
    if not any(_drawable(band, panel.logarithmic).any() for band in panel.measured) and not panel.theory:
        _say_nothing_to_draw(axes)
    elif hidden:
        reason = "positive" if panel.logarithmic else "finite"
        text = f"{hidden} {'point' if hidden == 1 else 'points'} not shown: interval not {reason}"
        axes.text(0.02, 0.02, text, transform=axes.transAxes, fontsize=10, color="#555555")


def _draw_band(axes: Axes, band: Band, index: int, logarithmic: bool) -> int:
    """Draw the intervals of a band that the axes can show and return how many they cannot."""
    shown = _drawable(band, logarithmic)
    x, estimate = band.x[shown], band.estimate[shown]
    below, above = np.maximum(estimate - band.lower[shown], 0), np.maximum(band.upper[shown] - estimate, 0)
    colour = _COLOURS[index % len(_COLOURS)]
    axes.errorbar(
        x,
        estimate,
        yerr=np.vstack([below, above]),
        fmt=_MARKERS[index % len(_MARKERS)],
        color=colour,
        markerfacecolor="white" if index % 2 else colour,
        markersize=4.8,
        markeredgewidth=1.3,
        elinewidth=1.3,
        capsize=3,
        label=_label(band.label, _LEGEND_LENGTH),
        zorder=3,
    )
    return int(shown.size - shown.sum())


def _drawable(band: Band, logarithmic: bool) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    finite = np.isfinite(band.x) & np.isfinite(band.estimate) & np.isfinite(band.lower) & np.isfinite(band.upper)
    shown: np.ndarray[tuple[int], np.dtype[np.bool_]] = finite & (band.x > 0) & (band.lower > 0)
    return shown if logarithmic else finite


def _draw_paths(axes: Axes, panel: PathPanel) -> None:
    from matplotlib.collections import LineCollection

    axes.set_ylabel(_label(panel.ylabel, _TITLE_LENGTH))
    total = len(panel.paths)
    chosen = np.linspace(0, total - 1, min(total, MOST_PATHS)).round().astype(np.intp)
    segments = [np.column_stack([panel.positions, panel.paths[i]]) for i in chosen]
    label = f"{len(chosen):,} of {total:,} {panel.noun}" if len(chosen) < total else f"{total:,} {panel.noun}"
    axes.add_collection(LineCollection(segments, colors=_PATH, linewidths=0.6, alpha=0.7, label=label, zorder=1))
    for index, curve in enumerate(panel.theory):
        _line(axes, curve, index, _DASHES, _COLOURS[index % len(_COLOURS)], width=2.6)
    axes.autoscale_view()
    axes.margins(x=0)


def _line(
    axes: Axes,
    curve: Curve,
    index: int,
    styles: Sequence[str | tuple[float, tuple[float, ...]]],
    colour: str,
    width: float = 1.9,
) -> None:
    style = styles[index % len(styles)]
    text = _label(curve.label, _LEGEND_LENGTH)
    axes.plot(curve.x, curve.y, linestyle=style, color=colour, linewidth=width, label=text, zorder=2.5)


def _draw_legend(axes: Axes, panel: Panel) -> None:
    from matplotlib.lines import Line2D

    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    # What was measured comes first, whatever order matplotlib lists it in; predictions are the plain lines.
    entries = sorted(zip(handles, labels, strict=True), key=lambda entry: isinstance(entry[0], Line2D))
    # Below the axes a legend hides no data.
    axes.legend(
        [handle for handle, _ in entries],
        [label for _, label in entries],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.24),
        borderaxespad=0,
        ncols=2 if _has_wide_legend(panel) else 1,
    )


def _positive_part(curve: Curve) -> Curve:
    shown = (curve.x > 0) & (curve.y > 0) & np.isfinite(curve.y)
    return Curve(curve.label, curve.x[shown], curve.y[shown])


def _say_nothing_to_draw(axes: Axes) -> None:
    axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center", va="center", color="#555555")


def _label(text: str, length: int) -> str:
    """Return text in lines of at most ``length`` signs, in plain words if its mathematics cannot be set."""
    from matplotlib.mathtext import MathTextParser

    # The delimiters that GitHub's tables need, by the names matplotlib knows.
    text = re.sub(r"\\[lr]([Vv]ert)(?![A-Za-z])", r"\\\1 ", text)
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        text = plain_text(text).replace("$", r"\$")
    lines, current = [], ""
    for word in re.findall(r"(?:\$[^$]*\$|\\\$|[^\s$])+", text):
        if current and len(plain_text(f"{current} {word}")) > length:
            lines.append(current)
            current = word
        else:
            current = f"{current} {word}".strip()
    return "\n".join([*lines, current])


@contextmanager
def own_style() -> Iterator[None]:
    """Use our settings alone, whatever the reader's own settings file says, and restore those."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield
