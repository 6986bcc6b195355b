"""The picture of critical exponents against the Hurst index: measured, predicted and extrapolated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theory_check.catalogue.fractional_exponents import (
    GRADIENT_DEPTH,
    RES3,
    contour,
    fractional,
    gradient_contour,
    grid,
    limit,
    size,
    sweep,
)
from theory_check.claims.bands import band
from theory_check.claims.claim import Profile
from theory_check.claims.localisation import Crossing
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.findings.pictures import Band, Curve, Picture, RatePanel
from theory_check.inference.intervals import Interval, quantile_interval

_PICTURED = (0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9)
_PICTURED_GRADIENTS = (0.5, 0.7, 0.9)


def pictured(profile: Profile) -> dict[Experiment, int]:
    """Return the sweeps of the checks, where there are any, so that most come at no cost."""
    width, depth = size(profile)
    outputs = [
        sweep(RES3, fractional(h), width, depth, grid(contour(RES3, fractional(h), depth), 0.02)) for h in _PICTURED
    ]
    gradients = [
        sweep(
            RES3, fractional(h), 20, GRADIENT_DEPTH, grid(gradient_contour(h, GRADIENT_DEPTH, 20), 0.02), gradients=True
        )
        for h in _PICTURED_GRADIENTS
    ]
    return dict.fromkeys((*outputs, *gradients), 60)


def draw(samples: Sequence[Sample[Any]]) -> Picture:
    """Draw measured exponents over the predicted ones, output and gradient."""
    outputs, gradients = samples[: len(_PICTURED)], samples[len(_PICTURED) :]
    width, depth = outputs[0].experiment.width, outputs[0].experiment.depth
    hursts = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
    critical = Curve("$\\max(H, 1/2)$", hursts, np.maximum(hursts, 0.5))

    def measured(label: str, xs: Sequence[float], parts: Sequence[Sample[Any]], column: str) -> Band:
        medians = [quantile_interval(Crossing(column)([part]), 0.5, alpha=0.01) for part in parts]
        return band(label, np.array(xs), medians)

    def curve(label: str, exponent: Callable[[float], float]) -> Curve:
        return Curve(label, hursts, np.array([exponent(h) for h in hursts.tolist()]))

    above = _PICTURED[3:]
    limits = [limit(h, depth) for h in above]
    return Picture(
        "continuum",
        f"Scaling exponent at which the displacement is one, against the Hurst index of the weights (res-3; medians of "
        f"60 draws with 99% intervals). Left: output, width {width}, depth {depth}, with the recursion at that depth, "
        f"and its extrapolation to infinite depth. Right: gradient, width 20, depth {GRADIENT_DEPTH}: through two "
        "noises it has a weaker memory.",
        (
            RatePanel(
                "Output", "Hurst index $H$", "$\\beta$ at $D = 1$",
                (
                    measured(f"networks, $L = {depth}$", _PICTURED, outputs, "log_displacement"),
                    band(
                        "recursion, $L\\to\\infty$",
                        np.array(above),
                        [Interval(e.value, *e.interval, 0.01, "extrapolation") for e in limits],
                    ),
                ),
                (curve(f"recursion, $L = {depth}$", lambda h: contour(RES3, fractional(h), depth)), critical),
                logarithmic=False,
            ),
            RatePanel(
                "Gradient", "Hurst index $H$", "$\\beta$ at $D^* = 1$",
                (measured("networks", _PICTURED_GRADIENTS, gradients, "log_gradient_displacement"),),
                (
                    curve("recursion with $1/d$", lambda h: gradient_contour(h, GRADIENT_DEPTH, 20)),
                    curve("output", lambda h: contour(RES3, fractional(h), GRADIENT_DEPTH)),
                ),
                logarithmic=False,
            ),
        ),
    )  # fmt: skip
