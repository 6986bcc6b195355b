"""A figure as files: pictures, tables as CSV, and what was simulated as JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path

from theory_check.foundation.files import make_directory, write_atomically
from theory_check.paper.model import LEVEL, FigureData, PaperFigure, Settings, Table
from theory_check.reporting.drawing import render


def encode_table(table: Table) -> str:
    """Return a table as CSV with a line of headings; numbers have nine significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow(f"{value:.9g}" if isinstance(value, float) else value for value in row)
    return text.getvalue()


def write_figure(figure: PaperFigure, settings: Settings, data: FigureData, directory: Path) -> list[Path]:
    """Write a figure into a folder, each file whole or not at all; return the paths.

    ``figure-N.png`` and ``.svg``; ``figure-N.csv`` and a table ``figure-N-NAME.csv`` for each other one; last,
    ``figure-N.json``: settings, seed, every experiment, and the meaning of every column.
    """
    make_directory(directory)
    stem = f"figure-{figure.number}"
    tables = {f"{stem}-{table.name}.csv" if table.name else f"{stem}.csv": table for table in data.tables}
    description = {
        "figure": figure.number,
        "title": figure.title,
        "source": "Marion, Fermanian, Biau, Vert, Scaling ResNets in the Large-depth Regime, JMLR 26(56), 2025",
        "settings": asdict(settings),
        "published_settings": {"replicates": figure.replicates, "depth": figure.depth, "weights": figure.weights},
        "interval_level": 1 - LEVEL,
        "tables": {name: dict(table.columns) for name, table in tables.items()},
        "experiments": list(data.experiments),
    }
    pictures = render(data.panels, ("png", "svg"))
    contents: dict[str, bytes | str] = {f"{stem}.{suffix}": picture for suffix, picture in pictures.items()}
    contents |= {name: encode_table(table) for name, table in tables.items()}
    contents[f"{stem}.json"] = json.dumps(description, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    for name, content in contents.items():
        write_atomically(directory / name, content)
    return [directory / name for name in contents]
