"""Moments with a bias: closed forms without one, exact means, enumeration of all signs, and plain simulation."""

import itertools
import math
import zlib

import numpy as np
import pytest
from one_layer_laws import a_layer

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import mean_interval
from theory_check.theory import biased_moments, moments
from theory_check.theory.biased_moments import _last_moments

# Products of up to a hundred matrices with positive entries, and a difference that loses one digit at most.
ROUNDING = 1e-11


@pytest.mark.parametrize("width", [1, 3, 20])
@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_without_a_bias_they_are_the_closed_forms(width, slope):
    layer = a_layer(width, "res-3", slope), 0.125, 64
    assert biased_moments.norm_ratio_variance(*layer, bias_energy=0.0) == pytest.approx(
        moments.norm_ratio_variance(*layer), rel=ROUNDING
    )
    assert biased_moments.displacement_variance(*layer, bias_energy=0.0) == pytest.approx(
        moments.displacement_variance(*layer), rel=ROUNDING
    )


def test_means_are_those_of_the_closed_form():
    multiplier, factors = a_layer(5, "res-3"), [0.3, 0.1, 0.5]
    _, mean, *_ = _last_moments(multiplier, factors, None, 0.7)
    assert mean == pytest.approx(moments.biased_norm_ratio_mean(multiplier, factors, bias_energy=0.7), rel=ROUNDING)


def test_random_signs_have_at_most_the_gaussian_variance_by_enumeration():
    # Width 1, two layers: V, W and b are signs. h' = h + a v relu(w h + b), B = 1.
    a = 0.5
    states = []
    for signs in itertools.product((-1.0, 1.0), repeat=6):
        h = 1.0
        for v, w, b in (signs[:3], signs[3:]):
            h += a * v * max(w * h + b, 0.0)
        states.append(h)
    norm = np.square(states)
    displacement = np.square(np.array(states) - 1.0)
    multiplier = a_layer(1, "res-3")
    assert norm.mean() == pytest.approx(moments.biased_norm_ratio_mean(multiplier, a, 2, bias_energy=1.0), rel=ROUNDING)
    assert norm.var() <= biased_moments.norm_ratio_variance(multiplier, a, 2, bias_energy=1.0)
    assert displacement.var() <= biased_moments.displacement_variance(multiplier, a, 2, bias_energy=1.0)


def test_second_moments_agree_with_a_plain_simulation():
    d, depth, a, bias, n = 3, 2, 0.4, 0.8, 200_000
    g = np.random.Generator(np.random.Philox(key=zlib.crc32(b"biased moments")))
    h = np.zeros((n, d))
    h[:, 0] = 1.0
    for _ in range(depth):
        pre = np.einsum("nij,nj->ni", g.normal(size=(n, d, d)), h) + math.sqrt(bias) * g.normal(size=(n, d))
        h = h + a * np.einsum("nij,nj->ni", g.normal(size=(n, d, d)), np.maximum(pre, 0.0)) / d
    norm = np.sum(h * h, axis=1)
    multiplier = a_layer(d, "res-3")

    def second(energy):
        mean = moments.biased_norm_ratio_mean(multiplier, a, depth, bias_energy=energy)
        return biased_moments.norm_ratio_variance(multiplier, a, depth, bias_energy=energy) + mean**2

    # Var X^2 <= E (X + B)^4 <= (1 + B)^4 E R^4: with X + B for X in the cross terms the recursion is the one without a
    # bias, and larger.
    fourth = (1.0 + bias) ** 4 * moments.norm_ratio_moment(multiplier, a, depth, order=4)
    interval = mean_interval(norm**2, variance_bound=fourth, alpha=1e-6)
    assert interval.contains(second(bias))
    assert not interval.contains(second(0.0))


def test_wrong_input_is_one_line_that_teaches():
    with pytest.raises(SpecificationError, match="a bias needs weights inside the activation, not linear"):
        biased_moments.norm_ratio_variance(a_layer(3), 0.1, 2, bias_energy=0.1)
    with pytest.raises(SpecificationError, match="non-negative"):
        biased_moments.norm_ratio_variance(a_layer(3, "res-3"), 0.1, 2, bias_energy=-0.1)
    with pytest.raises(SpecificationError, match="needs a depth"):
        biased_moments.norm_ratio_variance(a_layer(3, "res-3"), 0.1, bias_energy=0.1)
