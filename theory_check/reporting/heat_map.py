"""Heat maps of a quantity over two parameters, side by side, readable without colour.

Shades grow monotonically in lightness, in steps that contour lines separate and label. Equal data give equal bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theory_check.findings.pictures import Curve
from theory_check.foundation.arrays import FloatArray
from theory_check.reporting.figures import own_style, picture_files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_WIDTH, _HEIGHT, _LEGEND_LINE = 5.0, 4.3, 0.3
#: Shades change at multiples of 0.5 up to these bounds; what lies beyond has the last shade.
_LIMIT, _STEP = 3.0, 0.5
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1.2, 1.2)), (0, (6, 2, 1, 2)))


@dataclass(frozen=True)
class HeatPanel:
    """One map: ``values[i, j]`` at ``rows[i]`` (upward) and ``columns[j]`` (to the right).

    Attributes
    ----------
    title, xlabel, ylabel : str
    columns, rows : float64 arrays, increasing
    values : float64 array (rows, columns)
        Infinite values have the last shade, NaN none.
    curves : tuple of Curve
        Predicted curves, black in white, the first solid, the others dashed; those of one label are drawn alike in all
        panels and share an entry of the legend.
    """

    title: str
    xlabel: str
    ylabel: str
    columns: FloatArray
    rows: FloatArray
    values: FloatArray
    curves: tuple[Curve, ...] = ()


def render_heat_map(panels: Sequence[HeatPanel]) -> bytes:
    """Return maps side by side as PNG; the bytes depend on nothing but the panels and matplotlib's version."""
    return render_heat_maps(panels)["png"]


def render_heat_maps(panels: Sequence[HeatPanel]) -> dict[str, bytes]:
    """Return maps side by side as PNG and SVG, by suffix."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with own_style():
        labels = list(dict.fromkeys(curve.label for panel in panels for curve in panel.curves))
        columns = min(len(labels), len(panels) + 1)
        height = _HEIGHT + _LEGEND_LINE * -(-len(labels) // max(columns, 1))
        figure = Figure(figsize=(_PANEL_WIDTH * len(panels), height), layout="constrained")
        FigureCanvasAgg(figure)
        shades: Any = None
        axes = [figure.add_subplot(1, len(panels), position) for position in range(1, len(panels) + 1)]
        for one, panel in zip(axes, panels, strict=True):
            shades = _draw(one, panel, labels)
        bar = figure.colorbar(shades, ax=axes, extend="both", ticks=np.arange(-_LIMIT, _LIMIT + 1))
        bar.ax.set_ylabel("powers of ten")
        if labels:
            figure.legend(handles=_legend(labels), loc="outside lower center", ncols=columns)
        return picture_files(figure)


def _legend(labels: Sequence[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    styles = (_DASHES[index % len(_DASHES)] for index in range(len(labels)))
    return [
        Line2D([], [], color="black", linewidth=1.6, linestyle=style, label=label)
        for label, style in zip(labels, styles, strict=True)
    ]


def _draw(axes: Axes, panel: HeatPanel, labels: Sequence[str]) -> Any:
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm
    from matplotlib.patheffects import withStroke

    axes.set_title(panel.title)
    axes.set_xlabel(panel.xlabel)
    axes.set_ylabel(panel.ylabel)
    axes.grid(visible=False)
    bounds = np.arange(-_LIMIT, _LIMIT + _STEP / 2, _STEP)
    norm = BoundaryNorm(bounds, 256, extend="both")
    shades = axes.pcolormesh(
        _edges(panel.columns), _edges(panel.rows), panel.values, cmap=colormaps["cividis"], norm=norm, rasterized=True
    )
    finite = np.clip(panel.values, -2 * _LIMIT, 2 * _LIMIT)
    known = finite[~np.isnan(finite)]
    if min(finite.shape) > 1 and known.size:
        levels = [level for level in (-2.0, -1.0, 0.0, 1.0, 2.0) if known.min() < level < known.max()]
        if levels:
            widths = [2.4 if level == 0.0 else 0.9 for level in levels]
            lines = axes.contour(
                panel.columns, panel.rows, finite, levels=levels, colors="white", linewidths=widths, linestyles="solid"
            )
            axes.clabel(lines, fmt="%d", fontsize=10)
    for curve in panel.curves:
        style = _DASHES[labels.index(curve.label) % len(_DASHES)]
        # In a white casing, so that black shows on every shade.
        casing = [withStroke(linewidth=3.4, foreground="white")]
        axes.plot(curve.x, curve.y, color="black", linewidth=1.6, linestyle=style, path_effects=casing)
    if panel.curves:
        axes.set_xlim(*_edges(panel.columns)[[0, -1]])
        axes.set_ylim(*_edges(panel.rows)[[0, -1]])
    return shades


def _edges(centres: FloatArray) -> FloatArray:
    """Return the borders of the boxes around increasing centres."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middles = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middles[0]], middles, [2 * centres[-1] - middles[-1]]])
