"""One function for each kind of panel, which draws it on axes of matplotlib.

Series differ by colour (the palette of Okabe and Ito, which colour-blind people can tell apart), by line style and by
marker, and heat maps by lightness, so that all stay readable in black and white. Each function takes the axes, the
panel, and all panels that share its legend.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from theory_check.findings.pictures import (
    Band,
    BarPanel,
    Curve,
    CurvePanel,
    HeatPanel,
    HistogramPanel,
    Panel,
    PathPanel,
    RatePanel,
    histogram_bins,
)
from theory_check.foundation.arrays import FloatArray
from theory_check.reporting.markdown import MATHEMATICS
from theory_check.reporting.summary import plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PATHS = 60

TITLE_LENGTH, LEGEND_LENGTH = 46, 48

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_DASHES = ("-", (0, (6, 2)), (0, (5, 2, 1, 2)), (0, (1.5, 1.5)), (0, (9, 2, 1, 2, 1, 2)), (0, (3, 1)), (0, (1, 3)))
_BROKEN = (*_DASHES[1:], (0, (10, 4)))
_BLACK_DASHES = ("-", (0, (5, 2)), (0, (1.2, 1.2)), (0, (6, 2, 1, 2)))
_WIDTHS = (2.2, 1.6, 2.0, 1.6)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SAMPLE, _SAMPLE_EDGE, _PATH = "#D9D9D9", "#8C8C8C", "#9A9A9A"


@dataclass(frozen=True)
class Scale:
    """Values of a map: where shades change, ticks of their bar, labelled contours, and whether values lie beyond."""

    borders: FloatArray
    ticks: FloatArray
    contours: tuple[float, ...]
    extend: Literal["both", "neither"]


SCALES: Mapping[str, Scale] = MappingProxyType(
    {
        "powers of ten": Scale(np.arange(-3.0, 3.25, 0.5), np.arange(-3.0, 4.0), (-2.0, -1.0, 0.0, 1.0, 2.0), "both"),
        "accuracy": Scale(np.arange(11) / 10, np.arange(0, 11, 2) / 10, (0.5, 0.9), "neither"),
    }
)


#: A hyphen that is a minus sign: before a number, or between spaces.
_HYPHEN = re.compile(r"(?<![\w)-])-(?=[\d.])|(?<= )-(?= )")


def wrapped(text: str, length: int) -> str:
    """Return text in lines of at most ``length`` signs, in plain words if its mathematics cannot be set."""
    return "\n".join(_wrapped_line(line, length) for line in text.splitlines())


def _wrapped_line(text: str, length: int) -> str:
    from matplotlib.mathtext import MathTextParser

    # The delimiters that GitHub's tables need, by the names matplotlib knows.
    text = re.sub(r"\\[lr]([Vv]ert)(?![A-Za-z])", r"\\\1 ", text)
    # In mathematics a hyphen is a minus sign already.
    pieces = MATHEMATICS.split(text)
    text = "".join(p if place % 2 else _HYPHEN.sub("−", p) for place, p in enumerate(pieces))
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


def predicted_labels(panels: Sequence[Panel]) -> list[str]:
    """Return the labels of the predictions, each once."""
    return list(dict.fromkeys(curve.label for panel in panels for curve in panel.theory))


def _draw_line(axes: Axes, curve: Curve, colour: str, style: Any, width: float = 1.9, **options: Any) -> None:
    label = wrapped(curve.label, LEGEND_LENGTH)
    options = {"zorder": 2.5} | options
    axes.plot(curve.x, curve.y, linestyle=style, color=colour, linewidth=width, label=label, **options)


def _say_nothing_to_draw(axes: Axes) -> None:
    axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center", va="center", color="#555555")


def draw_histogram(axes: Axes, panel: HistogramPanel, _panels: Sequence[Panel]) -> None:
    """Draw the central part of a sample as a histogram, below its predicted densities.

    Parameters
    ----------
    axes, panel, _panels
        Where to draw what, and all panels that share its legend.
    """
    axes.set_ylabel("density")
    values = panel.values[np.isfinite(panel.values)]
    if values.size == 0:
        _say_nothing_to_draw(axes)
        return
    edges = histogram_bins(values)
    counts, _ = np.histogram(values, edges)
    # Relative to the whole sample, not only its central part: comparable with a density.
    density = counts / (values.size * np.diff(edges))
    _draw_stairs(axes, density, edges, f"sample of {values.size:,}")
    top = float(density.max())
    for index, curve in enumerate(panel.theory):
        inside = (curve.x >= edges[0]) & (curve.x <= edges[-1]) & np.isfinite(curve.y)
        _draw_line(axes, curve, COLOURS[index % len(COLOURS)], _DASHES[index % len(_DASHES)])
        top = max(top, min(float(curve.y[inside].max(initial=0.0)), 2 * float(density.max())))
    axes.set_xlim(float(edges[0]), float(edges[-1]))
    axes.set_ylim(0, 1.06 * top)


def _draw_stairs(axes: Axes, density: FloatArray, edges: FloatArray, label: str) -> None:
    axes.stairs(density, edges, fill=True, facecolor=SAMPLE, edgecolor=_SAMPLE_EDGE, linewidth=0.7, label=label)


def draw_rates(axes: Axes, panel: RatePanel, _panels: Sequence[Panel]) -> None:
    """Draw estimates with error bars and the predicted lines, and say how many the axes cannot show.

    Parameters
    ----------
    axes, panel, _panels
        Where to draw what, and all panels that share its legend.
    """
    axes.set_ylabel(wrapped(panel.ylabel, TITLE_LENGTH))
    if panel.logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    hidden = sum(
        _draw_band(axes, band, index, COLOURS[index % len(COLOURS)], panel.logarithmic)
        for index, band in enumerate(panel.measured)
    )
    if panel.places:
        axes.set_xticks(range(1, len(panel.places) + 1), panel.places)
    paired = len(panel.theory) == len(panel.measured)
    for index, curve in enumerate(panel.theory):
        shown = _positive_part(curve) if panel.logarithmic else curve
        colour = COLOURS[index % len(COLOURS)] if paired else "#333333"
        _draw_line(axes, shown, colour, _BROKEN[index % len(_BROKEN)])
    if not any(_drawable(band, panel.logarithmic).any() for band in panel.measured) and not panel.theory:
        _say_nothing_to_draw(axes)
    elif hidden:
        reason = "positive" if panel.logarithmic else "finite"
        text = f"{hidden} {'point' if hidden == 1 else 'points'} not shown: interval not {reason}"
        axes.text(0.02, 0.02, text, transform=axes.transAxes, fontsize=10, color="#555555")


def _positive_part(curve: Curve) -> Curve:
    shown = (curve.x > 0) & (curve.y > 0) & np.isfinite(curve.y)
    return Curve(curve.label, curve.x[shown], curve.y[shown])


def _draw_band(axes: Axes, band: Band, index: int, colour: str, logarithmic: bool) -> int:
    """Draw the intervals of a band that the axes can show and return how many they cannot."""
    shown = _drawable(band, logarithmic)
    x, estimate = band.x[shown], band.estimate[shown]
    below, above = np.maximum(estimate - band.lower[shown], 0), np.maximum(band.upper[shown] - estimate, 0)
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
        label=wrapped(band.label, LEGEND_LENGTH),
        zorder=3,
    )
    return int(shown.size - shown.sum())


def _drawable(band: Band, logarithmic: bool) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    finite = np.isfinite(band.x) & np.isfinite(band.estimate) & np.isfinite(band.lower) & np.isfinite(band.upper)
    shown: np.ndarray[tuple[int], np.dtype[np.bool_]] = finite & (band.x > 0) & (band.lower > 0)
    return shown if logarithmic else finite


def draw_paths(axes: Axes, panel: PathPanel, _panels: Sequence[Panel]) -> None:
    """Draw thin paths, a selection of them where there are many, and the predicted curves.

    Parameters
    ----------
    axes, panel, _panels
        Where to draw what, and all panels that share its legend.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import MaxNLocator

    axes.set_ylabel(wrapped(panel.ylabel, TITLE_LENGTH))
    total = len(panel.paths)
    chosen = np.linspace(0, total - 1, min(total, MOST_PATHS)).round().astype(np.intp)
    segments = [np.column_stack([panel.positions, panel.paths[i]]) for i in chosen]
    noun = panel.noun.removesuffix("s") if total == 1 else panel.noun
    label = f"{len(chosen):,} of {total:,} {noun}" if len(chosen) < total else f"{total:,} {noun}"
    axes.add_collection(LineCollection(segments, colors=_PATH, linewidths=0.6, alpha=0.7, label=label, zorder=1))
    for index, curve in enumerate(panel.theory):
        _draw_line(axes, curve, COLOURS[index % len(COLOURS)], _DASHES[index % len(_DASHES)], width=2.6)
    if np.all(panel.positions == np.rint(panel.positions)):
        # Whole positions, such as nights, have no ticks between them.
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    axes.autoscale_view()
    axes.margins(x=0)


