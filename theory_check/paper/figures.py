"""The list of figures, and one of them made from its experiments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from theory_check.data.data_set import DataSet
from theory_check.experiments.experiment import MEMORY
from theory_check.experiments.workload import Workload
from theory_check.foundation.arguments import check_choice, check_integer
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.streams import check_seed
from theory_check.paper import (
    brownian_paths,
    displacements,
    histograms,
    map_pictures,
    trainability,
    trained_weights,
)
from theory_check.paper.figure import FigureData, PaperFigure, Settings
from theory_check.simulation.engines import Engine, available_threads
from theory_check.simulation.execution import Report, silent
from theory_check.simulation.runner import run_experiments

#: By number.
FIGURES: dict[int, PaperFigure] = {
    figure.number: figure
    for figure in sorted(
        (
            *displacements.FIGURES,
            histograms.FIGURE,
            brownian_paths.FIGURE,
            map_pictures.FIGURE,
            trained_weights.FIGURE,
            trainability.FIGURE,
        ),
        key=lambda figure: figure.number,
    )
}


def find_figure(number: int) -> PaperFigure:
    """Return a figure; raise :exc:`SpecificationError` unless it is one that is regenerated."""
    check_integer("figure", number, min(FIGURES), max(FIGURES))
    return FIGURES[number]


def choose_settings(
    figure: PaperFigure,
    *,
    seed: int = 0,
    replicates: int | None = None,
    depth: int | None = None,
    weights: str | None = None,
    data: str | None = None,
    selection: str | None = None,
) -> Settings:
    """Return the published settings of a figure, with what is given in their place.

    Parameters
    ----------
    figure : PaperFigure
    seed : int
        Root seed.
    replicates, depth, weights, selection : optional
        As of :class:`Settings`.
    data : str, optional
        ``digits``, or a folder with a data set.

    Returns
    -------
    Settings

    Raises
    ------
    SpecificationError
        If a value is out of bounds, or the figure does not have an option.
    """
    check_seed(seed)
    settings = Settings(seed=seed, replicates=figure.replicates, depth=figure.depth, weights=figure.weights)
    if replicates is not None:
        check_integer("number of replicates", replicates, 1, 10**6)
        settings = replace(settings, replicates=replicates)
    if depth is not None:
        check_integer("depth", depth, 2, 10**5)
        settings = replace(settings, depth=depth)
    if weights is not None:
        if figure.weights is None:
            raise SpecificationError(f"figure {figure.number} fixes its weights; it takes no --weights")
        settings = replace(settings, weights=weights)
    for option, value in {"data": data, "selection": selection}.items():
        if value is not None and option not in figure.options:
            having = ", ".join(str(other.number) for other in FIGURES.values() if option in other.options)
            raise SpecificationError(f"figure {figure.number} takes no --{option}; accepted by: {having}")
    if data is not None:
        settings = replace(settings, data=DataSet.parse(data))
    if selection is not None:
        check_choice("selection", selection, ("validation", "test"))
        settings = replace(settings, selection=selection)
    figure.experiments(settings)  # they check the rest
    return settings


def figure_workload(figure: PaperFigure, settings: Settings) -> Workload[Any]:
    """Return what a figure simulates."""
    return Workload.of((experiment, settings.replicates) for experiment in figure.experiments(settings))


def make_figure(
    figure: PaperFigure,
    settings: Settings,
    *,
    threads: int | None = None,
    folder: Path | None = None,
    report: Report = silent,
    memory: int = MEMORY,
    engine: Engine | None = None,
) -> FigureData:
    """Simulate what a figure needs and tabulate it.

    Parameters
    ----------
    figure : PaperFigure
    settings : Settings
    threads, folder, report, memory, engine
        As of :func:`theory_check.simulation.runner.run_experiments`.

    Returns
    -------
    FigureData
    """
    samples = run_experiments(
        figure_workload(figure, settings), settings.seed, threads=threads, folder=folder, report=report, memory=memory,
        engine=engine,
    )  # fmt: skip
    return figure.tabulate(settings, samples, threads or available_threads())
