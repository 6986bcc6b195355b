"""Figures of the paper: settings, experiments, tables and panels, and their files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theory_check.data.data_set import DataSet
from theory_check.experiments.experiment import Sample
from theory_check.findings.pictures import Panel
from theory_check.foundation.files import write_together
from theory_check.reporting.drawing import render

#: Error probability of the intervals in the figures, each by itself.
LEVEL = 0.01

#: Bytes of a row of a table while it is written: its numbers, its text, and its points in two pictures.
ROW = 1000


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
    data : DataSet, optional
        What networks are trained on, where they are; None for the digits.
    selection : ``validation`` or ``test``, optional
        What chooses the learning rate, where one is chosen; None for ``validation``.
    """

    seed: int
    replicates: int
    depth: int
    weights: str | None
    data: DataSet | None = None
    selection: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values: of a data set its name, and no option that the figure does not have."""
        data = {"data": self.data.name} if self.data else {}
        selection = {"selection": self.selection} if self.selection else {}
        common = {"seed": self.seed, "replicates": self.replicates, "depth": self.depth, "weights": self.weights}
        return common | data | selection


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

    def to_csv(self) -> str:
        """Return a line of headings and the rows; numbers have nine significant digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self.rows:
            writer.writerow(f"{value:.9g}" if isinstance(value, float) else value for value in row)
        return text.getvalue()


@dataclass(frozen=True)
class FigureData:
    """Contents of a figure: tables, panels, and what was simulated as JSON values."""

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
        The published settings, unless there are ``published_replicates``.
    experiments : callable
        Settings to the experiments it needs, each with the replicates of the settings; may be none.
    tabulate : callable
        Settings, samples by experiment and a number of threads to the data. No randomness beyond the samples and seed.
    options : frozenset of str
        ``data`` and ``selection``, if the figure has these settings.
    published_replicates : int, optional
        Where the published number is none that intervals could be made of.
    rows : callable, optional
        Settings to the number of rows of its tables, where it grows with depth and replicates.
    seconds : callable, optional
        Settings to the processor time of its predictions, where it grows with the depth.
    """

    number: int
    title: str
    replicates: int
    depth: int
    weights: str | None
    experiments: Callable[[Settings], Sequence[Any]]
    tabulate: Callable[[Settings, Mapping[Any, Sample[Any]], int], FigureData]
    options: frozenset[str] = frozenset()
    published_replicates: int | None = None
    rows: Callable[[Settings], int] | None = None
    seconds: Callable[[Settings], float] | None = None


def write_figure(figure: PaperFigure, settings: Settings, data: FigureData, directory: Path) -> list[Path]:
    """Write a figure into a folder, each file whole or not at all.

    ``figure-N.png`` and ``.svg``; ``figure-N.csv`` and a table ``figure-N-NAME.csv`` for each other one; last,
    ``figure-N.json``: settings, seed, every experiment, and the meaning of every column.

    Parameters
    ----------
    figure : PaperFigure
    settings : Settings
        How the data were made.
    data : FigureData
    directory : Path
        Created unless it exists.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    stem = f"figure-{figure.number}"
    tables = {f"{stem}-{table.name}.csv" if table.name else f"{stem}.csv": table for table in data.tables}
    description = {
        "figure": figure.number,
        "title": figure.title,
        "source": "Marion, Fermanian, Biau, Vert, Scaling ResNets in the Large-depth Regime, JMLR 26(56), 2025",
        "settings": settings.to_json(),
        "published_settings": {
            "replicates": figure.published_replicates or figure.replicates,
            "depth": figure.depth,
            "weights": figure.weights,
        },
        "interval_level": 1 - LEVEL,
        "tables": {name: dict(table.columns) for name, table in tables.items()},
        "experiments": list(data.experiments),
    }
    pictures = render(data.panels, ("png", "svg"))
    contents: dict[str, bytes | str] = {f"{stem}.{suffix}": picture for suffix, picture in pictures.items()}
    contents |= {name: table.to_csv() for name, table in tables.items()}
    contents[f"{stem}.json"] = json.dumps(description, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_together({directory / name: content for name, content in contents.items()})
    return [directory / name for name in contents]
