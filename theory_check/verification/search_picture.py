"""The networks of a search as a picture: where in the domain they lie, and how the estimates agree there."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from theory_check.experiments.cell import Cell
from theory_check.findings.pictures import Band, Curve, Picture, RatePanel
from theory_check.verification.search import Observation, SearchResult

#: What the panels have on their horizontal axis.
_COORDINATES: tuple[tuple[str, str, Callable[[Cell], float | None]], ...] = (
    ("Width", r"$\log_2$ width", lambda cell: math.log2(cell.network.width)),
    ("Depth", r"$\log_2$ depth", lambda cell: math.log2(cell.network.depth)),
    ("Scaling", r"$\beta$", lambda cell: cell.network.scaling.beta),
)


def search_picture(result: SearchResult) -> Picture:
    """Return a small multiple of the networks of exploration against width, depth and beta.

    It shows, of the check of each network that speaks most against the claim, the estimate over the prediction; where
    no prediction is a number other than 0, as for distances of laws, the evidence against the claim.

    Parameters
    ----------
    result : SearchResult

    Returns
    -------
    Picture
    """
    cells = [seen for seen in result.observations if isinstance(seen.network, Cell)]
    numbers = [seen for seen in cells if math.isfinite(seen.ratio[0])]
    shown, ylabel, level = (numbers, "estimate / prediction", 1.0) if numbers else (cells, _EVIDENCE, 0.0)
    bars = "bars: 99% intervals" if numbers else ""
    panels = []
    for title, xlabel, place in _COORDINATES:
        placed = [(at, seen) for seen in shown if (at := place(seen.network)) is not None]
        x = np.array([at for at, _ in placed], dtype=np.float64)
        values = np.array([_values(seen, bool(numbers)) for _, seen in placed]).reshape(-1, 3)
        ends = np.array([x.min(), x.max()]) if x.size else np.zeros(0)
        predicted = Curve("prediction" if numbers else "no evidence", ends, np.full(ends.size, level))
        measured = Band("networks", x, *values.T)
        panels.append(RatePanel(title, xlabel, ylabel, (measured,), (predicted,), logarithmic=False, bars=bars))
    caption = f"The {len(shown)} networks that a search for counterexamples to {result.claim.id} drew from its domain."
    return Picture(f"search-{result.claim.id.lower()}", caption, tuple(panels))


_EVIDENCE = r"$\log_{10}$ evidence against the claim"


def _values(seen: Observation, ratio: bool) -> tuple[float, float, float]:
    evidence = seen.log_evidence / math.log(10.0)
    return seen.ratio if ratio else (evidence, evidence, evidence)
