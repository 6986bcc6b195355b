"""Defects of estimators and of planning, and of training."""

from __future__ import annotations

from typing import Any

import numpy as np
from planting import Defect, around, attribute, cells_by, columns

from theory_check.experiments.training import Training
from theory_check.foundation.streams import Purpose
from theory_check.inference import design, intervals, rates
from theory_check.simulation import cell as cells
from theory_check.simulation.training import Streams, TrainingRun


def _upper_side(original: Any, values: Any, cdf: Any, *, alpha: float) -> Any:
    """The largest F_n - F alone."""
    from dataclasses import replace

    found, ordered = original(values, cdf, alpha=alpha), np.sort(values)
    above = float(np.max(np.arange(1, ordered.size + 1) / ordered.size - cdf(ordered)))
    moved = max(above, 0.0) - found.estimate
    return replace(found, estimate=max(above, 0.0), lower=max(found.lower + moved, 0.0), upper=found.upper + moved)


def _trimmed(original: Any, values: Any, **options: Any) -> Any:
    sample = np.asarray(values)
    return original(np.minimum(sample, np.quantile(sample, 0.99)), **options)


def _first_replicate(original: Any, self: Any, purpose: Purpose, index: int, count: int) -> Any:
    if purpose != Purpose.ORDER:
        return original(self, purpose, index, count)
    return original(Streams(self.key, 0), purpose, index, count)


def _every_64th(found: dict[str, Any]) -> dict[str, Any]:
    copied = {name: column.copy() for name, column in found.items()}
    for column in copied.values():
        column[63::64] = column[62::64]
    return copied


JUDGING: dict[str, Defect] = {
    "every 64th replicate is the one before": Defect(columns(_every_64th), ("E3",), "tests/foundation/test_streams.py"),
    "only 64 distinct blocks": Defect(
        cells_by(lambda f, cell, seed, block, *rest, **o: f(cell, seed, block % 64, *rest, **o)), ("E3", "E2"),
        "tests/simulation/test_runner.py",
    ),
    "two blocks share their weights, not their inputs": Defect(
        around(cells, "make_passes", lambda f, cell, key, first, *like: f(cell, key, first // 128 * 128, *like)),
        ("E3", "E1"),
        "tests/simulation/test_cell_simulation.py",
    ),
    # Estimators.
    "medians are quantiles at .52": Defect(
        around(intervals, "quantile_interval", lambda f, values, p, **o: f(values, p + 0.02 * (p == 0.5), **o)),
        ("E13",), "tests/inference/test_intervals.py",
    ),
    "slopes are in powers of two": Defect(
        around(rates, "slope_interval", lambda f, sizes, parts, **o: f(np.asarray(sizes) / np.log(2.0), parts, **o)),
        ("P1",), "tests/inference/test_rates.py",
    ),
    "means leave out the largest hundredth": Defect(
        around(intervals, "mean_interval", _trimmed), ("E3",), "tests/inference/test_intervals.py"
    ),
    "distances read one side": Defect(
        around(intervals, "kolmogorov_interval", _upper_side), ("E2",), "tests/inference/test_intervals.py"
    ),
    "one event in fifty is not counted": Defect(
        around(intervals, "proportion_interval", lambda f, successes, trials, **o: f(
            successes * 49 // 50, trials, **o)),
        ("E7", "E15"), "tests/inference/test_intervals.py",
    ),
    # Planning.
    "means are planned with half of the variance": Defect(
        around(design, "mean_sample_size", lambda f, *, variance_bound, **o: f(variance_bound=variance_bound / 2, **o)),
        ("E1",), "tests/inference/test_design.py",
    ),
    "distances are planned with half of the replicates": Defect(
        around(design, "kolmogorov_sample_size", lambda f, **o: -(-f(**o) // 2)), ("E2",),
        "tests/inference/test_design.py",
    ),
    # Training.
    "Adam does not correct for its start": Defect(
        attribute(TrainingRun, lambda run: setattr(run, "_step", 10**6)), ("P10", "T3", "T1"),
        "tests/simulation/test_training_against_torch.py",
    ),
    # Which examples the numbers of a batch stand for is drawn for each seed: trainings stay independent, and those of
    # one epoch have the same law.
    "all seeds have the batches of the first": Defect(
        around(Streams, "permutation", _first_replicate), (), "tests/simulation/test_training.py"
    ),
    "residual layers learn twice as fast": Defect(
        lambda patch: patch.setattr(Training, "residual_rate", property(lambda self: 2.0 * self.learning_rate)),
        ("N5", "T3", "N7"), "tests/simulation/test_training.py",
    ),
}  # fmt: skip
