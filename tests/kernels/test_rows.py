"""Row fillers against NumPy twins, and the law of every registered weight law against SciPy, with controlled error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy_twins import (
    LANES,
    UNIT,
    Matrices,
    entrywise_row,
    even,
    exponential_row,
    key_of,
    new_state,
    normal_row,
    signs_row,
    ternary_row,
    triangular_row,
    uniform_row,
    words,
)
from scipy import integrate, stats
from weight_laws import CONTINUOUS, DISCRETE, VARIED

from theory_check.foundation.streams import Purpose
from theory_check.inference.intervals import kolmogorov_interval, mean_interval, proportion_interval
from theory_check.kernels import rows
from theory_check.kernels.words import draw_words, seed_lanes
from theory_check.networks.weight_laws import LAWS
from theory_check.simulation.passes.compiled import row_filler

SEED_OF_LAWS = 20240229
SEED_OF_ROTATIONS = 20240301

# Error probability of every statistical check below; there are fewer than 200 of them.
LEVEL = 1e-9

COLUMNS = 4096  # times 64 lanes: 262144 independent entries

# Odd and even widths, width 1, widths on both sides of the 32 and 64 signs in one and two words.
WIDTHS = [1, 2, 3, 5, 8, 31, 32, 33, 34, 63, 64, 65, 66, 67, 130]


def filled(fill, columns, parameters=(), key=7, layer=2, count=1):
    """Return ``count`` rows in turn from one stream, shape (count, even columns, LANES)."""
    state = new_state()
    seed_lanes(state, key_of(key), 64, layer, 0)
    row = np.empty((count, even(columns) * LANES), np.float32)
    for one in row:
        fill(state, one, np.array(parameters, np.float64))
    return row.reshape(count, even(columns), LANES)


def twin_words(per_row, count=1, key=7, layer=2):
    return words(key_of(key), 64, layer, 0, per_row * count).reshape(count, per_row, LANES)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("fill", "twin", "words_of"),
    [
        (rows.fill_uniform, uniform_row, even),
        (rows.fill_signs, signs_row, lambda width: -(-even(width) // 32)),
        (rows.fill_ternary, ternary_row, lambda width: -(-even(width) // 8)),
        (rows.fill_triangular, triangular_row, even),
    ],
    ids=["uniform", "signs", "ternary", "triangular"],
)
def test_exact_fillers_are_their_twins_bit_for_bit(fill, twin, words_of, width):
    found = filled(fill, width, count=3)
    for row, drawn in zip(found, twin_words(words_of(width), 3), strict=True):
        np.testing.assert_array_equal(row, twin(drawn, even(width)))


@pytest.mark.parametrize("width", WIDTHS)
def test_normal_filler_is_its_twin_to_rounding(width):
    for row, drawn in zip(filled(rows.fill_normal, width, count=3), twin_words(even(width), 3), strict=True):
        expected, bound = normal_row(drawn, even(width))
        assert np.all(np.abs(row - expected) <= bound)


@pytest.mark.parametrize("width", WIDTHS)
def test_exponential_filler_is_its_twin_to_rounding(width):
    for row, drawn in zip(filled(rows.fill_exponential, width, count=3), twin_words(even(width), 3), strict=True):
        expected, bound = exponential_row(drawn, even(width))
        assert np.all(np.abs(row - expected) <= bound)


def test_normal_pair_at_extreme_words():
    # Columns: word of the radius, word of the angle. The bound of the twin covers the ends of the range.
    extremes = np.array([0, 1, 2**31, 2**32 - 1], np.uint32)
    grid = np.stack(np.meshgrid(extremes, extremes), 0).reshape(2, -1)
    expected, bound = normal_row(grid, 2)
    found = np.array([rows.normal_pair(*pair) for pair in grid.T]).T
    assert np.all(np.isfinite(found))
    assert np.all(np.abs(found - expected) <= bound)


def test_zero_filler():
    state_before = new_state()
    state_before[:] = 1
    row = np.full(4 * LANES, np.nan, np.float32)
    rows.fill_zero(state_before, row, np.empty(0))
    assert not row.any()


@pytest.mark.parametrize("weights", [w for w in VARIED if w.definition.kernel == "entrywise"], ids=str)
@pytest.mark.parametrize("width", [1, 3, 8])
def test_entrywise_fillers_are_their_twins_to_rounding(weights, width):
    filler = row_filler(weights)
    twin = entrywise_row(weights.definition.transform, weights.constants)
    found = filled(filler.fill, width, weights.constants, count=2)
    for row, drawn in zip(found, twin_words(3 * even(width), 2), strict=True):
        expected = twin(drawn, even(width))
        # One rounding to single precision. In double precision, functions of the two libraries differ by a few units of
        # 2^-53, which an argument of the cosine near a zero magnifies: 2^-45 of the scale of the values.
        bound = UNIT * np.abs(expected) + 2.0**-45 * np.max(np.abs(expected))
        assert np.all(np.abs(row - expected) <= bound)


@pytest.mark.parametrize("weights", VARIED, ids=str)
def test_fillers_advance_every_lane_alike(weights):
    """A second row must not depend on the values of the first: its words follow at once."""
    filler = row_filler(weights)
    both = filled(filler.fill, 6, weights.constants, count=2)
    state, skipped = new_state(), np.empty((18 if weights.definition.kernel == "entrywise" else 6) * LANES, np.uint32)
    if weights.definition.kernel in ("zero", "signs", "ternary"):
        skipped = skipped[: LANES * (weights.definition.kernel != "zero")]
    seed_lanes(state, key_of(7), 64, 2, 0)
    draw_words(state, skipped)
    second = np.empty(6 * LANES, np.float32)
    filler.fill(state, second, weights.constants)
    np.testing.assert_array_equal(second.reshape(6, LANES), both[1])


def entries(weights):
    """Independent draws in units of unit variance."""
    filler = row_filler(weights)
    natural = filled(filler.fill, COLUMNS, weights.constants, key=SEED_OF_LAWS)
    return natural.astype(np.float64).ravel() / filler.natural_deviation


def test_every_registered_law_has_a_reference():
    described = {w.law for w in [*CONTINUOUS, *DISCRETE]} | {
        law.name for law in LAWS if law.variance(law.defaults) == 0.0
    }
    assert described == {law.name for law in LAWS}, "add the SciPy law of a new weight law to weight_laws.py"


@pytest.mark.parametrize("weights", CONTINUOUS, ids=str)
def test_continuous_laws(weights):
    values, law = entries(weights), CONTINUOUS[weights]
    assert kolmogorov_interval(values, law.cdf, alpha=LEVEL).lower == 0.0
    # The wrong law: 10% too wide, the smallest error among the known mistakes of normalisation (1.05 is one of
    # variance). Its distance is 0.02 to 0.03, twice the radius sqrt(ln(2e9) / 2n) = 0.0064 of the test and more.
    assert kolmogorov_interval(values, lambda x: law.cdf(x / 1.1), alpha=LEVEL).lower > 0.0


@pytest.mark.parametrize("weights", DISCRETE, ids=str)
def test_discrete_laws(weights):
    values, atoms = entries(weights), DISCRETE[weights]
    places = np.array(list(atoms))
    # Values are rounded to single precision.
    nearest = np.argmin(np.abs(values[:, None] - places), axis=1)
    assert np.all(np.abs(values - places[nearest]) <= UNIT * np.abs(places[nearest]))
    for index, probability in enumerate(atoms.values()):
        interval = proportion_interval(int((nearest == index).sum()), values.size, alpha=LEVEL)
        assert interval.contains(probability)
        # The wrong atom: 10% of its probability more. Its deviation is ten standard errors at density 0.05 and more.
        assert not interval.contains(1.1 * probability)


@pytest.mark.parametrize("weights", [w for w in [*CONTINUOUS, *DISCRETE] if math.isfinite(w.kurtosis)], ids=str)
def test_variance_is_one(weights):
    # The variance of the square is the kurtosis less 1, checked against SciPy in the tests of the laws; a random sign
    # has none, and any positive bound is one.
    values = entries(weights)
    interval = mean_interval(values**2, variance_bound=max(weights.kurtosis - 1.0, 1e-6), alpha=LEVEL)
    assert interval.contains(1.0)
    # The wrong variance, 1.1: half widths are below 0.06 for kurtoses up to 20.
    assert not interval.contains(1.1)


@pytest.mark.parametrize("weights", [w for w in [*CONTINUOUS, *DISCRETE] if w.is_symmetric], ids=str)
def test_signs_are_fair(weights):
    values = entries(weights)
    nonzero = values[values != 0.0]
    interval = proportion_interval(int((nonzero > 0).sum()), nonzero.size, alpha=LEVEL)
    assert interval.contains(0.5)
    # The wrong law: 55% positive, against a half width below 0.03 with a tenth of the entries nonzero.
    assert not interval.contains(0.55)


@pytest.mark.parametrize("weights", [w for w in CONTINUOUS if not w.is_symmetric], ids=str)
def test_skewed_laws_are_skewed_and_centred(weights):
    # By the statistics of the law itself; the sample is compared with the whole law above.
    mean, skewness = CONTINUOUS[weights].stats("ms")
    assert float(mean) == 0.0
    assert weights.skewness == pytest.approx(float(skewness), rel=1e-12)
    # 1/e of the entries is positive; a fair sign is refuted.
    positive = proportion_interval(int((entries(weights) > 0).sum()), COLUMNS * LANES, alpha=LEVEL)
    assert positive.contains(float(CONTINUOUS[weights].sf(0.0)))
    assert not positive.contains(0.5)


@pytest.mark.parametrize("weights", [w for w in VARIED if w.definition.kernel == "entrywise"], ids=str)
def test_transforms_integrate_to_the_declared_moments(weights):
    """The moments of the transform itself over the unit square, with no sampling and no reference law."""
    transform, constants = weights.definition.transform, weights.constants
    v, mass = np.polynomial.legendre.leggauss(40)
    # Two panels, cut where a transform takes its sign from v.
    v, mass = np.concatenate([(v + 1) / 4, (v + 3) / 4]), np.concatenate([mass, mass]) / 4

    def moment(order):
        def inner(t):
            # u = e^-t, so that the tails at u = 0 are resolved.
            return math.exp(-t) * sum(
                m * transform(math.exp(-t), x, constants) ** order for m, x in zip(mass, v, strict=True)
            )

        jump = -math.log(constants[0]) if weights.law == "sparse" else None
        pieces = [0.0, *([jump] if jump is not None else []), 1.0, 10.0, 100.0, 600.0]
        return sum(
            integrate.quad(inner, a, b, limit=200)[0] for a, b in zip(sorted(pieces), sorted(pieces)[1:], strict=False)
        )

    if math.isfinite(weights.entry_variance):
        # Quadrature aims at 1.5e-8 on each of five pieces; the algebraic tails of Student's law limit it.
        assert moment(2) == pytest.approx(1.0, abs=1e-6)
    if math.isfinite(weights.kurtosis):
        assert moment(4) == pytest.approx(weights.kurtosis, rel=1e-6)


# Orthogonal weights.


def rotations(width, layers=1):
    law = row_filler(next(w for w in VARIED if w.law == "orthogonal"))
    return np.concatenate([kernel_matrix(law, width, layer) for layer in range(layers)])


def kernel_matrix(filler, width, layer):
    """The matrix that the dense kernel multiplies with, column by column, shape (LANES, width, width)."""
    from theory_check.kernels.dense import multiply

    unit = np.repeat(np.eye(width, dtype=np.float32)[:, :, None], LANES, axis=2).reshape(width, width * LANES)
    state, buffer = new_state(), np.zeros(even(width) * width * LANES, np.float32)
    seed_lanes(state, key_of(SEED_OF_ROTATIONS), 0, layer, int(Purpose.OUTER_WEIGHTS))
    products = np.empty((width, width * LANES), np.float32)
    multiply(*filler.law, state, buffer, unit, products)
    return products.reshape(width, width, LANES).transpose(2, 1, 0).astype(np.float64)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 13])
def test_orthogonal_rows_are_orthonormal(width):
    matrices = rotations(width) / math.sqrt(width)
    gram = matrices @ matrices.swapaxes(1, 2)
    # After the second pass of Gram-Schmidt, each product of two rows of length 1 has lost at most the roundings of its
    # projection and of its own sum, 2 (columns + 4) UNIT, and the norm as many.
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(width), gram.shape), atol=2 * (width + 4) * UNIT * 2)


@pytest.mark.parametrize("width", [2, 3, 6])
def test_orthogonal_entries_have_the_haar_marginal(width):
    # 80 layers of 64 lanes; one entry of a matrix, so that values are independent. Its square over the dimension is
    # Beta(1/2, (d-1)/2) for a uniform direction. Radius of the test: 0.045 with 5120 values.
    matrices = rotations(width, layers=80) / math.sqrt(width)
    for row, column in ((0, 0), (width - 1, 0), (width - 1, width - 1)):
        squares = np.clip(matrices[:, row, column] ** 2, 0.0, 1.0)
        right, wrong = (stats.beta(0.5, (d - 1) / 2).cdf for d in (width, 2 * width))
        assert kolmogorov_interval(squares, right, alpha=LEVEL).lower == 0.0
        assert kolmogorov_interval(squares, wrong, alpha=LEVEL).lower > 0.0
        positive = proportion_interval(int((matrices[:, row, column] > 0).sum()), len(matrices), alpha=LEVEL)
        assert positive.contains(0.5)


def test_orthogonal_matrices_are_those_of_the_twin():
    law = row_filler(next(w for w in VARIED if w.law == "orthogonal"))
    for width in (1, 2, 3, 5):
        twin = Matrices(law.fill, law.constants, 1.0, orthogonal=True)
        expected, bound = twin.draw(key_of(SEED_OF_ROTATIONS), 0, 4, Purpose.OUTER_WEIGHTS, width, width)
        found = kernel_matrix(law, width, 4).transpose(1, 2, 0)
        assert np.all(np.abs(found - expected) <= bound)
