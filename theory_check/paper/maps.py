"""Figure 7: heat maps of the displacements of output and gradient over the Hurst index and beta, with critical curves.

The curves are those of :mod:`theory_check.theory.critical_curves`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from theory_check.experiments.experiment import Sample
from theory_check.experiments.sweep import Sweep
from theory_check.paper.map_panels import critical_curves_of, map_panels
from theory_check.paper.model import FigureData, PaperFigure, Settings, Table
from theory_check.paper.phase_map import MapSpecification, PhaseMap, collect_map

_COLUMNS = {
    "hurst": "Hurst index of the weights (no unit)",
    "beta": "scaling exponent, a = depth^-beta (no unit)",
    "output": "median over draws and inputs of log10 |h_L - h_0|/|h_0| (powers of ten)",
    "output_lower_quartile": "lower quartile of the same",
    "output_upper_quartile": "upper quartile of the same",
    "gradient": "median of log10 |p_0 - p_L|/|p_L|, p_k the gradient at h_k (powers of ten)",
    "gradient_lower_quartile": "lower quartile of the same",
    "gradient_upper_quartile": "upper quartile of the same",
}
_CURVES = {
    "hurst": "Hurst index (no unit)",
    "contour": "beta where E D = 1 at this depth and infinite width; D = |h_L - h_0|^2/|h_0|^2",
    "stationary": "beta where d log E D / d log L = 0 at this depth and infinite width",
    "gradient_contour": "beta where E D* = 1 at this depth, to leading order in 1/width; D* = |p_0 - p_L|^2/|p_L|^2",
    "limit": "critical beta of output and gradient as the depth tends to infinity",
    "gradient_limit": "critical beta of the gradient as the depth tends to infinity, the width before it",
}


def _specification(settings: Settings) -> MapSpecification:
    return MapSpecification(depth=settings.depth, draws=settings.replicates)


def _experiments(settings: Settings) -> list[Sweep]:
    return _specification(settings).sweeps


def _tabulate(settings: Settings, samples: Mapping[Sweep, Sample[Sweep]], threads: int) -> FigureData:
    specification = _specification(settings)
    found = collect_map(specification, settings.seed, samples)
    curves = critical_curves_of(specification, threads=threads)
    tables = [Table("", _COLUMNS, _rows(found))]
    if curves is not None:
        columns = (
            curves.hursts,
            curves.contour,
            curves.stationary,
            curves.gradient_contour,
            curves.limit,
            curves.gradient_limit,
        )
        tables.append(Table("curves", _CURVES, list(zip(*(c.tolist() for c in columns), strict=True))))
    return FigureData(tuple(tables), tuple(map_panels(found, curves)), [specification.to_json()], found.seconds)


def _rows(found: PhaseMap) -> list[tuple[float, ...]]:
    specification: Any = found.specification
    columns = []
    for name in ("log_displacement", "log_gradient_displacement"):
        values = found.values[name].reshape(len(specification.values), len(specification.betas), -1) / math.log(10.0)
        # Interpolation between infinite values is not a number.
        quartiles = np.quantile(values, (0.25, 0.75), axis=2, method="inverted_cdf")
        columns += [found.median(name), quartiles[0], quartiles[1]]
    return [
        (hurst, beta, *(float(column[i, j]) for column in columns))
        for i, hurst in enumerate(specification.values)
        for j, beta in enumerate(specification.betas)
    ]


FIGURES = (
    PaperFigure(
        number=7,
        title="Displacement of output and gradient over the Hurst index and the scaling exponent",
        replicates=5,
        depth=1000,
        weights=None,
        experiments=_experiments,
        tabulate=_tabulate,
    ),
)
