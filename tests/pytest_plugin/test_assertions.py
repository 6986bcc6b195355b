"""Sampler assertions without a session: what they support, refute and refuse, and how often they err."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.inference import Interval, smirnov_test
from theory_check.pytest_plugin.evidence import Evidence
from theory_check.pytest_plugin.verdicts import apart

LEVEL = 1e-6


def evidence(name="module::test", level=LEVEL):
    return Evidence(name, level)


def waits(rng, n):
    return rng.exponential(0.5, n)


def long_waits(rng, n):
    return rng.exponential(0.6, n)


def late(rng, n):
    return waits(rng, n) > 1.0


def errors(rng, n, steps=(0.1, 0.05, 0.025), order=0.5):
    return rng.exponential(1.0, (n, 1)) * np.array(steps) ** order


LAW = stats.expon(scale=0.5)
STEPS = (0.1, 0.05, 0.025)

#: Each assertion with a right target, a wrong one two margins or more away, and a wrong sampler.
ASSERTIONS = {
    "mean, variance": (lambda e, t, s=waits, **o: e.mean(s, t, margin=0.04, variance_bound=0.36, **o), 0.5, 0.6,
                       long_waits),
    "mean, kurtosis": (lambda e, t, s=waits, **o: e.mean(s, t, margin=0.04, kurtosis_bound=9, **o), 0.5, 0.6,
                       long_waits),
    "mean, support": (lambda e, t, s=late, **o: e.mean(s, t, margin=0.03, support=(0, 1), **o), math.exp(-2.0), 0.2,
                      lambda rng, n: long_waits(rng, n) > 0.8),
    "probability": (lambda e, t, s=late, **o: e.probability(s, t, margin=0.02, **o), math.exp(-2.0), 0.2,
                    lambda rng, n: long_waits(rng, n) > 0.8),
    "quantile": (lambda e, t, s=waits, **o: e.quantile(s, t, probability=0.9, margin=0.1, **o), LAW.ppf(0.9), 1.4,
                 long_waits),
    "law": (lambda e, t, s=waits, **o: e.law(s, t, margin=0.03, **o), LAW, stats.expon(scale=0.6), long_waits),
    "order": (lambda e, t, s=errors, **o: e.order(s, t, sizes=STEPS, margin=0.15, kurtosis_bound=9, **o), 0.5, 1.0,
              lambda rng, n: errors(rng, n, order=1.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", ASSERTIONS)
def test_the_right_target_is_supported_and_wrong_ones_and_samplers_are_refuted(name):
    assertion, right, wrong, sampler = ASSERTIONS[name]
    test = evidence()
    assertion(test, right, wrong={"a target": wrong, "a sampler": sampler})
    assert [record["verdict"] for record in test.records] == ["supported", "refuted", "refuted"]
    assert test.spent == LEVEL / 2


@pytest.mark.parametrize("name", ASSERTIONS)
def test_a_wrong_target_and_a_wrong_sampler_fail(name):
    assertion, right, wrong, sampler = ASSERTIONS[name]
    with pytest.raises(pytest.fail.Exception, match="refuted, expected supported"):
        assertion(evidence(), wrong)
    with pytest.raises(pytest.fail.Exception, match=r"(refuted|inapplicable), expected supported"):
        assertion(evidence(), right, s=sampler)


@pytest.mark.parametrize("name", ASSERTIONS)
def test_a_wrong_variant_that_is_right_fails(name):
    assertion, right, _, _ = ASSERTIONS[name]
    sampler = errors if name == "order" else late if name in ("mean, support", "probability") else waits
    with pytest.raises(pytest.fail.Exception, match="supported, expected refuted: the wrong variant 'none'"):
        assertion(evidence(), right, wrong={"none": sampler})


def test_two_samplers_of_one_law_and_of_two():
    def inverted(rng, n):
        return -0.5 * np.log1p(-rng.random(n))

    test = evidence()
    test.same_law(waits, inverted, margin=0.06, exact=True, wrong={"longer": long_waits, "pair": (late, waits)})
    assert [record["verdict"] for record in test.records] == ["supported", "refuted", "refuted"]
    with pytest.raises(pytest.fail.Exception, match="the distance of the laws of waits and long_waits is"):
        evidence().same_law(waits, long_waits, margin=0.06, exact=True)


def test_a_test_that_does_not_reject_and_wrong_ones_that_do():
    test = evidence()
    u = np.random.default_rng(test.seed).random((3, 1000))
    right, wrong = smirnov_test(u[0], u[1]), smirnov_test(u[0], u[2] ** 2)
    test.not_rejected(right, wrong={"square": wrong, "of SciPy": stats.ks_2samp(u[0], u[2] ** 2)})
    with pytest.raises(pytest.fail.Exception, match="rejected, expected not rejected: the test: Smirnov, exact, p ="):
        evidence().not_rejected(wrong)
    with pytest.raises(pytest.fail.Exception, match="not rejected, expected rejected: equal"):
        evidence().not_rejected(right, wrong={"equal": right})
    with pytest.raises(pytest.fail.Exception, match="is no result of a test"):
        evidence().not_rejected(0.2)


#: Statements that hold exactly.
NULLS = {
    "mean": lambda e: e.mean(waits, 0.5, margin=0.2, variance_bound=0.25, exact=True),
    "mean, kurtosis": lambda e: e.mean(waits, 0.5, margin=0.2, kurtosis_bound=9, exact=True),
    "mean, support": lambda e: e.mean(late, math.exp(-2.0), margin=0.1, support=(0, 1), exact=True),
    "probability": lambda e: e.probability(late, math.exp(-2.0), margin=0.1, exact=True),
    "quantile": lambda e: e.quantile(waits, 0.5 * math.log(2.0), probability=0.5, margin=0.1, exact=True),
    "law": lambda e: e.law(waits, LAW, margin=0.1, exact=True),
    "same law": lambda e: e.same_law(waits, waits, margin=0.2, exact=True),
}

#: Level of a test; its assertion has half of it, and as much for the miss rate.
LARGE = 0.1


def failures(assertion, count):
    """Return how many of so many seeds fail."""

    def fails(index):
        try:
            assertion(evidence(f"m::test[{index}]", LARGE))
        except pytest.fail.Exception:
            return True
        return False

    return sum(map(fails, range(count)))


@pytest.mark.parametrize("name", NULLS)
def test_right_samplers_fail_at_most_at_the_level_and_the_miss_rate(name):
    # More failures than the quantile have probability 1e-6. Fewer seeds for what sorts its samples.
    count = 20 if "law" in name else 40
    assert failures(NULLS[name], count) <= stats.binom.isf(1e-6, count, LARGE)


def test_a_target_two_margins_off_fails_with_all_but_the_miss_rate():
    count, target = 40, math.exp(-2.0) + 0.2
    found = failures(lambda e: e.probability(late, target, margin=0.1), count)
    assert found >= stats.binom.isf(1.0 - 1e-6, count, 1.0 - LARGE / 2) > stats.binom.isf(1e-6, count, LARGE)


def test_assertions_of_a_test_share_its_level_and_have_streams_of_their_own():
    test = evidence()
    found = [test.probability(late, math.exp(-2.0), margin=0.05).estimate for _ in range(5)]
    assert len(set(found)) == 5
    # 1/2 + 1/6 + ... + 1/30 = 1 - 1/6.
    assert test.spent == pytest.approx(LEVEL * 5 / 6, rel=1e-12)
    again = evidence()
    assert [again.probability(late, math.exp(-2.0), margin=0.05).estimate for _ in range(5)] == found
    other = evidence("module::another")
    assert other.probability(late, math.exp(-2.0), margin=0.05).estimate not in found


def test_the_stream_that_a_failure_names_draws_its_values():
    with pytest.raises(pytest.fail.Exception) as failure:
        evidence().probability(late, 0.3, margin=0.05)
    text = str(failure.value)
    seed = [int(part) for part in text.partition("default_rng([")[2].partition("]")[0].split(", ")]
    assert seed == [evidence().seed, 1, 0]
    count = int(text.partition(" from ")[2].partition(" values")[0].replace(",", ""))
    # Five digits are shown of a number below 1.
    seen = float(text.partition(" is ")[2].split()[0])
    assert seen == pytest.approx(late(np.random.default_rng(seed), count).mean(), abs=5e-6)


def test_the_failure_says_expected_seen_how_far_how_many_and_what_would_do():
    with pytest.raises(pytest.fail.Exception) as failure:
        Evidence("m::t", LEVEL, command="python -m pytest m.py::t").mean(waits, 0.7, margin=0.05, variance_bound=0.25)
    text = str(failure.value)
    assert "\n" not in text
    parts = (
        "refuted, expected supported: the mean of waits is 0.",
        " values (Catoni, level ",
        "; stated is 0.7 with tolerance 0.05, and the estimate is off by 0.",
        "tolerances; about ",
        "values decide that. Drawn by np.random.default_rng([",
        "Repeat: python -m pytest m.py::t",
    )
    assert not [part for part in parts if part not in text]


def test_the_number_of_values_that_decide_is_that_of_the_width_at_the_distance():
    # [0.48, 0.52] from 1000 values reaches the end 0.54 from 0.5 when it is twice as wide: from a quarter of them.
    found = Interval(0.5, 0.48, 0.52, 1e-6, "given")
    assert apart(found, (0.55, 0.55), 0.01, 1000).endswith("; about 250 values decide that")
    # Inconclusive: 0.015 away from the nearer end, 0.02 wide.
    assert apart(found, (0.49, 0.49), 0.025, 900).endswith("; about 1,600 values decide that")
    assert "decide" not in apart(found, (0.5, 0.5), 0.0, 1000)
    assert "decide" not in apart(Interval(0.5, -math.inf, math.inf, 1e-6, "given"), (0.5, 0.5), 0.1, 10)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda e: e.mean(waits, 0.5, margin=0.1), "a mean needs one of variance_bound="),
        (lambda e: e.mean(waits, 0.5, margin=-1.0, variance_bound=1.0), "margin"),
        (lambda e: e.mean(waits, 0.5, margin=1e-9, variance_bound=1.0), "widen the margin"),
        (lambda e: e.mean(waits, 0.5, margin=0.1, variance_bound=1.0, wrongs={}), "unknown option 'wrongs'"),
        (lambda e: e.mean(waits, 0.5, margin=0.1, variance_bound=1, wrong={"near": 0.55}), "lies within the margin"),
        (lambda e: e.mean(waits, 0, margin=1, variance_bound=1, remainder=0.1, exact=True), "remainder 0"),
        (lambda e: e.mean(lambda rng, n: 0.5, 0.5, margin=0.1, variance_bound=1.0), r"shape \(\d+,\), not \(\)"),
        (lambda e: e.mean(lambda rng, n: ["a"] * n, 0.5, margin=0.1, variance_bound=1.0), "array of real numbers"),
        (lambda e: e.mean(lambda rng, n: np.full(n, np.nan), 0, margin=1, variance_bound=1), "NaN or infinite"),
        (lambda e: e.mean(waits, 0.5, margin=0.1, support=(0, 0.6)), "outside of the stated support"),
        (lambda e: e.mean(waits, 0.5, margin=0.05, variance_bound=0.1), "variance exceeds the stated bound 0.1"),
        (lambda e: e.mean(lambda rng, n: np.repeat(rng.random(n), 2)[:n], 0.5, margin=0.02, support=(0, 1)),
         "depend on each other"),
        (lambda e: e.probability(waits, 0.5, margin=0.1), "neither true"),
        (lambda e: e.law(waits, 3.0, margin=0.1), "an object with a method cdf"),
        (lambda e: e.law(waits, LAW, margin=0.1, wrong={"number": 3.0}), "an object with a method cdf"),
        (lambda e: e.same_law(waits, waits, margin=0.1, wrong={"number": 3.0}), "must be a sampler, got 3.0"),
        (lambda e: e.order(errors, 0.5, sizes=STEPS, margin=0.1), "an order needs one of"),
        (lambda e: e.order(errors, 0.5, sizes=STEPS, margin=0.1, variance_bounds=[1.0]), "one for each of 3 sizes"),
        (lambda e: e.order(errors, 0.5, sizes=[1.0], margin=0.1, kurtosis_bound=9), "at least two different sizes"),
    ],
)  # fmt: skip
def test_bad_arguments_and_samplers_fail_in_one_line(call, reason):
    with pytest.raises(pytest.fail.Exception, match=reason) as failure:
        call(evidence())
    assert "\n" not in str(failure.value)


def test_errors_of_a_sampler_are_its_own_and_say_how_it_was_called():
    def broken(rng, n):
        return rng.no_such_method(n)

    with pytest.raises(AttributeError) as failure:
        evidence().quantile(broken, 0.0, probability=0.5, margin=0.1)
    assert failure.value.__notes__ == ["broken was called as a sampler, broken(rng, 256)"]


def test_a_constant_sampler_is_judged():
    def constant(rng, n):
        return np.full(n, 3.0)

    test = evidence()
    test.mean(constant, 3.0, margin=0.1, kurtosis_bound=3, wrong={"two": 2.0})
    test.law(constant, lambda x: 1.0 * (x >= 3.0), margin=0.05)
    test.mean(constant, 3.0, margin=0.05, support=(0, 3))
    assert [record["verdict"] for record in test.records] == ["supported", "refuted", "supported", "supported"]
