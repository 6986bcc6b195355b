from __future__ import annotations

import io
import math
from dataclasses import replace

from PIL import Image

from theory_check.findings.pictures import IntervalPanel, IntervalRow
from theory_check.reporting.drawing import render

ROW = IntervalRow("first", 0.1, -0.4, 0.6, holds=True)
PANEL = IntervalPanel("title", "deviation", (ROW,))


def png_of(*rows):
    return render([replace(PANEL, rows=rows)])["png"]


def height(png):
    with Image.open(io.BytesIO(png)) as image:
        return image.height


def test_each_row_makes_the_picture_higher():
    assert height(png_of(ROW)) < height(png_of(ROW, ROW)) < height(png_of(*[ROW] * 20))


def test_what_does_not_hold_looks_different():
    assert png_of(ROW) != png_of(replace(ROW, holds=False))


def test_ends_beyond_the_picture_are_cut_off_at_its_edge():
    open_ended, far = replace(ROW, lower=-math.inf, upper=math.inf), replace(ROW, lower=-50.0, upper=50.0)
    assert png_of(open_ended) == png_of(far) != png_of(ROW)
