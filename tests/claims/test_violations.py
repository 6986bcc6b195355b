"""Samples that contradict a hypothesis of the judgement: the verdict ``inapplicable``, whatever the interval says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from theory_check.claims import Mean, Normal, Order, check, claim, median
from theory_check.claims.judging import evaluate
from theory_check.claims.planning import plan_check
from theory_check.claims.violations import violation
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network
from theory_check.findings.run import ClaimFinding
from theory_check.networks.additions import add_law, temporary_additions
from theory_check.networks.weight_laws import WeightLaw

NETWORK, OTHER = network("linear", width=3, depth=2), network("linear", width=3, depth=4)
LEVEL, SIZE = 1e-6, 1024


def sample(values, experiment=NETWORK):
    return Sample(experiment, 0, {"log_norm_ratio": values}, 0.0)


def independent(name="independent", size=SIZE):
    return np.random.default_rng(len(name)).standard_normal(size)


def found(values, estimator=None, believed=False):
    observed = median("log_norm_ratio", Normal(0.0, 1.0)) if estimator is None else estimator
    return violation(observed, [sample(values)], LEVEL, believed=believed)


def test_independent_replicates_violate_nothing():
    assert found(independent()) == ""
    # A deep network of few active coordinates: an atom, and a share of displacements that did not happen.
    values = independent()
    values[::2] = 0.0
    np.random.default_rng(0).shuffle(values)
    assert found(values) == ""
    assert found(np.full(SIZE, -np.inf)) == ""


def copied_pairs(values):
    return np.repeat(values[: len(values) // 2], 2)


def copied_blocks(values):
    blocks = values.reshape(-1, 64)
    return np.repeat(blocks[::2], 2, axis=0).ravel()


def eight_blocks(values):
    return np.tile(values[: 2 * 64], len(values) // 128)


def copied_elsewhere(values):
    """Lane 3 of each block is lane 40 of the block before: no neighbours."""
    blocks = values.reshape(-1, 64).copy()
    blocks[1:, 3] = blocks[:-1, 40]
    return blocks.ravel()


@pytest.mark.parametrize(
    ("copies", "message"),
    [
        (copied_pairs, "replicates 1 apart depend on each other"),
        (copied_blocks, "replicates 64 apart depend on each other"),
        (eight_blocks, "replicates repeat another one"),
        (copied_elsewhere, "15 of 1024 replicates repeat another one"),
    ],
)
def test_copies_are_violations(copies, message):
    assert message in found(copies(independent()))


def test_experiments_that_share_their_random_numbers_are_a_violation():
    values, estimator = independent(), median("log_norm_ratio", Normal(0.0, 1.0))
    shared = [sample(values), sample(values + 0.1 * independent("another"), OTHER)]
    assert "experiments depend" in violation(estimator, shared, LEVEL, believed=False)
    apart = [sample(values), sample(independent("another"), OTHER)]
    assert violation(estimator, apart, LEVEL, believed=False) == ""
    # One experiment twice is one sample.
    assert violation(estimator, [sample(values), sample(values)], LEVEL, believed=False) == ""


def test_a_stated_variance_is_tested_where_it_is_believed():
    values = independent() + 0.0
    assert found(values, Mean("log_norm_ratio", 1.0), believed=True) == ""
    assert "the variance exceeds the stated bound 0.5" in found(values, Mean("log_norm_ratio", 0.5), believed=True)
    assert found(values, Mean("log_norm_ratio", 0.5), believed=False) == ""
    heavy = np.random.default_rng(1).standard_cauchy(SIZE)
    assert "variance" in found(heavy, Mean("log_norm_ratio", 10.0), believed=True)


@pytest.mark.parametrize(
    ("weights", "of", "violated"),
    [
        ("student:df=3", lambda x: np.exp(x), True), ("student:df=3", lambda x: np.exp(x / 2), False),
        ("student:df=3", lambda x: x * x, False), ("student:df=3", lambda x: np.exp(np.minimum(x, 9.0)), False),
        ("student:df=1.5", lambda x: np.exp(x / 2), True), ("student:df=1.5", lambda x: np.exp(x / 4), False),
        ("student:df=5", lambda x: np.exp(x), False), ("uniform", lambda x: np.exp(2 * x), False),
    ],
)  # fmt: skip
def test_values_without_a_variance_have_no_bound_of_one(weights, of, violated):
    """R^g needs the moment of order 4 g of an entry for a variance: of those of df degrees, moments below df exist."""
    mean = Mean(lambda samples: of(samples[0].column("log_norm_ratio")), 1e6)
    for experiment in (network("linear", weights, width=3, depth=2), NETWORK):
        heavy = violated and experiment is not NETWORK
        text = violation(mean, [sample(independent(), experiment)], LEVEL, believed=True)
        assert bool(text) == heavy
        assert ("infinite kurtosis" in text) == heavy


def test_a_stated_variance_of_errors_is_tested_at_every_depth():
    errors = np.abs(1.0 + 0.2 * np.random.default_rng(2).standard_normal((SIZE, 2)))
    observed = sample(errors)
    for bounds, violated in (((0.04, 0.04), False), ((0.04, 0.01), True), ((0.01, 0.04), True)):
        order = Order("log_norm_ratio", (10, 100), (1.0, 1.0), bounds)
        assert bool(violation(order, [observed], LEVEL, believed=True)) == violated


def test_a_true_variance_is_rarely_a_violation():
    """Of 300 samples whose variance is the bound, at level 0.05 each: Ville's bound, and far below."""
    rng = np.random.default_rng(3)
    mean = Mean("log_norm_ratio", 1.0)
    runs = [mean.violated([sample(rng.standard_normal(64))], 0.05) for _ in range(300)]
    assert sum(map(bool, runs)) <= 15


