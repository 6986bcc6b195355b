"""The cosine at finite depth: moments of one layer by quadrature, the term of order 1/L by powers and by networks."""

import itertools
import math

import numpy as np
import pytest
from two_cosines import cosines_after

from theory_check.theory.correlation_diffusion import CorrelationDiffusion, cosine_table, differentiation, interpolation
from theory_check.theory.correlation_steps import depth_coefficient, first_order, layer_moments

#: Three points integrate polynomials of degree 5 against the normal density; at order a^4 the degree in V is 4.
NODES, WEIGHTS = np.array([-math.sqrt(3.0), 0.0, math.sqrt(3.0)]), np.array([1.0, 4.0, 1.0]) / 6.0


def product(x, y):
    """Multiply series in a up to a^4, coefficients along the first axis."""
    return np.stack([sum(x[i] * y[n - i] for i in range(n + 1)) for n in range(5)])


def conditional_moments(width, c, gram):
    """Parts of order a^4 of E (c_1 - c)^j, j = 1 to 4, given the Gram matrix of the two branch values."""
    index = np.array(list(itertools.product(range(3), repeat=2 * width)))
    weights, z = WEIGHTS[index].prod(axis=1), NODES[index].reshape(-1, width, 2)
    moved = z @ np.linalg.cholesky(np.asarray(gram) / width).T
    first, second = np.zeros(width), np.zeros(width)
    first[0], second[:2] = 1.0, (c, math.sqrt(1.0 - c * c))
    one, two, zero = moved[:, :, 0], moved[:, :, 1], np.zeros(len(z))
    inner = np.stack([zero + c, one @ second + two @ first, np.sum(one * two, axis=1), zero, zero])
    norms = [
        np.stack([zero + 1.0, 2.0 * v @ u, np.sum(v * v, axis=1), zero, zero])
        for v, u in ((one, first), (two, second))
    ]  # fmt: skip
    square = product(*norms)
    # Newton's iteration for the inverse root of the series doubles the number of right coefficients.
    root = np.stack([zero + 1.0, zero, zero, zero, zero])
    for _ in range(3):
        root = 1.5 * root - 0.5 * product(square, product(root, product(root, root)))
    change = product(inner, root)
    change[0] -= c
    powers = [change]
    for _ in range(3):
        powers.append(product(powers[-1], change))
    return np.array([weights @ power[4] for power in powers])


@pytest.mark.parametrize("width", [2, 3, 4])  # coefficients are polynomials of degree 2 in the width
@pytest.mark.parametrize(("c", "slope"), [(-0.6, 0.0), (0.3, 0.25)])
def test_moments_of_one_layer_by_quadrature(width, c, slope):
    # The conditional moments are quadratic in p, q, p': six Gram matrices tell their coefficients.
    grams = [(1.0, 0.2, 0.7), (0.5, -0.3, 1.5), (2.0, 0.9, 0.6), (0.4, 0.1, 0.3), (1.2, -0.8, 2.2), (3.0, 0.5, 1.0)]
    terms = np.array([(p * p + r * r, p * r, q * q, p * q + r * q, p * p - r * r, p * q - r * q) for p, q, r in grams])
    found = np.array([conditional_moments(width, c, [[p, q], [q, r]]) for p, q, r in grams])
    coefficients = np.linalg.solve(terms, found)
    # Means over W: d equal rows, each the radius of two normal variables, E r^4 = 8, times functions of its angle.
    angle = 2.0 * np.pi * (np.arange(200_000) + 0.5) / 200_000
    x, y = (np.where(u > 0.0, u, slope * u) for u in (np.cos(angle), np.cos(angle - math.acos(c))))

    def mean(power, other):
        one, two = (2.0 * np.mean(v) for v in (x**2, x * y))
        means = {(4, 0): (one, one), (2, 2): (one, one), (3, 1): (one, two)}
        first, second = means[power, other]
        return (8.0 * np.mean(x**power * y**other) + (width - 1) * first * second) / width

    product_mean = 2.0 * np.mean(x * y)
    qq = (8.0 * np.mean(x * x * y * y) + (width - 1) * product_mean**2) / width
    expected = np.array([2.0 * mean(4, 0), mean(2, 2), qq, 2.0 * mean(3, 1), 0.0, 0.0]) @ coefficients
    moments = [float(m) for m in layer_moments(CorrelationDiffusion(width, slope), np.array(c))]
    # The kinks of the integrand over the angle: (2 pi / 200,000)^2.
    assert moments == pytest.approx(expected, abs=1e-8)
    # A fourth moment without the factor of 2 of E p p', or q without its fluctuation, differ by more.
    assert abs(expected[3]) > 1e-3


def test_the_term_of_order_one_over_depth_is_that_of_powers_of_a_layer():
    diffusion, start, depth, size = CorrelationDiffusion(10), -0.5, 2000, 48
    c = np.cos(np.pi * np.arange(size + 1) / size)
    derivative, layer = np.eye(size + 1), np.eye(size + 1)
    rates = (diffusion.drift(c), diffusion.variance_rate(c))
    for j, moment in enumerate(layer_moments(diffusion, c)):
        derivative = differentiation(c) @ derivative
        own = moment / depth**2 + (rates[j] / depth if j < 2 else 0.0)
        layer += own[:, None] * derivative / math.factorial(j + 1)
    n = np.arange(1, size // 2 + 1)
    means = interpolation(c, start) @ np.linalg.matrix_power(layer, depth) @ np.cos(np.outer(np.arccos(c), n))
    angles = np.linspace(0.0, np.pi, 401)
    law = 1.0 - angles / np.pi - 2.0 / np.pi * np.sin(np.outer(angles, n)) @ (means / n)
    limit = cosine_table(10, 0.0, start).cdf(np.cos(angles))
    # The table is known to 1e-5, which 2,000 layers make .02; the next order, 1/L^2, is left as some 1/L of .12.
    assert depth * (law - limit) == pytest.approx(first_order(diffusion, start, size), abs=0.03)
    assert np.max(np.abs(first_order(diffusion, start, size))) > 0.12


def test_shallow_networks_are_off_by_the_term_of_order_one_over_depth():
    width, start, depth, n = 10, -0.5, 5, 30_000
    sample = np.sort(cosines_after(np.random.default_rng(20), n, width, start, depth**-0.5, depth, 0.0))
    cosines = np.cos(np.linspace(0.0, np.pi, 401))
    off = np.searchsorted(sample, cosines, side="right") / n - cosine_table(width, 0.0, start).cdf(cosines)
    term = first_order(CorrelationDiffusion(width), start, 64) / depth
    # Three deviations of the sample, and a next order of a fifth: without the term, or with its opposite, 1 or 2.
    assert off @ term / (term @ term) == pytest.approx(1.0, abs=0.5)
    assert np.max(np.abs(off)) <= depth_coefficient(width, 0.0, start) / depth * 1.2 + 3.0 * 0.87 / math.sqrt(n)
