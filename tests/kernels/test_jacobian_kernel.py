"""Tangent frames: the Jacobian against twins and differences, singular values against exact integer arithmetic."""

from __future__ import annotations

import math

import decimal_textbook as textbook
import numpy as np
import pytest
from decimal_textbook import exact
from exact_spectra import exact_symmetric, symmetric, whole_numbers
from numpy_twins import LANES, UNIT, DenseTwin, Matrices, key_of

from theory_check.experiments.cell import Cell
from theory_check.foundation.streams import Purpose
from theory_check.kernels import jacobian as tangent
from theory_check.kernels import tangents
from theory_check.kernels.dense import row_size
from theory_check.kernels.rows import FUSED_UNIFORM, ROWS
from theory_check.kernels.vectors import SIZE
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.jacobian import Jacobian
from theory_check.simulation.passes.compiled import row_filler
from theory_check.simulation.passes.dense import DensePasses

SEED_OF_STATES = 26
FIRST_REPLICATE = 3 * LANES
KEY = key_of(27)
DOUBLE = 2.0**-53

BRANCHES = [
    Branch("linear"),
    Branch("res-1"),
    Branch("res-2"),
    Branch("res-2", Activation("tanh")),
    Branch("res-3"),
    Branch("res-3", Activation("leaky", 0.2)),
]


def a_cell(branch, weights="uniform", width=5, depth=3, factor=0.7, inputs=1):
    network = Network(branch, width, depth, Scaling.constant(factor))
    weights = Weights.parse(weights)
    return Cell(network=network, weights=weights, input=Input(count=inputs), kernel="dense")


def twin_of(cell):
    def matrices(weights):
        filler = row_filler(weights)
        deviation = math.sqrt(weights.gain / cell.network.width) / filler.natural_deviation
        return Matrices(filler.fill, filler.constants, deviation, weights.law == "orthogonal")

    factors = cell.network.scaling.factors(cell.network.depth)
    return DenseTwin(
        cell.network.branch, factors, KEY, FIRST_REPLICATE, matrices(cell.weights), matrices(cell.weights.inner)
    )


def random(*shape, seed=SEED_OF_STATES):
    return np.random.default_rng(seed).standard_normal((*shape, LANES))


def unit_frame(width):
    return np.repeat(np.eye(width), LANES, axis=1)


