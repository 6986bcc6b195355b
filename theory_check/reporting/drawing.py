"""Pictures drawn with matplotlib, on no display and without global state: layout, legends and files.

Equal data give equal bytes. Other modules make panels (:mod:`theory_check.findings.pictures`) and call :func:`render`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import numpy as np

from theory_check.findings.pictures import (
    BarPanel,
    CurvePanel,
    HeatPanel,
    HistogramPanel,
    Panel,
    PathPanel,
    Picture,
    PromisePanel,
    RatePanel,
)
from theory_check.foundation.files import write_together
from theory_check.reporting import panels as kinds
from theory_check.reporting.panels import LEGEND_LENGTH, TITLE_LENGTH, predicted_labels, wrapped
from theory_check.reporting.row_panels import draw_promise, row_places
from theory_check.reporting.summary import plain_text
from theory_check.reporting.ticks import set_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS, _HALF_LEGEND = 3, 20
_DPI = 130

#: The dark background of GitHub's pages, as parts of 1.
_DARK = np.array([13.0, 17.0, 23.0]) / 255.0

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


@dataclass(frozen=True)
class _Kind:
    """How a kind of panel is drawn: ``draw(axes, panel, all panels)``, sizes in inches, changes of the style.

    With ``legend_columns``, of the number of panels, one legend serves all of them, otherwise each has its own.
    """

    draw: Callable[..., Any]
    width: float = 4.0
    height: float = 3.1
    legend_line: float = 0.21
    legend_columns: Callable[[int], int] | None = None
    style: dict[str, float] = field(default_factory=dict)

    def size(self, panels: Sequence[Any], rows: int, columns: int, legend_lines: int) -> tuple[float, float]:
        """Return width and height of a figure."""
        if panels and isinstance(panels[0], PromisePanel):
            return 3.6 + self.width * columns, row_places(panels)[2] + self.height
        width = self.width if self.legend_columns or len(panels) > 1 else 5.2
        return columns * width, rows * (self.height + self.legend_line * legend_lines)


_WIDE = {"figure.constrained_layout.w_pad": 0.1, "figure.constrained_layout.h_pad": 0.06}
_SMALL = {
    "axes.titlesize": 12,
    "axes.labelsize": 11.5,
    "ytick.labelsize": 10.5,
    "legend.fontsize": 10.5,
    "legend.handlelength": 2.4,
}

_KINDS: dict[type, _Kind] = {
    HistogramPanel: _Kind(kinds.draw_histogram),
    RatePanel: _Kind(kinds.draw_rates),
    PathPanel: _Kind(kinds.draw_paths),
    CurvePanel: _Kind(kinds.draw_curves, 4.1, 3.3, 0.3, lambda count: max(count, 2), _WIDE),
    BarPanel: _Kind(kinds.draw_bars, 4.1, 3.3, 0.3, lambda count: max(count, 2), _WIDE),
    HeatPanel: _Kind(kinds.draw_heat, 5.0, 4.3, 0.3, lambda count: count + 1),
    PromisePanel: _Kind(draw_promise, 2.6, 1.6, 0.0, lambda _: 2, _SMALL),
}


def draw(picture: Picture, path: Path) -> None:
    """Draw a picture into a PNG file, written whole or not at all.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    write_together({path: render(picture.panels)["png"]})


def render(panels: Sequence[Panel], suffixes: Iterable[str] = ("png",)) -> dict[str, bytes]:
    """Return panels side by side; the bytes depend on nothing but the panels and matplotlib's version.

    Parameters
    ----------
    panels : sequence of Panel
        Those of a report have a legend each, those of a figure of the paper, of a map and of a calibration share one.
    suffixes : iterable of str
        Formats, ``"png"``, ``"svg"`` and ``"pdf"``.

    Returns
    -------
    dict of str to bytes
        Files by suffix. Shades of many boxes are an image inside an SVG as well.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind = _KINDS[type(panels[0])] if panels else _Kind(kinds.draw_histogram)
    rows = 1 if kind.legend_columns else math.ceil(len(panels) / _COLUMNS) or 1
    columns = math.ceil(len(panels) / rows) or 1
    with _own_style(kind.style):
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        everywhere = [figure.add_subplot(rows, columns, place) for place in range(1, len(panels) + 1)]
        shades: dict[str, Any] = {}
        for axes, panel in zip(everywhere, panels, strict=True):
            axes.set_title(wrapped(panel.title, TITLE_LENGTH))
            axes.set_xlabel(wrapped(panel.xlabel, TITLE_LENGTH))
            drawn = _KINDS[type(panel)].draw(axes, panel, panels if kind.legend_columns else [panel])
            set_ticks(axes)
            if isinstance(panel, HeatPanel):
                shades[panel.scale] = drawn
        if len(panels) > 1:
            _draw_letters(everywhere)
        for name, drawn in shades.items():
            scale = kinds.SCALES[name]
            bar = figure.colorbar(drawn, ax=everywhere, extend=scale.extend, ticks=scale.ticks)
            bar.ax.set_ylabel(name)
        if kind.legend_columns:
            lines = _draw_shared_legend(figure, panels, kind.legend_columns(len(panels)))
        else:
            lines = max(map(_draw_own_legend, everywhere, panels), default=0)
        figure.set_size_inches(*kind.size(panels, rows, columns, lines))
        return _picture_files(figure, suffixes)


def _draw_shared_legend(figure: Figure, panels: Sequence[Panel], columns: int) -> int:
    """Draw a legend of each label once, what was measured first, and return its number of lines."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if not entries:
        return 0
    predicted = {wrapped(label, LEGEND_LENGTH) for label in predicted_labels(panels)}
    labels = sorted(entries, key=lambda label: label in predicted)
    columns = min(len(labels), columns)
    figure.legend([entries[label] for label in labels], labels, loc="outside lower center", ncols=columns)
    return math.ceil(len(labels) / columns)


