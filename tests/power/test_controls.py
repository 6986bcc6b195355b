"""Every check of the catalogue against worlds where its statement is true, and false, by construction.

Positive control: values drawn from the predicted law must be supported, and the statements at twice the margin refuted
on them. Negative control: values from a world at twice the margin must refute the statement. Both exercise the whole
path from planned number of replicates to verdict without a network.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
from plans import plans

from theory_check.claims import Probability
from theory_check.claims.judging import evaluate
from theory_check.claims.observables import Observable
from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import Sample

QUICK = plans()
ROOT_SEED = 20260601


class Given:
    """An observable that returns given values, one array for each sample in turn."""

    def __init__(self, *values: np.ndarray) -> None:
        self._values = values
        self._turn = 0

    def __call__(self, samples: object) -> np.ndarray:
        self._turn += 1
        return self._values[(self._turn - 1) % len(self._values)]


def generator(planned: PlannedCheck, world: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{ROOT_SEED}:{planned.id}:{world}".encode()).digest()
    return np.random.Generator(np.random.Philox(int.from_bytes(digest[:8], "little")))


def values_of_world(planned: PlannedCheck, shift: float) -> tuple[np.ndarray, ...]:
    """Draw values whose true quantity is the target plus ``shift`` (a distance, for laws)."""
    check = planned.check
    return check.estimator.draw(check.target, shift, planned.replicates, generator(planned, f"{shift}"))


def judged(planned: PlannedCheck, shift: float):
    given = Observable("given", Given(*values_of_world(planned, shift)))
    check = replace(planned.check, estimator=replace(planned.check.estimator, observable=given), variants=())
    # No training of this world diverged.
    columns = {"diverged": np.zeros(planned.replicates)}
    samples = [Sample(experiment, 0, columns, 0.0) for experiment in check.experiments]
    return evaluate(replace(planned, check=check), samples)


@pytest.mark.parametrize("planned", QUICK, ids=lambda p: p.id)
def test_a_true_world_is_supported_and_refutes_what_is_twice_the_margin_away(planned):
    finding = judged(planned, 0.0)
    assert finding.verdict == "supported"
    # One night's evidence refutes a true check with probability at most its level.
    assert finding.log_evidence < -math.log(planned.level)
    assert all(variant.verdict == "refuted" for variant in finding.variants)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("planned", QUICK, ids=lambda p: p.id)
def test_a_world_at_twice_the_margin_refutes_the_claim(planned, sign):
    shift = sign * 2.0 * planned.check.tolerance
    if isinstance(planned.check.estimator, Probability):
        low, high = planned.check.target
        # A probability cannot leave [0, 1]: on that side there is no wrong world.
        shift = shift if 0.0 <= (low if sign < 0 else high) + shift <= 1.0 else -shift
    finding = judged(planned, shift)
    assert finding.verdict == "refuted"
    # So far off, a single night is evidence enough, by whatever e-value.
    assert finding.log_evidence >= -math.log(planned.level)


@pytest.mark.parametrize("planned", QUICK, ids=lambda p: p.id)
def test_every_check_has_a_wrong_variant_and_a_finite_resolution(planned):
    check = planned.check
    assert check.all_variants
    resolution = check.estimator.resolution(check.target, planned.replicates, planned.level)
    assert 0.0 < resolution <= 2.0 * check.margin + check.remainder