def jacobian(cell, start, index=0):
    """The Jacobian at ``start`` (inputs, width, LANES) as matrices [i, j, lane] = dh_i/dh_j, and all passes made."""
    width, factors = cell.network.width, cell.network.scaling.factors(cell.network.depth)
    passes = DensePasses(cell, KEY, FIRST_REPLICATE)
    kept, hidden = passes.storage(len(factors)), start.copy()
    exponents = np.zeros((len(start), LANES), np.int64)
    passes.forward(0, factors, hidden, exponents, kept)
    frame = unit_frame(width)
    passes.tangent(0, factors, kept, index, frame)
    return np.swapaxes(frame.reshape(width, width, LANES), 0, 1), passes, kept


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@pytest.mark.parametrize("weights", ["uniform", "gaussian", "orthogonal"])
def test_tangents_are_those_of_the_twin(branch, weights):
    cell = a_cell(branch, weights)
    start = random(2, 5)
    several = a_cell(branch, weights, inputs=2)
    for index in (0, 1):
        found, _, _ = jacobian(several, start, index)
        _, _, slopes = twin_of(cell).forward(start[index])
        expected = np.stack([twin_of(cell).tangent(slopes, column) for column in unit_frame(5).reshape(5, 5, LANES)], 1)
        # Three layers of two products of 5 terms: 20 UNIT each, and factors of a few from layer to layer; Gram-Schmidt
        # rows are known to their condition number, 100 at most here.
        loss = 100 if weights == "orthogonal" else 1
        size = np.linalg.norm(expected, axis=(0, 1))
        assert np.all(np.abs(found - expected) <= 3 * 20 * UNIT * 4 * loss * size)


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_tangents_are_derivatives(branch):
    """Central differences of the twin in double precision; a step of 1e-6 leaves 1e-10 of rounding and curvature."""
    cell, step = a_cell(branch), 1e-6
    start = random(1, 5)
    found, _, _ = jacobian(cell, start)
    twin = twin_of(cell)
    for j in range(5):
        direction = step * unit_frame(5).reshape(5, 5, LANES)[j]
        ahead, behind = (twin.forward(start[0] + sign * direction)[0] for sign in (1, -1))
        difference = (ahead - behind) / (2 * step)
        error = np.abs(found[:, j] - difference).max(axis=0)
        # The bound of the test above. A kink within the step, probability 15 units x 1e-6, spoils a lane.
        assert np.mean(error <= 240 * UNIT * np.linalg.norm(found, axis=(0, 1)) + 1e-9) >= 0.98


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@pytest.mark.parametrize("weights", ["uniform", "student:df=3"])
def test_the_backward_pass_is_the_transpose(branch, weights):
    cell = a_cell(branch, weights, depth=6, factor=0.4)
    found, passes, kept = jacobian(cell, random(1, 5))
    output = random(1, 5, seed=4)
    gradient, exponents = output.copy(), np.zeros((1, LANES), np.int64)
    passes.backward(0, np.full(6, 0.4), kept, gradient, exponents)
    expected = np.einsum("ijl,il->jl", found, output[0])
    error = np.abs(np.ldexp(gradient, exponents[:, None])[0] - expected).max(axis=0)
    # Six layers of two products of 5 terms, forward and backward, relative to the norms.
    size = np.linalg.norm(found, axis=(0, 1)) * np.linalg.norm(output[0], axis=0)
    assert np.all(error <= 6 * 2 * 20 * UNIT * 4 * size)


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_tangents_and_singular_values_in_decimal_arithmetic(branch):
    width, depth, factor, start = 3, 4, 0.2, random(1, 3)
    cell = a_cell(branch, "gaussian", width, depth, factor)
    twin, (found, passes, kept) = twin_of(cell), jacobian(cell, start)
    frames = Jacobian(cell, passes)
    frames.advance(0, depth, kept, lambda: False)
    columns, factors = frames.columns(), cell.network.factors
    for lane in (0, 17, LANES - 1):

        def matrix(k, purpose, lane=lane):
            return exact(twin.matrix(k, purpose, width)[0][:, :, lane])

        layers = [
            (
                matrix(k, Purpose.OUTER_WEIGHTS), matrix(k, Purpose.INNER_WEIGHTS) if branch.has_inner else None,
                exact(twin.bias(k, width)[:, lane]) if branch.has_bias else None,
            )
            for k in range(depth)
        ]  # fmt: skip
        _, slopes = textbook.forward(branch.activation, layers, factors, exact(start[0, :, lane]))
        rows = textbook.jacobian(layers, factors, slopes)
        expected = np.array(rows, dtype=np.float64)
        # Increments alone are in single precision: two products of 3 terms, 20 UNIT, of matrices of norms below 4.
        error = depth * factor * 20 * UNIT * 4 * np.linalg.norm(expected)
        assert np.max(np.abs(found[:, :, lane] - expected)) <= error
        # Singular values move by at most the norm of the error, the smallest by the largest share of itself; e_k has
        # degree 2 k. What the frames add is in double precision.
        values = columns["log_singular_values"][0, lane]
        bound = 2 * width * 3 * error / math.exp(values[-1])
        assert bound < 1e-3
        np.testing.assert_allclose(symmetric(values), textbook.log_symmetric(rows), rtol=0, atol=bound)
        assert abs(columns["log_determinant"][0, lane] - values.sum()) <= 40 * DOUBLE * (1 + np.abs(values).sum())


@pytest.mark.parametrize("kernel", [tangent, tangents])
def test_the_kernel_reads_the_streams_of_the_forward_pass(kernel):
    assert (kernel._OUTER, kernel._INNER) == (Purpose.OUTER_WEIGHTS, Purpose.INNER_WEIGHTS)


def stack(block):
    """Matrices [lane, j, i] of a block with vector j, component i."""
    return np.moveaxis(block.reshape(len(block), -1, LANES), 2, 0)


