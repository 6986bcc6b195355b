"""What several pictures share: bands of intervals and densities of laws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from theory_check.claims.observables import ROOT_DISPLACEMENT, Observable, Samples
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Sample
from theory_check.findings.pictures import Band, Curve, PathPanel
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.intervals import Interval, quantile_interval

#: Depths of the pictures of a quantity against depth.
DEPTHS = (10, 32, 100, 320, 1000)

#: Depths between the first and the last at which a prediction is drawn, at most.
_CURVE_DEPTHS = 25

#: What the error bars of the pictures are.
BARS = "bars: 99% intervals"


class LawWithDensity(Protocol):
    """A law whose density can be drawn."""

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantiles of probabilities of any shape."""

    def density(self, x: ArrayLike) -> FloatArray:
        """Return the density at points of any shape."""


def band(label: str, x: FloatArray, intervals: Sequence[Interval]) -> Band:
    """Return estimates and intervals at abscissae ``x``, to be drawn as points with error bars."""
    estimate, lower, upper = (np.array([getattr(i, end) for i in intervals]) for end in ("estimate", "lower", "upper"))
    return Band(label, x, estimate, lower, upper)


def by_depth(samples: Samples) -> list[Samples]:
    """Return the samples in groups that have the depths of :data:`DEPTHS`, in their order."""
    return [samples[start : start + len(DEPTHS)] for start in range(0, len(samples), len(DEPTHS))]


def median_band(label: str, samples: Samples) -> Band:
    """Return the medians of sqrt(D) against depth, with 99% intervals."""
    return band(
        label, sample_depths(samples), [quantile_interval(ROOT_DISPLACEMENT([s]), 0.5, alpha=0.01) for s in samples]
    )


def depth_curve(label: str, samples: Samples, value: Callable[[Cell], float]) -> Curve:
    """Return a prediction for networks like those of the samples, at all depths between theirs."""
    cell, depths = samples[0].experiment, sample_depths(samples)
    # Not np.geomspace alone: depths are whole numbers.
    between = np.unique(np.geomspace(depths.min(), depths.max(), _CURVE_DEPTHS).round())
    return Curve(label, between, np.array([value(_with_depth(cell, int(depth))) for depth in between]))


def _with_depth(cell: Cell, depth: int) -> Cell:
    """Return a cell of another depth, without what is observed at depths of its own."""
    return replace(cell, network=replace(cell.network, depth=depth), weight_gradients=(), recorded_depths=())


def sample_depths(samples: Samples) -> FloatArray:
    """Return the depths of the networks of samples."""
    return np.array([sample.experiment.network.depth for sample in samples], dtype=np.float64)


def depth_medians(label: str, sample: Sample[Any], what: Observable) -> Band:
    """Return the medians of an observable at each depth of one experiment, with 99% intervals."""
    values = what([sample])
    depths = np.array(sample.experiment.depths[: values.shape[1]], dtype=np.float64)
    return band(label, depths, [quantile_interval(column, 0.5, alpha=0.01) for column in values.T])


def order_line(medians: Band, order: float) -> Curve:
    """Return the line of an order of convergence through the median of the deepest network."""
    depths = medians.x
    return Curve(f"slope {-order or 0.0:g}", depths, medians.estimate[-1] * (depths / depths[-1]) ** -order)


def density_curve(label: str, law: LawWithDensity) -> Curve:
    """Return the density of a law between its quantiles at 0.0001 and 0.9999."""
    x = np.linspace(float(law.quantile(1e-4)), float(law.quantile(1.0 - 1e-4)), 300)
    return Curve(label, x, law.density(x))


def recorded_times(sample: Sample[Any]) -> FloatArray:
    """Return the recorded depths of a sample as parts of its depth."""
    return np.asarray(np.array(sample.experiment.recorded_depths) / sample.experiment.network.depth)


def norm_paths(title: str, sample: Sample[Any], paths: int, *theory: Curve) -> PathPanel:
    """Return the first paths of the log norm along the depth, with predicted curves."""
    ylabel, values = r"$\log(\Vert h_k\Vert^2 / \Vert h_0\Vert^2)$", sample.column("norm_profile")[:paths]
    return PathPanel(title, "$k / L$", ylabel, recorded_times(sample), values, theory)
