from __future__ import annotations

import colorsys
import io
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from example_record import make_picture
from PIL import Image

from theory_check.findings.pictures import (
    Band,
    Curve,
    HistogramPanel,
    PathPanel,
    Picture,
    RatePanel,
)
from theory_check.reporting import drawing
from theory_check.reporting.drawing import darkened, draw
from theory_check.reporting.panels import wrapped
from theory_check.reporting.summary import describe

PNG = b"\x89PNG\r\n\x1a\n"
NONE = np.array([])


def drawn_texts(panels):
    """The texts of a picture, which its SVG has as remarks."""
    return re.findall(r"<!-- (.*?) -->", drawing.render(panels, ["svg"])["svg"].decode())


def render(picture: Picture) -> bytes:
    return drawing.render(picture.panels)["png"]


def size(png: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return image.size


def test_equal_pictures_give_equal_bytes_without_date_or_version(tmp_path):
    draw(make_picture(), tmp_path / "a.png")
    first = (tmp_path / "a.png").read_bytes()
    assert first == render(make_picture())
    assert first.startswith(PNG)
    assert not {b"tEXt", b"iTXt", b"tIME"} & {first[i : i + 4] for i in range(len(first))}
    assert first != render(make_picture(seed=5))


def test_settings_of_the_reader_neither_matter_nor_change():
    import matplotlib as mpl

    expected = render(make_picture())
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert render(make_picture()) == expected
        assert mpl.rcParams["font.size"] == 30


def test_panels_stand_side_by_side_up_to_three():
    panel = make_picture().panels[0]
    widths = [size(render(Picture("p", "c", (panel,) * count)))[0] for count in (1, 2, 3)]
    assert widths == sorted(set(widths))
    four = size(render(Picture("p", "c", (panel,) * 4)))
    assert four[0] == widths[1]


EMPTY_BAND = Band("b", NONE, NONE, NONE, NONE)
NOT_POSITIVE = Band(
    "b", np.array([1.0, 2.0]), np.array([0.0, np.nan]), np.array([-1.0, -np.inf]), np.array([1.0, np.inf])
)


@pytest.mark.parametrize(
    "panel",
    [
        HistogramPanel("empty", "x", NONE, ()),
        HistogramPanel("not finite", "x", np.array([np.nan, np.inf]), ()),
        HistogramPanel("constant", "x", np.full(10, 3.0), (Curve("t", np.array([2.9, 3.1]), np.array([1.0, 1.0])),)),
        HistogramPanel("one value", "x", np.array([0.0]), ()),
        HistogramPanel("two values", "x", np.repeat([0.0, 1.0], [90, 10]), ()),
        HistogramPanel(
            "pole", "x", np.linspace(0, 1, 99), (Curve("t", np.array([0.0, 1.0]), np.array([np.inf, 1.0])),)
        ),
        RatePanel("empty", "L", "D", (EMPTY_BAND,), ()),
        RatePanel("not positive", "L", "D", (NOT_POSITIVE,), (Curve("t", np.array([1.0, 9.0]), np.array([0.0, 1.0])),)),
        RatePanel("empty linear", "H", "D", (EMPTY_BAND,), (), logarithmic=False),
        RatePanel("not finite", "H", "D", (NOT_POSITIVE,), (), logarithmic=False),
        PathPanel("empty", "k", "h", np.array([0.0, 1.0]), np.empty((0, 2)), ()),
        PathPanel("one path", "k", "h", np.array([0.0, 1.0]), np.array([[0.0, 1.0]]), ()),
        PathPanel(r"bad math $\nosuchcommand{x}$", r"$\frac{1}$", "$unbalanced", np.array([0.0, 1.0]), np.eye(2), ()),
        PathPanel("word " * 40, "k", "h", np.array([0.0, 1.0]), np.eye(2), ()),
    ],
    ids=lambda panel: panel.title[:12].strip(),
)
def test_awkward_panels_are_drawn(panel):
    assert render(Picture("p", "c", (panel,))).startswith(PNG)
    assert describe(Picture("p", "c", (panel,)))


def test_a_picture_without_panels_is_drawn():
    assert render(Picture("p", "c", ())).startswith(PNG)


def test_linear_axes_show_what_is_not_positive():
    values = np.array([-1.0, 0.0, 1.0])
    measured = Band("b", values, values, values - 0.1, values + 0.1)
    linear = RatePanel("t", "H", "x", (measured,), (Curve("c", values, values),), logarithmic=False)
    pictures = [Picture("p", "c", (panel,)) for panel in (linear, replace(linear, logarithmic=True))]
    assert render(pictures[0]) != render(pictures[1])
    assert [describe(picture).split(" of ")[0] for picture in pictures] == ["Plot", "Logarithmic plot"]


def test_description_isplain_number():
    text = describe(make_picture())
    assert "$" not in text
    assert "\\" not in text
    assert text.startswith("(a) Histogram of log(‖h_L‖^2")
    assert "; (b) Logarithmic plot of E D against depth L" in text
    assert "measured “β = 1”, “β = 1/2”, “vanishing”, predicted “(1+κ/L^2)^L - 1”" in text
    assert describe(replace(make_picture(), panels=())) == "Empty picture"


def test_the_picture_says_what_its_bars_are():
    panel = make_picture().panels[1]
    said = replace(panel, bars="bars: 99% intervals")
    assert drawing.render([panel]) != drawing.render([said])
    assert "“vanishing” (99% intervals), predicted" in describe(Picture("p", "c", (said,)))


def test_places_have_names_in_the_place_of_numbers():
    values = np.array([1.0, 2.0])
    panel = RatePanel("t", "panel", "x", (Band("b", values, values, values, values),), (), logarithmic=False)
    svg = drawing.render([replace(panel, places=("here", "there"))], ["svg"])["svg"].decode()
    assert "<!-- here -->" in svg
    assert "<!-- there -->" in svg
    assert "<!-- here -->" not in drawing.render([panel], ["svg"])["svg"].decode()


def test_curves_beside_paths_are_not_all_called_predictions():
    panel = PathPanel("nights", "t", "E", np.array([1.0, 2.0]), np.eye(2), (Curve("refuted from here on", *np.eye(2)),))
    assert describe(Picture("p", "c", (panel,))) == "Sample paths of E along t (nights), with “refuted from here on”"


def test_one_path_is_counted_as_one():
    panel = PathPanel("nights", "t", "E", np.array([1.0, 2.0]), np.eye(2)[:1], (), noun="claims")
    assert "<!-- 1 claim -->" in drawing.render([panel], ["svg"])["svg"].decode()


def test_a_pdf_is_drawn_without_date():
    panels = make_picture().panels[1:2]
    pdf = drawing.render(panels, ["pdf"])["pdf"]
    assert pdf.startswith(b"%PDF")
    assert b"CreationDate" not in pdf
    assert drawing.render(panels, ["pdf"])["pdf"] == pdf


def test_a_picture_has_the_pixels_that_matplotlib_saves(monkeypatch):
    drawn = render(make_picture())

    def save(figure, file):
        saved = io.BytesIO()
        figure.savefig(saved, format="png", dpi=drawing._DPI)
        with Image.open(saved) as image:
            few = image.convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(file, format="png")

    monkeypatch.setattr(drawing, "_write_png", save)
    with Image.open(io.BytesIO(drawn)) as ours, Image.open(io.BytesIO(render(make_picture()))) as saved:
        assert ours.convert("RGB").tobytes() == saved.convert("RGB").tobytes()


def test_panels_have_letters_unless_there_is_one():
    panels = make_picture().panels[1:2]
    letters = [text for text in drawn_texts(panels * 2) if re.fullmatch(r"\([a-z]\)", text)]
    assert letters == ["(a)", "(b)"]
    assert not [text for text in drawn_texts(panels) if re.fullmatch(r"\([a-z]\)", text)]


def test_hyphens_before_numbers_are_minus_signs():
    assert wrapped("slope -0.5, mean - 2 deviations, res-3, $-1$ and (-1)", 99) == (
        "slope −0.5, mean − 2 deviations, res-3, $-1$ and (−1)"
    )


def test_import_is_light():
    modules = ("drawing", "panels", "files", "markdown", "results", "summary", "terminal")
    imports = "; ".join(f"import theory_check.reporting.{name}" for name in modules)
    code = f"import sys; {imports}; print([m for m in ('matplotlib', 'jinja2', 'PIL', 'rich') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_norms_are_set_as_in_the_report():
    panel = make_picture().panels[2]
    ours, other = (replace(panel, ylabel=label) for label in (r"$\lVert h\rVert + \lvert x \rvert$", r"$\|h\| + |x|$"))
    assert render(Picture("p", "c", (ours,))) == render(Picture("p", "c", (other,)))


def test_a_legend_of_its_own_has_a_line_for_every_series():
    x = np.array([1.0, 2.0])
    bands = tuple(Band(name, x, x, 0.9 * x, 1.1 * x) for name in ("linear", "res-1"))
    panel = RatePanel("t", "L", "D", bands, (Curve("slope 1", x, x), Curve("slope 1", x, x)))
    other = replace(panel, theory=(panel.theory[0], Curve("slope one", x, x)))
    # Two lines beside two estimates: as high as with two different labels.
    assert size(render(Picture("p", "c", (panel,)))) == size(render(Picture("p", "c", (other,))))
    four = replace(panel, theory=(*panel.theory, *panel.theory[:1]))
    assert size(render(Picture("p", "c", (four,))))[1] > size(render(Picture("p", "c", (panel,))))[1]


def test_a_dark_twin_has_dark_paper_light_ink_and_the_same_hues():
    colours = [(255, 255, 255), (0, 0, 0), (213, 94, 0)]
    image = Image.new("P", (3, 1))
    image.putpalette([part for colour in colours for part in colour])
    image.putdata([0, 1, 2])
    light = io.BytesIO()
    image.save(light, format="png")
    with Image.open(io.BytesIO(darkened(light.getvalue()))) as dark:
        paper, ink, orange = (dark.convert("RGB").getpixel((x, 0)) for x in range(3))
    assert paper == (13, 17, 23)
    assert ink == (255, 255, 255)
    hue = colorsys.rgb_to_hls(*(x / 255 for x in orange))[0]
    # The dark paper is not a neutral grey, which turns hues by some thousandths.
    assert hue == pytest.approx(colorsys.rgb_to_hls(213, 94, 0)[0], abs=0.02)