@pytest.mark.parametrize("width", [1, 2, 7])
def test_frames_are_orthonormalised(width):
    vectors = random(width, width)
    frame, triangle = vectors.reshape(width, -1).copy(), np.empty((width, width * LANES))
    tangent.orthonormalise_frame(frame, triangle)
    q, r, t = stack(frame), stack(triangle), np.moveaxis(vectors, 2, 0)
    assert np.all(r[:, ~np.tri(width, dtype=bool).T] == 0.0)
    conditions = np.linalg.cond(t)
    # Modified Gram-Schmidt: Q^T Q - I is below a small multiple of width 2^-53 cond(T), T - Q R of width 2^-53 ||T||
    # (Bjorck, 1967).
    norms = np.linalg.norm(t, axis=(1, 2))
    assert np.all(np.abs(q @ np.swapaxes(q, 1, 2) - np.eye(width)).max(axis=(1, 2)) <= 4 * width * DOUBLE * conditions)
    assert np.all(np.abs(np.swapaxes(r, 1, 2) @ q - t).max(axis=(1, 2)) <= 4 * width * DOUBLE * norms)


def test_dependent_columns_vanish():
    vectors = random(3, 4)[:, :4]
    frame = np.concatenate([vectors, vectors[:1]]).reshape(4, -1)
    frame[1] = 0.0
    triangle = np.empty((4, 4 * LANES))
    tangent.orthonormalise_frame(frame, triangle)
    assert not frame[1].any()
    assert not stack(triangle)[:, 1].any()


def graded_singular_values(triangles):
    """Logarithms of the singular values of products of triangles (count, width, width, LANES), descending.

    And a bound on their error: the rows of each product are rounded, by width 2^-53 of their norm, which moves the
    singular values by that times the condition number of the product with its rows scaled to norm 1.
    """
    width = triangles.shape[1]
    rows, exponents, bound = unit_frame(width), np.zeros((width, LANES), np.int64), np.zeros(LANES)
    for triangle in triangles:
        tangent.multiply_triangle(np.ascontiguousarray(triangle.reshape(width, -1)), rows, exponents)
        bound += 2 * width * DOUBLE * np.linalg.cond(stack(rows))
    tangent.orthogonalise_rows(rows, exponents)
    values = 0.5 * np.log(np.sum(rows.reshape(width, width, LANES) ** 2, axis=1)) + math.log(2) * exponents
    # And the rotations, once more the last term; logarithms round as well.
    bound = 10 * bound + 4 * DOUBLE * np.abs(values).max(axis=0)
    return -np.sort(-values, axis=0), bound


@pytest.mark.parametrize(("width", "count", "spread"), [(2, 3, 0.1), (4, 40, 0.3), (5, 60, 6.0), (3, 400, 8.0)])
def test_products_of_triangles_keep_every_singular_value(width, count, spread):
    """Descending diagonals, with up to e^2000 between the values of the product."""
    rng = np.random.default_rng(SEED_OF_STATES)
    upper = ~np.tri(width, k=-1, dtype=bool)
    triangles = rng.standard_normal((count, width, width, LANES)) * upper[None, :, :, None]
    diagonal = np.exp(spread * np.arange(width, 0, -1)[:, None] / width + 0.3 * rng.standard_normal((width, LANES)))
    triangles[:, np.arange(width), np.arange(width)] = diagonal
    found, bound = graded_singular_values(triangles)
    assert np.all(np.diff(found, axis=0) <= 0)
    # The smallest value of every product is known, however small. Where the noise alone orders the diagonal, spread
    # 0.3, products of equal disorder are badly scaled: the worst case.
    assert np.median(bound) <= (1e-4 if spread == 0.3 else 1e-9)
    for lane in (0, 17):
        product, places = np.identity(width, dtype=int).astype(object), 0
        for triangle in triangles[..., lane]:
            whole, more = whole_numbers(triangle, np.zeros(width))
            product, places = whole @ product, places + more
        np.testing.assert_allclose(
            symmetric(found[:, lane]), exact_symmetric(product, places), rtol=0, atol=2 * width * bound[lane]
        )
    if spread >= 6.0:
        # What double precision alone would lose: 2^-53 of the largest.
        assert np.ptp(found, axis=0).min() > 10 * 53 * math.log(2) / 2


