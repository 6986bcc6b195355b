"""Nights until a defect is found: the promise against exact laws and simulated processes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from simulated_rates import assert_rate_at_least, generator

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design
from theory_check.inference.nights import EvidenceProcess, advance

VALUES, CHANCES = np.array([3.0, -0.7]), np.array([0.8, 0.2])


def refuted_within(nights, start, values, level):
    """Whether a process is refuted after `nights` nights of these values that follow true nights worth nothing."""
    process = EvidenceProcess(level)
    for value in (*[-0.5] * (start - 1), *values[:nights]):
        process = advance(process, "v", float(value))
    return process.refuted


@pytest.mark.parametrize("start", [1, 4])
def test_the_promise_holds_for_every_path(start):
    level, miss = 1e-3, 0.05
    nights = design.nights_to_refute(VALUES, CHANCES, alpha=level, miss=miss, start=start)
    assert nights <= 13
    missed = 0.0
    for path in itertools.product((0, 1), repeat=nights):
        if not refuted_within(nights, start, VALUES[list(path)], level):
            missed += math.prod(CHANCES[list(path)])
    assert missed <= miss
    # A bound, yet no loose one: half of the nights are not enough.
    half, missed = nights // 2, 0.0
    for path in itertools.product((0, 1), repeat=half):
        if not refuted_within(half, start, VALUES[list(path)], level):
            missed += math.prod(CHANCES[list(path)])
    assert missed > miss


def test_the_promise_holds_for_a_late_defect():
    level, miss, start, runs = 1e-5, 0.02, 200, 400
    nights = design.nights_to_refute(VALUES, CHANCES, alpha=level, miss=miss, start=start)
    rows = generator("late defect").choice(VALUES, p=CHANCES, size=(runs, nights))
    assert_rate_at_least(1.0 - miss, [refuted_within(nights, start, row, level) for row in rows])


def test_more_is_needed_for_later_versions_rarer_misses_and_smaller_levels():
    def nights(**changes):
        return design.nights_to_refute(VALUES, CHANCES, **{"alpha": 1e-3, "miss": 0.05} | changes)

    base = nights()
    assert nights(version=5) > base
    assert nights(start=100) > base
    assert nights(alpha=1e-6) > base
    assert nights(miss=1e-4) > base


def test_evidence_that_does_not_grow_promises_nothing():
    with pytest.raises(SpecificationError, match="does not grow on average"):
        design.nights_to_refute([1.0, -1.5], [0.5, 0.5], alpha=0.01, miss=0.01)
