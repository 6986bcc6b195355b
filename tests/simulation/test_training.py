"""Trainings as experiments: their streams, what stops them, and what they observe."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import training_twin as twin

from theory_check.data.data_set import DataSet
from theory_check.experiments.optimisers import Optimiser
from theory_check.experiments.spelling import training
from theory_check.foundation.errors import InterruptedSimulationError
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.kernels.linear_algebra import loaded_libraries
from theory_check.networks.weights import WEIGHTS, Weights
from theory_check.simulation import units
from theory_check.simulation.runner import run_experiments, simulate
from theory_check.simulation.training import Streams, TrainingRun, simulate_block
from theory_check.simulation.weight_paths import path_columns, variations

SEED = 4
SMALL = training(width=8, depth=10, epochs=2, validation_share=0.2, entries=((0, 1), (7, 7)))
DEEP = replace(SMALL, network=replace(SMALL.network, depth=2000, width=30), entries=())


def streams(replicate=0):
    return Streams(np.array(stream_key(SEED, "test"), np.uint32), replicate)


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column, err_msg=name)


def test_the_split_is_one_and_differs_from_seed_to_seed():
    first, second = TrainingRun(SMALL, SEED, 0), TrainingRun(SMALL, SEED, 1)
    for run in (first, second):
        everything = np.concatenate([run.seen, run.validation, run._tests[2]])
        np.testing.assert_array_equal(np.sort(everything), np.arange(1797))
        assert (len(run.seen), len(run.validation)) == (1150, 287)
    assert np.any(first.seen != second.seen)


def test_permutations_are_uniform():
    # 720 orders of six, 36,000 draws: chi-squared with 719 degrees of freedom, 5 deviations of sqrt(2 * 719).
    codes = np.array([streams(r).permutation(Purpose.ORDER, k, 6) for r in range(360) for k in range(100)])
    counts = np.unique(codes @ 6 ** np.arange(6), return_counts=True)[1]
    assert len(counts) == 720
    assert abs(np.sum((counts - 50.0) ** 2 / 50.0) - 719) < 5 * math.sqrt(2 * 719)


@pytest.mark.parametrize("law", WEIGHTS.names)
def test_weights_of_every_law_have_its_variance(law):
    weights, width, depth = Weights(law), 20, 40
    drawn = streams().matrices(weights, Purpose.OUTER_WEIGHTS, width, depth).astype(np.float64)
    assert drawn.shape == (depth, width, width)
    assert np.all(np.isfinite(drawn))
    if math.isinf(weights.kurtosis):
        return
    # Mean squares of 400 entries that are independent within a layer: deviation sqrt((kurtosis - 1) / 400) of each
    # layer, and at most that of their mean over dependent layers.
    layers = 1 if weights.process is not None else depth
    deviation = math.sqrt(max(weights.kurtosis - 1.0, 0.0) / (400 * layers))
    assert abs(np.mean(drawn**2) * width - weights.entry_variance) <= 5 * deviation + 1e-5
    again = streams().matrices(weights, Purpose.OUTER_WEIGHTS, width, depth)
    np.testing.assert_array_equal(drawn, again)
    other = streams(1).matrices(weights, Purpose.OUTER_WEIGHTS, width, depth)
    assert weights.entry_variance == 0.0 or np.any(drawn != other)


def test_orthogonal_weights_are_orthogonal():
    drawn = streams().matrices(Weights("orthogonal"), Purpose.OUTER_WEIGHTS, 9, 3).astype(np.float64)
    # Sums of nine products of entries in single precision: 9 2^-23.
    np.testing.assert_allclose(drawn @ np.swapaxes(drawn, 1, 2), np.tile(np.eye(9), (3, 1, 1)), atol=1e-5)


def test_ends_are_uniform_of_variance_one_over_the_columns():
    run = TrainingRun(SMALL, SEED, 0)
    for end, columns in ((run.weights.entry, 64), (run.weights.readout, 8)):
        assert np.abs(end).max() <= math.sqrt(3 / columns) * (1 + 1e-6)
        # A uniform square has 0.8 times the deviation of its mean; 80 and 512 entries, 5 deviations.
        assert abs(np.mean(end.astype(float) ** 2) * columns - 1) < 5 * math.sqrt(0.8 / end.size)


@pytest.mark.parametrize("branch", ["linear", "res-1", "res-3"])
def test_values_do_not_depend_on_threads_or_units(branch, monkeypatch):
    experiment = replace(SMALL, network=replace(SMALL.network, branch=type(SMALL.network.branch)(branch)))
    expected = [simulate_block(experiment, SEED, block) for block in range(4)]
    monkeypatch.setattr(units, "UNIT_WORK", 1)
    for threads in (1, 2):
        found = simulate(experiment, 4, SEED, threads=threads).values
        assert_same(found, {name: np.concatenate([part[name] for part in expected]) for name in expected[0]})


def test_values_do_not_depend_on_the_threads_of_the_linear_algebra():
    # Products of 20 million terms, which the library shares out among its threads unless it is held to one.
    wide = training(width=200, depth=2, batch=512, epochs=1, lags=())
    libraries = loaded_libraries()
    before = [library.get() for library in libraries]
    found = []
    try:
        for threads in (1, 2):
            for library in libraries:
                library.put(threads)
            found.append(simulate_block(wide, SEED, 0))
            assert {library.get() for library in libraries} == {threads}
    finally:
        for library, threads in zip(libraries, before, strict=True):
            library.put(threads)
    assert_same(*found)


def test_calls_of_the_kernel_change_no_value(monkeypatch):
    expected = simulate_block(SMALL, SEED, 0)
    monkeypatch.setattr("theory_check.simulation.training.CALL_WORK", 1)
    assert_same(simulate_block(SMALL, SEED, 0), expected)


def test_an_interrupted_run_goes_on_from_finished_trainings(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "UNIT_WORK", 1)
    expected = simulate(SMALL, 5, SEED, threads=1)
    calls = iter(range(3))

    def report(done, total):
        if next(calls, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiments({SMALL: 5}, SEED, threads=1, folder=tmp_path, report=report)
    finished = {path.name: path.read_bytes() for path in tmp_path.glob("*.unit")}
    assert 2 <= len(finished) < 5
    found = run_experiments({SMALL: 5}, SEED, threads=2, folder=tmp_path)[SMALL]
    assert_same(found.values, expected.values)
    assert finished.items() <= {path.name: path.read_bytes() for path in tmp_path.glob("*.unit")}.items()


def test_a_training_stops_within_a_second():
    asked = threading.Event()
    timer = threading.Timer(0.3, asked.set)
    simulate_block(SMALL, SEED, 0)  # compiles
    timer.start()
    with pytest.raises(InterruptedSimulationError):
        simulate_block(replace(DEEP, epochs=1000), SEED, 0, asked.is_set)
    started = time.process_time()
    # What is left when it is asked is at most one call of the kernel.
    calls = iter([False, False])
    with pytest.raises(InterruptedSimulationError):
        simulate_block(replace(DEEP, epochs=1000), SEED, 0, lambda: next(calls, True))
    assert time.process_time() - started < 2.0  # with drawing 1.8 million weights and two calls


def test_training_leaves_the_network_as_it_is():
    experiment = replace(SMALL, trained_scaling="layers", precision="double")
    before = experiment.network.factors.copy()
    run = TrainingRun(experiment, SEED, 0)
    run.train_epoch(0)
    assert np.all(run.weights.scaling != before)
    np.testing.assert_array_equal(experiment.network.factors, before)


def test_initial_weights_are_scaled_by_depth_and_there_may_be_no_outer_ones():
    plain, small = (training("res-3", "gaussian", depth=9, weights_power=power) for power in (0.0, -0.5))
    without = replace(small, has_outer=False)
    drawn = [
        (run.weights, run._streams.matrices(run._training.weights, Purpose.INNER_WEIGHTS, 30, 9))
        for run in (TrainingRun(each, SEED, 0) for each in (plain, small, without))
    ]
    for (weights, stream), factor in zip(drawn, (1.0, 1.0 / 3.0, 1.0 / 3.0), strict=True):
        # One rounding of each.
        np.testing.assert_allclose(weights.inner, factor * stream, rtol=1e-6)
    assert drawn[2][0].outer.shape == (0, 30, 30)
    columns = simulate_block(replace(without, epochs=1), SEED, 0)
    assert not any(name.startswith("outer") for name in columns)
    assert columns["inner_movement"] > 0


def test_a_network_learns_the_digits():
    sample = simulate(training("res-1", "uniform", depth=50, epochs=6, learning_rate=3e-3), 3, SEED)
    # Guessing is right on a tenth.
    assert sample.column("test_accuracy").min() > 0.85
    assert sample.column("train_accuracy").min() > 0.9
    losses = sample.column("loss")
    assert np.all(losses[:, 0] > 2 * losses[:, -1])
    assert np.all(losses[:, 0] < 3.0)


def test_a_training_that_diverges_is_counted_and_answers_always_the_same():
    wild = training("res-3", "fgn:hurst=0.9", depth=100, beta=0.1, learning_rate=1.0, validation_share=0.2,
                    optimiser="gradient-descent")  # fmt: skip
    sample = simulate(wild, 3, SEED)
    np.testing.assert_array_equal(sample.column("diverged"), np.ones(3))
    labels = DataSet().examples.labels
    for replicate in range(3):
        run = TrainingRun(wild, SEED, replicate)
        answer = np.bincount(labels[run.seen]).argmax()
        shares = {
            "train": labels[run.seen] == answer, "validation": labels[run.validation] == answer,
            "test": labels[run._tests[2]] == answer,
        }  # fmt: skip
        for part, right in shares.items():
            assert sample.column(f"{part}_accuracy")[replicate] == np.mean(right)
    np.testing.assert_array_equal(
        sample.column("validation_accuracies"), np.tile(sample.column("validation_accuracy")[:, None], 10)
    )
    assert np.all(np.isinf(sample.values["loss"][:, -1]))
    assert sample.overflows == 3


@pytest.mark.parametrize(("mode", "spread"), [("shared", False), ("layers", True)])
def test_trained_scalings(mode, spread):
    experiment = replace(SMALL, trained_scaling=mode)
    run = TrainingRun(experiment, SEED, 0)
    before = run.weights.scaling.copy()
    run.train_epoch(0)
    assert np.all(run.weights.scaling != before)
    assert (np.ptp(run.weights.scaling) > 0) == spread
    column = simulate_block(replace(experiment, epochs=1), SEED, 0)["scaling"]
    assert column.shape == (1,)
    assert column[0] != pytest.approx(10**-0.5, rel=1e-4)


def test_an_epoch_of_descent_moves_by_the_rates_along_the_gradient_of_the_twin():
    experiment = replace(
        SMALL, optimiser=Optimiser("gradient-descent"), learning_rate=1e-2, rate_power=0.5, decay=0.25, decay_after=1,
        batch=2000, precision="double",
    )  # fmt: skip
    run, examples = TrainingRun(experiment, SEED, 0), DataSet().examples
    x, labels = examples.inputs[run.seen] / 16, examples.labels[run.seen]
    for epoch, decay in enumerate((1.0, 0.25)):
        before = dict(zip(twin.NAMES, (part.copy() for part in run.weights), strict=True))
        loss = run.train_epoch(epoch)
        assert loss == pytest.approx(twin.loss(before, "relu", x, labels)[0], rel=1e-12)
        expected, _ = twin.gradients(before, "relu", x, labels)
        for name, rate in {"outer": 1e-2 * 10**0.5, "entry": 1e-2, "readout": 1e-2}.items():
            moved = before[name] - getattr(run.weights, name)
            # Differences of numbers of order 1.
            np.testing.assert_allclose(moved, decay * rate * expected[name], atol=1e-15)


def test_path_columns():
    rng = np.random.default_rng(3)
    initial, trained = rng.standard_normal((2, 6, 3, 3)).astype(np.float32)
    found = path_columns("inner", initial, trained, (1, 3), ((0, 2),))
    moved = trained.astype(float) - initial

    def size(values):
        return math.sqrt(np.mean(np.square(values)))

    assert found["inner_movement"] == pytest.approx(size(moved) / size(initial.astype(float)))
    paths = (initial.astype(float), trained.astype(float), moved)
    np.testing.assert_allclose(found["inner_increments"], [size(np.diff(path, axis=0)) for path in paths])
    norms = [np.linalg.norm(matrix) for matrix in trained.astype(float)]
    steps = [np.linalg.norm(matrix) for matrix in np.diff(trained.astype(float), axis=0)]
    assert found["inner_maximal_norm"] == pytest.approx(max(norms))
    assert found["inner_maximal_increment"] == pytest.approx(max(steps))
    assert found["inner_root_sum_of_squares"] == pytest.approx(np.linalg.norm(trained.astype(float)))
    assert found["inner_initial_root_sum_of_squares"] == pytest.approx(np.linalg.norm(initial.astype(float)))
    np.testing.assert_array_equal(found["inner_entries"][:, 0], [initial[:, 0, 2], trained[:, 0, 2]])


def test_variations_of_both_orders_and_of_paths_that_diverged():
    path = np.random.default_rng(5).standard_normal((7, 4))
    sums = [path[:k].sum(axis=0) for k in range(8)]
    for place, n in enumerate((1, 3)):
        once = [(sums[k + n] - sums[k]) ** 2 for k in range(8 - n)]
        twice = [(sums[k + 2 * n] - 2 * sums[k + n] + sums[k]) ** 2 for k in range(8 - 2 * n)]
        np.testing.assert_allclose(variations(path, (1, 3))[:, place], [np.mean(once), np.mean(twice)])
    path[2, 1] = np.nan
    np.testing.assert_array_equal(variations(path, (1, 3)), np.full((2, 2), np.inf))
