"""Numbers at the edges: right, or refused with a reason, or counted as overflows; never lost without a word."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import theory_check as tc
from theory_check.experiments.spelling import network, path_networks, sweep
from theory_check.foundation.errors import NumericalOverflowError, SpecificationError
from theory_check.networks.additions import temporary_additions
from theory_check.networks.network import LEAST_FACTOR
from theory_check.simulation.runner import simulate

#: Every power of ten that double precision has, and 0.
FACTORS = st.just(0.0) | st.builds(lambda sign, k: sign * 10.0**k, st.sampled_from([-1.0, 1.0]), st.integers(-307, 307))

BRANCHES = ["linear", "res-1", "res-2", "res-3"]
WEIGHTS = ["gaussian", "uniform", "rademacher", "tied", "fgn:hurst=0.3"]

each_edge = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def simulated(make, replicates=1, seed=20261126):
    """The sample of a network without a warning, or the one line that refuses it."""
    try:
        experiment = make()
    except SpecificationError as error:
        return str(error)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return simulate(experiment, replicates, seed)


def check_columns(sample):
    """Values that are no numbers, and infinite ones, are counted and not handed out; a state stays only where D = 0."""
    for name, values in sample.values.items():
        if np.any(np.isnan(values) | np.isposinf(values)):
            with pytest.raises(NumericalOverflowError, match="overflowed in column"):
                sample.column(name)
            assert sample.overflows
        else:
            assert sample.column(name) is values
    if not sample.overflows:
        still = np.isneginf(sample.column("log_displacement"))
        assert np.all(sample.column("log_norm_ratio")[still] == 0.0)


@settings(each_edge, max_examples=60)
@given(
    st.sampled_from(BRANCHES), st.sampled_from(["relu", "tanh", "leaky:slope=-1"]), st.sampled_from(WEIGHTS), FACTORS,
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 2),
)  # fmt: skip
@example("res-3", "relu", "gaussian", 1e-18, 1, 1, 1)
@example("res-3", "tanh", "uniform", 1e300, 3, 2, 2)
@example("linear", "relu", "tied", 1e100, 1, 4, 1)
def test_a_factor_of_any_size_is_right_or_refused(branch, activation, weights, factor, width, depth, inputs):
    found = simulated(
        lambda: network(
            branch, weights, activation=activation, width=width, depth=depth, inputs=inputs, scale=factor,
            gradients=True, recorded_depths=tuple(range(depth + 1)),
        )
    )  # fmt: skip
    if 0.0 < abs(factor) < 0.999 * LEAST_FACTOR:
        assert "a displacement is lost in the roundings" in found
        assert "\n" not in found
        return
    check_columns(found)
    if activation != "tanh" and abs(factor) < 1e100:
        assert found.overflows == 0


@settings(each_edge, max_examples=40)
@given(FACTORS, st.sampled_from(["gaussian", "uniform", "tied"]))
@example(1e-12, "uniform")
@example(1e100, "gaussian")
def test_displacement_and_norm_of_one_number_agree(factor, weights):
    """Width 1 and depth 1: h_1 = (1 + s) h_0 has R = (1 + s)^2 and D = s^2."""
    found = simulated(lambda: network("linear", weights, width=1, depth=1, scale=factor), replicates=8)
    if isinstance(found, str) or found.overflows:
        assert factor != 0.0
        assert abs(factor) < LEAST_FACTOR or abs(factor) > 1e100
        return
    size = np.exp(found.column("log_displacement"))
    root = np.exp(0.5 * found.column("log_norm_ratio"))
    # 1 + s is rounded by 2^-53, and its logarithm halved and doubled: 1e-15 of the larger of 1 and s.
    error = 4e-15 * (1.0 + size) * np.maximum(1.0, np.abs(found.column("log_norm_ratio")))
    assert np.all(np.minimum(np.abs(root - np.abs(1.0 + size)), np.abs(root - np.abs(1.0 - size))) <= error)


@pytest.mark.parametrize("beta", [14.0, 60.0, 1e3])
def test_sweeps_and_paths_refuse_what_is_lost(beta):
    for make in (
        lambda: sweep("res-3", "fgn:hurst=0.7", width=2, depth=9, betas=(0.5, beta)),
        lambda: path_networks("linear", "tied", width=2, depth=9, doublings=1, beta=beta),
        lambda: network("linear", width=2, depth=9, beta=beta),
    ):
        assert "a displacement is lost" in simulated(make)


@pytest.mark.parametrize(
    "options",
    [
        {"jacobian": True}, {"gradients": True, "weight_gradients": (1, 2), "gradient_cosines": (1,)},
        {"controls": True}, {"recorded_depths": (1,)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("factor", [1e-12, 1e60, 1e300])
def test_whatever_is_observed_is_right_or_counted(options, factor):
    found = simulated(lambda: network("res-3", "uniform", width=3, depth=3, scale=factor, **options))
    check_columns(found)
    assert bool(found.overflows) == (factor > 1e200)


def test_paths_that_overflow_are_counted():
    found = simulated(lambda: path_networks("linear", "tied", width=2, depth=2, doublings=2, beta=-300.0))
    assert found.overflows == 1


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e-30, 1e30, 1e160, 1e300])
def test_additions_of_sizes_that_single_precision_cannot_multiply_are_refused(size):
    additions = {
        "input": lambda: tc.add_input(tc.InputLaw(name="scaled", hidden=lambda v: size * v)),
        "path": lambda: tc.add_process(
            tc.PathFunction(name="scaled", function=lambda t: size * np.ones((len(t), 2, 2)))
        ),
        "covariance": lambda: tc.add_process(
            tc.CovarianceProcess(name="scaled", covariance=lambda s, t: size * np.minimum(s, t))
        ),
        "law": lambda: tc.add_law(
            tc.WeightLaw(
                name="scaled", transform=lambda u, v, _: math.sqrt(12.0 * size) * (u - 0.5), kurtosis=lambda _: 1.8,
                variance=lambda _: size,
            )
        ),
    }  # fmt: skip
    for add in additions.values():
        with (
            temporary_additions(),
            pytest.raises(SpecificationError, match=r"it must be 0 or between 2.33e-10 and 4.29"),
        ):
            add()


def test_a_normal_number_that_is_0_is_no_input():
    # Lane 17 of the first block of this network draws a normal number of exactly 0, as one in 4 10^7 is.
    deep = network("linear", "rademacher", width=1, depth=1, scale=1e9)
    sample = simulate(deep, 64, 20261126)
    assert sample.overflows == 0
    # (1 +- 1e9)^2
    np.testing.assert_allclose(sample.column("log_norm_ratio"), 2.0 * math.log(1e9), rtol=1e-9)


def test_an_input_of_length_0_is_refused():
    with temporary_additions(), pytest.raises(SpecificationError, match="a vector of length 0"):
        tc.add_input(tc.InputLaw(name="nothing", hidden=np.zeros_like))
