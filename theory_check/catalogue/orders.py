"""Orders of convergence of coupled networks to their limits (P6, P7, E14, C1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from theory_check.claims.bands import band
from theory_check.claims.claim import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import MeanEstimator, ProportionEstimator, QuantileEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.networks import SOURCE
from theory_check.claims.observables import Between
from theory_check.claims.rates import (
    AdjacentNormRatioDifferences,
    ErrorSlope,
    LogError,
    NormRatioDifference,
    RateEstimator,
    SquaredError,
    slope_variance,
)
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama, Noise
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.findings.pictures import Band, Curve, Picture, RatePanel
from theory_check.inference.intervals import quantile_interval
from theory_check.inference.rates import slope_weights
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.network import Network
from theory_check.networks.path_laws import PathLaw
from theory_check.networks.scalings import Scaling
from theory_check.theory.coupled_moments import coupled_moments
from theory_check.theory.orders import ODE_ORDER, STRONG_ORDER, mean_square_error, tied_wide_error

_RELU, _TANH, _LINEAR = Branch("res-1"), Branch("res-1", Activation("tanh")), Branch("linear")

_RESOLUTION = (
    "the prediction is exact at these depths and this width; the margin is the resolution that the profile pays for"
)
_LIMIT = (
    "the slope is a limit; at these depths its error is of the order of one over the coarsest, inside the part of the "
    "margin left for it"
)


def _brownian(branch: Branch, depth: int, doublings: int, noise: Noise = "shared", *, width: int = 10) -> EulerMaruyama:
    network = Network(branch, width, depth, Scaling.power(0.5))
    return EulerMaruyama(network=network, doublings=doublings, noise=noise, suprema=branch == _RELU)


def _along_path(
    branch: Branch, path: str, width: int, depth: int, doublings: int, *, reference: bool, tolerance: float = 1e-7
) -> Euler:
    network = Network(branch, width, depth, Scaling.power(1.0))
    return Euler(
        network=network, path=PathLaw.parse(path), doublings=doublings, reference=reference, tolerance=tolerance
    )


def _orders(*orders: tuple[str, float]) -> tuple[Variant, ...]:
    return tuple(Variant(f"order {name}", (-order, -order)) for name, order in orders)


def _brownian_slopes(profile: Profile) -> tuple[Check, ...]:
    depth, doublings = 16 * profile.depth, 4
    checks = []
    for branch, name, column in (
        (_RELU, "relu", "adjacent_error"),
        (_RELU, "relu-supremum", "adjacent_supremum"),
        (_TANH, "tanh", "adjacent_error"),
    ):
        shared = _brownian(branch, depth, doublings)
        independent = _brownian(branch, depth, doublings, "independent")
        depths = shared.depths[:-1]
        # The errors are quadratic forms of d normal numbers with unequal weights; as if d/2 of them counted equally.
        law = Normal(-STRONG_ORDER, slope_variance(depths, 0.5 * shared.network.width))
        estimator = QuantileEstimator(ErrorSlope(column, depths), 0.5, law)
        contrasted = name == "relu"
        checks.append(
            Check(
                name=f"res-1-{name}",
                experiments=(shared, independent) if contrasted else (shared,),
                quantity="median of the slope of $\\log\\Vert h^{(L)}-h^{(2L)}\\Vert$ on $\\log L$"
                + (", largest error over all times" if "supremum" in name else ""),
                estimator=estimator,
                target=(-STRONG_ORDER, -STRONG_ORDER),
                margin=0.07 * profile.precision,
                margin_reason=_LIMIT,
                allowance=0.5,
                variants=(
                    *_orders(("1", 1.0), ("0", 0.0)),
                    *(
                        (
                            Variant(
                                "noise that is not shared between depths",
                                estimator=replace(estimator, observable=ErrorSlope(column, depths, cell=1)),
                            ),
                        )
                        if contrasted
                        else ()
                    ),
                ),
            )
        )
    return (*checks, _still(profile))


_EVERY_INPUT = "the order is 1/2 for every input"


def _still(profile: Profile) -> Check:
    """Share of networks that never move: with no coordinate above zero at the input every branch is zero for ever."""
    width = 3
    experiment = _brownian(_RELU, 4, 2, width=width)
    target = 2.0**-width
    return Check(
        name=f"res-1-relu-d{width}-still",
        experiments=(experiment,),
        quantity="$\\mathbb{P}(h^{(L)}=h^{(2L)}$ at every depth$)$",
        # Errors of a network that moves are zero, or equal at two depths, with probability 0.
        estimator=ProportionEstimator(Between(ErrorSlope("adjacent_error", experiment.depths[:-1]), 0.0, 0.0)),
        target=(target, target),
        margin=0.04 * profile.precision,
        margin_reason=_RESOLUTION,
        exact=True,
        variants=(Variant(_EVERY_INPUT, (0.0, 0.0)),),
    )


def _linear_rates(profile: Profile) -> tuple[Check, ...]:
    strong, weak = _brownian(_LINEAR, 8, 4), _brownian(_LINEAR, 4, 3)
    coarse, fine = weak.depths[0], weak.depths[-1]
    width = weak.network.width
    target = mean_square_error(coarse, fine)
    checks = []
    for name, experiment, observable, quantity, margin, moments, wrong in (
        (
            "strong",
            strong,
            SquaredError("adjacent_error"),
            "slope of $\\log\\mathbb{E}\\Vert h^{(L)}-h^{(2L)}\\Vert^2$ on $\\log L$, minus twice the strong order",
            0.1,
            "squared_error",
            _orders(("1, strong", 2.0), ("0, strong", 0.0)),
        ),
        (
            "weak",
            weak,
            AdjacentNormRatioDifferences(),
            "slope of $\\log(\\mathbb{E}R^{(2L)}-\\mathbb{E}R^{(L)})$ on $\\log L$, minus the weak order",
            0.25,
            "norm_ratio_difference",
            _orders(("1/2, weak", 0.5), ("2, weak", 2.0), ("0, weak", 0.0)),
        ),
    ):
        depths = experiment.depths[:-1]
        errors = tuple(mean_square_error(n, 2 * n) for n in depths)
        slope = float(np.dot(slope_weights(np.log(depths)), np.log(errors)))
        variances = tuple(getattr(coupled_moments(width, n, 2 * n), moments)[1] for n in depths)
        checks.append(
            Check(
                name=f"linear-{name}",
                experiments=(experiment,),
                quantity=quantity,
                estimator=RateEstimator(observable, depths, errors, variances),
                target=(slope, slope),
                margin=margin * profile.precision,
                margin_reason=_RESOLUTION,
                exact=True,
                variants=wrong,
            )
        )
    checks.append(
        Check(
            name="linear-weak-error",
            experiments=(weak,),
            quantity=f"$\\mathbb{{E}}R^{{({fine})}}-\\mathbb{{E}}R^{{({coarse})}}$",
            estimator=MeanEstimator(
                NormRatioDifference(0, weak.doublings), coupled_moments(width, coarse, fine).norm_ratio_difference[1]
            ),
            target=(target, target),
            margin=0.1 * profile.precision * target,
            margin_reason=_RESOLUTION,
            exact=True,
            variants=(
                Variant("the constant is e, not e/2", (2.0 * target, 2.0 * target)),
                Variant("the mean does not depend on depth", (0.0, 0.0)),
                Variant(_LEADING_ORDER, (_leading(coarse, fine),) * 2),
            ),
        )
    )
    return tuple(checks)


_LEADING_ORDER = "the error is e/(2L), without higher orders"


def _leading(coarse: int, fine: int) -> float:
    return 0.5 * math.e * (1.0 / coarse - 1.0 / fine)


def _slope_along_path(
    profile: Profile, name: str, experiment: Euler, column: str, *, of: str, wrong: tuple[Variant, ...]
) -> Check:
    depths = experiment.depths if column == "flow_error" else experiment.depths[:-1]
    # A path's slope differs from -1 by the second term of its error, of order 1/L over the first: planned as half that
    # at depth 16. The spread falls faster with the profile than this and the margin do.
    law = Normal(-ODE_ORDER, (0.5 / 16 * profile.precision) ** 2)
    return Check(
        name=name,
        experiments=(experiment,),
        quantity=f"median of the slope of $\\log\\Vert {of}\\Vert$ on $\\log L$",
        estimator=QuantileEstimator(ErrorSlope(column, depths), 0.5, law),
        target=(-ODE_ORDER, -ODE_ORDER),
        margin=0.05 * profile.precision,
        margin_reason=_LIMIT,
        allowance=0.5,
        variants=wrong,
    )


_NOT_FIRST = _orders(("1/2", 0.5), ("0", 0.0), ("2", 2.0))


def _smooth(profile: Profile) -> tuple[Check, ...]:
    depth = 16 * profile.depth
    relu = _along_path(_RELU, "smooth:length=0.5", 8, depth, 4, reference=True)
    inner = _along_path(Branch("res-3"), "smooth:length=0.5", 8, depth, 4, reference=False)
    slope = ErrorSlope("flow_error", relu.depths)
    return (
        _slope_along_path(profile, "res-1-smooth", relu, "flow_error", of="h^{(L)}-H(1)", wrong=_NOT_FIRST),
        _slope_along_path(profile, "res-3-smooth", inner, "adjacent_error", of="h^{(L)}-h^{(2L)}", wrong=_NOT_FIRST),
        Check(
            name="res-1-every-path",
            experiments=(relu,),
            quantity="$P(\\text{slope of }\\log\\Vert h^{(L)}-H(1)\\Vert\\text{ within }0.1\\text{ of }-1)$",
            estimator=ProportionEstimator(Between(slope, -ODE_ORDER - 0.1, -ODE_ORDER + 0.1), truth=0.985),
            target=(0.95, 1.0),
            margin=0.15,
            margin_reason="paths without an active coordinate do not move and count as misses, 2^-d of all; the rest "
            "is for errors that are small by chance, whose second order shows",
            variants=(
                Variant(
                    "order 1/2 on every path",
                    estimator=ProportionEstimator(Between(slope, -0.6, -0.4), truth=0.985),
                ),
            ),
        ),
    )


def _tied(profile: Profile) -> tuple[Check, ...]:
    depth = 16 * profile.depth
    flow = _along_path(_LINEAR, "tied", 10, depth, 4, reference=True)
    wide = _along_path(_LINEAR, "tied", 40, depth, 1, reference=False)
    target = math.log(2.0 * depth * tied_wide_error(depth, 2 * depth))
    # Products of Gaussian matrices: the logarithm of a norm of V^2 expm(V) h fluctuates by about 2 / sqrt(d).
    law = Normal(target, 4.0 / wide.network.width)
    doubled, halved = target + math.log(2.0), target - math.log(2.0)
    return (
        _slope_along_path(profile, "linear-tied", flow, "flow_error", of="h^{(L)}-e^Vh_0", wrong=_NOT_FIRST),
        Check(
            name="linear-tied-constant",
            experiments=(wide,),
            quantity="median of $\\log(2L\\,\\Vert h^{(L)}-h^{(2L)}\\Vert/\\Vert h_0\\Vert)$",
            estimator=QuantileEstimator(LogError("adjacent_error", 0, math.log(2.0 * depth)), 0.5, law),
            target=(target, target),
            margin=0.25,
            margin_reason="the prediction is exact at this depth for infinite width; its error at width 40, and that "
            "of a median for a root mean square, is of order 1/d with a constant of several units",
            allowance=0.5,
            variants=(
                Variant("the constant is that of V^2 expm(V)", (doubled, doubled)),
                Variant("the constant is that of V^2 expm(V) / 4", (halved, halved)),
            ),
        ),
    )


def _pictured(profile: Profile) -> dict[Experiment, int]:
    depth = 16 * profile.depth
    return {
        _brownian(_LINEAR, 8, 4): 2048,
        _brownian(_RELU, depth, 4): 2048,
        _brownian(_RELU, depth, 4, "independent"): 2048,
        _along_path(_LINEAR, "tied", 10, 8, 5, reference=True): 128,
        _along_path(_RELU, "smooth:length=0.5", 8, depth, 4, reference=True): 128,
    }


def _medians(label: str, sample: Sample[Any], column: str, order: float) -> tuple[Band, Curve]:
    """Medians of an error against depth, and the line of the predicted slope through the deepest."""
    errors = sample.column(column)
    depths = np.array(sample.experiment.depths[: errors.shape[1]], dtype=np.float64)
    medians = [quantile_interval(error, 0.5, alpha=0.01) for error in errors.T]
    line = medians[-1].estimate * (depths / depths[-1]) ** -order
    return band(label, depths, medians), Curve(f"slope {-order or 0.0:g}", depths, line)


def _panel(title: str, ylabel: str, parts: Sequence[tuple[Band, Curve]]) -> RatePanel:
    bands, curves = zip(*parts, strict=True)
    return RatePanel(title, "depth $L$", ylabel, tuple(bands), tuple(curves))


def _picture(samples: Sequence[Sample[Any]]) -> Picture:
    linear, relu, independent, tied, smooth = samples
    return Picture(
        "orders",
        "Left: distance between the outputs of networks of depths $L$ and $2L$ that share their Brownian motion, and "
        "of networks that do not. Right: distance to the differential equation with the same path of weights. "
        "Medians with 99% intervals; lines of the predicted slope through the deepest median.",
        (
            _panel(
                "Shared noise, $\\beta = 1/2$",
                "$\\Vert h^{(L)}-h^{(2L)}\\Vert/\\Vert h_0\\Vert$",
                [
                    _medians("linear", linear, "adjacent_error", STRONG_ORDER),
                    _medians("res-1", relu, "adjacent_error", STRONG_ORDER),
                    _medians("res-1, independent noise", independent, "adjacent_error", 0.0),
                ],
            ),
            _panel(
                "One path of weights, $\\beta = 1$",
                "$\\Vert h^{(L)}-H(1)\\Vert/\\Vert h_0\\Vert$",
                [
                    _medians("linear, tied", tied, "flow_error", ODE_ORDER),
                    _medians("res-1, smooth", smooth, "flow_error", ODE_ORDER),
                ],
            ),
        ),
    )


ORDERS = Regime(
    name="orders",
    title="Orders of convergence: from the network to its limit",
    text=(
        "A deep network is a numerical scheme, and its depth the number of steps. Networks of several depths that "
        "share their noise, or their path of weights, approach one limit at the order of the scheme: 1/2 along "
        "Brownian motion, 1 along smooth paths. Without shared noise each depth has the law it had, and nothing "
        "converges."
    ),
    formula="\\Vert h^{(L)}-H(1)\\Vert = O(L^{-1/2})\\ \\text{(Brownian, } a_L = L^{-1/2}),\\qquad "
    "\\Vert h^{(L)}-H(1)\\Vert = O(L^{-1})\\ \\text{(smooth, } a_L = L^{-1})",
    claims=(
        Claim(
            id="P6",
            quick_precision=1.5,
            title="Strong order of the Euler-Maruyama scheme",
            statement=(
                "At $\\beta = 1/2$ with Gaussian $V$ a res-1 network is the Euler-Maruyama scheme of a stochastic "
                "differential equation: driven by one Brownian motion, networks of depth $L$ approach its solution at "
                "the order $L^{-1/2}$."
            ),
            formula="dH = d^{-1/2}\\,dB\\,\\sigma(H),\\qquad \\Vert h^{(L)}-H(1)\\Vert \\approx L^{-1/2}",
            source=SOURCE + "; Kloeden, Platen, *Numerical Solution of Stochastic Differential Equations*, 1992",
            derivation=(
                "h_k + L^(-1/2) V sigma(h_k) is a step of the scheme, V a rescaled increment of B. Errors between "
                "depths L and 2 L, multiplied by L^(1/2), tend to variables that are Gaussian given B, with one "
                "covariance for all L, and independent of each other given B (what drives them are products of "
                "increments within steps). So they are exchangeable between depths, and the slope of a replicate, "
                "whose weights are antisymmetric, has a law symmetric about -1/2: its median is -1/2."
            ),
            hypotheses="Gaussian V, Lipschitz sigma, at least one active coordinate at the input.",
            checks=_brownian_slopes,
            corrections=(
                Correction(
                    stated="With coupled noise the strong error of a res-1 network is of order $L^{-1/2}$.",
                    corrected="For ReLU only if some coordinate of the input is positive: otherwise the network never "
                    "moves, with probability $2^{-d}$, and its error has no order.",
                    variant=_EVERY_INPUT,
                ),
            ),
        ),
        Claim(
            id="E14",
            quick_precision=1.5,
            title="Strong and weak errors of linear networks",
            statement=(
                "For linear branches the mean square of the strong error and the weak error of $R$ are one number, "
                "explicit at every depth: strong order 1/2, weak order 1, and $e/(2L)$ to leading order."
            ),
            formula=(
                "\\mathbb{E}\\Vert h^{(L)}-h^{(N)}\\Vert^2/\\Vert h_0\\Vert^2 = "
                "\\mathbb{E}R^{(N)}-\\mathbb{E}R^{(L)} = (1+\\tfrac1N)^N-(1+\\tfrac1L)^L,\\qquad e-(1+\\tfrac1L)^L = "
                "\\frac{e}{2L}+O(L^{-2})"
            ),
            source="Derived",
            derivation=(
                "In E (I + a sum V_i)^T prod (I + a V_i) only terms with one V_i on each side survive, so the "
                "overlap of both networks has the mean of R of the coarser one. Variances for the intervals: the "
                "exact recursion of the second moments of the Gram matrix of both networks."
            ),
            hypotheses="Gaussian weights, linear branch, depth L divides N.",
            checks=_linear_rates,
            corrections=(
                Correction(
                    stated="The weak error of $\\mathbb{E}R$ is $e/(2L)$.",
                    corrected="To leading order only; at every depth it is $e-(1+1/L)^L$, and between two depths "
                    "$(1+1/N)^N-(1+1/L)^L$, which is the mean square of the strong error too.",
                    variant=_LEADING_ORDER,
                ),
            ),
        ),
        Claim(
            id="P7",
            title="Smooth weights: Euler's scheme",
            statement=(
                "With weights that are smooth functions of depth and $a_L = 1/L$ the network is Euler's scheme of an "
                "ordinary differential equation: the error is of order $1/L$ on every path."
            ),
            formula="\\frac{dH}{dt} = V(t)\\,g(H,\\theta(t)),\\qquad \\Vert h^{(L)}-H(1)\\Vert = O(1/L)",
            source=SOURCE,
            derivation=(
                "h_L - H(1) = -(1/(2L)) int J(1, s) H''(s) ds + O(L^-2), J the Jacobian of the flow. Piecewise linear "
                "activations keep the order: states cross their kinks at isolated times."
            ),
            hypotheses="Smooth paths of V and theta, piecewise smooth activation, at least one active coordinate.",
            checks=_smooth,
        ),
        Claim(
            id="C1",
            title="Tied weights",
            statement=(
                "With one matrix $V$ for all layers, a linear branch and $\\beta = 1$ the output tends to $e^V h_0$, "
                "with an error $V^2e^Vh_0/(2L)$."
            ),
            formula="h_L = (I+V/L)^L h_0 \\to e^V h_0,\\qquad L\\,(h_L-e^Vh_0) \\to -\\tfrac12 V^2e^V h_0",
            source="Derived",
            derivation=(
                "log(I + V/L)^L = V - V^2/(2L) + O(L^-2). The size of the constant: powers of a square Gaussian matrix "
                "become orthonormal on a vector as the width grows, so that squared norms are sums of squared "
                "coefficients, sqrt(I_0(2))/2 for V^2 expm(V)/2."
            ),
            hypotheses="Tied weights, linear branch; Gaussian V for the size of the constant.",
            checks=_tied,
        ),
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
