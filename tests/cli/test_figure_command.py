"""``theory-check figure N`` end to end, on small settings."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from command_line import names
from one_layer_laws import a_layer

from theory_check.experiments.spelling import training
from theory_check.networks.weights import Weights
from theory_check.paper import map_pictures, trainability, trained_weights
from theory_check.paper.brownian_paths import fractional_path
from theory_check.paper.figures import FIGURES, choose_settings, find_figure
from theory_check.reporting.drawing import render
from theory_check.simulation.runner import run_experiments
from theory_check.theory.limits import lognormal_limit

SMALL = dict.fromkeys(FIGURES, ("--depth", 12, "--replicates", 9)) | {
    2: ("--depth", 20, "--replicates", 300),
    7: ("--depth", 12, "--replicates", 1),
    8: ("--depth", 12, "--replicates", 3),
    9: ("--depth", 12, "--replicates", 3),
}

#: Tables beside the main one.
TABLES = {7: {"figure-7-curves.csv"}, 8: {"figure-8-roughness.csv"}}


@pytest.fixture
def small_map(monkeypatch):
    """Make the map of figure 7 a small one, over the same ranges."""
    small = map_pictures.MapSpecification

    def specification(**options):
        return small(values=(0.2, 0.5, 0.8), betas=(0.25, 0.5, 0.75, 1.0), width=6, **options)

    monkeypatch.setattr(map_pictures, "MapSpecification", specification)


@pytest.fixture
def small_trainings(monkeypatch):
    """Make the map of figure 9 a small one, at two learning rates."""
    monkeypatch.setattr(trainability, "_GRID", (0.1, 0.9))
    monkeypatch.setattr(trainability, "_RATES", (1e-3, 1e-2))
    monkeypatch.setattr(trainability, "_EPOCHS", 2)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name]) for row in rows])


@pytest.mark.parametrize("number", sorted(FIGURES))
def test_files_of_every_figure(command, tmp_path, small_map, small_trainings, number):
    code, out, err = command("figure", number, *SMALL[number], "--seed", 3, "--threads", 2, "--out", "two")
    assert code == 0
    assert out[0].startswith(f"figure {number}: ")
    assert err[0].startswith(f"theory-check figure {number}: about ")
    assert all(line.startswith(f"theory-check figure {number}: ") for line in err[1:])
    tables = {f"figure-{number}.csv"} | TABLES.get(number, set())
    expected = {f"figure-{number}.{suffix}" for suffix in ("json", "png", "svg")} | tables
    assert set(names(tmp_path / "two")) == expected
    assert out[1:] == [f"written: two/{line.rpartition('/')[2]}" for line in out[1:]]
    described = json.loads((tmp_path / "two" / f"figure-{number}.json").read_text(encoding="utf-8"))
    assert (described["settings"]["seed"], described["settings"]["depth"]) == (3, SMALL[number][1])
    assert set(described["tables"]) == tables
    for name in tables:
        rows = rows_of(tmp_path / "two" / name)
        assert set(rows[0]) == set(described["tables"][name])
        assert all(None not in row.values() and None not in row for row in rows)
    assert (tmp_path / "two" / f"figure-{number}.svg").read_bytes().startswith(b"<?xml")
    # One thread, the same bytes.
    assert command("figure", number, *SMALL[number], "--seed", 3, "--threads", 1, "--out", "one")[0] == 0
    for name in expected:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("number", [1, 3])
def test_theory_of_independent_weights(command, tmp_path, number):
    assert command("figure", number, *SMALL[number])[0] == 0
    rows = rows_of(tmp_path / "reports" / "paper" / f"figure-{number}.csv")
    assert [(float(row["beta"]), int(row["depth"])) for row in rows] == [
        (beta, depth) for beta in (1.0, 0.25, 0.5) for depth in (10, 11, 12)
    ]
    for row in rows:
        beta, depth = float(row["beta"]), int(row["depth"])
        exact = math.sqrt((1 + depth ** (-2 * beta) / 2) ** depth - 1)
        # Nine digits are written.
        assert float(row["theory_root_mean"]) == pytest.approx(exact, rel=1e-8)
        assert float(row["theory_lower_quartile"]) < float(row["theory_median"]) < float(row["theory_upper_quartile"])
        assert float(row["median_lower"]) <= float(row["median"]) <= float(row["median_upper"])


def test_medians_are_those_of_the_cells(command, tmp_path):
    assert command("figure", 1, *SMALL[1], "--seed", 4)[0] == 0
    settings = choose_settings(find_figure(1), seed=4, depth=12, replicates=9)
    cells = find_figure(1).experiments(settings)
    samples = run_experiments(dict.fromkeys(cells, 9), 4)
    expected = [np.median(np.exp(samples[cell].values["log_displacement"])) for cell in cells]
    rows = rows_of(tmp_path / "reports" / "paper" / "figure-1.csv")
    # Nine digits are written.
    np.testing.assert_allclose(column(rows, "median"), expected, rtol=1e-8)


def test_histograms_are_densities_beside_their_limit(command, tmp_path):
    assert command("figure", 2, *SMALL[2])[0] == 0
    rows = rows_of(tmp_path / "reports" / "paper" / "figure-2.csv")
    limit = lognormal_limit(a_layer(100, "res-3"))
    for quantity in ("output", "gradient"):
        part = [row for row in rows if row["quantity"] == quantity]
        low, high, density = (column(part, name) for name in ("lower_edge", "upper_edge", "density"))
        assert column(part, "count").sum() >= 0.99 * 300
        np.testing.assert_allclose(density * (high - low) * 300, column(part, "count"), rtol=1e-6)
        assert np.all((column(part, "density_lower") <= density) & (density <= column(part, "density_upper")))
        # The middle of a bin stands for its mean: off by the square of its width over 24 times y'', of order y/sd^2.
        widths = (high - low) / (math.exp(limit.mean / 2) * math.sqrt(limit.variance) / 2)
        z = (2 * np.log((low + high) / 2) - limit.mean) / math.sqrt(limit.variance)
        y = np.exp(-z * z / 2) * 4 / ((low + high) * math.sqrt(2 * math.pi * limit.variance))
        np.testing.assert_allclose(
            column(part, "theory_limit"), y, rtol=0, atol=float((widths**2).max()) / 12 * y.max()
        )


@pytest.mark.parametrize("number", [4, 5])
def test_other_processes_can_be_asked_for(command, tmp_path, number):
    assert command("figure", number, *SMALL[number], "--weights", "tied")[0] == 0
    rows = rows_of(tmp_path / "reports" / "paper" / f"figure-{number}.csv")
    assert np.all(column(rows, "theory_root_mean") > 0)
    assert command("figure", number, *SMALL[number], "--weights", "piecewise:pieces=2")[0] == 0


def test_paths_of_several_numbers_are_different_and_one_number_is_one_path():
    first, again, second = (fractional_path(0.8, 50, 1, number) for number in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert first[0] == 0.0
    assert np.abs(first - second).max() > 0.01


def test_map_has_medians_and_curves(command, tmp_path, small_map):
    assert command("figure", 7, *SMALL[7])[0] == 0
    folder = tmp_path / "reports" / "paper"
    rows = rows_of(folder / "figure-7.csv")
    assert len(rows) == 12
    for quantity in ("output", "gradient"):
        assert np.all(column(rows, f"{quantity}_lower_quartile") <= column(rows, quantity))
        assert np.all(column(rows, quantity) <= column(rows, f"{quantity}_upper_quartile"))
    curves = rows_of(folder / "figure-7-curves.csv")
    np.testing.assert_allclose(column(curves, "limit"), [0.5, 0.5, 0.8])
    # At H = 1/2 layers are independent: (1 + a^2/2)^12 = 2.
    exact = -math.log(2 * math.expm1(math.log(2) / 12)) / (2 * math.log(12))
    assert column(curves, "contour")[1] == pytest.approx(exact, rel=1e-8)


def test_figure_8_tells_the_roughness_of_the_weights(command, tmp_path):
    assert command("figure", 8, "--depth", 40, "--replicates", 8, "--seed", 2)[0] == 0
    folder = tmp_path / "reports" / "paper"
    # Variances of V_2 - V_1 and of V_4 + V_3 - V_2 - V_1: near the index 2 of an infinitely fine grid.
    r = Weights.parse("smooth:length=0.1").autocovariance(40)
    smooth = math.log2((4 * r[0] + 2 * r[1] - 4 * r[2] - 2 * r[3]) / (2 * (r[0] - r[1]))) / 2
    assert 1.9 < smooth < 2.0
    found = {
        (row["beta"], row["weights"], row["quantity"]): [float(row[end]) for end in ("lower", "median", "upper")]
        for row in rows_of(folder / "figure-8-roughness.csv")
    }
    assert len(found) == 15
    for (_, weights, quantity), (lower, median, upper) in found.items():
        assert lower <= median <= upper
        if quantity in ("initial_index", "trained_index"):
            # 900 paths of 40 layers: a deviation of about .006 in the index of a seed. What training adds has less than
            # a hundredth of the increments of a smooth path.
            assert median == pytest.approx(0.5 if weights == "uniform" else smooth, abs=0.02)
    rows = rows_of(folder / "figure-8.csv")
    assert [int(row["layer"]) for row in rows] == 3 * list(range(1, 41))
    settings = choose_settings(find_figure(8), seed=2, depth=40, replicates=8)
    first = find_figure(8).experiments(settings)[0]
    entries = run_experiments({first: 1}, 2)[first].values["outer_entries"][0, :, 0]
    np.testing.assert_allclose(column(rows[:40], "initial"), entries[0], rtol=1e-8)
    np.testing.assert_allclose(column(rows[:40], "trained"), entries[1], rtol=1e-8)
    described = json.loads((folder / "figure-8.json").read_text(encoding="utf-8"))
    assert described["published_settings"]["replicates"] == 1


@pytest.mark.parametrize("selection", ["validation", "test"])
def test_figure_9_chooses_the_learning_rate_as_it_is_told(command, tmp_path, small_trainings, selection):
    given = () if selection == "validation" else ("--selection", "test")
    assert command("figure", 9, *SMALL[9], "--seed", 3, *given)[0] == 0
    folder = tmp_path / "reports" / "paper"
    rows = rows_of(folder / "figure-9.csv")
    assert [(float(row["hurst"]), float(row["beta"])) for row in rows] == [
        (0.1, 0.1), (0.1, 0.9), (0.9, 0.1), (0.9, 0.9),
    ]  # fmt: skip
    settings = choose_settings(
        find_figure(9), seed=3, depth=12, replicates=3, selection=None if selection == "validation" else "test"
    )
    experiments = find_figure(9).experiments(settings)
    samples = run_experiments(dict.fromkeys(experiments, 3), 3)
    for place, row in enumerate(rows):
        pair = [samples[experiment] for experiment in experiments[2 * place : 2 * place + 2]]
        assert ("validation_accuracy" in pair[0].values) == (selection == "validation")
        means = [np.mean(sample.values[f"{selection}_accuracy"]) for sample in pair]
        best = pair[int(means[1] > means[0])]
        assert float(row["learning_rate"]) == best.experiment.learning_rate
        accuracies = np.sort(best.values["test_accuracy"])
        found = [float(row[name]) for name in ("accuracy_lower", "accuracy", "accuracy_upper")]
        np.testing.assert_allclose(found, accuracies, rtol=1e-8)
        displacement = np.concatenate([sample.values["log_displacement"] for sample in pair]) / math.log(10)
        assert float(row["displacement"]) == pytest.approx(np.median(displacement), rel=1e-8)
    described = json.loads((folder / "figure-9.json").read_text(encoding="utf-8"))
    assert described["settings"].get("selection", "validation") == selection
    assert f"mean {selection} accuracy" in described["tables"]["figure-9.csv"]["learning_rate"]
    # Three seeds: their range, which covers the median with probability 3/4.
    assert "of confidence 0.75" in described["tables"]["figure-9.csv"]["accuracy_lower"]


def test_figures_8_and_9_count_what_diverged(monkeypatch, small_trainings):
    def wild(*arguments, **options):
        beta = options["beta"]
        return training(*arguments, **options | {"epochs": 1, "learning_rate": {0.5: 1e30, 1.0: 1.2}[beta],
                                                 "optimiser": "gradient-descent"})  # fmt: skip

    monkeypatch.setattr(trained_weights, "training", wild)
    figure = find_figure(8)
    settings = choose_settings(figure, seed=2, depth=12, replicates=9)
    samples = run_experiments(dict.fromkeys(figure.experiments(settings), 9), 2)
    diverged = [sample.values["diverged"] for sample in samples.values()]
    assert diverged[2].all()
    assert any(0 < part.sum() < 9 for part in diverged)
    data = figure.tabulate(settings, samples, 1)
    paths, numbers = data.tables
    for place, part in enumerate(diverged):
        panel, count = data.panels[place], int(part.sum())
        assert panel.title.endswith(f", {count} of 9 diverged") == (count > 0)
        assert bool(panel.paths) == (count < 9)
        # The entry is that of the first seed that has one.
        entry = list(samples.values())[place].values["outer_entries"][int(np.argmin(part)), 1, 0]
        np.testing.assert_array_equal([row[4] for row in paths.rows[12 * place : 12 * place + 12]], entry)
        assert {row[6] for row in numbers.rows[5 * place : 5 * place + 5]} == {count}
    render(data.panels)

    monkeypatch.setattr(trainability, "_RATES", (1e-3, 1e30))
    figure = find_figure(9)
    settings = choose_settings(figure, seed=3, depth=12, replicates=2)
    samples = run_experiments(dict.fromkeys(figure.experiments(settings), 2), 3)
    count = int(sum(sample.values["diverged"].sum() for sample in samples.values()))
    assert 0 < count < 16
    data = figure.tabulate(settings, samples, 1)
    assert data.panels[1].title.endswith(f",\n{count} of 16 diverged")
    assert sum(row[7] for row in data.tables[0].rows) == count


def test_equal_accuracies_leave_the_smallest_rate():
    assert trainability.best_rate([np.array([0.5, 0.7]), np.array([0.6, 0.6]), np.array([0.9, 0.1])]) == 0
    assert trainability.best_rate([np.array([0.5, 0.7]), np.array([0.6, 0.7])]) == 1


def test_where_displacements_cross_one():
    betas = np.array([0.0, 1.0, 2.0, 3.0])
    assert trainability.crossing(betas, np.array([3.0, 1.0, -1.0, -2.0])) == 1.5
    assert trainability.crossing(betas, np.array([1.0, -1.0, 3.0, -1.0])) == 2.75
    assert trainability.crossing(betas, np.array([np.inf, 2.0, 0.0, -1.0])) == 2.0
    assert math.isnan(trainability.crossing(betas, np.array([3.0, 2.0, 1.0, 0.5])))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "figure is 0; it must be a whole number from 1 to 9"),
        ((10,), "figure is 10; it must be a whole number from 1 to 9"),
        (("one",), "figure is 'one'; it must be a whole number from 1 to 9"),
        ((), "Missing argument 'N'"),
        ((1, "--seed", -1), "seed is -1"),
        ((1, "--threads", 0), "number of threads is 0"),
        ((1, "--depth", 1), "depth is 1; it must be a whole number from 2"),
        ((1, "--replicates", 0), "number of replicates is 0"),
        ((1, "--weights", "unifrom"), "unknown weight law 'unifrom'"),
        ((1, "--weights", "tied"), "this figure is of weights independent from layer to layer"),
        ((1, "--weights", "student:df=1"), "weights of finite, positive variance"),
        ((2, "--weights", "student:df=1"), "weights of finite, positive variance"),
        ((2, "--weights", "tied"), "figure 2 is of weights independent from layer to layer"),
        ((4, "--weights", "uniform"), "this figure is of weights of a process along the layers"),
        ((6, "--weights", "fgn"), "figure 6 fixes its weights"),
        ((7, "--weights", "fgn"), "figure 7 fixes its weights"),
        ((3, "--data", "digits"), "figure 3 takes no --data; accepted by: 8, 9"),
        ((8, "--selection", "test"), "figure 8 takes no --selection; accepted by: 9"),
        ((9, "--selection", "train"), "unknown selection 'train'; accepted: validation, test"),
        ((9, "--data", "nowhere"), "nowhere is neither digits nor a folder"),
    ],
    ids=str,
)
def test_bad_input_of_figure(refusal, arguments, message):
    assert message in refusal("figure", *arguments)


def test_an_interrupted_figure_goes_on(command, interrupt, tmp_path):
    kept = interrupt("figure", 3, *SMALL[3], "--out", "out", after=4)
    assert len(names(tmp_path / "out")) == 5
    assert command("figure", 3, *SMALL[3], "--out", "out", "--threads", 1)[0] == 0
    # Three depths of three exponents, a unit each, of which four were kept.
    assert len(kept) == 9
    assert names(tmp_path / "out") == [f"figure-3.{suffix}" for suffix in ("csv", "json", "png", "svg")]
