"""Figures of the paper: samples with their intervals, predictions drawn over them, as PNG and as SVG.

What was measured is grey and black, what is predicted is coloured and broken; one legend serves all panels. Equal data
give equal bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from theory_check.findings.pictures import Band, Curve
from theory_check.foundation.arrays import FloatArray
from theory_check.reporting.figures import own_style, picture_files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_WIDTH, _HEIGHT, _LEGEND_LINE = 4.1, 3.3, 0.3
_GREY, _EDGE = "#D9D9D9", "#8C8C8C"
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")
_DASHES = ((0, (5, 2)), (0, (5, 2, 1, 2)), (0, (1.2, 1.2)), (0, (9, 2, 1, 2, 1, 2)))
_WIDTHS = (2.2, 1.6, 2.0, 1.6)


@dataclass(frozen=True)
class Ribbon:
    """A range at several abscissae, drawn as a grey area."""

    label: str
    x: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True)
class Frame:
    """One panel of curves.

    Attributes
    ----------
    title, xlabel, ylabel : str
    logarithmic : ``""``, ``"y"`` or ``"xy"``
        Which scales are logarithmic.
    ribbons, measured, paths : tuples
        What was measured: ranges, estimates with intervals, single paths.
    theory : tuple of Curve
        Predictions; those of one label are drawn alike in all panels of a figure and share a line of the legend.
    """

    title: str
    xlabel: str
    ylabel: str
    logarithmic: Literal["", "y", "xy"] = ""
    ribbons: tuple[Ribbon, ...] = ()
    measured: tuple[Band, ...] = ()
    paths: tuple[Curve, ...] = ()
    theory: tuple[Curve, ...] = ()


@dataclass(frozen=True)
class BarFrame:
    """One panel of a histogram: densities of the bins between ``edges``, with their intervals."""

    title: str
    xlabel: str
    edges: FloatArray
    density: FloatArray
    lower: FloatArray
    upper: FloatArray
    bars: str
    intervals: str
    theory: tuple[Curve, ...] = ()


def render_frames(frames: Sequence[Frame | BarFrame]) -> dict[str, bytes]:
    """Return panels side by side as PNG and SVG, by suffix: equal panels give equal bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(curve.label for frame in frames for curve in frame.theory))
    with own_style():
        figure = Figure(figsize=(_PANEL_WIDTH * len(frames), _HEIGHT), layout="constrained")
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.06)
        FigureCanvasAgg(figure)
        entries: dict[str, Any] = {}
        for position, frame in enumerate(frames, start=1):
            axes = figure.add_subplot(1, len(frames), position)
            axes.set_title(frame.title)
            axes.set_xlabel(frame.xlabel)
            if isinstance(frame, BarFrame):
                _draw_bars(axes, frame)
            else:
                _draw_curves(axes, frame)
            for curve in frame.theory:
                index = labels.index(curve.label) % len(_COLOURS)
                axes.plot(
                    curve.x, curve.y, color=_COLOURS[index], linestyle=_DASHES[index], linewidth=_WIDTHS[index],
                    label=curve.label, zorder=4,
                )  # fmt: skip
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                entries.setdefault(label, handle)
        # What was measured comes first.
        entries = dict(sorted(entries.items(), key=lambda entry: entry[0] in labels))
        columns = min(len(entries), 2 if len(frames) < 3 else 3)
        lines = -(-len(entries) // max(columns, 1))
        figure.set_figheight(_HEIGHT + _LEGEND_LINE * lines)
        if entries:
            figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=columns)
        return picture_files(figure)


def _draw_curves(axes: Axes, frame: Frame) -> None:
    axes.set_ylabel(frame.ylabel)
    if "y" in frame.logarithmic:
        axes.set_yscale("log")
    if "x" in frame.logarithmic:
        axes.set_xscale("log")
    for ribbon in frame.ribbons:
        axes.fill_between(
            ribbon.x, ribbon.lower, ribbon.upper, facecolor=_GREY, edgecolor=_EDGE, linewidth=0.7, label=ribbon.label
        )
    for number, path in enumerate(frame.paths):
        axes.plot(path.x, path.y, color="black", linewidth=0.9 if number == 0 else 0.4, label=path.label)
    for band in frame.measured:
        # Between infinite values there is no bar.
        with np.errstate(invalid="ignore"):
            bars = [band.estimate - band.lower, band.upper - band.estimate]
        axes.errorbar(
            band.x,
            band.estimate,
            yerr=np.nan_to_num(bars, nan=0.0),
            fmt="o",
            color="black",
            markersize=4.5,
            elinewidth=1.2,
            capsize=3,
            label=band.label,
            zorder=3,
        )


def _draw_bars(axes: Axes, frame: BarFrame) -> None:
    axes.set_ylabel("density")
    axes.stairs(
        frame.density, frame.edges, fill=True, facecolor=_GREY, edgecolor=_EDGE, linewidth=0.7, label=frame.bars
    )
    middles = (frame.edges[1:] + frame.edges[:-1]) / 2
    axes.vlines(middles, frame.lower, frame.upper, color="black", linewidth=1.0, label=frame.intervals, zorder=3)
    axes.set_xlim(float(frame.edges[0]), float(frame.edges[-1]))
    axes.set_ylim(bottom=0.0)
