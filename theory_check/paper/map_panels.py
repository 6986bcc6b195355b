"""A phase map as panels of heat maps, with the critical curves that theory has for its network."""

from __future__ import annotations

import numpy as np

from theory_check.findings.pictures import Curve, HeatPanel
from theory_check.foundation.arrays import FloatArray
from theory_check.paper.phase_map import MapSpecification, PhaseMap
from theory_check.theory.critical_curves import CriticalCurves, critical_curves
from theory_check.theory.infinite_width import WideBranch

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
    branch, slope = specification.branch, specification.branch.activation.negative_slope
    if specification.weights.law != "fgn" or specification.weights.gain != 1.0 or slope is None:
        return None
    if branch.name == "res-2":
        return None
    values = np.array(specification.values)
    chosen = np.unique(np.linspace(0, values.size - 1, min(values.size, _POINTS)).round().astype(np.intp))
    return critical_curves(
        WideBranch(branch.name, slope),
        values[chosen],
        specification.depth,
        width=specification.width,
        threads=threads,
    )


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