def _draw_letters(everywhere: Sequence[Axes]) -> None:
    """Name panels (a), (b), ... above their left corners."""
    for letter, axes in zip(ascii_lowercase, everywhere, strict=False):
        axes.annotate(
            f"({letter})", (0.0, 1.0), (-6, 6), ha="right", va="baseline", xycoords="axes fraction",
            textcoords="offset points", fontweight="bold",
        )  # fmt: skip


def _draw_own_legend(axes: Axes, panel: Panel) -> int:
    """Draw the legend of a panel below it, where it hides no data, and return its number of lines."""
    from matplotlib.lines import Line2D

    # What was measured comes first; predictions are the plain lines. Two lines may have one label.
    entries = sorted(
        zip(*axes.get_legend_handles_labels(), strict=True), key=lambda entry: isinstance(entry[0], Line2D)
    )
    columns = 2 if _has_wide_legend(panel) else 1
    bars = panel.bars if isinstance(panel, RatePanel) else ""
    if entries:
        axes.legend(
            [handle for handle, _ in entries], [label for _, label in entries],
            loc="upper center", bbox_to_anchor=(0.5, -0.24), borderaxespad=0, ncols=columns,
            title=wrapped(bars, LEGEND_LENGTH) or None, title_fontsize=11,
        )  # fmt: skip
    return math.ceil(len(entries) / columns) + bool(bars)


def _has_wide_legend(panel: Panel) -> bool:
    """Return whether measurements and predictions fit side by side below a panel."""
    if not isinstance(panel, RatePanel) or len(panel.measured) != len(panel.theory):
        return False
    labels = [band.label for band in panel.measured] + [curve.label for curve in panel.theory]
    return all(len(plain_text(label)) <= _HALF_LEGEND for label in labels)


@contextmanager
def _own_style(changes: Mapping[str, float]) -> Iterator[None]:
    """Replace the reader's own settings by ours with these changes, and restore them."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | dict(changes))
        yield


def _picture_files(figure: Figure, suffixes: Iterable[str]) -> dict[str, bytes]:
    """Return a figure as PNG, SVG or PDF, by suffix, without date or version."""
    metadata = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    files = {}
    for suffix in suffixes:
        drawn = io.BytesIO()
        if suffix == "png":
            _write_png(figure, drawn)
        else:
            figure.savefig(drawn, format=suffix, dpi=_DPI, metadata=metadata[suffix])
        files[suffix] = drawn.getvalue()
    return files


def _write_png(figure: Figure, file: io.BytesIO) -> None:
    """Write a figure as a PNG of few colours, a third of the size of one of all.

    ``savefig`` draws twice, once for the layout alone, and packs all colours, which would be unpacked again.
    """
    from PIL import Image

    canvas: Any = figure.canvas
    resolution = figure.dpi
    figure.dpi = _DPI
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    figure.dpi = resolution
    indexed = image.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indexed.save(file, format="png", optimize=True, dpi=(_DPI, _DPI))


def darkened(png: bytes) -> bytes:
    """Return a picture of few colours for a dark background: lightness is inverted, hues stay.

    Parameters
    ----------
    png : bytes
        By :func:`render`, white in the background.

    Returns
    -------
    bytes
    """
    from PIL import Image

    dark = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        palette = np.array(image.getpalette() or [], dtype=np.float64).reshape(-1, 3) / 255.0
        # Reflection of each colour at the grey in its middle keeps hue and saturation; black becomes white.
        reflected = 1.0 - (palette.max(axis=1) + palette.min(axis=1))[:, None] + palette
        # White becomes the dark grey of GitHub's pages, not black.
        shades = 255.0 * (_DARK + (1.0 - _DARK) * reflected)
        image.putpalette(np.rint(shades).astype(int).ravel().tolist())
        image.save(dark, format="png", optimize=True, dpi=(_DPI, _DPI))
    return dark.getvalue()
