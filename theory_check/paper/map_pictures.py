"""A phase map as a picture with its critical curves, as an archive, and as figure 7 of the paper.

The curves are those of :mod:`theory_check.theory.critical_curves`.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from theory_check.experiments.experiment import Sample
from theory_check.experiments.sweep import Sweep
from theory_check.findings.pictures import Curve, HeatPanel
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.files import write_together
from theory_check.networks.processes import FRACTIONAL_NOISE
from theory_check.paper.figure import FigureData, PaperFigure, Settings, Table
from theory_check.paper.phase_map import MapSpecification, PhaseMap, collect_map
from theory_check.reporting.drawing import render
from theory_check.theory.critical_curves import CriticalCurves, critical_curves, curve_seconds

#: Hurst indices at which curves are computed: a second or two each at depth 1000, and they are smooth.
_POINTS = 17
_TITLES = {
    "log_displacement": r"$\log_{10}\ \|h_L - h_0\| / \|h_0\|$, median",
    "log_gradient_displacement": r"$\log_{10}\ \|p_0 - p_L\| / \|p_L\|$, median",
}


def critical_curves_of(specification: MapSpecification, *, threads: int = 1) -> CriticalCurves | None:
    """Return the critical curves of a map, at no more Hurst indices than a smooth line needs.

    None unless the weights are fractional noise of unit variance and the branch has a closed recursion (C4): linear,
    res-1 or res-3 with a piecewise linear activation.
    """
    hursts = _hursts(specification)
    if not hursts.size:
        return None
    return critical_curves(
        specification.branch, hursts, specification.depth, width=specification.width, threads=threads
    )


def curve_seconds_of(specification: MapSpecification) -> float:
    """Return about how much processor time :func:`critical_curves_of` takes."""
    return curve_seconds(specification.branch, _hursts(specification), specification.depth)


def _hursts(specification: MapSpecification) -> FloatArray:
    """Return the Hurst indices of the curves; none where theory has no curves."""
    weights, branch = specification.weights, specification.branch
    if weights.process is not FRACTIONAL_NOISE or weights.gain != 1.0 or not branch.homogeneous:
        return np.empty(0)
    values = np.array(specification.values)
    chosen = np.unique(np.linspace(0, values.size - 1, min(values.size, _POINTS)).round().astype(np.intp))
    return values[chosen]


def map_panels(phase_map: PhaseMap, curves: CriticalCurves | None = None) -> list[HeatPanel]:
    """Return one panel for the output and, if the map has it, one for the gradient."""
    specification = phase_map.specification
    label = "$H$" if specification.parameter == "hurst" else specification.parameter
    betas, values = np.array(specification.betas), np.array(specification.values)
    return [
        HeatPanel(
            title,
            r"$\beta$",
            label,
            betas,
            values,
            phase_map.median(name),
            () if curves is None else _drawn(curves, name, specification.depth),
        )
        for name, title in _TITLES.items()
        if name in phase_map.values
    ]


def _drawn(curves: CriticalCurves, name: str, depth: int) -> tuple[Curve, ...]:
    contour, stationary = rf"predicted displacement 1 at $L = {depth}$", rf"no growth with $L$ at $L = {depth}$"
    limit, wide = r"limit $L \to \infty$", r"limit, width $\to \infty$ first"
    if name == "log_displacement":
        shown = {contour: curves.contour, stationary: curves.stationary, limit: curves.limit}
    else:
        shown = {contour: curves.gradient_contour, limit: curves.limit, wide: curves.gradient_limit}
    return tuple(_curve(label, betas, curves.hursts) for label, betas in shown.items() if np.isfinite(betas).any())


def _curve(label: str, betas: FloatArray, hursts: FloatArray) -> Curve:
    known = np.isfinite(betas)
    return Curve(label, betas[known], hursts[known])


def draw_map(phase_map: PhaseMap, *, threads: int = 1) -> bytes:
    """Return heat maps of the median displacements, of the output and of the gradient, as PNG.

    With the critical curves where theory has them: fractional noise and a piecewise linear branch.
    """
    return render(map_panels(phase_map, critical_curves_of(phase_map.specification, threads=threads)))["png"]


def write_map(phase_map: PhaseMap, path: Path, *, threads: int = 1) -> list[Path]:
    """Write a map as an ``.npz`` archive and a picture beside it.

    Parameters
    ----------
    phase_map : PhaseMap
    path : Path
        Of the archive.
    threads : int
        For the critical curves of the picture, which take a quarter of a minute of processor time at depth 1000.

    Returns
    -------
    list of Path
        The archive and the picture.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    specification = phase_map.specification
    buffer = io.BytesIO()
    text = json.dumps({"map": specification.to_json(), "seed": phase_map.seed}, sort_keys=True)
    np.savez(
        buffer,
        spec=np.array(text),
        parameters=np.array(specification.values),
        betas=np.array(specification.betas),
        **phase_map.values,  # type: ignore[arg-type]  # of savez: keywords are arrays, but for allow_pickle
    )
    picture = path.with_suffix(".png")
    write_together({picture: draw_map(phase_map, threads=threads), path: buffer.getvalue()})
    return [path, picture]


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


def _tabulate(settings: Settings, samples: Mapping[Sweep, Sample[Sweep]], threads: int) -> FigureData:
    specification = _specification(settings)
    found = collect_map(specification, settings.seed, samples)
    curves = critical_curves_of(specification, threads=threads)
    tables = [Table("", _COLUMNS, _rows(found))]
    if curves is not None:
        columns = [curves.hursts, *(getattr(curves, name) for name in list(_CURVES)[1:])]
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


FIGURE = PaperFigure(
    number=7,
    title="Displacement of output and gradient over the Hurst index and the scaling exponent",
    replicates=5,
    depth=1000,
    weights=None,
    experiments=lambda settings: _specification(settings).sweeps,
    tabulate=_tabulate,
    seconds=lambda settings: curve_seconds_of(_specification(settings)),
)
