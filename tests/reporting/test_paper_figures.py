from __future__ import annotations

from dataclasses import replace

import numpy as np

from theory_check.findings.pictures import Band, Curve
from theory_check.reporting.paper_figures import BarFrame, Frame, Ribbon, render_frames

X = np.array([10.0, 100.0, 1000.0])
FRAME = Frame(
    title=r"$\beta = 1$",
    xlabel="$L$",
    ylabel="y",
    logarithmic="xy",
    ribbons=(Ribbon("half", X, 1 / X, 3 / X),),
    measured=(Band("median", X, 2 / X, 1.5 / X, 2.5 / X),),
    paths=(Curve("path", X, 2 / X),),
    theory=(Curve("mean", X, 2.1 / X), Curve("quartiles", X, 1 / X), Curve("quartiles", X, 3 / X)),
)
BARS = BarFrame(
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


def test_equal_panels_give_equal_files():
    files = render_frames([FRAME, BARS])
    assert files == render_frames([FRAME, BARS])
    assert files["png"].startswith(b"\x89PNG\r\n\x1a\n")
    assert b"<svg" in files["svg"][:1000]
    assert files["png"] != render_frames([replace(FRAME, theory=()), BARS])["png"]


def test_infinite_values_and_nothing_to_draw():
    infinite = np.array([1.0, np.inf, np.inf])
    band = Band("median", X, infinite, infinite, infinite)
    render_frames([replace(FRAME, measured=(band,), ribbons=(Ribbon("half", X, infinite, infinite),))])
    render_frames([Frame("title", "x", "y")])
