"""Pictures as values: panels of curves, bands, histograms, paths, heat maps and rates.

A panel holds data and labels alone; :mod:`theory_check.reporting.drawing` draws it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np

from theory_check.foundation.arrays import FloatArray
from theory_check.inference.validation import check_sample, check_squares

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
class Ribbon:
    """A range at several abscissae, drawn as a grey area."""

    label: str
    x: FloatArray
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
    shares its colour. ``bars`` says what the error bars are; ``places`` names 1, 2, ... on the horizontal axis.
    """

    title: str
    xlabel: str
    ylabel: str
    measured: tuple[Band, ...]
    theory: tuple[Curve, ...]
    logarithmic: bool = True
    bars: str = ""
    places: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class CurvePanel:
    """What was measured in grey and black, and what is predicted in colour.

    Attributes
    ----------
    title, xlabel, ylabel : str
    logarithmic : ``""``, ``"y"`` or ``"xy"``
        Which scales are logarithmic.
    ribbons, measured, paths : tuples
        What was measured: ranges, estimates with intervals, single paths.
    theory : tuple of Curve
        Predictions; those of one label are drawn alike in all panels of a picture and share a line of the legend.
    """

    title: str
    xlabel: str
    ylabel: str
    logarithmic: Literal["", "y", "xy"] = ""
    ribbons: tuple[Ribbon, ...] = ()
    measured: tuple[Band, ...] = ()
    paths: tuple[Curve, ...] = ()
    theory: tuple[Curve, ...] = ()


@dataclass(frozen=True)
class BarPanel:
    """A histogram by its bins: densities between ``edges`` with their intervals; ``bars``, ``intervals`` name both."""

    title: str
    xlabel: str
    edges: FloatArray
    density: FloatArray
    lower: FloatArray
    upper: FloatArray
    bars: str
    intervals: str
    theory: tuple[Curve, ...] = ()


@dataclass(frozen=True)
class HeatPanel:
    """One map: ``values[i, j]`` at ``rows[i]`` (upward) and ``columns[j]`` (to the right).

    Attributes
    ----------
    title, xlabel, ylabel : str
    columns, rows : float64 arrays, increasing
    values : float64 array (rows, columns)
        Infinite values have the last shade, NaN none.
    theory : tuple of Curve
        Predicted curves, black in white, the first solid, the others dashed; those of one label are drawn alike in all
        panels and share a line of the legend.
    scale : ``powers of ten`` or ``accuracy``
        What the values are: shades go from -3 to 3, or from 0 to 1. Maps of one picture have one scale.
    """

    title: str
    xlabel: str
    ylabel: str
    columns: FloatArray
    rows: FloatArray
    values: FloatArray
    theory: tuple[Curve, ...] = ()
    scale: Literal["powers of ten", "accuracy"] = "powers of ten"


@dataclass(frozen=True)
class RateDot:
    """An observed rate with its interval: whether it was promised exactly, and whether it is as it should be."""

    estimate: float
    lower: float
    upper: float
    exact: bool
    as_expected: bool


@dataclass(frozen=True)
class RateRow:
    """Observed rates beside one label; those of a control must break their promise."""

    label: str
    control: bool
    dots: tuple[RateDot, ...]


@dataclass(frozen=True)
class PromisePanel:
    """Observed rates beside the promised one, on a logarithmic axis.

    Attributes
    ----------
    title, xlabel : str
    promise : float
        No rate above it keeps the promise.
    smallest : float
        Where a rate of 0 is drawn.
    rows : tuple of RateRow
        Controls last. Panels of one picture have rows of the same labels.
    """

    title: str
    xlabel: str
    promise: float
    smallest: float
    rows: tuple[RateRow, ...]
    theory: tuple[Curve, ...] = ()


Panel: TypeAlias = HistogramPanel | RatePanel | PathPanel | CurvePanel | BarPanel | HeatPanel | PromisePanel


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


#: A histogram shows this central share of its sample.
CENTRAL_SHARE = 0.998


def histogram_bins(values: FloatArray) -> FloatArray:
    """Return bin edges over the central part of a finite sample, their width by Freedman and Diaconis."""
    values = check_squares("values", check_sample("values", values))
    tail = (1 - CENTRAL_SHARE) / 2
    low, first, third, high = (float(q) for q in np.quantile(values, [tail, 0.25, 0.75, 1 - tail]))
    if not high > low:
        half = max(abs(low), 1.0) / 20
        return np.linspace(low - half, low + half, 12)
    width = 2 * (third - first) / np.cbrt(values.size)
    bins = math.ceil(min((high - low) / width, 100.0)) if width > 0 else 30
    return np.linspace(low, high, max(bins, 8) + 1)
