"""Exact statements beyond the mean of R: second moment of D, biases, leaky activations (E17, E18, E19)."""

from __future__ import annotations

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Profile, Variant
from theory_check.claims.estimators import DistanceEstimator, MeanEstimator
from theory_check.claims.networks import BRANCHES, cell, check_dominated, finite_depth_law, label, one_layer
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.theory import biased_moments, moments
from theory_check.theory.joint_moments import displacement_moment
from theory_check.theory.multiplier import Multiplier

_EXACT = "the prediction is exact at this depth and width; the margin is the resolution that the profile pays for"

#: Width, depth and beta of the leaky networks, with the slope; two slopes, one layer and many.
_LEAKY: tuple[tuple[float, int, int, float], ...] = ((0.01, 10, 1, 0.0), (0.3, 10, 1, 0.0), (0.3, 20, 50, 0.5))


def _squared_displacement(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for branch in BRANCHES:
        for beta, relative in ((0.5, 0.06), (1.0, 0.05)):
            network = cell(branch, "gaussian", 40, 16, beta, kernel="dense")
            layer = one_layer(network)
            target = moments.displacement_second_moment(*layer)
            mean = moments.mean_displacement(*layer)
            fluctuation = 1.0 + 2.0 / layer[0].width
            checks.append(
                Check(
                    name=f"{label(network)}-beta{beta:g}",
                    experiments=(network,),
                    quantity="$\\mathbb{E}\\,D^2$",
                    estimator=MeanEstimator(
                        of.Exponential("log_displacement", 4.0), displacement_moment(*layer, order=4) - target**2
                    ),
                    target=(target, target),
                    margin=relative * profile.precision * target,
                    margin_reason=_EXACT,
                    exact=True,
                    variants=(
                        Variant("D does not fluctuate", (mean**2, mean**2)),
                        *(
                            (Variant("D is chi-square, as in the identity regime", (mean**2 * fluctuation,) * 2),)
                            if abs(mean**2 * fluctuation / target - 1.0) > 2.0 * relative
                            else ()
                        ),
                    ),
                )
            )
    return tuple(checks)


def _biased(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for law in ("gaussian", "uniform", "rademacher"):
        # A narrow network, where one bias is a large part of the energy: B = 1/d on the sphere of radius sqrt(d).
        network = cell("res-2", law, 4, 64, 0.5, inputs=Input("sphere"), gradients=True, kernel="dense")
        check_dominated(network)
        width, depth = network.network.width, network.network.depth
        a = network.network.scaling.factor(depth)
        multiplier = Multiplier(width, "res-3")
        energy = 1.0 / width
        growth = moments.mean_displacement(multiplier, a, depth)
        unbiased_ratio = 1.0 + growth
        for name, observable, symbol, target, variance, wrong in (
            (
                "norm",
                of.NORM_RATIO,
                "R",
                moments.biased_norm_ratio_mean(multiplier, a, depth, bias_energy=energy),
                biased_moments.norm_ratio_variance(multiplier, a, depth, bias_energy=energy),
                Variant("the bias does not matter", (unbiased_ratio, unbiased_ratio)),
            ),
            (
                "displacement",
                of.DISPLACEMENT,
                "D",
                moments.biased_displacement_mean(multiplier, a, depth, bias_energy=energy),
                biased_moments.displacement_variance(multiplier, a, depth, bias_energy=energy),
                Variant("the bias does not matter", (growth, growth)),
            ),
            (
                "gradient",
                of.GRADIENT_RATIO,
                "R^*",
                unbiased_ratio,
                moments.norm_ratio_variance(multiplier, a, depth),
                Variant("the bias adds to the gradient", ((1.0 + energy) * unbiased_ratio - energy,) * 2),
            ),
        ):
            checks.append(
                Check(
                    name=f"{label(network)}-{name}",
                    experiments=(network,),
                    quantity=f"$\\mathbb{{E}}\\,{symbol}$ with a bias",
                    estimator=MeanEstimator(observable, variance),
                    target=(target, target),
                    margin=0.04 * profile.precision * target,
                    margin_reason=_EXACT,
                    exact=True,
                    variants=(wrong,),
                )
            )
    return tuple(checks)


def _leaky_laws(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for slope, width, depth, beta in _LEAKY:
        branch = Branch("res-3", Activation("leaky", slope))
        network = cell(branch, "gaussian", width, depth, beta, kernel="dense")
        multiplier, a, layers = one_layer(network)
        law = finite_depth_law(multiplier, a, layers)
        linear = finite_depth_law(Multiplier(width, "linear", 0.0, multiplier.kappa), a, layers)
        checks.append(
            Check(
                name=f"{label(network)}-slope{slope:g}-depth{depth}",
                experiments=(network,),
                quantity="Kolmogorov distance between $\\log R$ and the sum of independent $\\log M$, leaky activation",
                estimator=DistanceEstimator(of.LOG_NORM_RATIO, law),
                target=(0.0, law.error),
                margin=0.04 * profile.precision,
                margin_reason=_EXACT,
                exact=True,
                variants=(
                    Variant(
                        "the slope is 1 in the law of a layer",
                        estimator=DistanceEstimator(
                            of.LOG_NORM_RATIO, finite_depth_law(Multiplier(width, "res-3", 1.0), a, layers)
                        ),
                    ),
                    *(
                        (
                            Variant(
                                "a linear layer of the same kappa",
                                estimator=DistanceEstimator(of.LOG_NORM_RATIO, linear),
                            ),
                        )
                        if depth == 1 and slope < 0.1
                        else ()
                    ),
                ),
            )
        )
    return tuple(checks)


HIGHER_MOMENTS: tuple[Claim, ...] = (
    Claim(
        id="E17",
        quick_precision=1.2,
        title="Second moment of the displacement",
        statement="With Gaussian weights $\\mathbb{E}\\,D^2$ is an explicit combination of $L$-th powers.",
        formula=(
            "\\mathbb{E}\\,D^2 = \\mathbb{E}\\,R^2 - 4\\bigl(1+\\kappa a^2(1+\\tfrac2d)\\bigr)^L + 2(1+\\kappa "
            "a^2)^L + \\tfrac4d\\bigl[(1+\\kappa a^2)^L-1\\bigr] + 1"
        ),
        source="Derived",
        derivation=(
            "D = R - 2 Y + 1 with the overlap Y = <h_L, h_0>/||h_0||^2. The increment of a layer is isotropic given "
            "the past, so the moments of degree 4 in (||h||, Y) follow a linear recursion. The variance of D^2 that "
            "the interval needs comes from the same recursion at degree 16, evaluated exactly."
        ),
        hypotheses="Gaussian V and W; linear or res-3 branch.",
        checks=_squared_displacement,
    ),
    Claim(
        id="E18",
        quick_precision=1.7,
        title="Biases",
        statement=(
            "With symmetric biases inside the activation the mean squared norm grows as if the energy of a bias were "
            "added to that of the input; the mean of the gradient ratio does not change."
        ),
        formula=(
            "\\mathbb{E}\\,\\Vert h_L\\Vert^2 = (\\Vert h_0\\Vert^2+B)(1+\\kappa a^2)^L - B,\\qquad \\mathbb{E}\\,D = "
            "\\Bigl(1+\\frac{B}{\\Vert h_0\\Vert^2}\\Bigr)\\bigl[(1+\\kappa a^2)^L-1\\bigr]"
        ),
        source="Derived",
        derivation=(
            "(W h + b)_i is symmetric of variance (||h||^2 + B)/d in units of v_W, so E||g||^2 = kappa (||h||^2 + B): "
            "||h||^2 + B grows by the factor 1 + kappa a^2. A unit is active with probability 1/2 whatever the bias, "
            "which is all that the gradient sees."
        ),
        hypotheses="Symmetric independent V, W and b of kurtosis at most 3; ReLU.",
        checks=_biased,
    ),
    Claim(
        id="E19",
        title="Leaky activations",
        statement=(
            "With Gaussian weights and negative slope $s$ the law of a layer is that of E2 with "
            "$\\chi^2_N+s^2\\chi^2_{d-N}$ for $\\chi^2_N$."
        ),
        formula="s_{\\text{layer}}^2 = \\frac{\\chi^2_N + s^2\\chi^2_{d-N}}{d^2},\\qquad \\kappa = \\frac{1+s^2}{2}",
        source="Derived",
        derivation="The d - N inactive coordinates of W h keep s^2 of their square, independent of the active ones "
        "given N.",
        hypotheses="Gaussian V and W; leaky ReLU of slope s.",
        checks=_leaky_laws,
    ),
)
