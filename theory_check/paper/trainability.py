"""Figure 9: test accuracy over the Hurst index of the initial weights and the scaling exponent.

The paper trains once at each point and learning rate, and shows the best of five by the *test* set. Here the rate is
chosen by the mean accuracy over seeds on examples held back for it, and the test set is looked at once;
``selection="test"`` does what the paper did. Over the map lies the line where the median displacement at
initialisation, of the same networks, is 1; beside it stands the accuracy as a function of that displacement (N7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from theory_check.data.data_set import DataSet
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import training
from theory_check.experiments.training import Training
from theory_check.findings.pictures import Band, Curve, HeatPanel, RatePanel
from theory_check.foundation.arrays import FloatArray
from theory_check.paper.figure import LEVEL, FigureData, PaperFigure, Settings, Table
from theory_check.reporting.learning_curves import confidence, diverged_text, median_over_seeds

#: Hurst indices and scaling exponents; learning rates, which are a tenth after half of the epochs.
_GRID = tuple(round(float(value), 12) for value in np.linspace(0.1, 0.9, 10))
_RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_EPOCHS, _DECAY_AFTER = 10, 5

#: Share of the examples outside the test set that chooses the rate.
_VALIDATION = 0.2


def _points() -> list[tuple[float, float]]:
    return [(hurst, beta) for hurst in _GRID for beta in _GRID]


def _trainings(settings: Settings, hurst: float, beta: float) -> list[Training]:
    """Return the trainings of one point, one for each learning rate."""
    share = 0.0 if settings.selection == "test" else _VALIDATION
    return [
        training(
            "res-1", f"fgn:hurst={hurst!r}", depth=settings.depth, beta=beta, data=settings.data or DataSet(),
            learning_rate=rate, epochs=_EPOCHS, decay=0.1, decay_after=_DECAY_AFTER, validation_share=share, lags=(),
        )
        for rate in _RATES
    ]  # fmt: skip


def _experiments(settings: Settings) -> list[Training]:
    return [experiment for point in _points() for experiment in _trainings(settings, *point)]


def best_rate(accuracies: Sequence[FloatArray]) -> int:
    """Return which learning rate has the largest mean accuracy over seeds, of equal ones the smallest rate."""
    return int(np.argmax([np.mean(column) for column in accuracies]))


def crossing(betas: FloatArray, values: FloatArray) -> float:
    """Return the largest beta at which values that are finite fall through 0, between two betas by a straight line.

    Parameters
    ----------
    betas, values : float64 arrays (betas,)

    Returns
    -------
    float
        NaN where no value falls through 0.
    """
    found = math.nan
    for (low, above), (high, below) in pairwise(zip(betas.tolist(), values.tolist(), strict=True)):
        if above >= 0.0 > below:
            found = low + (high - low) * above / (above - below)
    return found


def _tabulate(settings: Settings, samples: Mapping[Training, Sample[Training]], _threads: int) -> FigureData:
    chosen_by = "test" if settings.selection == "test" else "validation"
    rows = []
    for hurst, beta in _points():
        found = [samples[experiment].values for experiment in _trainings(settings, hurst, beta)]
        best = best_rate([values[f"{chosen_by}_accuracy"] for values in found])
        accuracy = tuple(float(part) for part in median_over_seeds(found[best]["test_accuracy"], LEVEL))
        displacement = np.concatenate([values["log_displacement"] for values in found]) / math.log(10.0)
        rows.append((
            hurst, beta, _RATES[best], *accuracy, float(found[best]["diverged"].sum()),
            float(sum(values["diverged"].sum() for values in found)), float(np.median(displacement)),
        ))  # fmt: skip
    columns = _columns(settings.replicates, chosen_by)
    return FigureData(
        (Table("", columns, rows),),
        _panels(np.array(rows), settings, diverged_text(*samples.values())),
        [experiment.to_json() for experiment in _experiments(settings)],
        sum(sample.seconds for sample in samples.values()),
    )


def _columns(seeds: int, chosen_by: str) -> dict[str, str]:
    return {
        "hurst": "Hurst index of the initial weights (no unit)",
        "beta": "scaling exponent, a = depth^-beta (no unit)",
        "learning_rate": f"of {len(_RATES)}, the one of the largest mean {chosen_by} accuracy over seeds (no unit)",
        "accuracy": f"test accuracy at that rate, median over {seeds} seeds",
        "accuracy_lower": f"lower end of its interval over seeds, of confidence {confidence(seeds, LEVEL):.3g}",
        "accuracy_upper": "upper end of that interval",
        "diverged": "seeds that diverged at that rate; they count with the accuracy of a constant answer",
        "diverged_at_all_rates": f"trainings of {len(_RATES) * seeds} that diverged",
        "displacement": "median over rates and seeds of log10 |h_L - h_0|/|h_0| at initialisation (powers of ten)",
    }


def _panels(rows: FloatArray, settings: Settings, diverged: str) -> tuple[RatePanel | HeatPanel, ...]:
    grid, size = np.array(_GRID), len(_GRID)
    accuracy, lower, upper = rows[:, 3:6].T
    displacement = rows[:, 8]
    line = np.array([crossing(grid, row) for row in displacement.reshape(size, size)])
    known = np.isfinite(line)
    curve = Curve("displacement 1 at initialisation", line[known], grid[known])
    data, seeds = settings.data or DataSet(), "1 seed" if settings.replicates == 1 else f"{settings.replicates} seeds"
    scatter = RatePanel(
        title=f"Accuracy on {data}, depth {settings.depth}",
        xlabel=r"$\log_{10}\ \|h_L - h_0\| / \|h_0\|$ at initialisation",
        ylabel="test accuracy",
        measured=(Band(f"a point of the map, {seeds}", displacement, accuracy, lower, upper),),
        theory=(),
        logarithmic=False,
    )
    by = "the test set" if settings.selection == "test" else "validation"
    heat = HeatPanel(
        title=f"Test accuracy, rate chosen by {by}" + diverged.replace(", ", ",\n"),
        xlabel=r"$\beta$",
        ylabel="$H$",
        columns=grid,
        rows=grid,
        values=accuracy.reshape(size, size),
        theory=(curve,) if known.any() else (),
        scale="accuracy",
    )
    return scatter, heat


FIGURE = PaperFigure(
    number=9,
    title="Test accuracy over the Hurst index of the initial weights and the scaling exponent",
    replicates=1,
    depth=1000,
    weights=None,
    experiments=_experiments,
    tabulate=_tabulate,
    options=frozenset({"data", "selection"}),
)
