from __future__ import annotations

import math
from dataclasses import replace

import pytest
from example_record import make_claim, make_finding, make_record

from theory_check.reporting.summary import (
    answer_certainty,
    answer_cost,
    answer_theory,
    decisive_point,
    excess,
    mistakes_text,
    more_networks,
    plain_text,
    tally,
    toothless,
)


def test_tally():
    counts = tally(["supported", "refuted", "supported"])
    assert (counts.supported, counts.refuted, counts.inconclusive, counts.total) == (2, 1, 0, 3)


def test_answers_carry_the_counts(record):
    assert answer_theory(record).startswith(
        "Not everywhere: 2 of 3 claims supported, 1 refuted, 0 inconclusive (4 of 7"
    )
    assert "at most 0.001" in answer_certainty(record)
    assert "12 of 14 deliberately wrong variants" in answer_certainty(record)
    assert "with an estimate of their own were refuted" in answer_certainty(record)
    assert "1.23 million networks" in answer_cost(record)
    assert "4 min 12 s" in answer_cost(record)


def test_answers_to_other_outcomes():
    good = make_record(only_supported=True)
    assert answer_theory(good).startswith("Yes, wherever it was checked: 2 of 2 claims")

    def with_claim(**changes):
        claim = make_claim("E1", make_finding("E1/a", **changes))
        return replace(good, regimes=(replace(good.regimes[0], claims=(claim,)),))

    assert "not all is decided" in answer_theory(with_claim(verdict="inconclusive"))
    assert "could not have failed" in answer_theory(with_claim(variant_verdict="supported"))
    assert answer_theory(replace(good, regimes=())) == "Nothing was checked."
    assert "wrong variant" not in answer_certainty(replace(good, regimes=()))


def test_decisive_point_is_the_narrowest_or_the_farthest_off():
    wide, narrow = make_finding("E1/wide", lower=0.3, upper=0.6), make_finding("E1/narrow")
    open_end = make_finding("E1/open", lower=-math.inf, upper=math.inf)
    assert decisive_point(make_claim("E1", open_end, wide, narrow)) == narrow
    near, far = (make_finding(f"E1/{t}", target=t, verdict="refuted") for t in (0.49, 0.6))
    assert decisive_point(make_claim("E1", narrow, near, far)) == far
    assert decisive_point(make_claim("E1")) is None


def test_excess():
    assert excess(make_finding(target=0.474712)) == 0
    assert excess(make_finding(estimate=0.5, target=0.52, margin=0.01, remainder=0.01)) == pytest.approx(1)
    assert excess(make_finding(margin=0.0)) == math.inf
    assert excess(make_finding(target=(-math.inf, math.inf))) == 0


def test_more_networks():
    assert more_networks(make_finding(resolution=0.02, margin=0.01)) == pytest.approx(4)
    assert more_networks(make_finding(resolution=0.001, margin=0.01)) == 1
    assert more_networks(make_finding(resolution=math.inf)) == math.inf


def test_a_check_without_variants_has_no_teeth():
    bare = replace(make_finding(), variants=())
    assert toothless([bare, make_finding()]) == (bare,)
    assert toothless([replace(bare, verdict="refuted")]) == ()


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (r"$\mathbb{E}\,\|h_L\|^2$ of **all**", "E ‖h_L‖^2 of all"),
        (r"$\frac{1}{2} \leq \kappa$", "1/2 ≤ κ"),
        (r"$\lambda \Gamma \sqrt{D} \to \infty$", "λ Γ √D → ∞"),
        ("a\n b `c`", "a b c"),
    ],
)
def test_plain_text(markdown, text):
    assert plain_text(markdown) == text


def test_values_are_told_by_their_distance_and_not_counted():
    finding = make_finding("E1/a")
    by_value, displaced = (
        replace(v, kind=kind, distance=d)
        for v, kind, d in zip(finding.variants, ("value", "displaced"), (2.5, 2.0), strict=False)
    )
    mixed = replace(finding, variants=(by_value, displaced))
    assert mixed.nearest == 2.5
    assert mistakes_text([mixed]) == "from 2.5 margins on"
    assert mistakes_text([mixed, finding]) == f"{len(finding.variants)}/{len(finding.variants)}, from 2.5 margins on"
    record = make_record(only_supported=True)
    regime = replace(record.regimes[0], claims=(make_claim("E1", mixed),))
    certainty = answer_certainty(replace(record, regimes=(regime,)))
    assert ", and a true statement is left unsupported at a point with probability at most 0.01. The" in certainty
    assert certainty.endswith("tells from its target lies 2.5 margins away in the median.")
