"""The training kernel against its NumPy twin, finite differences, the stored passes and facts of its own."""

from __future__ import annotations

import math

import decimal_textbook as textbook
import numpy as np
import pytest
import training_twin as twin
from decimal_textbook import exact
from given_networks import slope_rooms

from theory_check.kernels import PANEL, optimisers, stored
from theory_check.kernels import training as kernel
from theory_check.networks.activations import Activation
from theory_check.simulation.passes.compiled import compiled_activation

EXAMPLES, PIXELS, LARGEST, BATCH = 11, 6, 16, 4
OPTIMISERS = {
    "gradient-descent": (optimisers.GRADIENT_DESCENT, 0.0, 0.0, 0.0),
    "momentum": (optimisers.MOMENTUM, 0.9, 0.0, 0.0),
    "adam": (optimisers.ADAM, 0.9, 0.999, 1e-8),
}

each_branch = pytest.mark.parametrize("branch", ["res-1", "res-3", "no V"])
each_loss = pytest.mark.parametrize("square", [False, True])
each_activation = pytest.mark.parametrize("activation", list(twin.FUNCTIONS))


@pytest.fixture
def examples():
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, LARGEST + 1, (EXAMPLES, PIXELS)).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels, rng.integers(0, 5, EXAMPLES)


def tensors(parameters, kind=np.float64):
    return kernel.Tensors(*(parameters[name].astype(kind) for name in twin.NAMES))


def moments(weights):
    return [kernel.Tensors(*(np.zeros_like(part) for part in weights)) for _ in range(2)]


def compiled(activation, precision="double"):
    return compiled_activation(Activation.parse(activation), kernel.ACTIVATORS[precision])


def train(
    weights, activation, optimiser, rate, examples, orders, *, ends=True, scaling=0, precision="double", keeps=True
):
    rule = kernel.Rule(*OPTIMISERS[optimiser], ends, scaling)
    first, second = moments(weights)
    losses, step = [], 0
    for order in orders:
        loss, step = kernel.train(
            weights, first, second, rule, rate, 2 * rate, step, *compiled(activation, precision), keeps, False,
            *examples, 1 / LARGEST, order, BATCH,
        )  # fmt: skip
        losses.append(loss / len(order))
    return losses


def kernel_gradients(parameters, activation, examples, square=False):
    """Gradients as one step of descent with rate 1, in double precision: half a rate for all but the ends."""
    weights = tensors(parameters)
    rows = np.arange(EXAMPLES)
    rule = kernel.Rule(*OPTIMISERS["gradient-descent"], True, 1)
    kernel.train(
        weights, *moments(weights), rule, 1.0, 1.0, 0, *compiled(activation), activation == "tanh", square, *examples,
        1 / LARGEST, rows, EXAMPLES,
    )  # fmt: skip
    return {name: parameters[name] - moved for name, moved in zip(twin.NAMES, weights, strict=True)}


@each_branch
@each_activation
@each_loss
def test_gradients_are_those_of_the_twin_and_of_finite_differences(branch, activation, square, examples):
    parameters = twin.draw(branch)
    x, labels = examples[0] / LARGEST, examples[1]
    found = kernel_gradients(parameters, activation, examples, square)
    expected, _ = twin.gradients(parameters, activation, x, labels, square=square)
    rng = np.random.default_rng(5)
    for name, gradient in expected.items():
        # A subtraction of numbers of order 1.
        np.testing.assert_allclose(found[name], gradient, atol=1e-14)
        # Along a random direction: the quotient errs by its step squared and by roundings over the step, about 1e-10
        # each; no kink lies within the step for these numbers.
        direction = rng.standard_normal(gradient.shape)
        ends = [
            twin.loss({**parameters, name: parameters[name] + step * direction}, activation, x, labels, square=square)[
                0
            ]
            for step in (1e-5, -1e-5)
        ]
        assert np.sum(found[name] * direction) == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)


@each_branch
@each_activation
@each_loss
def test_gradients_in_decimal_arithmetic(branch, activation, square, examples):
    parameters = twin.draw(branch, layers=2, width=3)
    found = kernel_gradients(parameters, activation, examples, square)
    decimals = {name: exact(part) for name, part in parameters.items()}
    unit = exact(np.float64(1 / LARGEST))
    batch = [[unit * pixel for pixel in exact(row)] for row in examples[0]]
    expected = textbook.training_gradients(decimals, Activation.parse(activation), batch, examples[1], square)
    for name in twin.NAMES:
        # The longest way rounds 6 + 2 (3 + 3) + 5 terms forward, as many back, and adds 11 examples; all numbers are
        # below 4. The last subtraction rounds numbers of that size.
        np.testing.assert_allclose(
            found[name], np.array(expected[name], dtype=float).reshape(found[name].shape), rtol=0,
            atol=4 * (2 * 23 + 11) * 2.0**-53,
        )  # fmt: skip