def draw_curves(axes: Axes, panel: CurvePanel, panels: Sequence[Panel]) -> None:
    """Draw ranges, paths and estimates in grey and black, and the predictions over them.

    Parameters
    ----------
    axes, panel, panels
        Where to draw what, and all panels that share its legend.
    """
    axes.set_ylabel(wrapped(panel.ylabel, TITLE_LENGTH))
    if "y" in panel.logarithmic:
        axes.set_yscale("log")
    if "x" in panel.logarithmic:
        axes.set_xscale("log")
    for ribbon in panel.ribbons:
        axes.fill_between(
            ribbon.x, ribbon.lower, ribbon.upper,
            facecolor=SAMPLE, edgecolor=_SAMPLE_EDGE, linewidth=0.7, label=ribbon.label,
        )  # fmt: skip
    for number, path in enumerate(panel.paths):
        axes.plot(path.x, path.y, color="black", linewidth=0.9 if number == 0 else 0.4, label=path.label)
    for band in panel.measured:
        _draw_band(axes, band, 0, "black", "y" in panel.logarithmic)
    _draw_predictions(axes, panel, panels)
    shown = (*(curve.y for curve in (*panel.paths, *panel.theory)), *(band.estimate for band in panel.measured))
    if not panel.ribbons and not any(np.isfinite(values).any() for values in shown):
        _say_nothing_to_draw(axes)


