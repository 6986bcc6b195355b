"""Tests of independence: their level on independent values of every kind, and what they see."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.dependence import concordance_test, neighbour_test, repetitions

RUNS = 4000
FALSE_ALARM = 1e-6


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


DRAWS = {
    "normal": lambda g, n: g.standard_normal(n),
    "heavy": lambda g, n: g.standard_cauchy(n),
    "coins": lambda g, n: (g.random(n) < 0.5) * 1.0,
    "rare": lambda g, n: (g.random(n) < 0.1) * 1.0,
    "constant": lambda g, n: np.ones(n),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("size", [7, 48])
def test_independent_values_are_rarely_called_dependent(name, size):
    g = generator(f"{name} {size}")
    runs = RUNS // 4
    found = [neighbour_test(DRAWS[name](g, size)) for _ in range(runs)]
    found += [concordance_test(DRAWS[name](g, size), DRAWS[name](g, size)) for _ in range(runs)]
    for alpha in (0.05, 0.01):
        assert sum(test.rejects(alpha) for test in found) <= stats.binom.isf(FALSE_ALARM, 2 * runs, alpha)


def test_the_level_is_that_of_a_permutation_and_nearly_reached():
    """Two halves of a coin's fair split: the law of both above is hypergeometric, here by enumeration."""
    values = np.arange(12.0)
    g = generator("permutation")
    p_values = np.array([neighbour_test(g.permutation(values)).p_value for _ in range(RUNS)])
    # Six pairs with three above on either side unless the halves are uneven: at most the nominal level.
    for alpha in (0.1, 0.4):
        assert np.sum(p_values <= alpha) <= stats.binom.isf(FALSE_ALARM, RUNS, alpha)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_copies_in_pairs_and_in_blocks_are_seen(share):
    g = generator(f"copies {share}")
    values = g.standard_normal(512)
    pairs, blocks = values.reshape(-1, 2).copy(), values.reshape(-1, 2, 64).copy()
    copied = g.random(256) < share
    pairs[copied, 1] = pairs[copied, 0]
    assert neighbour_test(pairs.ravel()).p_value < 1e-9
    assert neighbour_test(pairs.ravel(), 64).p_value > 1e-4
    blocks[:, 1][copied.reshape(4, 64)] = blocks[:, 0][copied.reshape(4, 64)]
    assert neighbour_test(blocks.ravel(), 64).p_value < 1e-9
    assert neighbour_test(blocks.ravel()).p_value > 1e-4
    assert repetitions(pairs.ravel()) == copied.sum()


def test_opposite_values_are_seen_too():
    x = generator("opposite").standard_normal(100)
    assert concordance_test(x, -x).p_value < 1e-9


def test_atoms_and_infinite_values_do_not_repeat():
    assert repetitions(np.array([0.0, 0.0, -np.inf, -np.inf, np.nan, np.nan, 1.0, 2.0])) == 0


def test_misuse_is_refused():
    with pytest.raises(SpecificationError, match="give pairs"):
        concordance_test([1.0, 2.0], [1.0])
    with pytest.raises(SpecificationError, match="no pair at distance 3"):
        neighbour_test([1.0, 2.0, 3.0, 4.0, 5.0], 3)
