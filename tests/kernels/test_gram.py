"""Several inputs through Gaussian weights: factors and bases, the conditional law, both passes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gram_cells import a_cell
from numpy_twins import LANES, UNIT, key_of

from theory_check.foundation.streams import Purpose
from theory_check.kernels import gram, reduced
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.simulation.passes.gram import GramPasses
from theory_check.simulation.passes.reduced import ReducedPasses
from theory_check.simulation.runner import simulate

SEED_OF_STATES = 16
SEED_OF_LAWS = 191
FIRST_REPLICATE = 5 * LANES
KEY = key_of(18)

BRANCHES = [
    Branch("linear"),
    *(Branch(name, Activation(a)) for name in ("res-1", "res-2", "res-3") for a in ("relu", "identity", "tanh")),
    Branch("res-3", Activation("leaky", 0.2)),
]


def states(count, width, seed=SEED_OF_STATES):
    return np.random.default_rng(seed).standard_normal((count, width, LANES))


def single(values):
    return np.ascontiguousarray(values.astype(np.float32).reshape(len(values), -1))


def factor_of(vectors):
    products = np.full((len(vectors), len(vectors), LANES), np.nan)
    gram.gram(vectors, products)
    gram.factorise(products)
    return np.moveaxis(np.where(np.tri(len(vectors), dtype=bool)[:, :, None], products, 0.0), 2, 0)


def degenerate(width):
    """Four vectors: a generic one, twice the same, a sum of the two kinds, and 0."""
    first, second = states(2, width)
    return single(np.stack([first, first, first + (second if width > 1 else 0.0), np.zeros_like(first)]))


def near(width, distance):
    """Three vectors, the second and third at a small relative distance from the first."""
    first, second, third = states(3, width)
    return single(np.stack([first, first + distance * second, first + distance * third]))


VECTORS = {
    "one": single(states(1, 5)),
    "generic": single(states(4, 7)),
    "odd columns": single(states(3, 9)),
    "more than the width": single(states(6, 4)),
    "width 1": single(states(3, 1)),
    "degenerate": degenerate(6),
    "zero": np.zeros((2, 3 * LANES), np.float32),
    "near 1e-3": near(8, 1e-3),
    "near 1e-5": near(8, 1e-5),
    "near 1e-6": near(8, 1e-6),  # some lanes on either side of the tolerance
}
each_set = pytest.mark.parametrize("vectors", VECTORS.values(), ids=VECTORS.keys())


def by_lane(vectors):
    """Columns of a matrix for every lane, shape (LANES, width, m), in double precision."""
    return np.moveaxis(vectors.reshape(len(vectors), -1, LANES).astype(np.float64), (0, 1, 2), (2, 1, 0))


@each_set
def test_factors_reproduce_the_gram_matrix(vectors):
    columns = by_lane(vectors)
    factor = factor_of(vectors)
    products = np.swapaxes(columns, 1, 2) @ columns
    norms = np.linalg.norm(columns, axis=1)
    size = norms[:, :, None] * norms[:, None, :]
    # Cholesky in double precision is backward stable, (m + 1 + d) 2^-53 relative to the norms (Higham, theorem 10.3). A
    # dropped pivot was at most RANK_TOLERANCE of its square, so that what it leaves is below the root of that.
    ranks = np.count_nonzero(np.einsum("ljj->lj", factor), axis=1)
    full = ranks == len(vectors)
    error = np.abs(factor @ np.swapaxes(factor, 1, 2) - products)
    assert np.all(error[full] <= 40 * 2.0**-53 * size[full])
    assert np.all(error <= (40 * 2.0**-53 + math.sqrt(gram.RANK_TOLERANCE)) * size)


def test_ranks():
    def rank(name):
        return set(np.count_nonzero(np.einsum("ljj->lj", factor_of(VECTORS[name])), axis=1))

    assert rank("generic") == {4}
    assert rank("more than the width") == {4}
    assert rank("width 1") == {1}
    assert rank("degenerate") == {2}
    assert rank("zero") == {0}
    assert rank("near 1e-3") == rank("near 1e-5") == {3}
    # Closer than single precision tells apart: the rank of the first alone.
    tight = near(8, 1e-8)
    assert set(np.count_nonzero(np.einsum("ljj->lj", factor_of(tight)), axis=1)) == {1}


@each_set
def test_bases_are_orthonormal_and_span_the_vectors(vectors):
    factor = factor_of(vectors)
    basis = np.empty_like(vectors)
    gram.write_basis(vectors, np.ascontiguousarray(np.moveaxis(factor, 0, 2)), basis)
    columns, q = by_lane(vectors), by_lane(basis)
    present = np.einsum("ljj->lj", factor) != 0.0
    # Orthogonality is lost by double-precision roundings of the Gram matrix over its smallest relative pivot, and by
    # the single-precision rounding of the basis: 2 UNIT for a product of two vectors.
    norms = np.maximum(np.linalg.norm(columns, axis=1), 1e-300)
    pivots = np.where(present, np.einsum("ljj->lj", factor) / norms, 1.0).min(axis=1)
    slack = 4 * UNIT + 100 * 2.0**-53 / pivots**2
    target = present[:, :, None] * np.eye(len(vectors))
    assert np.all(np.abs(np.swapaxes(q, 1, 2) @ q - target) <= slack[:, None, None])
    assert np.all(
        np.linalg.norm(q @ np.swapaxes(factor, 1, 2) - columns, axis=1)
        <= 4 * UNIT * norms + 1e-300 + (math.sqrt(gram.RANK_TOLERANCE) * norms)
    )


@each_set
def test_images_are_combinations_of_the_normals(vectors):
    normals, out = single(states(len(vectors), by_lane(vectors).shape[1], 3)), np.empty_like(vectors)
    factor = np.empty((len(vectors), len(vectors), LANES))
    gram.write_images(vectors, normals, 0.6, factor, out)
    known, z = factor_of(vectors), by_lane(normals)
    np.testing.assert_array_equal(
        np.moveaxis(factor, 2, 0)[:, *np.tril_indices(len(vectors))], known[:, *np.tril_indices(len(vectors))]
    )
    expected = 0.6 * z @ np.swapaxes(known, 1, 2)
    # A rounded weight, a product and up to m sums for each term.
    bound = (len(vectors) + 3) * UNIT * 0.6 * np.abs(z) @ np.swapaxes(np.abs(known), 1, 2)
    assert np.all(np.abs(by_lane(out) - expected) <= bound)


@each_set
def test_transposes_meet_their_condition(vectors):
    """<A^T p, c> = <p, A c> for every condition c; off their span A^T p is the free part."""
    count, width = len(vectors), by_lane(vectors).shape[1]
    normals, gradients, fresh = (single(states(count, width, seed)) for seed in (3, 4, 5))
    factor = np.empty((count, count, LANES))
    images, scratch, out = np.empty_like(vectors), np.empty_like(vectors), np.empty_like(vectors)
    gram.write_images(vectors, normals, 0.6, factor, images)
    gram.conditional_transposes(vectors, factor, normals, gradients, 0.6, fresh, scratch, out)
    c, y, p, found, q = (by_lane(a) for a in (vectors, images, gradients, out, scratch))
    free = 0.6 * by_lane(fresh) @ np.swapaxes(factor_of(gradients), 1, 2)
    size = np.linalg.norm(free, axis=1) + 0.6 * np.linalg.norm(by_lane(normals), axis=1).max(axis=1)[:, None] * (
        np.linalg.norm(p, axis=1)
    )
    norms = np.linalg.norm(c, axis=1)
    present = np.einsum("ljj->lj", factor_of(vectors))
    pivots = np.where(present != 0.0, present / np.maximum(norms, 1e-300), 1.0).min(axis=1)
    # Sums of up to 9 products in single precision, the orthogonality of the basis, and dropped directions.
    slack = 20 * UNIT + 100 * count * 2.0**-53 / pivots**2 + math.sqrt(gram.RANK_TOLERANCE)
    bound = count * slack[:, None, None] * size[:, :, None] * norms[:, None, :]
    assert np.all(np.abs(np.swapaxes(found, 1, 2) @ c - np.swapaxes(p, 1, 2) @ y) <= bound)
    across = found - free
    across -= q @ (np.swapaxes(q, 1, 2) @ across)
    assert np.all(np.linalg.norm(across, axis=1) <= count * slack[:, None] * size)


def both_passes(first, second, cell, inputs):
    """States after a forward and gradients after a backward pass of two kinds of passes on the same streams."""
    width, factors = cell.network.width, cell.network.scaling.factors(cell.network.depth)
    found = []
    for passes in (first, second):
        hidden, exponents = states(inputs, width).copy(), np.zeros((inputs, LANES), np.int64)
        kept = passes.storage(len(factors))
        passes.forward(0, factors, hidden, exponents, kept)
        gradient, gradient_exponents = states(inputs, width, 9).copy(), np.zeros((inputs, LANES), np.int64)
        passes.backward(0, factors, kept, gradient, gradient_exponents)
        found.append((np.ldexp(hidden, exponents[:, None]), np.ldexp(gradient, gradient_exponents[:, None])))
    return found


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@pytest.mark.parametrize("width", [1, 5])
def test_one_input_is_the_kernel_for_one_input(branch, width):
    cell = a_cell(branch, 1, width, variance="he")
    made = [kind(cell, KEY, FIRST_REPLICATE) for kind in (GramPasses, ReducedPasses)]
    for found, expected in zip(*both_passes(*made, cell, 1), strict=True):
        # Both round products to single precision, in another order: about 10 UNIT a layer relative to the norms, and
        # factors of a few from layer to layer; a slope flips where a pre-activation is that small (never at this key).
        error = np.linalg.norm(found - expected, axis=1)
        assert np.all(error <= 3 * 10 * UNIT * 30 * np.linalg.norm(expected, axis=1).max())
        assert np.median(error) <= 20 * UNIT * np.median(np.linalg.norm(expected, axis=1))


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_the_first_input_does_not_know_of_the_others(branch):
    """C is lower triangular: h^1 meets the first normal vector of every matrix alone; a bias would come too late."""
    one, many = (GramPasses(a_cell(branch, m), KEY, FIRST_REPLICATE) for m in (2, 3))
    hidden = []
    for passes, count in ((one, 2), (many, 3)):
        start, exponents = states(3, 5)[:count].copy(), np.zeros((count, LANES), np.int64)
        passes.forward(0, np.array([0.7]), start, exponents, passes.storage(0))
        hidden.append(start[0])
    same = np.all(hidden[0] == hidden[1])
    # The words of W come first, those of V behind as many rows of W as there are inputs.
    assert same == (not branch.has_inner)


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_equal_and_opposite_inputs_stay_so(branch):
    """Equal inputs share pre-activations to rounding, opposite ones through an odd branch as well."""
    start = np.stack([states(1, 5)[0]] * 3)
    odd = not branch.has_bias and branch.activation.name in ("identity", "tanh")
    start[2] *= -1.0 if odd else 1.0
    passes = GramPasses(a_cell(branch, 3, depth=20), KEY, FIRST_REPLICATE)
    hidden, exponents = start.copy(), np.zeros((3, LANES), np.int64)
    kept = passes.storage(20)
    passes.forward(0, np.full(20, 0.3), hidden, exponents, kept)
    # About 4 UNIT a layer relative to the increments of 20 layers.
    scale = np.linalg.norm(hidden[0], axis=0)
    assert np.all(np.linalg.norm(hidden[1] - hidden[0], axis=0) <= 20 * 20 * UNIT * scale)
    assert np.all(np.linalg.norm(hidden[2] - hidden[0] * (-1.0 if odd else 1.0), axis=0) <= 20 * 20 * UNIT * scale)
    gradient, exponents = start.copy(), np.zeros((3, LANES), np.int64)
    passes.backward(0, np.full(20, 0.3), kept, gradient, exponents)
    assert np.all(np.isfinite(gradient))
    if not odd:
        same = np.linalg.norm(gradient[1] - gradient[0], axis=0) <= 1e-4 * np.linalg.norm(gradient[0], axis=0)
        # A slope may flip where a pre-activation is within rounding of 0: 300 units x 20 layers x 64 lanes x 1e-6.
        assert np.mean(same) >= 0.95


@pytest.mark.parametrize("branch", [b for b in BRANCHES if b.homogeneous], ids=str)
@pytest.mark.parametrize(("inputs", "width"), [(2, 1), (3, 5), (7, 4)])
def test_the_pairing_is_conserved(branch, inputs, width):
    values = simulate(a_cell(branch, inputs, width, depth=20), 200, SEED_OF_LAWS).values
    change = np.abs(values["pairing_input"] - values["pairing_output"])
    # As for one input: about 10 UNIT a layer relative to ||p_k|| ||h_k||, here once for every input, and these products
    # are at most a few hundred times the last one. More inputs than dimensions drop directions of 5e-7.
    assert np.all(change <= 20 * inputs * 20 * UNIT * 300)


def test_the_kernel_reads_its_streams():
    assert (gram._FORWARD, gram._BACKWARD) == (Purpose.REDUCED_FORWARD, Purpose.REDUCED_BACKWARD)
    assert (gram._FORWARD, gram._BACKWARD) == (reduced._FORWARD, reduced._BACKWARD)
