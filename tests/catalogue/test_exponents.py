"""The exponents of the trichotomy: exact targets, what tends to the limits, and which checks carry them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from theory_check.catalogue.critical_scaling import critical_scaling
from theory_check.catalogue.explosion import explosion_rate
from theory_check.catalogue.exponents import (
    critical_exponent,
    displacement_exponent,
    growth_exponent,
)
from theory_check.catalogue.gradients import gradients
from theory_check.catalogue.identity import displacement_law
from theory_check.claims import CriticalPoint
from theory_check.claims.claim import PROFILES
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network

CLAIMS = {claim.id: claim for claim in (displacement_law, explosion_rate, critical_scaling, gradients)}
BRANCHES = ("linear", "res-3")


def sample_of(values):
    return Sample(network("linear", width=4, depth=2, beta=1.0), 0, {"log_displacement": np.array(values)}, 0.0)


def test_depths_side_by_side():
    samples = [sample_of([0.0, 1.0]), sample_of([2.0, 5.0]), sample_of([0.0, 0.0]), sample_of([1.0, -1.0])]
    errors = displacement_exponent(PROFILES["quick"], "linear", "gaussian", 1.0).estimator.observable
    assert errors(samples[:2]) == pytest.approx(np.exp([[0.0, 4.0], [2.0, 10.0]]))
    growth = critical_exponent(PROFILES["quick"], "linear", "gaussian").estimator.observable
    assert growth(2 * samples)[:, :2].tolist() == [[2.0, 1.0], [4.0, -1.0]]


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("beta", [0.6, 0.75, 1.0, 1.5])
def test_exact_slopes_tend_to_the_exponent(branch, beta):
    targets = [displacement_exponent(PROFILES[name], branch, "gaussian", beta).target[0] for name in PROFILES]
    far = [abs(target - (1.0 - 2.0 * beta)) for target in targets]
    assert far[2] < far[1] < far[0] < 0.05
    # By hand, at the depths of the first profile.
    kappa = 1.0 if branch == "linear" else 0.5
    first, second = (math.expm1(n * math.log1p(kappa * n ** (-2.0 * beta))) for n in (32, 512))
    assert targets[0] == pytest.approx(math.log(second / first) / math.log(16.0), rel=1e-9)


@pytest.mark.parametrize("gradient", [False, True])
def test_growth_tends_to_its_exponent(gradient):
    checks = [growth_exponent(PROFILES[name], "linear", 0.25, gradient=gradient) for name in ("quick", "standard")]
    far = [abs(check.target[0] - 0.5) for check in checks]
    assert far[1] < far[0] < 0.03
    for check in checks:
        assert check.basis.exact
        # The law is known far better than the margin resolves.
        assert 0.0 <= check.target[1] - check.target[0] < 1e-3 * check.margin


@pytest.mark.parametrize("name", PROFILES)
def test_the_critical_exponent_is_located_within_a_twentieth(name):
    check = critical_exponent(PROFILES[name], "res-3", "gaussian")
    assert check.margin == pytest.approx(0.05 * PROFILES[name].precision)
    assert isinstance(check.estimator, CriticalPoint)
    # Pairs of depths, one pair for each exponent, in their order.
    assert [c.network.scaling.beta for c in check.experiments[::2]] == pytest.approx(check.estimator.betas)
    assert all(
        b.network.depth == 16 * a.network.depth
        for a, b in zip(check.experiments[::2], check.experiments[1::2], strict=True)
    )


@pytest.mark.parametrize(
    ("claim", "endings"),
    [("E6", {"-exponent"}), ("E7", {"-exponent"}), ("P3", {"-critical"}), ("P5", {"-exponent", "-gradient-critical"})],
)
def test_claims_carry_their_exponents(claim, endings):
    names = [check.name for check in CLAIMS[claim].checks(PROFILES["quick"])]
    for ending in endings:
        for branch in BRANCHES:
            assert any(name.startswith(branch) and name.endswith(ending) for name in names)


def test_exponents_of_other_regimes_are_refuted_variants():
    named = {v.name for c in CLAIMS["E6"].checks(PROFILES["quick"]) if c.name.endswith("exponent") for v in c.variants}
    assert "exponent 2 - 2 beta: layers add up aligned, as smooth ones do" in named
    for check in CLAIMS["E6"].checks(PROFILES["quick"]):
        if check.name.endswith("exponent"):
            assert all(abs(v.target[0] - check.target[0]) > 2.0 * check.margin for v in check.variants)