@pytest.mark.parametrize("optimiser", list(OPTIMISERS))
@pytest.mark.parametrize(("kind", "unit"), [(np.float32, 2.0**-24), (np.float64, 2.0**-53)])
def test_rules_in_decimal_arithmetic(optimiser, kind, unit):
    """Three updates by gradients from 1e-12 to 1e3, of which one changes its sign."""
    rule = kernel.Rule(*OPTIMISERS[optimiser], False, 0)
    start, scale, rate = np.array([1.0, -0.5, 0.25, 2.0], dtype=kind), 0.75, 0.0625
    gradients = np.array([[1e-12, -3e-3, 0.7, 1e3], [2e-12, 5e-3, 0.6, 1e3], [1e-12, 4e-3, -0.1, 9e2]], dtype=kind)
    weights, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step, gradient in enumerate(gradients, start=1):
        optimisers.update(
            weights[None], 0, gradient, first[None], second[None], scale, rate, rule, optimisers.weight_seen(rule, step)
        )
    for i, expected in enumerate(textbook.moved(optimiser, start, gradients, scale, rate)):
        # Three moves, each below the rate times the largest gradient, thrice that with momentum, or below the rate by
        # Adam. An update rounds it 12 times: each constant by itself, a product or a sum each; and the weight once.
        moves = 3 * rate * (1.0 if optimiser == "adam" else 3 * scale * np.abs(gradients[:, i]).max())
        assert abs(float(weights[i]) - expected) <= unit * (36 * moves + 3 * (abs(float(start[i])) + moves))


@each_branch
def test_a_gradient_without_the_slope_is_another_one(branch, examples):
    # The wrong variant of the two checks above: their tolerances tell it apart.
    parameters = twin.draw(branch)
    x, labels = examples[0] / LARGEST, examples[1]
    found = kernel_gradients(parameters, "tanh", examples)
    wrong, _ = twin.gradients(parameters, "identity", x, labels)
    assert np.abs(found["entry"] - wrong["entry"]).max() > 1e-4


@each_branch
@each_activation
@pytest.mark.parametrize("keeps", [False, True])
def test_the_gradient_at_the_input_is_that_of_the_stored_passes(branch, activation, keeps):
    parameters = twin.draw(branch, layers=3, width=4)
    outer, inner = (parameters[name].astype(np.float32) for name in ("outer", "inner"))
    # The stored passes always have a V.
    stored_outer = outer if len(outer) else np.tile(np.eye(4, dtype=np.float32), (3, 1, 1))
    rng = np.random.default_rng(3)
    start, back = rng.standard_normal((2, 4, PANEL))
    hidden, gradient = start.reshape(1, -1).copy(), back.reshape(1, -1).copy()
    exponents = np.zeros((1, PANEL), np.int64)
    homogeneous, kept = Activation.parse(activation).homogeneous, slope_rooms(Activation.parse(activation), 3, 1, 4)
    activate = compiled_activation(Activation.parse(activation))
    has_inner = branch != "res-1"
    stored.forward(
        stored_outer, inner if has_inner else stored_outer[:0], np.empty((0, 0), np.float32), has_inner, False,
        parameters["scaling"], np.ones((1, PANEL)), *activate, homogeneous, False, hidden, exponents, *kept,
    )  # fmt: skip
    stored.backward(
        stored_outer, inner if has_inner else stored_outer[:0], has_inner, parameters["scaling"], np.ones((1, PANEL)),
        activate[1], homogeneous, False, *kept, gradient, np.zeros((1, PANEL), np.int64),
    )  # fmt: skip

    weights = kernel.Tensors(
        outer, inner, np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32), parameters["scaling"].astype(np.float32)
    )
    keeps = keeps or not homogeneous
    rooms = kernel.open_rooms(weights, PANEL, keeps, True)
    states, posts, slopes, product, pulled, carried, x, logits = kernel.arrange(rooms, weights, PANEL)
    x[:] = start
    function = compiled(activation, "single")
    kernel.forward(weights, *function, keeps, x, states, posts, slopes, product, logits)
    # Products of sums of four terms in single precision, three layers deep: some tens of roundings of 6e-8.
    np.testing.assert_allclose(logits.ravel(), hidden[0], atol=1e-5)
    rule = kernel.Rule(*OPTIMISERS["gradient-descent"], False, 0)
    kernel.backward(
        weights, *moments(weights), rule, 0.0, 0.0, 1, 0.0 if keeps else function[1][0], keeps, x, states, posts,
        slopes, product, pulled, carried, back.astype(np.float32),
    )  # fmt: skip
    np.testing.assert_allclose(carried.ravel(), gradient[0], atol=1e-5)