@pytest.mark.parametrize("ascending", [False, True])
def test_rotations_find_the_singular_values_of_graded_matrices(ascending):
    """diag(2^e) U for a well-conditioned U, exponents up to 900 apart, in either order."""
    width = 5
    rng = np.random.default_rng(SEED_OF_STATES)
    rows = rng.standard_normal((width, width, LANES)) + 2 * np.eye(width)[:, :, None]
    exponents = np.sort(rng.integers(-450, 450, (width, LANES)), axis=0)
    exponents = np.ascontiguousarray(exponents if ascending else exponents[::-1])
    conditions = np.linalg.cond(np.moveaxis(rows, 2, 0))
    rotated, moved = rows.reshape(width, -1).copy(), exponents.copy()
    tangent.orthogonalise_rows(rotated, moved)
    found = 0.5 * np.log(np.sum(rotated.reshape(width, width, LANES) ** 2, axis=1)) + math.log(2) * moved
    for lane in range(0, LANES, 7):
        expected = exact_symmetric(*whole_numbers(rows[..., lane], exponents[:, lane]))
        # Demmel and Veselic: relative errors of a small multiple of width 2^-53 cond(U); logarithms up to 312 round.
        bound = 2 * width * (10 * width * DOUBLE * conditions[lane] + 2 * 312 * DOUBLE)
        np.testing.assert_allclose(symmetric(found[:, lane]), expected, rtol=0, atol=bound)


def test_rotations_agree_with_a_library_where_it_can():
    width = 12
    rows = random(width, width)
    found, _ = graded_singular_values(np.zeros((0, width, width, LANES)))
    assert np.all(np.abs(found) <= 4 * DOUBLE)
    rotated, exponents = rows.reshape(width, -1).copy(), np.zeros((width, LANES), np.int64)
    tangent.orthogonalise_rows(rotated, exponents)
    values = 0.5 * np.log(np.sum(rotated.reshape(width, width, LANES) ** 2, axis=1)) + math.log(2) * exponents
    expected = np.linalg.svd(np.moveaxis(rows, 2, 0), compute_uv=False)
    # The library is accurate to 2^-53 of the largest singular value.
    bound = 40 * width * DOUBLE * expected[:, :1] / expected
    assert np.all(np.abs(-np.sort(-values, axis=0).T - np.log(expected)) <= bound)


def test_lanes_do_not_wait_for_each_other():
    """A lane that is orthogonal at once keeps its values, whatever its neighbours still have to do."""
    width = 4
    rows = random(width, width)
    alone = np.zeros_like(rows)
    alone[..., 7] = rows[..., 7]
    found = []
    for block in (rows, alone):
        rotated, exponents = block.reshape(width, -1).copy(), np.zeros((width, LANES), np.int64)
        tangent.orthogonalise_rows(rotated, exponents)
        found.append((rotated.reshape(width, width, LANES)[..., 7], exponents[:, 7]))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("width", [1, 6, 9])
def test_uniform_matrices_straight_from_registers_are_those_of_the_filler(width):
    filler = row_filler(Weights("uniform"))
    drawn = []
    for way in (ROWS, FUSED_UNIFORM):
        state = np.arange(4 * LANES, dtype=np.uint32) * np.uint32(2654435761)
        parts = np.empty((LANES // SIZE, width, width * SIZE), np.float32)
        tangent.draw_matrix(
            filler.fill, filler.constants, way, state.copy(), np.zeros(row_size(width) * width, np.float32), parts
        )
        matrices = np.zeros((LANES, width * SIZE + SIZE), np.float32)
        room = np.zeros(width * SIZE * LANES, np.float32)
        tangents.draw_matrices(filler.fill, filler.constants, way, state.copy(), width, room, matrices)
        by_lane = parts.reshape(-1, width, width, SIZE).transpose(0, 3, 1, 2).reshape(LANES, width, width)
        np.testing.assert_array_equal(matrices[:, :-SIZE].reshape(LANES, width, SIZE)[..., :width], by_lane)
        drawn.append(by_lane)
    np.testing.assert_array_equal(*drawn)
