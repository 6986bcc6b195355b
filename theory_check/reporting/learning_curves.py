"""Trainings of one setting shown to a reader: learning curves, their table, and lines for the terminal.

Seeds are the replicates. Each number has an interval for its median over seeds by order statistics.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import numpy as np

from theory_check.experiments.experiment import Sample
from theory_check.experiments.training import KNOWN_COLUMNS, Training
from theory_check.findings.pictures import Band, Curve, CurvePanel, Ribbon
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.intervals import quantile_ranks
from theory_check.reporting.numerals import format_estimate
from theory_check.reporting.summary import plural

#: Error probability of an interval, each by itself.
LEVEL = 0.05

#: Columns that have a value for each epoch, with their headings.
_CURVES = {"loss": "loss of training", "validation_accuracies": "validation accuracy"}


def median_over_seeds(values: FloatArray, level: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return medians over the first axis, and the lower and upper ends of their intervals.

    The ends are order statistics (Thompson, 1936). Where so few seeds have no interval of that level, they are the
    smallest and the largest value, see :func:`confidence`.

    Parameters
    ----------
    values : float64 array (seeds, ...)
        May be infinite.
    level : float
        Error probability.

    Returns
    -------
    medians, lower, upper : float64 arrays (...)
        The lower one of two middle values counts as the median.
    """
    ordered = np.sort(values, axis=0)
    seeds = len(ordered)
    low, high = quantile_ranks(seeds, 0.5, alpha=level)
    return ordered[(seeds - 1) // 2], ordered[max(low, 1) - 1], ordered[min(high, seeds) - 1]


def confidence(seeds: int, level: float) -> float:
    """Return the probability that intervals of :func:`median_over_seeds` promise to cover a median.

    The range of n values misses it with probability 2^(1-n).

    Parameters
    ----------
    seeds : int
    level : float
        Error probability asked for.

    Returns
    -------
    float

    Examples
    --------
    >>> confidence(21, 0.05), confidence(3, 0.05), confidence(1, 0.05)
    (0.95, 0.75, 0.0)
    """
    return 1.0 - max(level, 2.0 ** (1 - seeds))


def _share(seeds: int) -> str:
    return f"{confidence(seeds, LEVEL):.0%} interval"


def curve_table(sample: Sample[Training]) -> str:
    """Return the learning curves as CSV: epoch, and for each curve median, ends of its interval, and every seed.

    ``diverged`` is the share of the seeds that have diverged by the end of an epoch.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    headings = ["epoch"]
    columns: list[FloatArray] = [np.arange(1.0, sample.experiment.epochs + 1.0)]
    for name in _shown(sample):
        curves = sample.values[name]
        numbered = [f"{name}_{seed}" for seed in range(len(curves))]
        headings += [f"{name}_median", f"{name}_lower", f"{name}_upper", *numbered]
        columns += [*median_over_seeds(curves, LEVEL), *curves]
    headings.append("diverged")
    columns.append(_diverged_by_epoch(sample))
    writer.writerow(headings)
    for epoch, *row in zip(*columns, strict=True):
        writer.writerow([int(epoch), *(f"{value:.9g}" for value in row)])
    return text.getvalue()


def _diverged_by_epoch(sample: Sample[Training]) -> FloatArray:
    """Return the share of the seeds without a finite loss; after the last epoch, of all that the last update lost."""
    share = np.mean(~np.isfinite(sample.values["loss"]), axis=0)
    share[-1] = np.mean(sample.values["diverged"])
    return np.asarray(share)


def diverged_text(*samples: Sample[Training]) -> str:
    """Return how many trainings of how many diverged, as the end of a title; nothing if none did."""
    diverged = int(sum(sample.values["diverged"].sum() for sample in samples))
    return f", {diverged} of {sum(sample.replicates for sample in samples)} diverged" if diverged else ""


def _shown(sample: Sample[Training]) -> Mapping[str, str]:
    return {name: title for name, title in _CURVES.items() if name in sample.values}


def curve_panels(sample: Sample[Training]) -> list[CurvePanel]:
    """Return one panel for the loss and, with a validation share, one for the accuracy."""
    epochs = np.arange(1.0, sample.experiment.epochs + 1.0)
    seeds = sample.replicates
    panels = []
    for name, title in _shown(sample).items():
        curves = np.where(np.isfinite(sample.values[name]), sample.values[name], np.nan)
        median, lower, upper = median_over_seeds(sample.values[name], LEVEL)
        known = np.isfinite(upper)
        ribbons: tuple[Ribbon, ...] = ()
        if seeds > 1 and known.any():
            ribbons = (Ribbon(f"{_share(seeds)} of the median", epochs[known], lower[known], upper[known]),)
        panels.append(
            CurvePanel(
                title=title.capitalize() + diverged_text(sample),
                xlabel="epoch",
                ylabel=title.split()[-1] if name != "loss" else "loss",
                logarithmic="y" if name == "loss" else "",
                ribbons=ribbons,
                measured=(Band(f"median of {seeds} seeds", epochs, median, median, median),) if seeds > 1 else (),
                paths=tuple(Curve("one seed", epochs, curve) for curve in curves),
            )
        )
    return panels


def summarise_trainings(sample: Sample[Training]) -> list[str]:
    """Return a line for what was trained, for what diverged, and for each number of a training.

    What weights became is told of the trainings that converged.
    """
    seeds, experiment = sample.replicates, sample.experiment
    seen, validation, tests = experiment.split
    converged = sample.values["diverged"] == 0.0
    diverged = seeds - int(converged.sum())
    lines = [
        f"{experiment}: {plural(seeds, 'seed')}, {sample.seconds:.2f} core s",
        f"  {seen} examples to train on, {validation} to validate, {tests} to test; "
        f"{diverged} of {plural(seeds, 'training')} diverged" + (f" ({diverged / seeds:.0%})" if diverged else ""),
    ]
    single = {name: column for name, column in sample.values.items() if column.ndim == 1 and name != "diverged"}
    longest = max(map(len, single))
    for name, column in single.items():
        of_some = diverged > 0 and name not in KNOWN_COLUMNS
        shown = column[converged] if of_some else column
        if not len(shown):
            lines.append(f"  {name:<{longest}} no value: all trainings diverged")
            continue
        median, lower, upper = (float(part) for part in median_over_seeds(shown, LEVEL))
        text = f"{median:.4g}"
        if len(shown) > 1 and np.isfinite(upper) and np.isfinite(lower):
            text = f"{format_estimate(median, lower, upper)}, {_share(len(shown))}"
        if of_some:
            text += f", {plural(len(shown), 'seed')} that converged"
        lines.append(f"  {name:<{longest}} median {text}")
    return lines
