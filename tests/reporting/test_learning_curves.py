from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import training
from theory_check.reporting.drawing import render
from theory_check.reporting.learning_curves import (
    LEVEL,
    confidence,
    curve_panels,
    curve_table,
    median_over_seeds,
    summarise_trainings,
)

EXPERIMENT = training(depth=10, epochs=4, validation_share=0.2)


def sample_of(seeds, diverged=0):
    rng = np.random.default_rng(seeds)
    loss = np.sort(rng.uniform(0.1, 2.0, (seeds, 4)))[:, ::-1].copy()
    loss[:diverged, 2:] = np.inf
    values = {
        "loss": loss, "validation_accuracies": rng.uniform(0.1, 1.0, (seeds, 4)),
        "test_accuracy": rng.uniform(0.1, 1.0, seeds), "diverged": np.arange(seeds) < diverged,
    }  # fmt: skip
    return Sample(EXPERIMENT, 0, values, 1.0)


@pytest.mark.parametrize(("seeds", "ranks"), [(1, (1, 1, 1)), (3, (1, 2, 3)), (4, (1, 2, 4)), (6, (1, 3, 6)),
                                              (21, (6, 11, 16))])  # fmt: skip
def test_medians_and_their_intervals_are_order_statistics(seeds, ranks):
    values = np.random.default_rng(1).permutation(np.arange(1.0, seeds + 1.0))
    median, lower, upper = median_over_seeds(values[:, None], LEVEL)
    assert (lower[0], median[0], upper[0]) == ranks


@pytest.mark.parametrize("seeds", [2, 3, 7, 21])
def test_intervals_cover_the_median_as_often_as_they_promise(seeds):
    draws = np.random.default_rng(seeds).standard_normal((seeds, 4000))
    _, lower, upper = median_over_seeds(draws, LEVEL)
    covered = np.mean((lower <= 0.0) & (upper >= 0.0))
    promised = confidence(seeds, LEVEL)
    # Four deviations of a share of 4,000; a few seeds cover with this very probability, more with at least it.
    error = 4 * np.sqrt(promised * (1 - promised) / 4000)
    assert covered >= promised - error
    assert seeds > 5 or covered <= promised + error


def test_the_table_has_medians_intervals_and_every_seed():
    sample = sample_of(5)
    rows = list(csv.DictReader(io.StringIO(curve_table(sample))))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    for name in ("loss", "validation_accuracies"):
        for epoch, row in enumerate(rows):
            column = sample.values[name][:, epoch]
            found = [float(row[f"{name}_{seed}"]) for seed in range(5)]
            # Nine digits are written.
            np.testing.assert_allclose(found, column, rtol=1e-8)
            assert float(row[f"{name}_median"]) == pytest.approx(np.median(column), rel=1e-8)
            assert float(row[f"{name}_lower"]) == pytest.approx(column.min(), rel=1e-8)


def test_the_table_says_by_when_which_share_diverged():
    sample = sample_of(5, 2)
    # A third one diverges by the last update, so that all its losses are finite.
    sample.values["diverged"][4] = True
    rows = list(csv.DictReader(io.StringIO(curve_table(sample))))
    assert [float(row["diverged"]) for row in rows] == [0.0, 0.0, 0.4, 0.6]


@pytest.mark.parametrize(("seeds", "diverged"), [(1, 0), (7, 2), (3, 3)])
def test_panels_are_drawn_and_say_how_many_diverged(seeds, diverged):
    panels = curve_panels(sample_of(seeds, diverged))
    assert len(panels) == 2
    assert (f"{diverged} of {seeds} diverged" in panels[0].title) == (diverged > 0)
    assert render(panels)["png"].startswith(b"\x89PNG")


def test_summaries_count_what_diverged():
    lines = summarise_trainings(sample_of(7, 2))
    assert "2 of 7 trainings diverged (29%)" in lines[1]
    assert summarise_trainings(sample_of(7))[1].endswith("0 of 7 trainings diverged")
    assert "95% interval" in lines[2]
    assert "interval" not in summarise_trainings(sample_of(1))[2]


def test_summaries_tell_of_weights_where_trainings_converged():
    sample = sample_of(7, 2)
    sample.values["outer_movement"] = np.array([1e30, np.inf, 0.3, 0.2, 0.5, 0.1, 0.4])
    (line,) = [line for line in summarise_trainings(sample) if "outer_movement" in line]
    # Five seeds: their range covers the median with probability 1 - 2^-4.
    assert line.endswith("median 0.30 [0.10, 0.50], 94% interval, 5 seeds that converged")
    sample.values["diverged"][:] = True
    assert "outer_movement" in summarise_trainings(sample)[-1]
    assert summarise_trainings(sample)[-1].endswith("no value: all trainings diverged")


def test_a_panel_without_a_finite_loss_says_so():
    sample = sample_of(3, 3)
    sample.values["loss"][:] = np.inf
    panels = curve_panels(sample)
    assert not panels[0].ribbons
    assert panels[1].ribbons
    assert b"no finite values" in text_of(panels[:1])
    assert b"no finite values" not in text_of(panels[1:])


def text_of(panels):
    """A picture as SVG, whose comments hold its texts."""
    return render(panels, ("svg",))["svg"]