#: Values 2, -1, -3, 1: mean and third moment 0, variance 2 before it is divided out.
_LOPSIDED = WeightLaw(
    name="lopsided",
    transform=lambda u, v, _: (2.0 if u < 0.2 else -1.0 if u < 0.7 else -3.0 if u < 0.75 else 1.0) / math.sqrt(2.0),
    kurtosis=lambda _: 2.0,
    discrete=True,
)
#: Of unit variance at its default alone.
_WIDENING = WeightLaw(
    name="widening", transform=lambda u, v, c: c[0] * math.sqrt(12.0) * (u - 0.5), kurtosis=lambda _: 1.8,
    defaults={"size": 1.0}, ranges={"size": (0.0, 10.0)},
)  # fmt: skip
_PLAIN = WeightLaw(name="plain", transform=lambda u, v, _: math.sqrt(12.0) * (u - 0.5), kurtosis=lambda _: 1.8)


@pytest.mark.parametrize(
    ("law", "spelling", "message"),
    [
        (_LOPSIDED, "lopsided", "lopsided weights are not symmetric"),
        (_WIDENING, "widening:size=1.2", "widening:size=1.2 weights have a variance above 1 "),
        (_WIDENING, "widening", ""),
        (_WIDENING, "widening:size=0.5,variance=he", ""),
        (_PLAIN, "plain:variance=he", ""),
    ],
)
def test_what_an_added_law_says_of_itself_is_tested_on_its_entries(law, spelling, message):
    estimator = median("log_norm_ratio", Normal(0.0, 1.0))
    with temporary_additions():
        add_law(law)
        samples = [sample(independent(), network("linear", spelling, width=3, depth=2))]
        assert message in (text := violation(estimator, samples, LEVEL, believed=True))
        assert bool(text) == bool(message)
        # The catalogue's own points have proven laws.
        assert violation(estimator, samples, LEVEL, believed=False) == ""


@claim("N1")
def statement(profile):
    """A statement."""
    return check("p", NETWORK, "q", Mean("log_norm_ratio", 0.1), 2.0, margin=0.2)


def test_a_violation_is_never_a_refutation_and_books_no_evidence():
    point = replace(plan_check(statement, statement.checks(None)[0], 1e-3), believed=True)
    # The mean is 0 with variance 1 where 2 with variance 0.1 were stated.
    judged = evaluate(point, [sample(independent(size=point.replicates))])
    assert judged.verdict == "inapplicable"
    assert judged.log_evidence == 0.0
    assert "stated bound 0.1" in judged.violation
    # The catalogue's bounds are proven: there the statement is refuted.
    assert evaluate(replace(point, believed=False), [sample(independent(size=point.replicates))]).verdict == "refuted"
    right = replace(judged, verdict="supported", violation="")
    whole = {"id": "N1", "regime": "own", "title": "", "statement": "", "formula": "", "source": ""}
    assert ClaimFinding(**whole, findings=(right, judged)).verdict == "inapplicable"
    refuted = replace(judged, verdict="refuted", violation="")
    assert ClaimFinding(**whole, findings=(right, judged, refuted)).verdict == "refuted"
