"""Training to sample: draws split, weights and orders of a replicate, trains it, and reads off the observables.

The unit of work is one training, a pure function of (training, seed, replicate). It asks between calls of the kernel,
each a fraction of a second, whether to stop; one that was stopped begins anew, those that were finished stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.experiment import Values, check_interrupted, never
from theory_check.experiments.training import Training
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.kernels import LANES
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.compiled import compiled_activation, row_filler
from theory_check.simulation.paths.sources import open_paths
from theory_check.simulation.weight_paths import path_columns

#: Work of one call of the kernel, about a tenth of a second.
CALL_WORK = 5 * 10**8

#: Training examples that the displacement at initialisation is measured on.
DISPLACED = 64


@dataclass(frozen=True)
class Streams:
    """Random numbers of one replicate.

    Attributes
    ----------
    key : uint32 array (2,)
    replicate : int
    """

    key: NDArray[np.uint32]
    replicate: int

    def _state(self, purpose: Purpose, layer: int) -> NDArray[np.uint32]:
        from theory_check.kernels import words

        state = np.empty(4 * LANES, np.uint32)
        words.seed_entries(state, self.key, self.replicate, 0, layer, int(purpose))
        return state

    def permutation(self, purpose: Purpose, index: int, count: int) -> NDArray[np.int64]:
        """Return 0 .. count - 1 in random order: the order of 64 random bits each, equal ones with probability 1e-10.

        Parameters
        ----------
        purpose : Purpose
        index : int
            Which permutation.
        count : int

        Returns
        -------
        int64 array (count,)
        """
        from theory_check.kernels import words

        drawn = np.empty(-(-2 * count // LANES) * LANES, np.uint32)
        words.draw_words(self._state(purpose, index), drawn)
        return np.argsort(drawn.view(np.uint64)[:count], kind="stable")

    def entries(self, weights: Weights, purpose: Purpose, layer: int, count: int) -> NDArray[np.float32]:
        """Return independent entries of a weight law, of unit variance.

        Parameters
        ----------
        weights : Weights
            A law, not a process.
        purpose : Purpose
        layer, count : int

        Returns
        -------
        float32 array (count,)
        """
        filler = row_filler(weights)
        # Fillers want an even number of columns.
        row = np.empty(-(-count // (2 * LANES)) * 2 * LANES, np.float32)
        filler.fill(self._state(purpose, layer), row, filler.constants)
        return row[:count] * np.float32(1.0 / filler.natural_deviation)

    def matrices(self, weights: Weights, purpose: Purpose, width: int, depth: int) -> NDArray[np.float32]:
        """Return the weights of all layers, entries of variance gain / width.

        Parameters
        ----------
        weights : Weights
        purpose : Purpose
        width, depth : int

        Returns
        -------
        float32 array (depth, width, width)
        """
        if weights.process is not None:
            paths = open_paths(weights, width, depth, self.key, self.replicate, purpose, budget_bytes=0)
            return paths.layers(0, depth)
        deviation = np.float32(math.sqrt(weights.gain / width))
        drawn = np.empty((depth, width, width), np.float32)
        for layer in range(depth):
            drawn[layer] = self.entries(weights, purpose, layer, width * width).reshape(width, width)
        if weights.definition.orthogonal:
            # Columns orthogonalised in order, with positive coefficients: Haar for normal entries.
            frames, triangles = np.linalg.qr(drawn.astype(np.float64))
            signs = np.sign(np.diagonal(triangles, axis1=1, axis2=2))
            drawn = (math.sqrt(width) * frames * signs[:, None, :]).astype(np.float32)
        return drawn * deviation


class TrainingRun:
    """One replicate: its split, its weights, and the kernel with all that it reads.

    Parameters
    ----------
    training : Training
    seed : int
        Root seed.
    replicate : int
    """

    def __init__(self, training: Training, seed: int, replicate: int) -> None:
        from theory_check.kernels import training as kernel

        self._training, self._kernel = training, kernel
        self._streams = Streams(np.array(stream_key(seed, training.identity), np.uint32), replicate)
        examples = training.data.examples
        self._unit = 1.0 / examples.largest
        order = self._streams.permutation(Purpose.SPLIT, 0, len(examples.inputs))
        seen, validation, tests = training.split
        self.seen, self.validation = order[:seen], order[seen : seen + validation]
        self._own = examples.inputs, examples.labels
        self._tests = (*self._own, order[seen + validation :])
        if len(examples.test_inputs):
            self._tests = examples.test_inputs, examples.test_labels, np.arange(tests)
        self.weights = self._draw(examples.pixels)
        self.initial = self.weights.outer.copy(), self.weights.inner.copy()
        self._moments = self._open_moments(), self._open_moments()
        self._activation = self._compiled(training.precision)
        # The value of a piecewise linear activation tells its slope, unless it falls below 0.
        slope = training.network.branch.activation.negative_slope
        self._keeps = slope is None or slope < 0.0
        self._step = 0

    def _compiled(self, precision: str) -> tuple[Any, FloatArray]:
        return compiled_activation(self._training.network.branch.activation, self._kernel.ACTIVATORS[precision])

    def _draw(self, pixels: int) -> Any:
        from theory_check.data.labelled_images import CLASSES

        network, law = self._training.network, self._training.weights
        width, depth = network.width, network.depth

        def end(purpose: Purpose, rows: int, columns: int) -> NDArray[np.float32]:
            drawn = self._streams.entries(Weights("uniform"), purpose, 0, rows * columns)
            return (drawn * np.float32(1.0 / math.sqrt(columns))).reshape(rows, columns)

        def matrices(present: bool, law: Weights, purpose: Purpose) -> NDArray[np.float32]:
            if not present:
                return np.empty((0, width, width), np.float32)
            return self._streams.matrices(law, purpose, width, depth) * np.float32(self._training.initial_factor)

        outer = matrices(self._training.has_outer, law, Purpose.OUTER_WEIGHTS)
        inner = matrices(network.branch.has_inner, law.inner, Purpose.INNER_WEIGHTS)
        drawn = (outer, inner, end(Purpose.INPUT_WEIGHTS, width, pixels), end(Purpose.READOUT, CLASSES, width))
        kind = np.float32 if self._training.precision == "single" else np.float64
        # Copies: training moves them, and the factors belong to the network.
        return self._kernel.Tensors(*(np.array(part, kind, order="C") for part in (*drawn, network.factors)))

    def _open_moments(self) -> Any:
        """Return zeros: for Adam two of every weight, for momentum one, and where none is read the shapes alone."""
        return self._kernel.Tensors(*(np.zeros_like(part) for part in self.weights))

    @property
    def _rule(self) -> Any:
        from theory_check.kernels import optimisers

        training, optimiser = self._training, self._training.optimiser
        ends, scaling = training.trains_ends, ("fixed", "layers", "shared").index(training.trained_scaling)
        match optimiser.name:
            case "adam":
                constants = (optimisers.ADAM, optimiser["beta1"], optimiser["beta2"], optimiser["epsilon"])
            case "momentum":
                constants = (optimisers.MOMENTUM, optimiser["momentum"], 0.0, 0.0)
            case _:
                constants = (optimisers.GRADIENT_DESCENT, 0.0, 0.0, 0.0)
        return self._kernel.Rule(*constants, ends, scaling)

    def log_displacement(self) -> float:
        """Return log(||h_L - h_0|| / ||h_0||) with the weights as they are."""
        examples, _ = self._own
        homogeneous = self._training.network.branch.homogeneous
        return float(
            self._kernel.log_displacement(
                self.weights, *self._compiled("double"), homogeneous, examples, self._unit, self.seen[:DISPLACED]
            )
        )

    def train_epoch(self, epoch: int, stop: Callable[[], bool] = never) -> float:
        """Train for an epoch; return the mean loss, which is not finite if training stopped at such a loss.

        Parameters
        ----------
        epoch : int
            From 0.
        stop : callable
            Asked between two calls of the kernel.

        Returns
        -------
        float
        """
        training = self._training
        order = self.seen[self._streams.permutation(Purpose.ORDER, epoch, len(self.seen))]
        decay = training.decay if training.decay_after and epoch >= training.decay_after else 1.0
        return self.train(order, decay, stop)

    def train(self, examples: NDArray[np.int64], decay: float = 1.0, stop: Callable[[], bool] = never) -> float:
        """Train on examples in their order, batch by batch; return the mean loss, as :meth:`train_epoch` does.

        Parameters
        ----------
        examples : int64 array
        decay : float
            Factor of the learning rates.
        stop : callable
            Asked between two calls of the kernel.

        Returns
        -------
        float
        """
        training = self._training
        rates = training.residual_rate * decay, training.learning_rate * decay
        total = 0.0
        for rows in self._calls(examples):
            check_interrupted(stop)
            loss, self._step = self._kernel.train(
                self.weights, *self._moments, self._rule, *rates, self._step, *self._activation,
                self._keeps, training.loss == "square", *self._own, self._unit, rows,
                training.batch,
            )  # fmt: skip
            total += loss
            if not math.isfinite(total):
                return math.inf
        return total / len(examples)

    def _calls(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        size = self._training.batch * max(1, CALL_WORK // self._training.work_per_batch)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def accuracy(self, part: str, stop: Callable[[], bool] = never) -> tuple[float, float]:
        """Return the share of right answers and the mean loss on ``train``, ``validation`` or ``test`` examples."""
        parts = {"train": (*self._own, self.seen), "validation": (*self._own, self.validation), "test": self._tests}
        inputs, labels, chosen = parts[part]
        loss, right = 0.0, 0
        for rows in self._calls(chosen):
            check_interrupted(stop)
            more, found = self._kernel.evaluate(
                self.weights, *self._activation, self._keeps, self._training.loss == "square", inputs, labels,
                self._unit, rows, self._training.batch,
            )  # fmt: skip
            loss, right = loss + more, right + found
        return right / len(chosen), loss / len(chosen)

    def constant_accuracy(self, part: str) -> float:
        """Return the share of ``part`` that has the most frequent class of the training examples."""
        labels = self._own[1]
        answer = np.bincount(labels[self.seen]).argmax()
        _, tested, rows = self._tests
        chosen = {"train": labels[self.seen], "validation": labels[self.validation], "test": tested[rows]}[part]
        return float(np.mean(chosen == answer))


def simulate_block(training: Training, seed: int, block: int, stop: Callable[[], bool] = never) -> Values:
    """Train one replicate.

    Parameters
    ----------
    training : Training
    seed : int
        Root seed.
    block : int
        Number of the replicate, from 0.
    stop : callable
        Asked between two kernel calls whether to stop.

    Returns
    -------
    Values
        Columns as of :class:`Training`, with one row.

    Raises
    ------
    InterruptedSimulationError
        When ``stop()`` becomes true.
    """
    from theory_check.kernels.linear_algebra import one_thread

    # What diverges overflows.
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        columns = _train(training, TrainingRun(training, seed, block), stop)
    return {name: np.where(np.isnan(column), np.inf, column)[None] for name, column in columns.items()}


def _train(training: Training, run: TrainingRun, stop: Callable[[], bool]) -> Values:
    parts = ("train", "validation", "test") if training.split[1] else ("train", "test")
    displacement = run.log_displacement()
    losses = np.full(training.epochs, np.inf)
    validated = np.full(training.epochs, run.constant_accuracy("validation") if training.split[1] else np.nan)
    diverged = False
    for epoch in range(training.epochs):
        losses[epoch] = run.train_epoch(epoch, stop)
        diverged = not math.isfinite(losses[epoch])
        if diverged:
            break
        if training.split[1]:
            accuracy, loss = run.accuracy("validation", stop)
            validated[epoch] = accuracy if math.isfinite(loss) else validated[epoch]
    # The last update may be the one that diverges.
    found = {part: run.accuracy(part, stop) for part in parts}
    diverged = diverged or not math.isfinite(found["train"][1])
    columns: Values = {
        f"{part}_accuracy": np.array(run.constant_accuracy(part) if diverged else accuracy)
        for part, (accuracy, _) in found.items()
    }
    if training.split[1]:
        columns["validation_accuracies"] = validated
    columns |= {"loss": losses, "diverged": np.array(float(diverged)), "log_displacement": np.array(displacement)}
    if training.trained_scaling != "fixed":
        columns["scaling"] = np.array(math.sqrt(float(np.mean(np.square(run.weights.scaling, dtype=np.float64)))))
    for name, before, after in zip(("outer", "inner"), run.initial, run.weights[:2], strict=True):
        if len(before):
            columns |= path_columns(name, before, after, training.lags, training.entries)
    return columns