@each_branch
@pytest.mark.parametrize("optimiser", list(OPTIMISERS))
@pytest.mark.parametrize("scaling", [0, 1, 2])
def test_training_is_that_of_the_twin(branch, optimiser, scaling, examples):
    parameters = twin.draw(branch)
    if scaling == 2:
        parameters["scaling"][:] = 0.5
    rng = np.random.default_rng(7)
    orders = [rng.permutation(EXAMPLES) for _ in range(3)]
    weights = tensors(parameters)
    losses = train(weights, "tanh", optimiser, 0.05, examples, orders, scaling=scaling)
    rates = {"outer": 0.05, "inner": 0.05, "entry": 0.1, "readout": 0.1} | ({"scaling": 0.05} if scaling else {})
    expected = twin.train(
        parameters, "tanh", optimiser, rates, examples[0] / LARGEST, examples[1], orders, BATCH, shared=scaling == 2
    )
    # Nine updates with roundings of 1e-16. Adam divides by root mean squares: a gradient near zero is felt.
    np.testing.assert_allclose(losses, expected, rtol=1e-11)
    for name, part in zip(twin.NAMES, weights, strict=True):
        np.testing.assert_allclose(part, parameters[name], atol=1e-11)


@each_branch
@pytest.mark.parametrize("activation", ["relu", "leaky:slope=0.2", "identity"])
@pytest.mark.parametrize(("kind", "precision"), [(np.float32, "single"), (np.float64, "double")])
def test_slopes_that_are_told_by_the_activation_are_those_that_are_kept(branch, activation, kind, precision, examples):
    runs = []
    for keeps in (False, True):
        weights, orders = tensors(twin.draw(branch), kind), [np.arange(EXAMPLES)] * 2
        train(weights, activation, "adam", 0.05, examples, orders, keeps=keeps, scaling=1, precision=precision)
        runs.append(weights)
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


def test_frozen_ends_do_not_move(examples):
    parameters = twin.draw("res-3")
    weights = tensors(parameters)
    train(weights, "tanh", "adam", 0.05, examples, [np.arange(EXAMPLES)], ends=False)
    np.testing.assert_array_equal(weights.entry, parameters["entry"])
    np.testing.assert_array_equal(weights.readout, parameters["readout"])
    np.testing.assert_array_equal(weights.scaling, parameters["scaling"])
    assert np.all(weights.inner != parameters["inner"])


@each_branch
def test_single_precision_follows_double(branch, examples):
    orders = [np.arange(EXAMPLES)] * 3
    losses = [
        train(tensors(twin.draw(branch), kind), "relu", "momentum", 0.02, examples, orders, precision=precision)
        for kind, precision in ((np.float32, "single"), (np.float64, "double"))
    ]
    # Roundings of 6e-8 over three layers and nine updates.
    np.testing.assert_allclose(*losses, rtol=3e-6)
    assert losses[0] != losses[1]


@each_loss
def test_evaluation_counts_right_answers(square, examples):
    parameters = twin.draw("res-1")
    weights, (pixels, labels) = tensors(parameters), examples
    chosen = np.array([1, 3, 4, 8, 9, 2, 2])
    loss, right = kernel.evaluate(weights, *compiled("relu"), False, square, pixels, labels, 1 / LARGEST, chosen, BATCH)
    x = pixels[chosen] / LARGEST
    logits = twin.states(parameters, "relu", x)[0][-1] @ parameters["readout"].T
    assert right == np.sum(logits.argmax(axis=1) == labels[chosen])
    assert loss / len(chosen) == pytest.approx(
        twin.loss(parameters, "relu", x, labels[chosen], square=square)[0], rel=1e-14
    )


def test_training_stops_at_a_loss_that_is_not_finite(examples):
    parameters = twin.draw("res-1")
    parameters["outer"][1, 2, 3] = np.nan
    weights = tensors(parameters)
    rule = kernel.Rule(*OPTIMISERS["adam"], True, 0)
    loss, step = kernel.train(
        weights, *moments(weights), rule, 0.1, 0.1, 5, *compiled("tanh"), True, False, *examples, 1 / LARGEST,
        np.arange(EXAMPLES), BATCH,
    )  # fmt: skip
    assert (math.isfinite(loss), step) == (False, 5)
    np.testing.assert_array_equal(weights.entry, parameters["entry"])


@each_branch
@each_activation
def test_displacement(branch, activation, examples):
    parameters = twin.draw(branch)
    rows = np.array([0, 5, 7])
    homogeneous = Activation.parse(activation).homogeneous
    found = kernel.log_displacement(
        tensors(parameters), *compiled(activation), homogeneous, examples[0], 1 / LARGEST, rows
    )
    hidden, _ = twin.states(parameters, activation, examples[0][rows] / LARGEST)
    expected = np.linalg.norm(hidden[-1] - hidden[0]) / np.linalg.norm(hidden[0])
    assert found == pytest.approx(math.log(expected), abs=1e-13)


def test_displacement_beyond_the_range_of_double_precision(examples):
    # 700 layers h -> 3 h: 3^700 - 1 = 1e334.
    layers, width = 700, 4
    weights = kernel.Tensors(
        np.tile(np.eye(width), (layers, 1, 1)), np.empty((0, width, width)), np.ones((width, PIXELS)),
        np.ones((5, width)), np.full(layers, 2.0),
    )  # fmt: skip
    found = kernel.log_displacement(weights, *compiled("identity"), True, examples[0], 1 / LARGEST, np.arange(3))
    assert found == pytest.approx(layers * math.log(3.0), rel=1e-12)
