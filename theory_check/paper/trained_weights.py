"""Figure 8: an entry of the weights along the layers after training, in three regimes.

The paper shows one run. Here every training is repeated over seeds; the roughness of the weights, by quadratic
variations of order 2 of their sums, is told with intervals: 1/2 for independent weights, 2 for smooth ones. Beside the
trained entry stands what training added to it, a smoother path (T1).
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase

import numpy as np

from theory_check.data.data_set import DataSet
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import training
from theory_check.experiments.training import Training
from theory_check.findings.pictures import Band, Curve, CurvePanel, RatePanel
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.roughness import variation_index
from theory_check.paper.figure import LEVEL, FigureData, PaperFigure, Settings, Table
from theory_check.reporting.learning_curves import confidence, diverged_text, median_over_seeds

#: Scaling exponent and initial weights of the panels.
_REGIMES = ((1.0, "smooth:length=0.1"), (1.0, "uniform"), (0.5, "uniform"))
_TITLES = {"smooth:length=0.1": "smooth start", "uniform": "independent start"}
_ENTRY = (3, 5)
_LAGS = (1, 2)
_COLUMNS = {
    "beta": "scaling exponent, a = depth^-beta (no unit)",
    "weights": "law of the initial weights",
    "layer": "k, from 1 (no unit)",
    "initial": f"entry {_ENTRY} of V_k at initialisation, first seed that does not diverge (no unit)",
    "trained": "the same after training",
}
_QUANTITIES = {
    "initial_index": "order-2 index of the initial weights",
    "trained_index": "order-2 index of the trained weights",
    "trained_index_1": "order-1 index of the trained weights, which takes a drift for long memory",
    "movement": "root mean square of trained - initial entries over that of initial ones",
    "test_accuracy": "share of right answers on the test set",
}


def _experiments(settings: Settings) -> list[Training]:
    data = settings.data or DataSet()
    return [
        training("res-1", weights, depth=settings.depth, beta=beta, data=data, entries=(_ENTRY,), lags=_LAGS)
        for beta, weights in _REGIMES
    ]


def _quantities(sample: Sample[Training]) -> dict[str, FloatArray]:
    """Return the numbers of each seed that did not diverge; accuracies of every seed."""
    kept = sample.values["diverged"] == 0.0
    variations = sample.values["outer_variations"][kept]
    indices = {
        "initial_index": variations[:, 0, 1], "trained_index": variations[:, 1, 1],
        "trained_index_1": variations[:, 1, 0],
    }  # fmt: skip
    return {
        **{name: variation_index(column, _LAGS) for name, column in indices.items()},
        "movement": sample.values["outer_movement"][kept], "test_accuracy": sample.values["test_accuracy"],
    }  # fmt: skip


def _tabulate(settings: Settings, samples: Mapping[Training, Sample[Training]], _threads: int) -> FigureData:
    experiments = _experiments(settings)
    share = confidence(settings.replicates, LEVEL)
    panels: list[CurvePanel | RatePanel] = []
    paths: list[tuple[float | str, ...]] = []
    statistics: list[tuple[float | str, ...]] = []
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in _QUANTITIES}
    for (beta, weights), experiment in zip(_REGIMES, experiments, strict=True):
        sample = samples[experiment]
        initial, trained = _entry_paths(sample)
        columns = (range(1, settings.depth + 1), initial.tolist(), trained.tolist())
        paths += [(beta, weights, *row) for row in zip(*columns, strict=True)]
        panels.append(_entry_panel(beta, weights, sample))
        for name, column in _quantities(sample).items():
            ends = (np.nan,) * 3 if not len(column) else tuple(float(p) for p in median_over_seeds(column, LEVEL))
            found[name].append((ends[0], ends[1], ends[2]))
            statistics.append((beta, weights, name, *ends, int(sample.values["diverged"].sum())))
    panels.append(_roughness_panel(found))
    quantities = "; ".join(f"{name}: {text}" for name, text in _QUANTITIES.items())
    table = {
        "beta": _COLUMNS["beta"],
        "weights": _COLUMNS["weights"],
        "quantity": quantities,
        "median": f"median over {settings.replicates} seeds",
        "lower": f"lower end of its interval over seeds, of confidence {share:.3g}",
        "upper": "upper end of that interval",
        "diverged": "seeds that diverged; they count with the accuracy of a constant answer, and with no index",
    }
    return FigureData(
        (Table("", _COLUMNS, paths), Table("roughness", table, statistics)),
        tuple(panels),
        [experiment.to_json() for experiment in experiments],
        sum(samples[experiment].seconds for experiment in experiments),
    )


def _entry_paths(sample: Sample[Training]) -> tuple[FloatArray, FloatArray]:
    """Return an entry along the layers, initial and trained: of the first seed that did not diverge, or the first."""
    initial, trained = sample.values["outer_entries"][int(np.argmin(sample.values["diverged"])), :, 0]
    return initial, trained


def _entry_panel(beta: float, weights: str, sample: Sample[Training]) -> CurvePanel:
    initial, trained = _entry_paths(sample)
    times = np.arange(1, trained.size + 1) / trained.size
    diverged = bool(sample.values["diverged"].all())
    return CurvePanel(
        title=rf"$\beta = {beta:g}$, {_TITLES[weights]}" + diverged_text(sample),
        xlabel="$k/L$",
        ylabel=f"$V_k[{_ENTRY[0]}, {_ENTRY[1]}]$",
        paths=() if diverged else (Curve("trained", times, trained),),
        theory=() if diverged else (Curve("trained less initial", times, trained - initial),),
    )


def _roughness_panel(found: Mapping[str, list[tuple[float, float, float]]]) -> RatePanel:
    places = np.arange(1.0, len(_REGIMES) + 1.0)
    bands = []
    for name, label, shift in (("initial_index", "initial weights", -0.08), ("trained_index", "trained weights", 0.08)):
        median, lower, upper = np.array(found[name]).T
        bands.append(Band(label, places + shift, median, lower, upper))
    return RatePanel(
        title="Roughness, intervals over seeds",
        xlabel="panel",
        ylabel="index of order 2",
        measured=tuple(bands),
        theory=(),
        logarithmic=False,
        places=tuple(f"({letter})" for letter in ascii_lowercase[: len(_REGIMES)]),
    )


FIGURE = PaperFigure(
    number=8,
    title="An entry of the trained weights along the layers",
    replicates=21,
    published_replicates=1,
    depth=1000,
    weights=None,
    experiments=_experiments,
    tabulate=_tabulate,
    options=frozenset({"data"}),
)
