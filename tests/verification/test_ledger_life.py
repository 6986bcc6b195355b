"""A life of a ledger from end to end: nights on samples of known laws, through the file and all that happens to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import theory_check as tc
from theory_check.claims import Mean, Normal, Probability, median
from theory_check.claims.judging import decisive_look
from theory_check.experiments.experiment import Sample
from theory_check.inference.nights import processes
from theory_check.verification import run
from theory_check.verification.exchange import export_ledger, import_nights
from theory_check.verification.ledger import open_ledger, read_ledger
from theory_check.verification.looks import Decision
from theory_check.verification.nights import add_night, new_history

NETWORK = tc.network("linear", width=2, depth=1)

#: What the samples of a point are drawn from: a mean that is 1 where the claim is true, and the law about it.
DRAWS = {
    "Z1/often": lambda rng, n, off: 0.3 - rng.random(n),
    "Z1/rarely": lambda rng, n, off: 0.02 - rng.random(n),
    "Z2/mean": lambda rng, n, off: 1.0 + off + 0.035 * 3.0**0.5 * (2.0 * rng.random(n) - 1.0),
    "Z3/median": lambda rng, n, off: rng.standard_normal(n),
}


def values(samples):
    return samples[0].column("log_norm_ratio")


def events(samples):
    return (values(samples) > 0.0) * 1.0


def probabilities(margin):
    @tc.claim("Z1")
    def stated(profile):
        """Two probabilities."""
        for name, probability in (("often", 0.3), ("rarely", 0.02)):
            wrong = {"always": 1.0}
            yield tc.check(name, NETWORK, "p", Probability(events), probability, margin=margin, wrong=wrong)

    return stated


@tc.claim("Z2")
def mean(profile):
    """The mean of values that deviate by 3.5 per cent."""
    return tc.check("mean", NETWORK, "m", Mean(values, 0.035**2), 1.0, margin=0.02, wrong={"no mean": 0.0})


@tc.claim("Z3")
def middle(profile):
    """The median of a normal law."""
    wrong = {"the mean of its square": 1.0}
    return tc.check("median", NETWORK, "m", median(values, Normal(0.0, 1.0)), 0.0, margin=0.3, wrong=wrong)


def judged_night(monkeypatch, night, nights, seed):
    """The outcome of a run whose samples are drawn from known laws instead of networks."""
    changed = nights // 3 <= night < 2 * nights // 3
    claims = [probabilities(0.2 if changed else 0.15), mean]
    if not nights // 4 <= night < nights // 2:
        claims.append(middle)
    off = 0.01 if night >= defect(nights) else 0.0
    rng = np.random.Generator(np.random.Philox(key=[seed, night]))

    def decide(checks, shown, simulation):
        decisions = {}
        for check in checks:
            drawn = DRAWS[check.id](rng, check.replicates, off)
            look = decisive_look(check, [Sample(NETWORK, seed, {"log_norm_ratio": drawn}, 0.0)])
            decisions[check.id] = Decision(look.finding, tuple(look.samples), look.number)
        return decisions

    with monkeypatch.context() as patch:
        patch.setattr(run, "decide", decide)
        outcome = run.examine(claims=claims, seed=seed, threads=1)
    # Every tenth night comes from a machine whose clock is a year behind.
    clock = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=night - 365 * (night % 10 == 9))
    circumstances = replace(outcome.record.run, started=clock.isoformat())
    return replace(outcome, record=replace(outcome.record, run=circumstances))


def defect(nights):
    """The night from which the mean is off by 1 per cent: 5 standard deviations of a night."""
    return 5 * nights // 6


def opened(path, outcome, new=False):
    return open_ledger(path, profile="quick", seed=outcome.record.seed, plan=lambda: outcome.plan, new=new)


@pytest.mark.parametrize("nights", [24, pytest.param(365, marks=pytest.mark.slow)])
def test_a_life_ends_as_its_nights_say(monkeypatch, tmp_path, nights):
    path, expected, refuted = tmp_path / "h.db", new_history("quick"), []
    for night in range(nights):
        outcome = judged_night(monkeypatch, night, nights, seed=1000 - night)
        entry = opened(path, outcome, new=night == 0).append(outcome)
        expected = add_night(expected, outcome)
        assert (entry.number, entry.repeated) == (night + 1, False)
        refuted.append({claim for claim, process in processes(entry.history).items() if process.refuted})
        if night % 5 == 4:
            # The job is run again.
            assert opened(path, outcome).append(outcome) == replace(entry, repeated=True)
        if night % 11 == 10:
            # The ledger goes to another machine, and is a link there.
            export_ledger(path, tmp_path / "h.jsonl")
            moved = tmp_path / f"moved-{night}.db"
            assert import_nights(tmp_path / "h.jsonl", moved) == night + 1
            path.unlink()
            path.symlink_to(moved)
    contents = read_ledger(path)
    assert contents.history == expected
    assert [record.night.seed for record in contents.records] == [1000 - night for night in range(nights)]
    clocks = [night.started for night in expected.nights]
    assert clocks != sorted(clocks)
    ends = processes(expected)
    # A change of a claim and its reversal begin two more processes; a pause begins none.
    assert {claim: process.versions for claim, process in ends.items()} == {"Z1": 3, "Z2": 1, "Z3": 1}
    assert ends["Z3"].nights == nights - len(range(nights // 4, nights // 2))
    # No false alarm (one in a thousand lives has one), and the defect is found within six nights for good.
    first = defect(nights)
    assert refuted[:first] == [set()] * first
    assert refuted[first + 5 :] == [{"Z2"}] * (nights - first - 5)
