"""Rough weights: targets against plain computations, what each profile tells apart, and worlds that must fail."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from one_layer_laws import a_branch
from plans import plan_of

from theory_check.catalogue.contraction import contraction
from theory_check.catalogue.rough_diffusion import rough_diffusion
from theory_check.catalogue.wide_recursion import INPUTS, LONG_MEMORY_POINTS, POINTS, long_memory, wide_recursion
from theory_check.claims import PROFILES
from theory_check.claims.judging import evaluate
from theory_check.experiments.costs import SECONDS_PER_WORK, STORED_PASS_WORK
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network
from theory_check.experiments.workload import Workload
from theory_check.networks.covariances import fractional_noise
from theory_check.simulation.runner import simulate
from theory_check.theory.infinite_width import wide_network
from theory_check.theory.rough_weights import corrected_scaling, drift_correction, long_memory_displacement

CLAIMS = {claim.id: claim for claim in (wide_recursion, rough_diffusion, contraction, long_memory)}
PLANNED = {
    profile: {name: {p.check.name: p for p in plan_of(name, profile)} for name in CLAIMS} for profile in PROFILES
}
QUICK = PLANNED["quick"]


def plain_arc(r: float) -> float:
    """arc by its integral: 2 E relu(u) relu(v) = int_0^inf int of two Gaussians, here by the angle between them."""
    angle = math.acos(max(-1.0, min(1.0, r)))
    return (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / math.pi


def plain_recursion(point) -> float:
    """E D by the recursion of C4, entry by entry, in plain Python."""
    L, square = point.depth, point.depth ** (-2 * point.beta)
    n = np.arange(L + 1.0)
    H2 = 2 * point.hurst
    rho = [(abs(k + 1) ** H2 - 2 * k**H2 + abs(k - 1) ** H2) / 2 for k in n]
    C = np.ones((L + 1, L + 1))
    for k in range(L):
        for m in range(k + 1):
            r, size = rho[k - m], math.sqrt(C[k, k] * C[m, m])
            cosine = C[k, m] / size
            if point.branch.name == "res-1":
                q = r * size * plain_arc(cosine) / 2
            elif point.branch.activation.name == "identity":
                q = r * size * r * cosine
            else:
                q = r * size * plain_arc(r * cosine) / 2
            C[k + 1, m + 1] = C[m + 1, k + 1] = C[k + 1, m] + C[k, m + 1] - C[k, m] + square * q
    return float(C[L, L] - 1)


@pytest.mark.parametrize("point", [*POINTS, LONG_MEMORY_POINTS[0]], ids=str)
def test_predictions_solve_the_recursion(point):
    claim = "C4" if point in POINTS else "C7"
    (target,) = {c.check.target for c in QUICK[claim].values() if c.check.experiments == (point.network(40),)}
    assert target[0] == target[1]
    # Thousands of roundings of numbers of order 1.
    assert target[0] == pytest.approx(math.log(plain_recursion(point)), abs=1e-10)


def test_the_law_of_rough_weights_by_its_double_sum():
    """Sums over pairs of layers: mean Lambda [(1 - 2/d) Q + (Q - L)/d] / (2 L), variance 2 Lambda Q / (d L).

    To the mean comes what the recursion has beyond Lambda Q / (2 L) at this depth.
    """
    law = QUICK["C5"]["res-3-d8-h0.3-law"]
    deep = law.check.experiments[0].network
    L, d = deep.depth, deep.width
    total = L * float(deep.scaling.factors(L)[0]) ** 2
    rho = fractional_noise(0.3, L)
    Q = sum(rho[abs(k - m)] * plain_arc(rho[abs(k - m)]) for k in range(L) for m in range(L))
    factor = math.sqrt(total / L)
    excess = plain_recursion(replace(POINTS[0], hurst=0.3, beta=-math.log(factor) / math.log(L), depth=L))
    beyond = math.log1p(excess) - total * Q / (2 * L)
    # Sums of 16,000 terms of order 1, each with a rounding, in another order.
    predicted = law.check.estimator.law
    assert predicted.mean == pytest.approx(total * ((1 - 2 / d) * Q + (Q - L) / d) / (2 * L) + beyond, abs=1e-10)
    # A step of the size of these layers costs independent ones Lambda^2/(8 L) on average.
    assert 0.001 < abs(beyond) < total**2 / (8 * L)
    assert predicted.variance == pytest.approx(2 * total * Q / (d * L), abs=1e-10)


@pytest.mark.parametrize(("width", "seed"), [(2, 3), (3, 4)])
def test_a_corrected_linear_network_is_a_plain_one_times_a_number(width, seed):
    """The identity behind the corrected networks of C6, on arbitrary matrices."""
    rng = np.random.Generator(np.random.Philox(seed))
    L, beta = 50, 0.35
    plain = L**-beta
    a = corrected_scaling(width, plain)
    c = a**2 / (2 * width)
    assert drift_correction(width, a) == c
    h = start = rng.standard_normal(width)
    corrected = h
    for V in rng.standard_normal((L, width, width)) / math.sqrt(width):
        h = h + plain * V @ h
        corrected = (1 + c) * corrected + a * V @ corrected
    difference = math.log(np.sum(corrected**2) / np.sum(start**2)) - math.log(np.sum(h**2) / np.sum(start**2))
    # 50 products.
    assert difference == pytest.approx(2 * L * math.log1p(c), abs=1e-12)
    check = QUICK["C6"][f"linear-d{width}-h0.2-corrected"].check
    depth = check.experiments[0].network.depth
    c = corrected_scaling(width, depth**-0.35) ** 2 / (2 * width)
    unchanged = Sample(check.experiments[0], 0, {"log_norm_ratio": np.zeros((1, INPUTS))}, 0.0)
    assert check.estimator.observable([unchanged]) == pytest.approx(2 * depth * math.log1p(c))


def test_the_limit_of_long_memory_is_where_the_recursion_goes():
    """D_L - D is of order L^(1-2H) alone if W is independent across layers, (log L)/sqrt(L) at H = 3/4 if it is not."""
    for hurst in (0.6, 0.75, 0.9):
        limit = long_memory_displacement(hurst)
        assert limit.error < 1e-6
        excess = []
        for L in (256, 512, 1024):
            rho, once = fractional_noise(hurst, L), np.eye(L)[0]
            wide = wide_network(a_branch(), rho, L**-hurst, L, inner_correlation=once)
            excess.append(math.exp(wide.log_displacement[-1]) - limit.value)
        # The next order is that factor squared: a few per cent of the ratio at H = 0.6.
        ratios = np.array(excess[1:]) / np.array(excess[:-1])
        np.testing.assert_allclose(ratios, 2 ** (1 - 2 * hurst), rtol=0.03)
    scaled = []
    for L in (64, 256, 1024, 4096):
        wide = wide_network(a_branch(), fractional_noise(0.75, L), L**-0.75, L)
        scaled.append(math.sqrt(L) * (math.exp(wide.log_displacement[-1]) - long_memory_displacement(0.75).value))
    steps = np.diff(scaled)
    # A pure power would leave no steps; a logarithm leaves equal ones, up to the next order, L^(-1/2) of them.
    assert np.all(steps > 0.1 * scaled[0])
    assert steps[2] == pytest.approx(steps[1], rel=0.15)


def test_what_each_profile_tells_apart():
    def names(claim, profile):
        return {v.name for planned in PLANNED[profile][claim].values() for v in planned.check.variants}

    always = {
        "C4": {"independent layers", "Hurst index lower by 0.1", "Hurst index higher by 0.1",
               "the correlation enters once, not twice", "infinite-depth exponent from the first layer on"},
        "C5": {"independent layers", "S of infinite depth", "kappa of the linear branch"},
        "C6": {"contraction at every width", "correction a^2/2, without 1/d", "the term -L/d without its 1/d",
               "the term -L/d has the other sign", "nothing to correct"},
        "C7": {"the limit is reached", "corrections of order $L^{1-2H}$ alone"},
    }  # fmt: skip
    for claim, expected in always.items():
        for profile in PROFILES:
            assert expected <= names(claim, profile)
    assert "variance of independent layers" in names("C5", "nightly")


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_value_variants_are_further_than_two_margins(claim_id):
    for profile in PROFILES:
        for check in (planned.check for planned in PLANNED[profile][claim_id].values()):
            for variant in check.variants:
                if variant.target is not None:
                    assert abs(variant.target[0] - check.target[0]) > 2.0 * check.margin


@pytest.mark.parametrize(("profile", "share"), [("quick", 8.0), ("standard", 200.0), ("nightly", 500.0)])
def test_the_regime_stays_within_its_share(profile, share):
    """Weights and products alone: the share was given without the start of every network, which its budget counts."""
    start = STORED_PASS_WORK * SECONDS_PER_WORK
    plans = [plan_of(id, profile) for id in CLAIMS]
    costs = [Workload.of(pair for check in plan for pair in check.requests.items()) for plan in plans]
    assert sum(cost.seconds - start * cost.replicates for cost in costs) < share


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("claim_id", "name"), [("C6", "linear-d3-h0.2-contraction"), ("C6", "linear-d3-h0.2-corrected")]
)
def test_planned_samples_support_the_check_and_refute_its_variants(claim_id, name, evidence):
    planned = replace(QUICK[claim_id][name], level=evidence.level)
    sample = simulate(planned.check.experiments[0], planned.replicates, evidence.seed)
    finding = evaluate(planned, [sample])
    interval = planned.check.estimator.interval([sample], evidence.level)
    evidence.supports(interval, target=planned.check.target, margin=planned.check.margin)
    assert [v.verdict for v in finding.variants] == ["refuted"] * len(finding.variants)


@pytest.mark.statistical
def test_networks_of_independent_layers_are_told_from_rough_ones(evidence):
    """Independent layers, which need no stored weights, under the prediction for H = 0.3: 0.38 apart, margin 0.18."""
    planned = QUICK["C5"]["res-3-d20-h0.3-drift"]
    depth = planned.check.experiments[0].network.depth
    world = network("res-3", width=20, depth=depth, scale=math.sqrt(4.0 / depth), inputs=INPUTS, kernel="reduced")
    sample = simulate(world, planned.replicates, evidence.seed)
    interval = planned.check.estimator.interval([sample], evidence.level)
    evidence.refutes(interval, target=planned.check.target, margin=planned.check.margin)
