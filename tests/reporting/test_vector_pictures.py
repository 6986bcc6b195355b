from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from example_record import make_claim, make_finding, make_record

from theory_check.reporting.vector_pictures import claim_picture, describe_claim, overview_picture, relative

SVG = "{http://www.w3.org/2000/svg}"


def marks(svg: str, style: str):
    return [g for g in ElementTree.fromstring(svg).iter(f"{SVG}g") if style in g.get("class", "").split()]


def test_deviations_are_in_tolerances_from_the_nearest_end_of_the_target():
    point = make_finding(target=(0.4, 0.5), margin=0.02, remainder=0.03)
    assert [relative(point, x) for x in (0.3, 0.4, 0.45, 0.5, 0.525)] == pytest.approx([-2.0, 0.0, 0.0, 0.0, 0.5])
    assert relative(point, math.inf) == math.inf
    sharp = make_finding(target=0.5, margin=0.0)
    assert (relative(sharp, 0.4), relative(sharp, 0.5), relative(sharp, 0.6)) == (-math.inf, 0.0, math.inf)
    assert math.isnan(relative(point, math.nan))


def test_a_row_per_point_with_its_interval():
    svg = claim_picture(make_record().claims[0])
    [first, second] = marks(svg, "supported")
    bar, dot = first
    left, right = map(float, re.fullmatch(r"M([\d.]+) [\d.]+H([\d.]+)", bar.get("d")).groups())
    assert left < float(dot.get("cx")) < right
    assert float(dot.get("cy")) < float(second[1].get("cy"))
    # The band of agreement holds the whole interval of a supported point.
    band = next(one for one in ElementTree.fromstring(svg).iter(f"{SVG}rect"))
    assert float(band.get("x")) < left < right < float(band.get("x")) + float(band.get("width"))
    assert "level 1.3e-5 or less each" in svg


def test_what_is_not_supported_looks_different():
    record = make_record()
    assert len(marks(claim_picture(record.claims[1]), "other")) == 3
    assert len(marks(overview_picture(record), "other")) == 3
    assert len(marks(overview_picture(record), "supported")) == 4
    assert len(marks(overview_picture(record, columns=2, width=360), "supported")) == 4


def test_nothing_leaves_the_picture_and_what_is_no_number_has_no_dot():
    wild = [make_finding("X/a", lower=-math.inf, upper=math.inf), make_finding("X/b", target=1e9, margin=0.0),
            make_finding("X/c", estimate=math.nan, lower=math.nan, upper=math.nan)]  # fmt: skip
    svg = claim_picture(make_claim("X", *wild))
    places = [float(x) for x in re.findall(r'(?:cx="|M|H)([\d.]+)', svg)]
    assert all(0 <= x <= 860 for x in places)
    regime = replace(make_record().regimes[0], claims=tuple(make_claim(f"X{i}", *wild) for i in range(51)))
    many = replace(make_record(), regimes=(regime,))
    narrow = ElementTree.fromstring(overview_picture(many, columns=2, width=360))
    assert all(10 <= float(dot.get("cx")) <= 350 for dot in narrow.iter(f"{SVG}circle"))
    assert float(narrow.get("height")) < 500
    assert svg.count("<circle") == 2


def test_names_are_escaped_and_minus_signs_are_minus_signs():
    svg = claim_picture(make_claim("X", make_finding("X/<&>"), title="a < b"))
    assert "&lt;&amp;&gt;" in svg
    assert ">−1<" in svg
    assert ">-1<" not in svg


def test_empty_claims_and_records_are_drawn():
    record = make_record(only_supported=True)
    assert ElementTree.fromstring(claim_picture(make_claim("X"))) is not None
    assert ElementTree.fromstring(overview_picture(replace(record, regimes=()))) is not None
    assert describe_claim(make_claim("X")).endswith("0 of 0 points supported")


def test_few_claims_share_one_wide_panel():
    one = with_claims(make_record(), make_claim("X", make_finding("X/p")))
    svg = overview_picture(one)
    assert "(a)" not in svg
    band = next(node for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("rect"))
    assert float(band.get("width")) > 400
    assert "(d)" in overview_picture(with_claims(make_record(), *(make_claim(f"X{n}") for n in range(16))))


def test_what_is_farther_than_the_picture_is_said_to_be():
    near, far = (make_claim("X", make_finding("X/p", target=target, margin=0.01)) for target in (0.4747, 0.6))
    for picture, edge in (
        (claim_picture, "2"),
        (lambda claim: overview_picture(with_claims(make_record(), claim)), "1.5"),
    ):
        assert f"; at the edge: {edge} or more" in picture(far)
        assert "edge:" not in picture(near)


@pytest.mark.parametrize(("columns", "width"), [(4, 860), (2, 360)])
def test_labels_of_neighbouring_panels_have_room(columns, width):
    claims = [make_claim(f"X{n}", make_finding(f"X{n}/p", target=0.6, margin=0.01)) for n in range(16)]
    svg = ElementTree.fromstring(overview_picture(with_claims(make_record(), *claims), columns, width))
    [label] = {text.text for text in svg.iter(f"{SVG}text") if "edge" in (text.text or "")}
    assert label == "margins; edge: ≥ 1.5"
    assert len(label) <= len("deviation in margins")


def with_claims(record, *claims):
    return replace(record, regimes=(replace(record.regimes[0], claims=claims),))
