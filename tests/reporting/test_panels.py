from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from theory_check.findings.pictures import Band, BarPanel, Curve, CurvePanel, HeatPanel, PathPanel, Ribbon
from theory_check.reporting.drawing import render
from theory_check.reporting.panels import draw_paths

COLUMNS, ROWS = np.linspace(0.0, 1.0, 12), np.linspace(0.2, 0.8, 7)
PANEL = HeatPanel("title", "x", "y", COLUMNS, ROWS, 8.0 * (ROWS[:, None] - COLUMNS))


def render_heat_map(panels):
    return render(panels)["png"]


def lightness(png):
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("L"), dtype=float)


def test_equal_panels_give_equal_bytes():
    png = render_heat_map([PANEL])
    assert png == render_heat_map([PANEL])
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert png != render_heat_map([replace(PANEL, values=-PANEL.values)])
    assert png != render_heat_map([replace(PANEL, theory=(Curve("predicted", ROWS, ROWS),))])


def test_panels_stand_side_by_side():
    one, two = (lightness(render_heat_map([PANEL] * count)).shape for count in (1, 2))
    assert two[0] == one[0]
    assert two[1] > 1.5 * one[1]


def test_larger_values_are_lighter():
    """Without colour: the centre of a map of one value has a lightness that increases with the value."""
    centres = []
    for value in (-9.0, -2.2, -1.2, -0.2, 0.3, 1.3, 2.3, 9.0):
        picture = lightness(render_heat_map([replace(PANEL, values=np.full((7, 12), value))]))
        rows, columns = picture.shape
        centres.append(np.median(picture[rows // 2 - 20 : rows // 2 + 20, columns // 3 : columns // 2]))
    # 256 shades of grey; a step is seen beside the next at 5 of them.
    assert np.all(np.diff(centres) > 5)


@pytest.mark.parametrize(
    "values",
    [
        np.full((7, 12), np.inf),
        np.full((7, 12), -np.inf),
        np.full((7, 12), np.nan),
        np.where(COLUMNS > 0.5, np.inf, PANEL.values),
        np.zeros((7, 12)),
    ],
)
def test_values_that_are_not_numbers(values):
    render_heat_map([replace(PANEL, values=values)])


@pytest.mark.parametrize(("rows", "columns"), [(1, 12), (7, 1), (1, 1)])
def test_maps_of_one_row_or_column(rows, columns):
    render_heat_map([HeatPanel("t", "x", "y", COLUMNS[:columns], ROWS[:rows], PANEL.values[:rows, :columns])])


X = np.array([10.0, 100.0, 1000.0])
CURVES = CurvePanel(
    title=r"$\beta = 1$",
    xlabel="$L$",
    ylabel="y",
    logarithmic="xy",
    ribbons=(Ribbon("half", X, 1 / X, 3 / X),),
    measured=(Band("median", X, 2 / X, 1.5 / X, 2.5 / X),),
    paths=(Curve("path", X, 2 / X),),
    theory=(Curve("mean", X, 2.1 / X), Curve("quartiles", X, 1 / X), Curve("quartiles", X, 3 / X)),
)
BARS = BarPanel(
    title="Output",
    xlabel="r",
    edges=np.linspace(0.0, 1.0, 5),
    density=np.ones(4),
    lower=np.full(4, 0.8),
    upper=np.full(4, 1.2),
    bars="networks",
    intervals="interval",
    theory=(Curve("limit", np.array([0.0, 1.0]), np.ones(2)),),
)


def render_both(panels):
    return render(panels, ("png", "svg"))


def test_equal_panels_give_equal_files():
    files = render_both([CURVES, BARS])
    assert files == render_both([CURVES, BARS])
    assert files["png"].startswith(b"\x89PNG\r\n\x1a\n")
    assert b"<svg" in files["svg"][:1000]
    assert files["png"] != render_both([replace(CURVES, theory=()), BARS])["png"]


def test_infinite_values_and_nothing_to_draw():
    infinite = np.array([1.0, np.inf, np.inf])
    band = Band("median", X, infinite, infinite, infinite)
    render_both([replace(CURVES, measured=(band,), ribbons=(Ribbon("half", X, infinite, infinite),))])
    render_both([CurvePanel("title", "x", "y")])


@pytest.mark.parametrize(("last", "whole"), [(3.0, True), (3.5, False)])
def test_paths_along_whole_numbers_have_no_tick_between_them(last, whole):
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    panel = PathPanel("title", "nights", "y", np.array([1.0, 2.0, last]), np.ones((1, 3)), ())
    draw_paths(axes, panel, [panel])
    ticks = axes.get_xticks()
    assert np.all(ticks == np.rint(ticks)) == whole
