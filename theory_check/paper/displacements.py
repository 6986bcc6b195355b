"""Figures 1, 3, 4 and 5: displacement of output and gradient against the depth, in three regimes.

Predictions, at the depth of each point:

* independent weights (figures 1 and 3): the root mean sqrt((1 + kappa a^2)^L - 1), exact (E1), of output and gradient
  alike; and median and quartiles, for Gaussian weights, output and gradient alike (E16): from the limit chi2_d/d for
  beta > 1/2 (E6), from the exact law of R for beta < 1/2, as those of sqrt(R - 1) (E2; D and R - 1 differ by
  2 (1 - <h_L, h_0>/|h_0|^2), of mean 0 and small where R is large), and at beta = 1/2 from the lognormal law with the
  exact mean and variance of D (E1, E17);
* correlated weights (figures 4 and 5): the root mean to leading order in the width, for the output that of infinite
  width (C4), and for beta > 1 the slope 1 - beta (P8).

Samples of 20,000 Gaussian networks agree with these quartiles within 0.1% at beta = 1/2, 0.3% at the others from depth
120 on, and 5% at depth 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from theory_check.claims.networks import finite_depth_law, layer_law, one_layer
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import Band, Curve, CurvePanel, Ribbon
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import quantile_interval
from theory_check.networks.branches import Branch
from theory_check.networks.weights import Weights
from theory_check.paper.figure import LEVEL, FigureData, PaperFigure, Settings, Table
from theory_check.theory.gradient_recursion import log_gradient_displacement
from theory_check.theory.infinite_width import wide_network
from theory_check.theory.limits import SMOOTH_CRITICAL_EXPONENT, smooth_slope
from theory_check.theory.moments import displacement_variance, mean_displacement

_WIDTH, _DEPTHS, _FIRST = 40, 10, 10
#: Scaling exponents of the panels, for independent weights and for those of a process.
_BETAS = {True: (1.0, 0.25, 0.5), False: (2.0, 0.5, 1.0)}
_QUARTILES = (0.25, 0.5, 0.75)
_LARGEST = np.finfo(np.float64).max

_LABELS = {
    "log_displacement": r"$\|h_L - h_0\| / \|h_0\|$",
    "log_gradient_displacement": r"$\|p_0 - p_L\| / \|p_L\|$",
}
_PREDICTIONS = {
    "theory_root_mean": "predicted root mean square",
    "theory_lower_quartile": "predicted quartiles",
    "theory_median": "predicted median",
    "theory_upper_quartile": "predicted quartiles",
}


def _are_independent(settings: Settings) -> bool:
    return Weights.parse(settings.weights or "").process is None


def _depths(largest: int) -> list[int]:
    return sorted({int(depth) for depth in np.linspace(min(_FIRST, largest), largest, _DEPTHS)})


def _cell(settings: Settings, beta: float, depth: int, column: str) -> Cell:
    gradients = column == "log_gradient_displacement"
    return network(
        "res-3", settings.weights or "", width=_WIDTH, depth=depth, beta=beta, input="paper", gradients=gradients
    )


def _cells(column: str, independent: bool, settings: Settings) -> list[Cell]:
    if _are_independent(settings) != independent:
        kind = "independent from layer to layer" if independent else "of a process along the layers"
        raise SpecificationError(f"weights are {settings.weights!r}; this figure is of weights {kind}")
    cells = [_cell(settings, beta, depth, column) for beta in _BETAS[independent] for depth in _depths(settings.depth)]
    if independent:
        layer_law(cells[0])  # nothing is predicted without a variance: say so before anything is simulated
    return cells


def _independent_predictions(cell: Cell) -> dict[str, float]:
    """Return root mean, quartiles and median of sqrt(D) that are predicted for independent weights."""
    layer, a, depth = one_layer(cell)
    beta = cell.network.scaling.beta
    mean = mean_displacement(layer, a, depth)
    levels = np.array(_QUARTILES)
    if beta is None or beta == 0.5:
        squares = _lognormal_quantiles(mean, displacement_variance(layer, a, depth), levels)
    elif beta > 0.5:
        from scipy.special import gammaincinv

        squares = layer.kappa * a * a * depth * gammaincinv(layer.width / 2, levels) * 2 / layer.width
    else:
        squares = np.expm1(finite_depth_law(layer, a, depth).quantile(levels))
    # Where R falls below 1 with this probability, sqrt(R - 1) says nothing of D.
    quartiles = np.sqrt(np.maximum(squares, 0.0)).tolist()
    return dict(zip(_PREDICTIONS, [math.sqrt(mean), *quartiles], strict=True))


def _lognormal_quantiles(mean: float, variance: float, levels: FloatArray) -> FloatArray:
    from scipy.special import ndtri

    spread = math.log1p(variance / mean**2)
    return np.asarray(np.exp(math.log(mean) - spread / 2 + math.sqrt(spread) * ndtri(levels)))


def _wide_predictions(cell: Cell, column: str) -> dict[str, float]:
    """Return the root mean of sqrt(D) or sqrt(D*) for weights of a process, to leading order in the width."""
    depth, beta = cell.network.depth, float(cell.network.scaling.beta or 0.0)
    if not cell.weights.process or not cell.weights.process.stationary or cell.weights.gain != 1.0:
        return {"theory_root_mean": math.nan}
    correlation = cell.weights.autocovariance(depth)
    if column == "log_displacement":
        logarithm = float(
            wide_network(Branch(), correlation, cell.network.scaling.factor(depth), depth).log_displacement[-1]
        )
    else:
        logarithm = log_gradient_displacement(Branch(), correlation, beta, depth, width=cell.network.width)
    return {"theory_root_mean": math.exp(logarithm / 2)}


def _predictions(cell: Cell, column: str) -> dict[str, float]:
    return _independent_predictions(cell) if cell.weights.process is None else _wide_predictions(cell, column)


def _measurements(sample: Sample, column: str) -> dict[str, float]:
    """Return statistics of sqrt(D) over the repetitions; a value beyond double precision is infinite."""
    with np.errstate(over="ignore"):
        values = np.exp(sample.values[column])
    # Order statistics are taken of finite numbers.
    median = quantile_interval(np.clip(values, 0.0, _LARGEST), 0.5, alpha=LEVEL)
    lower, upper = np.quantile(values, (0.25, 0.75), method="inverted_cdf")
    with np.errstate(over="ignore"):
        root_mean = float(np.sqrt(np.mean(values**2)))
    return {
        "median": median.estimate,
        "median_lower": median.lower,
        "median_upper": median.upper,
        "lower_quartile": float(lower),
        "upper_quartile": float(upper),
        "mean": float(np.mean(values)),
        "root_mean": root_mean,
    }


def _columns(column: str, predicted: Mapping[str, float]) -> dict[str, str]:
    what = "|h_L - h_0|/|h_0|" if column == "log_displacement" else "|p_0 - p_L|/|p_L|, p_k the gradient at h_k"
    meanings = {
        "beta": "scaling exponent, a = depth^-beta (no unit)",
        "depth": "number of layers",
        "repetitions": "independent networks",
        "median": f"median of {what} over the repetitions (no unit, as all that follows)",
        "median_lower": f"lower end of the {1 - LEVEL:.0%} interval of the median, by order statistics",
        "median_upper": "upper end of that interval",
        "lower_quartile": "lower quartile of the repetitions",
        "upper_quartile": "upper quartile of the repetitions",
        "mean": "mean of the repetitions, carried by rare networks where the norm explodes",
        "root_mean": "root of the mean square of the repetitions, carried by rare networks likewise",
    }
    theory = {
        "theory_root_mean": "predicted root of the mean square; to leading order in the width for weights of a process",
        "theory_lower_quartile": "predicted lower quartile, Gaussian weights",
        "theory_median": "predicted median, Gaussian weights",
        "theory_upper_quartile": "predicted upper quartile, Gaussian weights",
    }
    return meanings | {name: theory[name] for name in predicted}


def _tabulate(
    column: str, independent: bool, settings: Settings, samples: Mapping[Cell, Sample], _threads: int
) -> FigureData:
    cells = _cells(column, independent, settings)
    predicted = {cell: _predictions(cell, column) for cell in cells}
    measured = {cell: _measurements(samples[cell], column) for cell in cells}
    rows = [
        (
            cell.network.scaling.beta or 0.0,
            cell.network.depth,
            settings.replicates,
            *measured[cell].values(),
            *predicted[cell].values(),
        )
        for cell in cells
    ]
    points = {
        beta: {cell.network.depth: measured[cell] for cell in cells if cell.network.scaling.beta == beta}
        for beta in _BETAS[independent]
    }
    return FigureData(
        tables=(Table("", _columns(column, predicted[cells[0]]), rows),),
        panels=tuple(_panel(column, beta, settings, measured) for beta, measured in points.items()),
        experiments=[cell.to_json() for cell in cells],
        seconds=sum(sample.seconds for sample in samples.values()),
    )


def _panel(column: str, beta: float, settings: Settings, measured: Mapping[int, Mapping[str, float]]) -> CurvePanel:
    depths = np.array(list(measured), dtype=np.float64)
    critical = 0.5 if _are_independent(settings) else SMOOTH_CRITICAL_EXPONENT

    def series(*names: str) -> list[FloatArray]:
        return [np.array([values[name] for values in measured.values()]) for name in names]

    return CurvePanel(
        title=rf"$\beta = {beta:g}$",
        xlabel="$L$",
        ylabel=_LABELS[column],
        # Powers of the depth above the critical exponent, exponentials below, one size at it.
        logarithmic="xy" if beta > critical else "y" if beta < critical else "",
        ribbons=(Ribbon("half of the networks", depths, *series("lower_quartile", "upper_quartile")),),
        measured=(
            Band(f"median, {1 - LEVEL:.0%} interval", depths, *series("median", "median_lower", "median_upper")),
        ),
        theory=tuple(_curves(column, beta, settings, depths)),
    )


def _curves(column: str, beta: float, settings: Settings, depths: FloatArray) -> Iterator[Curve]:
    """Yield the predictions, at a few more depths where they bend."""
    early = np.geomspace(depths[0], depths[min(1, depths.size - 1)], 6)[1:-1]
    grid = np.unique(np.concatenate([depths, np.round(early)]))
    found = [_predictions(_cell(settings, beta, int(depth), "log_displacement"), column) for depth in grid]
    independent = _are_independent(settings)
    for name in found[0]:
        values = np.array([one[name] for one in found])
        positive = np.isfinite(values) & (values > 0)
        if positive.any():
            label = _PREDICTIONS[name] if independent else "root mean square, large width"
            yield Curve(label, grid[positive], values[positive])
    end = found[-1]["theory_root_mean"]
    if not independent and beta > 1.0 and np.isfinite(end):
        yield Curve(r"slope $1 - \beta$, from the last depth", grid, end * (grid / grid[-1]) ** smooth_slope(beta))


FIGURES = tuple(
    PaperFigure(
        number=number,
        title=f"Displacement of the {what}, {'independent' if independent else 'smooth'} weights",
        replicates=50,
        depth=1000,
        weights="uniform" if independent else "smooth:length=0.1",
        experiments=partial(_cells, column, independent),
        tabulate=partial(_tabulate, column, independent),
    )
    for number, what, column, independent in (
        (1, "output", "log_displacement", True),
        (3, "gradient", "log_gradient_displacement", True),
        (4, "output", "log_displacement", False),
        (5, "gradient", "log_gradient_displacement", False),
    )
)
