"""Pictures as values: panels with curves, bands, histograms and paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec

from theory_check.foundation.arrays import FloatArray

PictureName = Annotated[
    str, msgspec.Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", description="The file is figures/NAME.png.")
]


@dataclass(frozen=True)
class Curve:
    """A line to draw: abscissae, ordinates and the text of the legend."""

    label: str
    x: FloatArray
    y: FloatArray


@dataclass(frozen=True)
class Band:
    """Estimates with intervals at several abscissae, drawn as points with error bars."""

    label: str
    x: FloatArray
    estimate: FloatArray
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True)
class HistogramPanel:
    """A sample as a density histogram, with the predicted density drawn over it."""

    title: str
    xlabel: str
    values: FloatArray
    theory: tuple[Curve, ...]


@dataclass(frozen=True)
class RatePanel:
    """Measured quantities against depth, or another parameter, with the predicted lines.

    Both axes are logarithmic, or neither. With as many lines as measured quantities, line i belongs to quantity i and
    shares its colour.
    """

    title: str
    xlabel: str
    ylabel: str
    measured: tuple[Band, ...]
    theory: tuple[Curve, ...]
    logarithmic: bool = True


@dataclass(frozen=True)
class PathPanel:
    """Sample paths along the depth, shape (paths, positions), with the predicted curves; NaN where there is none."""

    title: str
    xlabel: str
    ylabel: str
    positions: FloatArray
    paths: FloatArray
    theory: tuple[Curve, ...]
    noun: str = "sample paths"


Panel = HistogramPanel | RatePanel | PathPanel


@dataclass(frozen=True)
class Picture:
    """One figure of the report: panels side by side under one caption.

    Attributes
    ----------
    name : str
        File name without ending, lower case with hyphens.
    caption : str
        What the reader should see, in Markdown.
    panels : tuple of Panel
    """

    name: str
    caption: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class PictureText:
    """A picture of the report without its data: the name of its file, its caption, and in plain words what it shows."""

    name: PictureName
    caption: str
    alt: str = ""
