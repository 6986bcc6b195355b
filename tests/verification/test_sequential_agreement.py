"""Runs that stop when they are decided, and runs of all that is planned: the same verdicts but for what is allowed."""

from __future__ import annotations

import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from theory_check.calibration.looks import NETWORK, SETTINGS, plan
from theory_check.claims.judging import Look, decisive_look
from theory_check.experiments.experiment import Sample
from theory_check.verification.run import examine

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LEVEL, MISS, SEEDS = 0.01, 0.01, 30


@pytest.fixture(scope="module")
def agreement():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import sequential_agreement

        yield sequential_agreement
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_thirty_seeds_agree_on_samples_of_true_laws(agreement):
    differing, lazy, trials, fewer = 0, 0, 0, []
    for name, setting in SETTINGS.items():
        rng = np.random.Generator(np.random.Philox(key=zlib.crc32(f"agreement {name}".encode())))
        for off in (setting.basis.allowance * setting.margin, 2.0 * setting.margin):
            law, target = setting.off_by(off)
            point = plan(name, target, setting.margin, setting.basis, LEVEL, MISS)
            once = agreement.OneLook(point.id, point.check, point.level, point.replicates)
            for row in law.draw(rng, (SEEDS, point.replicates * setting.numbers)):
                samples = [Sample(NETWORK, 0, {"values": values}, 0.0) for values in setting.arrange(row)]
                look, whole = decisive_look(point, samples), Look(once, samples, 0)
                differing += look.verdict != whole.verdict
                # To stop at the first look, decided or not, must show in the same count.
                first = Look(point, [sample.first(point.looks[0]) for sample in samples], 0)
                lazy += first.verdict != whole.verdict
                fewer.append(look.samples[0].replicates / point.replicates)
                trials += 1
    # Each of both is wrong with probability at most the level, and misses with probability at most the miss rate; the
    # count is then exceeded with probability 1e-6.
    most = stats.binom.isf(1e-6, trials, 2.0 * (LEVEL + MISS))
    assert differing <= most < lazy
    assert np.mean(fewer) < 0.8


def test_the_comparison_is_that_of_a_run(agreement, tmp_path, monkeypatch, capsys):
    found = agreement.compare(("P4",), "quick", 7)
    record = examine(["P4"], seed=7, threads=1).record
    assert {f.id: f.verdict for c in record.claims for f in c.findings} == {p: v[1] for p, v in found.verdicts.items()}
    assert found.needed == sum(f.replicates for c in record.claims for f in c.findings) < found.planned
    # An interrupted comparison goes on.
    calls = []

    def compare(names, profile, seed):
        calls.append(seed)
        return replace(found, seed=seed)

    monkeypatch.setattr(agreement, "compare", compare)
    for seeds in (2, 3):
        arguments = ["x", "P4", "--seeds", str(seeds), "--out", str(tmp_path / "found.jsonl")]
        monkeypatch.setattr(sys, "argv", arguments)
        assert agreement.main() == 0
    assert calls == [1, 2, 3]
    assert "0 differ" in capsys.readouterr().out
