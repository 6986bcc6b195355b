from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser

import pytest
from example_record import make_pictures, make_record, small_png

from theory_check.findings.run import Table
from theory_check.foundation.errors import SpecificationError
from theory_check.reporting import files
from theory_check.reporting.files import rewrite_report, write_report
from theory_check.reporting.html import mathml

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")

#: Elements without an end tag.
VOID = {"meta", "img", "br", "hr", "input", "source"}

TABLE = Table("Weight laws", "Of $h_0$ < 1.", ("Law", "Case"), (("`a_b`", r"$x \| y$ | z"),))


class Parsed(HTMLParser):
    """The elements of a page with their attributes, and its text without that of scripts, styles and formulas."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style", "math"} & set(self.open):
            self.text += data

    def all(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture(scope="module")
def page(record, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "render", lambda panels, suffixes: dict.fromkeys(suffixes, small_png()))
        write_report(record, folder, make_pictures())
    written = rewrite_report(folder, lambda _record: TABLE, html=True)
    assert folder / "report.html" in written
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(page) -> Parsed:
    return Parsed(page)


def test_elements_are_closed_and_ids_are_unique(parsed):
    assert parsed.open == []
    assert Counter(parsed.all("id")).most_common(1)[0][1] == 1


def test_the_file_needs_nothing_else(page, parsed):
    assert all(source.startswith("data:") for source in parsed.all("src"))
    assert not {"link", "iframe", "object"} & {tag for tag, _ in parsed.elements}
    # The name space of MathML is no address that a browser asks for.
    assert "http" not in re.sub(r'data:[^)"]*|xmlns="[^"]*"', "", page)


def test_every_link_leads_somewhere_in_the_file(record, parsed):
    links = parsed.all("href")
    assert all(link.startswith("#") for link in links)
    targets = {link.removeprefix("#") for link in links}
    assert targets <= set(parsed.all("id"))
    assert {f"claim-{claim.id}" for claim in record.claims} | {"report", "tables-weight-laws"} <= targets


def test_formulas_are_set_and_no_sign_of_latex_or_markdown_is_left(parsed):
    assert len([tag for tag, _ in parsed.elements if tag == "math"]) > 20
    assert not re.findall(r"\$|\\[a-z]|\*\*|```|\ue000|\[!", parsed.text)
    assert "Very deep random residual networks" in parsed.text
    for formula in (r"\Vert x \rVert", r"\lVert x\Vert", r"\mathbb{E}\thinspace R", r"\xrightarrow{\ \text{law}\ }",
                    r"\Bigl\Vert\frac{\partial\mathcal L}{\partial V_k}\Bigr\Vert_F^2"):  # fmt: skip
        assert "\\" not in mathml(formula, "inline")
    # Padding in ems is no part of MathML Core: the arrow would run into what follows.
    assert "mpadded" not in mathml(r"x \xrightarrow{\ \text{law}\ } y", "inline")


def test_each_picture_is_in_the_file_once_and_has_words(page, parsed):
    assert page.count("data:image/png") == len(make_pictures())
    assert parsed.all("id").count("picture-critical-laws") == 1
    images = [attributes for tag, attributes in parsed.elements if tag == "img"]
    assert len(images) == len(make_record().claims) + 1
    assert all(image["alt"] for image in images)
    shown = [attributes for _, attributes in parsed.elements if "picture" in attributes.get("class", "").split()]
    assert len(shown) > len(make_pictures())
    assert all(attributes["aria-label"] for attributes in shown)


def test_claims_carry_their_verdicts(parsed):
    kinds = {a["data-claim"]: a["data-kind"] for tag, a in parsed.elements if tag == "article"}
    assert kinds == {"E4": "supported", "E1": "refuted", "P2": "supported"}
    boxes = [attributes["value"] for _, attributes in parsed.elements if attributes.get("type") == "checkbox"]
    assert boxes == ["supported", "refuted", "undecided"]
    assert "caution" in parsed.all("class")


def test_missing_packages_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "render", lambda panels, suffixes: dict.fromkeys(suffixes, small_png()))
    write_report(make_record(), tmp_path, make_pictures())
    before = sorted(tmp_path.rglob("*"))
    mathml.cache_clear()
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    with pytest.raises(SpecificationError, match=r"pip install 'theory-check\[html\]'"):
        rewrite_report(tmp_path, html=True)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["E4", "E1", "P2"]),
        ("?find=explosion+BELOW", ["P2"]),
        ("?find=lognormal&verdict=refuted", []),
        ("?verdict=supported", ["E4", "P2"]),
    ],
)
def test_search_and_filter_in_a_browser(page, tmp_path, query, shown):
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom"]
    dumped = subprocess.run(
        [BROWSER, *options, f"file://{file}{query}"], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    articles = [attributes for tag, attributes in Parsed(dumped).elements if tag == "article"]
    assert [a["data-claim"] for a in articles if "hidden" not in a] == shown
    assert f"{len(shown)} of 3</output>" in dumped