def draw_bars(axes: Axes, panel: BarPanel, panels: Sequence[Panel]) -> None:
    """Draw densities of bins with their intervals, and the predictions over them.

    Parameters
    ----------
    axes, panel, panels
        Where to draw what, and all panels that share its legend.
    """
    axes.set_ylabel("density")
    _draw_stairs(axes, panel.density, panel.edges, panel.bars)
    middles = (panel.edges[1:] + panel.edges[:-1]) / 2
    axes.vlines(middles, panel.lower, panel.upper, color="black", linewidth=1.0, label=panel.intervals, zorder=3)
    axes.set_xlim(float(panel.edges[0]), float(panel.edges[-1]))
    axes.set_ylim(bottom=0.0)
    _draw_predictions(axes, panel, panels)


def _draw_predictions(axes: Axes, panel: Panel, panels: Sequence[Panel]) -> None:
    """Draw curves over what was measured, those of one label alike in all panels."""
    labels = predicted_labels(panels)
    for curve in panel.theory:
        index = labels.index(curve.label) % len(_WIDTHS)
        _draw_line(axes, curve, COLOURS[index], _BROKEN[index], _WIDTHS[index], zorder=4)


def draw_heat(axes: Axes, panel: HeatPanel, panels: Sequence[Panel]) -> Any:
    """Draw a map with contours and predicted curves; return its shades, for the colour bar.

    Shades grow monotonically in lightness, in steps that contour lines separate and label.

    Parameters
    ----------
    axes, panel, panels
        Where to draw what, and all panels that share its legend.

    Returns
    -------
    matplotlib.collections.QuadMesh
    """
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm
    from matplotlib.patheffects import withStroke

    axes.set_ylabel(wrapped(panel.ylabel, TITLE_LENGTH))
    axes.grid(visible=False)
    across, up = _edges(panel.columns), _edges(panel.rows)
    scale = SCALES[panel.scale]
    norm = BoundaryNorm(scale.borders, 256, extend=scale.extend)
    shades = axes.pcolormesh(across, up, panel.values, cmap=colormaps["cividis"], norm=norm, rasterized=True)
    finite = np.clip(panel.values, 2 * scale.borders[0], 2 * scale.borders[-1])
    known = finite[~np.isnan(finite)]
    if min(finite.shape) > 1 and known.size:
        levels = [level for level in scale.contours if known.min() < level < known.max()]
        if levels:
            widths = [2.4 if level == 0.0 else 0.9 for level in levels]
            lines = axes.contour(
                panel.columns, panel.rows, finite, levels=levels, colors="white", linewidths=widths, linestyles="solid"
            )
            # The contour of 0 is the thick one; predictions lie on it and would hide its number.
            numbered = [level for level in levels if level != 0.0 or not panel.theory]
            axes.clabel(lines, numbered, fmt=lambda level: f"{level:g}".replace("-", "−"), fontsize=10)
    labels = predicted_labels(panels)
    for curve in panel.theory:
        style = _BLACK_DASHES[labels.index(curve.label) % len(_BLACK_DASHES)]
        # In a white casing, so that black shows on every shade.
        casing = [withStroke(linewidth=3.4, foreground="white")]
        _draw_line(axes, curve, "black", style, width=1.6, path_effects=casing)
    if panel.theory:
        axes.set_xlim(*across[[0, -1]])
        axes.set_ylim(*up[[0, -1]])
    return shades


def _edges(centres: FloatArray) -> FloatArray:
    """Return the borders of the boxes around increasing centres."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middles = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middles[0]], middles, [2 * centres[-1] - middles[-1]]])
