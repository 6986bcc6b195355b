"""What a figure of the paper is: settings, experiments, tables and panels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from theory_check.experiments.experiment import Sample
from theory_check.findings.pictures import Panel

#: Error probability of the intervals in the figures, each by itself.
LEVEL = 0.01


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a figure is made.

    Attributes
    ----------
    seed : int
        Root seed.
    replicates : int
        Repetitions: independent networks, paths, or draws of the weights of the map.
    depth : int
        Depth of the networks, the largest one where there are several.
    weights : str, optional
        Spelling of the weight law or process; None where the figure fixes it.
    """

    seed: int
    replicates: int
    depth: int
    weights: str | None


@dataclass(frozen=True)
class Table:
    """Rows of numbers and words.

    Attributes
    ----------
    name : str
        Part of its file name; empty for the main table.
    columns : mapping of str to str
        Heading and meaning, with the unit.
    rows : sequence of sequences
        Numbers and words, one for each column; NaN where there is nothing to say.
    """

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[float | str]]


@dataclass(frozen=True)
class FigureData:
    """What a figure shows: tables, panels, and what was simulated as JSON values."""

    tables: tuple[Table, ...]
    panels: tuple[Panel, ...]
    experiments: Sequence[Mapping[str, Any]]
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PaperFigure:
    """A figure of the paper.

    Attributes
    ----------
    number : int
    title : str
        What it shows, one line.
    replicates, depth, weights
        The published settings.
    experiments : callable
        Settings to the experiments it needs, each with the replicates of the settings; may be none.
    tabulate : callable
        Settings, samples by experiment and a number of threads to the data. No randomness beyond the samples and seed.
    """

    number: int
    title: str
    replicates: int
    depth: int
    weights: str | None
    experiments: Callable[[Settings], Sequence[Any]]
    tabulate: Callable[[Settings, Mapping[Any, Sample[Any]], int], FigureData]
