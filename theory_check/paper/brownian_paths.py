"""Figure 6: sample paths of fractional Brownian motion, with the band of two standard deviations 2 t^H.

A path is the sum of the entries of a 1 x 1 weight matrix of fractional Gaussian noise over the layers, times L^-H.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from theory_check.findings.pictures import Curve, CurvePanel, Ribbon
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.networks.weights import Weights
from theory_check.paper.figure import FigureData, PaperFigure, Settings, Table
from theory_check.simulation.paths.sources import open_paths

_HURSTS = (0.2, 0.5, 0.8)
_COLUMNS = {
    "hurst": "Hurst index (no unit)",
    "path": "number of the path, from 1",
    "time": "k/L, the share of the layers (no unit)",
    "value": "value of the path, a standard deviation of 1 at time 1",
    "theory_deviation": "standard deviation time^hurst",
}


def fractional_path(hurst: float, depth: int, seed: int, number: int) -> FloatArray:
    """Return a path of fractional Brownian motion at times 0, 1/L, ..., 1.

    Parameters
    ----------
    hurst : float
    depth : int
        L.
    seed, number : int
        Root seed, and which of its paths.

    Returns
    -------
    float64 array (L + 1,)
    """
    weights = Weights.parse(f"fgn:hurst={hurst!r}")
    key = np.array(stream_key(seed, f"fractional path:{weights}:{depth}"), np.uint32)
    noise = open_paths(weights, 1, depth, key, number, Purpose.OUTER_WEIGHTS).layers(0, depth)
    path: FloatArray = np.concatenate([[0.0], np.cumsum(noise.ravel(), dtype=np.float64)])
    path *= float(depth) ** -hurst
    return path


def _tabulate(settings: Settings, _samples: Mapping[Any, Any], _threads: int) -> FigureData:
    times = np.arange(settings.depth + 1) / settings.depth
    rows: list[tuple[float, ...]] = []
    frames = []
    for hurst in _HURSTS:
        deviation = times**hurst
        paths = [fractional_path(hurst, settings.depth, settings.seed, n) for n in range(settings.replicates)]
        for number, path in enumerate(paths, start=1):
            columns = (times.tolist(), path.tolist(), deviation.tolist())
            rows += [(hurst, number, *row) for row in zip(*columns, strict=True)]
        label = "path" if len(paths) == 1 else f"{len(paths)} paths"
        frames.append(
            CurvePanel(
                title=f"$H = {hurst:g}$",
                xlabel="$k/L$",
                ylabel="$B^H$",
                ribbons=(Ribbon(r"$\pm 2\,(k/L)^H$: 95% at each $k$", times, -2 * deviation, 2 * deviation),),
                paths=tuple(Curve(label, times, path) for path in paths),
            )
        )
    specification = [{"weights": f"fgn:hurst={h:g}", "width": 1, "depth": settings.depth} for h in _HURSTS]
    return FigureData((Table("", _COLUMNS, rows),), tuple(frames), specification)


FIGURE = PaperFigure(
    number=6,
    title="Sample paths of fractional Brownian motion",
    replicates=1,
    depth=1000,
    weights=None,
    experiments=lambda _settings: (),
    tabulate=_tabulate,
    rows=lambda settings: len(_HURSTS) * settings.replicates * (settings.depth + 1),
)
