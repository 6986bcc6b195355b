from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from example_record import make_claim, make_finding, make_record

from theory_check.findings.changes import Changes, Measured, compare_runs
from theory_check.findings.run import Finding, RunRecord
from theory_check.foundation.records import decode_record, encode_record


def record_of(*findings: Finding, **changes) -> RunRecord:
    record = make_record(only_supported=True)
    return replace(record, regimes=(replace(record.regimes[0], claims=(make_claim("E4", *findings),)),), **changes)


def test_equal_runs_differ_in_nothing():
    changes = compare_runs(make_record(), make_record())
    assert (changes.compared, changes.differing) == (7, 0)
    assert not (changes.claims)
    assert not (changes.points)
    assert not (changes.moved)
    assert not (changes.repredicted)
    assert not (changes.versions)
    assert not (changes.restated)
    assert not (changes.appeared)
    assert not (changes.gone)


def test_an_estimate_moved_if_its_intervals_are_disjoint():
    before = record_of(make_finding("E4/a"), make_finding("E4/b"), make_finding("E4/c", lower=-math.inf))
    # The ends of the first are 0.473136 and 0.476293.
    now = record_of(
        make_finding("E4/a", estimate=0.48, lower=0.4763, upper=0.49),
        make_finding("E4/b", estimate=0.48, lower=0.4762, upper=0.49),
        make_finding("E4/c", estimate=0.48, lower=0.4763, upper=0.49),
    )
    changes = compare_runs(before, now)
    assert changes.differing == 3
    assert [move.id for move in changes.moved] == ["E4/a", "E4/c"]
    assert changes.moved[0].before == Measured(0.474712, 0.473136, 0.476293)
    assert [move.id for move in compare_runs(now, before).moved] == ["E4/a", "E4/c"]


def test_chance_moves_an_estimate_as_rarely_as_the_levels_say():
    # Intervals of level 0.1 of one normal mean: disjoint ones are rarer than 0.2, and a shift by 8 deviations is seen.
    rng, half = np.random.default_rng(3), 1.645

    def run(shift: float) -> RunRecord:
        estimates = rng.standard_normal(400) + shift
        return record_of(*(make_finding(f"E4/{i}", estimate=x, lower=x - half, upper=x + half)
                           for i, x in enumerate(estimates)))  # fmt: skip

    assert len(compare_runs(run(0.0), run(0.0)).moved) < 0.2 * 400
    assert len(compare_runs(run(0.0), run(8.0)).moved) > 0.99 * 400


def test_verdicts_predictions_points_and_versions():
    before = record_of(make_finding("E4/a"), make_finding("E4/b"), make_finding("E4/gone"))
    found = make_finding("E4/b", target=0.48, verdict="refuted"), make_finding("E4/new")
    renamed = replace(make_finding("E4/a"), network="another network")
    now = record_of(renamed, *found)
    now = replace(now, run=replace(now.run, versions={"python": "3.12", "numpy": "2.1.0", "scipy": "1.0"}))
    changes = compare_runs(before, now)
    assert [(one.id, one.before, one.now) for one in changes.claims] == [("E4", "supported", "refuted")]
    assert [(one.id, one.before, one.now) for one in changes.points] == [("E4/b", "supported", "refuted")]
    assert changes.repredicted == ("E4/b",)
    # A point that is another network now is neither compared nor gone.
    assert changes.compared == 1
    assert changes.restated == ("E4/a",)
    assert changes.appeared == ("E4/new",)
    assert changes.gone == ("E4/gone",)
    assert changes.versions == {"python": ("3.11.7", "3.12"), "scipy": ("", "1.0"), "theory_check": ("0.1.0", "")}


def test_an_estimate_that_is_no_number_is_equal_to_itself():
    broken = record_of(make_finding("E4/a", estimate=math.nan))
    assert compare_runs(broken, broken).differing == 0
    assert compare_runs(broken, record_of(make_finding("E4/a"))).differing == 1


def test_a_comparison_survives_a_round_trip():
    open_end = record_of(make_finding("E4/a", upper=math.inf, estimate=0.5, lower=0.49))
    changes = compare_runs(record_of(make_finding("E4/a")), open_end)
    assert changes.moved
    assert decode_record(encode_record(changes, 1, "comparison"), Changes, [1], "here") == changes
