from __future__ import annotations

import math

import numpy as np
import pytest
from decimal_textbook import bet_path, tilt_path
from hypothesis import given
from hypothesis import strategies as st

from theory_check.kernels.evidence import bet, sum_and_rescale, tilt

FRACTIONS = np.array([0.5, 0.25, 0.01])
TILTS = np.array([2.0, 0.3, -0.1])

# Each observation rounds a capital a few times by 2^-53, and so does each logarithm on the way; 1e-12 covers the 300
# observations here a hundred times over.
ROUNDING = 1e-12


def bet_twin(values, mean, fractions):
    logs = np.log1p(fractions[:, None] * (values[None, :] / mean - 1.0)).cumsum(axis=1)
    return np.logaddexp.reduce(logs, axis=0) - math.log(fractions.size)


def tilt_twin(values, mean, variance_bound, tilts):
    z = tilts[:, None] * (values[None, :] - mean)
    psi = np.sign(z) * np.log1p(np.abs(z) + z * z / 2.0)
    logs = (psi - np.log1p(tilts[:, None] ** 2 * variance_bound / 2.0)).cumsum(axis=1)
    return np.logaddexp.reduce(logs, axis=0) - math.log(tilts.size)


def path_of(kernel, values, *arguments):
    path = np.empty(values.size)
    final = kernel(values, *arguments, path)
    return path, final


@pytest.mark.parametrize("size", [1, 15, 16, 17, 300])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_capitals_agree_with_their_twins(size, spread):
    # A spread of 30 gives factors from 1e-40 to 1e40: rescaling at every step.
    values = np.exp(spread * np.random.Generator(np.random.Philox(key=size)).normal(size=size))
    nothing = np.empty(0)
    for kernel, twin, arguments in (
        (bet, bet_twin, (1.5, FRACTIONS)),
        (tilt, tilt_twin, (1.5, 2.0, TILTS)),
    ):
        path, final = path_of(kernel, values, *arguments)
        expected = twin(values, *arguments)
        np.testing.assert_allclose(path, expected, rtol=ROUNDING, atol=ROUNDING)
        assert final == path[-1]
        assert kernel(values, *arguments, nothing) == pytest.approx(expected[-1], rel=ROUNDING, abs=ROUNDING)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_capitals_in_decimal_arithmetic(spread):
    values = np.exp(spread * np.random.Generator(np.random.Philox(key=5)).normal(size=40))
    for kernel, textbook, arguments in (
        (bet, bet_path, (1.5, FRACTIONS)),
        (tilt, tilt_path, (1.5, 2.0, TILTS)),
    ):
        expected = textbook(values, *arguments)
        # 9 roundings an observation, of a factor, a capital and its rescaling, and 6 of the logarithm.
        bound = 2.0**-53 * (9 * np.arange(1, 41) + 6 * (1 + np.abs(expected)))
        assert np.all(np.abs(path_of(kernel, values, *arguments)[0] - expected) <= bound)


def test_capitals_that_shrink_together_are_not_lost():
    # Nothing but zeros at one fraction: (1/2)^n, far below the smallest double.
    path, _ = path_of(bet, np.zeros(5000), 1.0, np.array([0.5]))
    # Halving is exact.
    np.testing.assert_allclose(path, -math.log(2.0) * np.arange(1, 5001), rtol=1e-14)


@pytest.mark.parametrize("huge", [1e150, 1e200, 1e308])
def test_a_huge_value_is_cut_and_never_breaks_a_capital(huge):
    values = np.array([1.0, huge, huge, 1.0])
    with np.errstate(over="ignore"):
        uncut = [bet_twin(values, 1.0, FRACTIONS), tilt_twin(values, 0.0, 1.0, np.array([1.0]))]
    found = [path_of(bet, values, 1.0, FRACTIONS)[0], path_of(tilt, values, 0.0, 1.0, np.array([1.0]))[0]]
    for path, bound in zip(found, uncut, strict=True):
        assert np.isfinite(path).all()
        assert (path <= bound + ROUNDING).all()
        # 2^400 a step is left of the value: enough for any level.
        assert path[-1] > 200.0
    losing = path_of(tilt, -values, 0.0, 1.0, np.array([1.0]))[0]
    assert np.isfinite(losing).all()
    assert losing[-1] < -200.0


@given(
    st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=5),
    st.integers(-(10**6), 10**6),
)
def test_rescaling_keeps_the_sum(capitals, exponent):
    array = np.array(capitals)
    total, shifted = sum_and_rescale(array, exponent)
    # Additions round by 2^-53 each; capitals 1e-300 times smaller than the sum may be lost.
    assert math.log(total) + (shifted - exponent) * math.log(2.0) == pytest.approx(
        math.log(math.fsum(capitals)), rel=1e-14, abs=1e-13
    )
    assert 2.0**-401 < total < 2.0**401
