from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.sequential import ConfidenceSequence, EvidencePath, check_times, monitoring_times, safe_root

PATH = EvidencePath(np.array([-1.0, 2.0, 5.0, 3.0]), "example")


def test_a_path_remembers_its_peak_and_first_crossing():
    assert PATH.final == 3.0
    assert PATH.peak == 5.0
    assert PATH.p_value == math.exp(-5.0)
    assert PATH.crossing(math.exp(-2.0)) == 2
    assert PATH.crossing(math.exp(-4.0)) == 3
    assert PATH.crossing(math.exp(-6.0)) is None
    assert EvidencePath(np.array([-3.0]), "example").p_value == 1.0


def test_an_empty_sequence_says_so():
    sequence = ConfidenceSequence(np.array([1, 2]), np.zeros(2), np.array([0.0, 0.6]), np.array([1.0, 0.5]), 0.1, "x")
    with pytest.raises(SpecificationError, match="sequence is empty"):
        _ = sequence.last


@given(st.integers(1, 10**7))
def test_monitoring_times_increase_to_the_end(observations):
    times = monitoring_times(observations)
    assert times[0] >= 1
    assert times[-1] == observations
    assert (np.diff(times) > 0).all()
    # Two an octave, so that all looks together cost a few times the last one.
    assert times.sum() <= 4.5 * observations + 10
    np.testing.assert_array_equal(check_times(times, observations), times)


@given(st.floats(-100.0, 100.0), st.floats(0.01, 100.0), st.floats(0.1, 5.0), st.floats(1e-8, 1e-2))
def test_the_safe_root_is_on_the_safe_side(root, guess, power, tolerance):
    calls = []

    def excess(x):
        calls.append(x)
        return math.copysign(abs(x - root) ** power, x - root)

    found = safe_root(excess, guess=guess, limit=1000.0, tolerance=tolerance)
    # Rounding of the root itself.
    assert root - 1e-12 * abs(root) <= found <= root + tolerance + 1e-12 * abs(root)
    assert len(calls) < 150


def test_the_safe_root_stops_at_the_limit():
    assert safe_root(lambda x: -1.0, guess=1.0, limit=3.0, tolerance=1e-6) == 3.0
    assert safe_root(lambda x: x - 2.9, guess=1.0, limit=3.0, tolerance=1e-6) == pytest.approx(2.9, abs=1e-6)
