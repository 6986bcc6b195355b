"""E21: the fractions that stand in the claim, and the products of networks drawn from its domain."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from theory_check.catalogue.scaling_factors import WRITTEN_FACTORS, WRITTEN_GRADIENTS, factor_checks, squares
from theory_check.experiments.spelling import network

#: a_k^2 of the written networks.
SQUARES = (
    [Fraction(1, 9)] * 9, [Fraction(1, 4)] * 8, [Fraction(1, 100)] * 10, [Fraction(1, 64)] * 4, [Fraction(1, 16)] * 6,
    [Fraction(1, 4), Fraction(1, 16), Fraction(1, 64)],
)  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), [*zip(WRITTEN_FACTORS, SQUARES, strict=True)])
def test_written_displacements_are_products_of_fractions(written, expected):
    depth, beta, scale, value = written
    assert len(expected) == depth
    assert value == float(math.prod(1 + square for square in expected) - 1)
    deep = network("linear", width=3, depth=depth, beta=beta, scale=scale)
    # Rounding of the exponential of a logarithm.
    assert squares(deep) == pytest.approx([float(square) for square in expected], rel=1e-14)


def test_written_gradients_have_the_factor_of_their_layer_and_the_growth_of_the_others():
    given = SQUARES[-1]
    for layer, value in WRITTEN_GRADIENTS.items():
        others = [1 + square for k, square in enumerate(given, 1) if k != layer]
        assert value == float(given[layer - 1] * math.prod(others))


@pytest.mark.parametrize("scale", [0.3, (0.1, 0.7, 0.4)])
def test_given_factors_are_taken_as_they_are(scale):
    (made,) = factor_checks(network("linear", width=20, depth=3, scale=scale), 1.0)
    each = [scale] * 3 if isinstance(scale, float) else scale
    # Roundings of three products and a difference that is not small.
    assert made.target[0] == pytest.approx(math.prod(1 + a * a for a in each) - 1, rel=1e-14)
    nearest = next(variant for variant in made.variants if variant.name == "factors are smaller by 2%")
    # The margin is this difference over 2.4; taking it twice costs roundings of numbers up to 50 times larger.
    assert nearest.distance == pytest.approx(2.4, rel=1e-12)
