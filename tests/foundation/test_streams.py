from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.streams import Purpose, check_seed, stream_key


@given(st.integers(0, 2**64 - 1), st.text(max_size=20))
def test_keys_are_two_words_that_tell_seeds_and_cells_apart(seed, identity):
    key = stream_key(seed, identity)
    assert all(0 <= word < 2**32 for word in key)
    # Different texts collide with probability 2^-64.
    assert key != stream_key((seed + 1) % 2**64, identity)
    assert key != stream_key(seed, identity + "x")


@pytest.mark.parametrize("seed", [0, 2**64 - 1, np.int64(7), np.uint64(2**64 - 1)])
def test_accepted_seeds(seed):
    assert check_seed(seed) == int(seed)
    assert type(check_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "1", True, None, np.float64(3)])
def test_refused_seeds(seed):
    with pytest.raises(SpecificationError, match=r"seed is .* from 0 to 2\^64 - 1"):
        check_seed(seed)


def test_purposes_are_frozen():
    # A change of a number changes the values of every cell: it would need a new kernel version.
    assert {p.name: p.value for p in Purpose} == {
        "OUTER_WEIGHTS": 0,
        "INNER_WEIGHTS": 1,
        "BIAS": 2,
        "INPUT": 3,
        "INPUT_WEIGHTS": 4,
        "READOUT": 5,
        "TARGET": 6,
        "REDUCED_FORWARD": 7,
        "REDUCED_BACKWARD": 8,
        "SPLIT": 9,
        "ORDER": 10,
    }
