"""The catalogue: every regime, in the order of the report. A new claim is added here and nowhere else."""

from __future__ import annotations

from theory_check.catalogue import (
    active_coordinates,
    brownian_orders,
    brownian_profile,
    continuum_picture,
    contraction,
    contrasts,
    critical_exponent,
    critical_scaling,
    determinant,
    exact_means,
    explosion,
    gradient_law,
    gradients,
    higher_moments,
    identity,
    lognormal_limit,
    lyapunov_spectrum,
    markov_bound,
    one_layer_law,
    path_orders,
    rough_diffusion,
    rough_paths,
    schedules,
    smooth_weights,
    two_inputs,
    weight_gradients,
    wide_recursion,
)
from theory_check.claims import Claim, Regime

REGIMES: tuple[Regime, ...] = (
    Regime(
        name="moments",
        title="Exact at every depth and scaling",
        text="Before any limit is taken, symmetry alone fixes the mean of the squared norm ratio, of the "
        "displacement and of their backward counterparts, for every symmetric weight law, depth, width and "
        "scaling. For Gaussian weights the layers multiply the squared norm by independent copies of one "
        "explicit variable, which gives every moment and the whole law at finite depth.",
        formula=r"R = \frac{\Vert h_L\Vert^2}{\Vert h_0\Vert^2},\qquad D = \frac{\Vert h_L-h_0\Vert^2}{\Vert "
        r"h_0\Vert^2},\qquad \mathbb{E}\,R = (1+\kappa a_L^2)^L,\qquad \mathbb{E}\,D = (1+\kappa a_L^2)^L - 1",
        claims=(
            exact_means.exact_means,
            one_layer_law.one_layer_law,
            one_layer_law.second_moment,
            markov_bound.markov_bound,
            higher_moments.second_moment_of_displacement,
            higher_moments.biases,
            higher_moments.leaky_activations,
        ),
    ),
    Regime(
        name="identity",
        title="Identity: beta above 1/2",
        text="When the scaling factor decays faster than $L^{-1/2}$, the residual branches add up to nothing: the "
        "output is the input. The sharp statement gives the rate and the law of what is left.",
        formula=r"L^{2\beta-1}\,\frac{D}{\kappa} \;\xrightarrow{\ \text{law}\ }\; \frac{\chi^2_d}{d},\qquad \beta > "
        r"\tfrac12",
        claims=(
            identity.identity,
            identity.displacement_law,
        ),
        illustrations=(identity.picture,),
    ),
    Regime(
        name="diffusion",
        title="Diffusion: beta equal to 1/2",
        text="At the critical scaling the output neither stays at the input nor explodes: the squared norm tends "
        "in law to a lognormal variable, along the depth to a geometric Brownian motion, and the weight law "
        "enters only through its variance.",
        formula=r"\log R \;\xrightarrow{\ \text{law}\ }\; N\Bigl(\kappa\bigl(1-\tfrac2d\bigr),\ "
        r"\tfrac{4\kappa}{d}\Bigr)",
        claims=(
            critical_scaling.critical_scaling,
            lognormal_limit.lognormal_limit,
            brownian_profile.brownian_profile,
            active_coordinates.active_coordinates,
        ),
        illustrations=(lognormal_limit.picture,),
    ),
    Regime(
        name="explosion",
        title="Explosion: beta below 1/2",
        text="When the scaling factor decays more slowly than $L^{-1/2}$, the output of a wide enough network "
        "explodes. Enough means more than two: at width 2 the log norm has no drift, and at width 1 the "
        "output collapses although its mean square explodes, carried by rare paths.",
        formula=r"L^{2\beta-1}\log R \;\to\; \kappa\bigl(1-\tfrac2d\bigr)\quad\text{in probability},\qquad 0 < \beta <"
        r" \tfrac12",
        claims=(
            explosion.explosion,
            explosion.explosion_rate,
        ),
        illustrations=(explosion.picture,),
    ),
    Regime(
        name="gradients",
        title="Gradients",
        text="Backward the same three regimes appear at the same thresholds. For branches without bias that scale "
        "with their input, the pairing of gradient and hidden state is constant along the depth, so gradients"
        " explode or vanish exactly where outputs do.",
        formula=r"\mathbb{E}\,D^* = (1+\kappa a_L^2)^L - 1 \;\to\; 0\ \ (\beta > \tfrac12),\quad e^{\kappa}-1\ \ "
        r"(\beta = \tfrac12),\quad \infty\ \ (\beta < \tfrac12)",
        claims=(
            gradients.gradients,
            gradients.conservation,
            weight_gradients.weight_gradients,
        ),
        illustrations=(gradients.picture,),
    ),
    Regime(
        name="jacobians",
        title="Jacobians",
        text="The Jacobian of a network with a homogeneous branch is a product of independent matrices close to "
        "the identity. At the critical scaling its determinant is lognormal with parameters that do not "
        "depend on the width. With Gaussian weights the gradient norm has the law of the output norm. For "
        "smaller exponents every singular value grows or decays at a rate of its own, evenly spaced.",
        formula=r"\log|\det J| \to N(-\tfrac{\kappa}{2},\,\kappa)\ \ (\beta = \tfrac12),\qquad "
        r"L^{2\beta-1}\log\sigma_i(J) \to \frac{\kappa(d-2i)}{2d}\ \ (0 < \beta < \tfrac12)",
        claims=(
            determinant.determinant,
            gradient_law.gradient_law,
            lyapunov_spectrum.lyapunov_spectrum,
        ),
        illustrations=(determinant.picture,),
    ),
    Regime(
        name="several-inputs",
        title="Two inputs of one network",
        text="Two inputs see the same weights, and the activation draws their hidden states together. At infinite "
        "width the cosine follows a differential equation; at finite width it is a diffusion on [-1, 1] whose"
        " drift is weaker by a term of order 1/d and whose law is spread over the whole interval when the "
        "network is narrow.",
        formula=r"dc = q\,[d(k-c) + c + c^2 k - 2k]\,dt + \sqrt{2q(1-c^2)(1-ck)}\,dB,\qquad q = \frac{\kappa}{d}",
        claims=(two_inputs.two_inputs,),
        illustrations=(two_inputs.picture,),
    ),
    Regime(
        name="schedules",
        title="Schedules: scaling factors that differ between layers",
        text="Only the sum of the squared factors matters, as long as no single layer does: then the log norm is "
        "normal with that sum as its time. Exact means need not even that. Summable schedules, made so that "
        "the output stays bounded at every depth, give their first layers a fixed share, and the law stays "
        "what these make of it.",
        formula=r"\Lambda = \sum_k a_k^2,\qquad \log R \to N\bigl(\Lambda\kappa(1-\tfrac2d),\ "
        r"\tfrac{4\kappa\Lambda}{d}\bigr)\quad\text{if }\max_k a_k\to 0,\qquad \mathbb{E}\,R = "
        r"\prod_k(1+\kappa a_k^2)",
        claims=(schedules.schedules,),
        illustrations=(schedules.picture,),
    ),
    Regime(
        name="rough",
        title="Rough weights: fractional noise along the layers",
        text="Weights that remember: each entry is fractional Gaussian noise along the layers, of Hurst index H. "
        "Rough weights, H < 1/2, push back and keep the diffusion of independent layers with a smaller drift "
        "and variance; linear networks of them contract. Long memory, H > 1/2, needs smaller factors, and its"
        " limit is reached so slowly that only a prediction at the depth itself can be tested.",
        formula=r"\rho(n) = \tfrac12\bigl(|n+1|^{2H} - 2|n|^{2H} + |n-1|^{2H}\bigr)",
        claims=(
            wide_recursion.wide_recursion,
            rough_diffusion.rough_diffusion,
            contraction.contraction,
            wide_recursion.long_memory,
        ),
        illustrations=(rough_diffusion.picture,),
    ),
    Regime(
        name="smooth",
        title="Smooth weights: the critical scaling is 1",
        text=r"Weights that change little from layer to layer add up like $L$, not like $\sqrt L$: the critical "
        r"exponent is 1, and there the network is Euler's scheme of a differential equation. Networks of "
        r"several depths read one path of weights, so that every path shows its own slope, almost without "
        r"noise. Rough paths keep the regimes and lose the order.",
        formula=r"\sqrt D \approx L^{1-\beta}\ (\beta > 1),\qquad \Vert h^{(L)}-h^{(2L)}\Vert \approx "
        r"L^{-\min(1,\,\nu+1/2)}\ (\beta = 1)",
        claims=(
            smooth_weights.smooth_weights,
            rough_paths.rough_paths,
        ),
        illustrations=(smooth_weights.picture,),
    ),
    Regime(
        name="continuum",
        title="The continuum between independent and smooth weights",
        text=r"Fractional noise of Hurst index $H$ lies between independent weights ($H = 1/2$) and smooth ones ($H"
        r" \to 1$), and so do its regimes: the exponent at which the output neither vanishes nor explodes "
        r"rises from 1/2 to 1. At finite depth it is far from its limit, where the recursion of infinite width"
        r" puts it. For res-3 gradients have an exponent of their own.",
        formula=r"\beta_c = \max(H, \tfrac12),\qquad \beta_c^* = \max(2H-1, \tfrac12)\ \text{for gradients at infinite"
        r" width}",
        claims=(
            critical_exponent.critical_exponent,
            critical_exponent.finite_depth_exponent,
        ),
        illustrations=(continuum_picture.picture,),
    ),
    Regime(
        name="orders",
        title="Orders of convergence: from the network to its limit",
        text="A deep network is a numerical scheme, and its depth the number of steps. Networks of several depths "
        "that share their noise, or their path of weights, approach one limit at the order of the scheme: 1/2"
        " along Brownian motion, 1 along smooth paths. Without shared noise each depth has the law it had, "
        "and nothing converges.",
        formula=r"\Vert h^{(L)}-H(1)\Vert = O(L^{-1/2})\ \text{(Brownian, } a_L = L^{-1/2}),\qquad \Vert "
        r"h^{(L)}-H(1)\Vert = O(L^{-1})\ \text{(smooth, } a_L = L^{-1})",
        claims=(
            brownian_orders.strong_order,
            brownian_orders.linear_orders,
            path_orders.smooth_order,
            path_orders.tied_order,
        ),
        illustrations=(path_orders.picture,),
    ),
    Regime(
        name="contrasts",
        title="Contrasts: where the hypotheses fail",
        text="The critical scaling is a statement about entries of finite variance that are not zero. Without "
        "variance the largest entries decide and the displacement grows without bound; with a zero last layer"
        " the network is the identity at every scaling; with another variance the limit law is that of "
        "another kappa.",
        formula=r"\mathrm{Var} = \infty:\ D \to \infty;\qquad V = 0:\ D = 0;\qquad \mathrm{Var} = v:\ \kappa \to v_V "
        r"v_W \kappa",
        claims=(contrasts.contrasts,),
        illustrations=(contrasts.picture,),
    ),
)


def all_claims() -> tuple[Claim, ...]:
    """Return all claims in the order of the report."""
    return tuple(claim for regime in REGIMES for claim in regime.claims)
