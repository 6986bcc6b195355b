"""The picture of critical exponents against the Hurst index: measured, predicted and extrapolated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from theory_check.catalogue.critical_exponent import GRADIENT_DEPTH, RES3, fractional, size, sweep
from theory_check.catalogue.pictures import BARS, band
from theory_check.claims import Illustration, Profile, crossing
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.findings.pictures import Band, Curve, Picture, RatePanel
from theory_check.inference.intervals import Interval, quantile_interval
from theory_check.theory.critical_curves import contour, extrapolated_exponent, gradient_contour

_HURSTS = (0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9)
_GRADIENT_HURSTS = (0.5, 0.7, 0.9)


def _pictured(profile: Profile) -> Mapping[Experiment, int]:
    """Return sweeps that checks need too, where there are any, so that most come at no cost."""
    width, depth = size(profile)
    outputs = [sweep(fractional(h), width, depth, contour(RES3, fractional(h), depth)) for h in _HURSTS]
    gradients = [
        sweep(fractional(h), 20, GRADIENT_DEPTH, gradient_contour(fractional(h), GRADIENT_DEPTH, 20), gradients=True)
        for h in _GRADIENT_HURSTS
    ]
    return dict.fromkeys((*outputs, *gradients), 30)


def _draw(samples: Sequence[Sample[Any]]) -> Picture:
    outputs, gradients = samples[: len(_HURSTS)], samples[len(_HURSTS) :]
    width, depth = outputs[0].experiment.width, outputs[0].experiment.depth
    hursts = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])

    def curve(label: str, exponent: Callable[[float], float]) -> Curve:
        return Curve(label, hursts, np.array([exponent(h) for h in hursts.tolist()]))

    def measured(label: str, at: Sequence[float], parts: Sequence[Sample[Any]], column: str) -> Band:
        medians = [quantile_interval(crossing(column)([part]), 0.5, alpha=0.01) for part in parts]
        return band(label, np.array(at), medians)

    above = [h for h in _HURSTS if h > 0.5]
    estimates = [extrapolated_exponent(h, depth) for h in above]
    limits = [Interval(e.value, *e.interval, 0.01, "extrapolation") for e in estimates]
    output = RatePanel(
        "Output", "Hurst index $H$", r"$\beta$ at $D = 1$",
        (
            measured(f"networks, $L = {depth}$", _HURSTS, outputs, "log_displacement"),
            band(r"recursion, $L\to\infty$", np.array(above), limits),
        ),
        (
            curve(f"recursion, $L = {depth}$", lambda h: contour(RES3, fractional(h), depth)),
            Curve(r"$\max(H, 1/2)$", hursts, np.maximum(hursts, 0.5)),
        ),
        logarithmic=False, bars=f"{BARS}, of the recursion: errors of the extrapolation",
    )  # fmt: skip
    gradient = RatePanel(
        "Gradient", "Hurst index $H$", r"$\beta$ at $D^* = 1$",
        (measured("networks", _GRADIENT_HURSTS, gradients, "log_gradient_displacement"),),
        (
            curve("recursion with $1/d$", lambda h: gradient_contour(fractional(h), GRADIENT_DEPTH, 20)),
            curve("output", lambda h: contour(RES3, fractional(h), GRADIENT_DEPTH)),
        ),
        logarithmic=False, bars=BARS,
    )  # fmt: skip
    return Picture(
        "continuum",
        "Scaling exponent at which the displacement is one, against the Hurst index of the weights (res-3; medians of "
        f"30 draws with 99% intervals). Left: output, width {width}, depth {depth}, with the recursion at that depth, "
        f"and its extrapolation to infinite depth. Right: gradient, width 20, depth {GRADIENT_DEPTH}: through two "
        "noises it has a weaker memory.",
        (output, gradient),
    )


picture = Illustration(experiments=_pictured, draw=_draw)
