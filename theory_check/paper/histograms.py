"""Figure 2: histograms of the norm ratios of output and gradient at beta = 1/2.

Predictions for both (E16): the density of the lognormal limit (E4), and for each bin the probability under the exact
law at this depth for Gaussian weights (E2).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from theory_check.claims.networks import finite_depth_law, layer_law, one_layer
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import BarPanel, Curve, histogram_bins
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import proportion_interval
from theory_check.paper.figure import LEVEL, FigureData, PaperFigure, Settings, Table
from theory_check.theory.limits import lognormal_limit

_WIDTH = 100
_QUANTITIES = {
    "log_norm_ratio": ("output", r"$\|h_L\| / \|h_0\|$"),
    "log_gradient_ratio": ("gradient", r"$\|p_0\| / \|p_L\|$"),
}
_COLUMNS = {
    "quantity": "output: |h_L|/|h_0|; gradient: |p_0|/|p_L|, p_k the gradient at h_k",
    "lower_edge": "lower edge of the bin (no unit)",
    "upper_edge": "upper edge of the bin (no unit)",
    "count": "repetitions in the bin",
    "density": "share of all repetitions over the width of the bin",
    "density_lower": f"lower end of its {1 - LEVEL:.0%} Clopper-Pearson interval, for this bin alone",
    "density_upper": "upper end of that interval",
    "theory_limit": "mean density of the lognormal limit in the bin",
    "theory_exact": "mean density of the exact law at this depth in the bin, Gaussian weights",
}


def _experiments(settings: Settings) -> list[Cell]:
    cell = network("res-3", settings.weights or "", width=_WIDTH, depth=settings.depth, input="paper", gradients=True)
    if cell.weights.process is not None:
        raise SpecificationError(
            f"weights are {settings.weights!r}; figure 2 is of weights independent from layer to layer"
        )
    layer_law(cell)  # nothing is predicted without a variance: say so before anything is simulated
    return [cell]


def _tabulate(settings: Settings, samples: Mapping[Cell, Sample], _threads: int) -> FigureData:
    from scipy.special import ndtr

    cell = _experiments(settings)[0]
    sample = samples[cell]
    limit, exact = lognormal_limit(layer_law(cell)), finite_depth_law(*one_layer(cell))
    rows: list[tuple[float | str, ...]] = []
    frames = []
    for column, (quantity, label) in _QUANTITIES.items():
        values = np.exp(sample.column(column) / 2)
        edges = histogram_bins(values)
        counts, _ = np.histogram(values, edges)
        logs = 2 * np.log(edges)
        widths = np.diff(edges)
        bounds = [proportion_interval(int(count), values.size, alpha=LEVEL) for count in counts]
        lower, upper = (np.array([getattr(b, end) for b in bounds]) / widths for end in ("lower", "upper"))
        density = counts / values.size / widths
        standard = (logs - limit.mean) / limit.variance**0.5
        predicted = np.diff(ndtr(standard)) / widths, np.diff(exact.cdf(logs)) / widths
        columns: tuple[FloatArray, ...] = (edges[:-1], edges[1:], counts, density, lower, upper, *predicted)
        rows += [(quantity, *row) for row in zip(*(c.tolist() for c in columns), strict=True)]
        x = np.linspace(edges[0], edges[-1], 300)
        z = (2 * np.log(x) - limit.mean) / limit.variance**0.5
        y = np.exp(-z * z / 2) * 2 / (x * (2 * np.pi * limit.variance) ** 0.5)
        frames.append(
            BarPanel(
                title=quantity.capitalize(),
                xlabel=label,
                edges=edges,
                density=density,
                lower=lower,
                upper=upper,
                bars=f"{values.size:,} networks",
                intervals=f"{1 - LEVEL:.0%} interval of a bin",
                theory=(Curve("lognormal limit", x, y),),
            )
        )
    return FigureData((Table("", _COLUMNS, rows),), tuple(frames), [cell.to_json()], sample.seconds)


FIGURE = PaperFigure(
    number=2,
    title="Laws of the norm ratios of output and gradient at beta = 1/2",
    replicates=10**4,
    depth=1000,
    weights="uniform",
    experiments=_experiments,
    tabulate=_tabulate,
)
