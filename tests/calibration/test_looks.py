"""Checks at their looks: the worlds have the quantities that are stated, the verdicts are those of whole findings."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from scipy import stats

from theory_check.calibration.looks import LOOKS, NETWORK, SETTINGS, plan, verdicts
from theory_check.claims.judging import evaluate
from theory_check.experiments.experiment import Sample

settings = pytest.mark.parametrize("name", SETTINGS)


def rows(law, name, repetitions, numbers):
    generator = np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))
    return law.draw(generator, (repetitions, numbers))


def samples(name, row):
    return [Sample(NETWORK, 0, {"values": values}, 0.0) for values in SETTINGS[name].arrange(row)]


@settings
def test_the_quantity_of_a_world_is_as_far_off_as_is_said(name):
    setting = SETTINGS[name]
    replicates, deviation = 20000, 2.0 * setting.margin
    for off in (0.0, deviation):
        law, target = setting.off_by(off) if off else (setting.law, (setting.truth, setting.truth))
        seen = samples(name, rows(law, f"world {name}", 1, replicates * setting.numbers)[0])
        # The chance that a correct interval fails here.
        interval = setting.estimator.interval(seen, 1e-6)
        if name == "distance":
            assert interval.contains(off)
        elif name == "critical":
            assert interval.contains(setting.truth + off)
        else:
            assert interval.contains(setting.truth)
            # The difference of two rounded numbers of which it is more than a thousandth.
            assert abs(target[0] - setting.truth) == pytest.approx(off, rel=1e-12)
        assert interval.contains(target[0]) == (off == 0.0)


@settings
def test_verdicts_are_those_of_the_first_finding_that_decides(name):
    setting, found = SETTINGS[name], []
    for off in (0.0, 0.5 * setting.margin, 2.0 * setting.margin):
        law, target = setting.off_by(off) if off else (setting.law, (setting.truth, setting.truth))
        planned = plan(name, target, setting.margin, setting.basis, 0.01, 0.05)
        assert len(planned.looks) > 1
        sample = rows(law, f"verdicts {name}", 3, planned.replicates * setting.numbers)
        for row, verdict in zip(sample, verdicts(planned, name, sample), strict=True):
            for look, count in enumerate(planned.looks):
                finding = evaluate(planned, [s.first(count) for s in samples(name, row)], look)
                if finding.verdict == "refuted" or (finding.verdict == "supported" and finding.has_teeth):
                    break
            assert verdict == finding.verdict
            found.append(verdict)
    assert {"supported", "refuted"} <= set(found)


def test_a_level_that_is_spent_at_every_look_is_exceeded():
    level, runs = 0.05, 800
    cases = [case for case in (*LOOKS.nulls, *LOOKS.controls) if "distance to a law" in case.procedure]
    assert len(cases) == 3
    refuted = [int(c.reject(rows(c.law, c.procedure, runs, c.observations), c.law, level).sum()) for c in cases]
    # What a rate at the level exceeds with probability 1e-6.
    most = stats.binom.isf(1e-6, runs, level)
    assert refuted[0] <= most < min(refuted[1:])
