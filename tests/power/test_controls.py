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

from theory_check.catalogue.regimes import all_claims
from theory_check.claims.claim import PROFILES
from theory_check.claims.estimators import (
    DistanceEstimator,
    MeanEstimator,
    ProportionEstimator,
    QuantileEstimator,
    SlopeEstimator,
    SpreadEstimator,
)
from theory_check.claims.judging import evaluate
from theory_check.claims.laws import Tilted
from theory_check.claims.localisation import BracketEstimator
from theory_check.claims.planning import PlannedCheck, plan_claim
from theory_check.claims.rates import RateEstimator
from theory_check.experiments.cell import Sample

QUICK = [planned for claim in all_claims() for planned in plan_claim(claim, PROFILES["quick"])]
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


def deviation(planned: PlannedCheck) -> float:
    """Twice the margin, what a wrong world is off by."""
    return 2.0 * (planned.check.margin + planned.check.remainder)


def values_of_world(planned: PlannedCheck, shift: float) -> tuple[np.ndarray, ...]:
    """Draw values whose true quantity is the target plus ``shift`` (a distance, for laws)."""
    estimator, n = planned.check.estimator, planned.replicates
    rng = generator(planned, f"{shift}")
    low, high = planned.check.target
    if isinstance(estimator, MeanEstimator):
        # A lognormal sample with the mean and the whole variance that the method assumes: skewed, as ratios of norms
        # are.
        mean = low + shift
        n *= estimator.values_per_replicate
        square = math.log1p(estimator.variance_bound / mean**2)
        return (mean * np.exp(math.sqrt(square) * rng.standard_normal(n) - square / 2.0),)
    if isinstance(estimator, ProportionEstimator):
        centre = estimator.truth if estimator.truth is not None and shift == 0.0 else (low if shift < 0.0 else high)
        return ((rng.random(n) < centre + shift).astype(np.float64),)
    if isinstance(estimator, DistanceEstimator):
        return (Tilted(estimator.law, shift).quantile(rng.random(n)),)
    if isinstance(estimator, QuantileEstimator):
        return (estimator.law.quantile(rng.random(n)) + shift,)
    if isinstance(estimator, SpreadEstimator):
        middle = float(estimator.law.quantile(0.5))
        return ((estimator.law.quantile(rng.random(n)) - middle) * (low + shift) / low + middle,)
    if isinstance(estimator, RateEstimator):
        # Skewed as above, with the predicted means times a power of depth and no more than the proven variances.
        depths = np.array(estimator.depths)
        means = np.array(estimator.errors) * (depths / depths[0]) ** shift
        square = np.log1p(np.array(estimator.variance_bounds) / means**2)
        return (means * np.exp(np.sqrt(square) * rng.standard_normal((n, len(depths))) - square / 2.0),)
    if isinstance(estimator, BracketEstimator):
        laws = [estimator.law_at(beta - shift) for beta in estimator.betas]
        return (np.stack([law.quantile(rng.random(n)) for law in laws], axis=1),)
    assert isinstance(estimator, SlopeEstimator)
    depths = np.array(estimator.depths)
    return tuple(
        law.quantile(rng.random(n)) * (depth / depths[0]) ** shift
        for law, depth in zip(estimator.laws, depths, strict=True)
    )


def judged(planned: PlannedCheck, shift: float):
    given = Given(*values_of_world(planned, shift))
    check = replace(planned.check, estimator=replace(planned.check.estimator, observable=given), variants=())
    samples = [Sample(cell, 0, {}, 0.0) for cell in planned.experiments]
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
    shift = sign * deviation(planned)
    if isinstance(planned.check.estimator, ProportionEstimator):
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
