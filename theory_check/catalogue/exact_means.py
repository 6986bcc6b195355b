"""Exact means of norm ratio, displacement and gradient ratio, at every depth and scaling (E1)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from theory_check.catalogue.admissible_laws import ADMISSIBLE, capped, gaussian_layer, margin, network_of
from theory_check.claims import Check, Domain, Hypothesis, Mean, Profile, check, claim
from theory_check.claims.domains import (
    DOMINATED,
    LARGEST_RELATIVE_VARIANCE,
    LAYERS,
    LINEAR_OR_RECTIFIER,
    NO_TIES,
    is_in_reach,
)
from theory_check.claims.networks import BRANCHES, COMBINATIONS, dominated_layer, label
from theory_check.claims.observables import (
    DISPLACEMENT,
    GRADIENT_RATIO,
    NORM_RATIO,
    PRODUCT,
    Observable,
    column,
    exp,
    expm1,
    increments,
    pooled,
)
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.networks.branches import BranchName
from theory_check.theory import moments
from theory_check.theory.entry_laws import norm_ratio_variance_bound
from theory_check.theory.scalar_products import mean_product, product_variance

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Branch, weights, beta and relative margin of the mean displacement away from the critical scaling.
OTHER_SCALINGS: tuple[tuple[BranchName, str, float, float], ...] = (
    ("linear", "uniform", 0.25, 0.15),
    ("res-3", "rademacher", 0.25, 0.15),
    ("linear", "rademacher", 1.0, 0.06),
    ("res-3", "uniform", 1.0, 0.06),
)


def over_inputs(deep: Cell, quantity: Observable) -> Observable:
    """Return a quantity of one input, or its average over several: no larger variance, whatever their dependence."""
    return quantity.mean() if deep.input.count > 1 else quantity


#: Width from which a layer of discrete entries cancels its input with a probability below 1e-12.
_WIDE = 40


def mean_checks(deep: Cell, relative: float, finer: float | None = None) -> Iterator[Check]:
    """Compare the means of D and, where gradients are observed, of R and R* for entries of kurtosis at most 3.

    ``finer`` is the relative margin of R and R*, where half of the effect of compounding, target less 1 + kappa a^2 L,
    asks for a finer one than D does.
    """
    multiplier, a, depth = layer = dominated_layer(deep)
    ratio, displacement = moments.norm_ratio_moment(*layer), moments.mean_displacement(*layer)
    variance, added = moments.norm_ratio_variance(*layer), multiplier.kappa * a * a * depth
    moved = over_inputs(deep, DISPLACEMENT)
    quantities = (
        ("norm", "R", Mean(over_inputs(deep, NORM_RATIO), variance), ratio, 1.0 + added),
        ("displacement", "D", Mean(moved, moments.displacement_variance(*layer)), displacement, added),
        ("gradient", "R^*", Mean(over_inputs(deep, GRADIENT_RATIO), variance), ratio, 1.0 + added),
    )
    for name, symbol, observed, target, additive in quantities if deep.gradients else quantities[1:2]:
        margin, start = relative * target, float(name != "displacement")
        if finer is not None and name != "displacement":
            margin = finer * target

        def heavier(more: float, start: float = start) -> float:
            return start + math.expm1(depth * math.log1p((1.0 + more) * multiplier.kappa * a * a))

        yield check(
            f"{label(deep)}-beta{deep.network.scaling.beta:g}-{name}", deep, rf"$\mathbb{{E}}\,{symbol}$", observed,
            target, margin=margin, wrong={"increments add up without compounding": additive},
            sized={"weights of {:.0%} more variance": heavier},
        )  # fmt: skip


def layer_check(deep: Cell, relative: float) -> Check:
    """Compare the mean growth of one layer given the past, over all layers: the network must record every depth.

    The L ratios of a network less their mean are martingale differences, of a conditional variance of at most that of
    the Gaussian multiplier (kurtosis at most 3, head of ``theory.moments``). Catoni's interval holds for all n L of
    them together: the deeper the network, the more values it gives.
    """
    multiplier, a, depth = dominated_layer(deep)
    kappa = multiplier.kappa
    other = 0.5 if deep.network.branch.is_linear else 1.0
    growth = pooled(expm1(increments(column("norm_profile"))) / (a * a))
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}-layer", deep,
        r"$a^{-2}\,\mathbb{E}[\Vert h_{k+1}\Vert^2/\Vert h_k\Vert^2 - 1\mid h_k]$, all layers",
        Mean(growth, moments.multiplier_variance(multiplier, a) / a**4, values_per_replicate=depth), kappa,
        margin=relative * kappa,
        wrong={
            f"kappa is {other:g}, that of the other branch": other,
            "growth by a instead of a^2": kappa / a,
            "the drift of the logarithm, kappa (1 - 2/d)": kappa * (1.0 - 2.0 / multiplier.width),
            "no growth": 0.0,
        },
        sized={"weights of {:.0%} more variance": lambda more: (1.0 + more) * kappa},
    )  # fmt: skip


def jacobian_check(deep: Cell, precision: float) -> Check:
    """Compare the mean squared singular value of the Jacobian: J multiplies vectors as it does gradients.

    It is the average of ||J e||^2 over unit vectors e. Whether a unit is active does not depend on the square of its
    input along e, for symmetric W: each ||J e||^2 has the mean of R, and moments up to the fourth as those of R. The
    variance of the average is at most that of R.
    """
    multiplier, a, depth = layer = dominated_layer(deep)
    target, before = moments.norm_ratio_moment(*layer), moments.norm_ratio_moment(multiplier, a, depth - 1)
    after = moments.norm_ratio_moment(multiplier, a, depth + 1)
    return check(
        f"{label(deep)}-depth{depth}-jacobian", deep, r"$\mathbb{E}\,\Vert\partial h_L/\partial h_0\Vert_F^2/d$",
        Mean(exp(2.0 * column("log_singular_values")).mean(), moments.norm_ratio_variance(*layer)), target,
        # 0.41 of the effect of a layer at the quick profile.
        margin=0.27 * (target - before) * precision,
        wrong={
            "a layer is missing": before, "a layer more": after,
            "increments add up without compounding": 1.0 + multiplier.kappa * a * a * depth,
        },
        sized={"weights of {:.1%} more variance": lambda more: moments.norm_ratio_moment(
            multiplier, a * math.sqrt(1.0 + more), depth)},
    )  # fmt: skip


def centred_check(layer: Cell, precision: float) -> Check:
    """Compare the mean of the cross term <V h, h>/||h||^2 = (R - 1 - D)/2 at h = (1, ..., 1) with 0.

    A mean m of the entries, in units of their deviation, would make it m sqrt(d). Its variance is 1/d for every law.
    """
    width = layer.network.width
    root = math.sqrt(width)
    return check(
        f"{label(layer)}-cross-term", layer,
        r"$\mathbb{E}\,\langle V h, h\rangle/\Vert h\Vert^2$ at $h = (1, \ldots, 1)$",
        Mean((NORM_RATIO - DISPLACEMENT - 1.0) * 0.5, 1.0 / width), 0.0, margin=0.0065 * precision,
        wrong={"entries have a mean of 1% of their deviation": 0.01 * root},
        sized={"entries have a mean of {:g}% of their deviation": lambda mean: 0.01 * mean * root},
    )  # fmt: skip


def product_check(deep: Cell, relative: float) -> Check:
    """Compare the mean scalar product of two correlated inputs of a linear network: it grows as the squared norms."""
    multiplier, a, depth = layer = dominated_layer(deep)
    start = float(deep.input.cosine or 0.0)
    target = mean_product(*layer, start)
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}-cosine{start:g}-product", deep,
        r"$\mathbb{E}\,\langle h_L, h_L'\rangle/(\Vert h_0\Vert\,\Vert h_0'\Vert)$ of two inputs",
        Mean(PRODUCT, product_variance(*layer, start)), target, margin=relative * abs(target),
        wrong={
            "two branches share nothing": start,
            "increments add up without compounding": start * (1.0 + multiplier.kappa * a * a * depth),
        },
        sized={"weights of {:.0%} more variance": lambda more: mean_product(
            replace(multiplier, gain=(1.0 + more) * multiplier.gain), a, depth, start)},
    )  # fmt: skip


def universal_check(deep: Cell, relative: float) -> Check:
    """Compare the mean of R for any law with a fourth moment."""
    multiplier, a, depth = layer = gaussian_layer(deep)
    target = moments.norm_ratio_moment(*layer)
    # Orthogonal V: ||V g|| = ||g|| and E s^2 = (d + 5)/(4 (d + 2)), below the Gaussian moments.
    variance = moments.norm_ratio_variance(*layer)
    if not deep.weights.definition.orthogonal and LINEAR_OR_RECTIFIER.holds(deep):
        # A gain enters through a^2 times the gain.
        unit, scaling = replace(multiplier, gain=1.0), a * math.sqrt(multiplier.gain)
        variance = norm_ratio_variance_bound(unit, deep.weights.kurtosis, deep.weights.skewness, scaling, depth)
    return check(
        f"{label(deep)}-universal-norm", deep, r"$\mathbb{E}\,R$", Mean(over_inputs(deep, NORM_RATIO), variance),
        target, margin=relative * target,
        wrong={
            "increments add up without compounding": 1.0 + multiplier.kappa,
            "He's variance in the last layer": moments.norm_ratio_moment(replace(multiplier, gain=2.0), a, depth),
        },
        sized={"weights of {:.0%} more variance": lambda more: moments.norm_ratio_moment(
            replace(multiplier, gain=(1.0 + more) * multiplier.gain), a, depth)},
    )  # fmt: skip


def _forward_unless_free_of_ties(deep: Cell) -> Cell:
    return deep if NO_TIES.holds(deep) else replace(deep, gradients=False)


def _does_not_vanish(deep: Cell) -> bool:
    """Tell whether all states differ from 0: discrete entries may cancel one, each coordinate with 1/2 at most."""
    return not deep.weights.definition.discrete or deep.network.width >= _WIDE


def _checks(deep: Cell, precision: float) -> Iterator[Check]:
    every_depth = deep.recorded_depths == tuple(range(deep.network.depth + 1))
    if DOMINATED.holds(deep) and every_depth and deep.input.count == 1 and _does_not_vanish(deep):
        growth = layer_check(deep, 0.1 * precision)
        if is_in_reach(growth):
            yield growth
    ratio = universal_check(deep, 0.1 * precision)
    if is_in_reach(ratio):
        if not DOMINATED.holds(deep) or not NO_TIES.holds(deep):
            yield ratio
        if DOMINATED.holds(deep):
            yield from mean_checks(_forward_unless_free_of_ties(deep), 0.06 * precision)
    if deep.input.cosine and deep.network.branch.is_linear and DOMINATED.holds(deep):
        product = product_check(deep, 0.1 * precision)
        if is_in_reach(product):
            yield product


def _networks() -> SearchStrategy[Cell]:
    from theory_check.strategies import betas, closed_branches, deep_cells, several_inputs, single_inputs, weights

    admissible = weights(finite_variance=True, nonzero=True)
    return (
        deep_cells(
            branches=closed_branches(),
            weights=admissible,
            betas=betas(0.3, 2.0),
            gradients=True,
            inputs=single_inputs() | several_inputs(),
        )
        | deep_cells(branches=closed_branches(), weights=admissible, betas=betas(0.0, 2.0), profile=True)
    ).filter(lambda deep: DOMAIN.violated(deep) is None)


#: A fourth moment of the entries bounds the variance that the intervals use.
FOURTH_MOMENT = Hypothesis(
    "fourth moment",
    "the entries are orthogonal, or independent with kurtosis at most 3, or with a finite one for linear and ReLU "
    "branches",
    lambda deep: deep.weights.definition.orthogonal or DOMINATED.holds(deep)
    or (LINEAR_OR_RECTIFIER.holds(deep) and deep.weights.kurtosis < math.inf),
)  # fmt: skip

DOMAIN = Domain(
    networks=_networks,
    build=_checks,
    hypotheses=(
        *LAYERS, FOURTH_MOMENT,
        Hypothesis(
            "mean in reach",
            f"the variance of R, or of its growth in a layer if all are recorded, is at most "
            f"{LARGEST_RELATIVE_VARIANCE:g} times the squared mean",
            lambda deep: any(_checks(deep, 1.0)),
        ),
    ),
)  # fmt: skip


@claim(
    "E1",
    domain=DOMAIN,
    quick_precision=1.5,
    title="Exact means",
    formula=r"\mathbb{E}\,R = \mathbb{E}\,R^* = (1+\kappa a^2)^L,\qquad \mathbb{E}\,D = (1+\kappa a^2)^L - 1",
    source="Derived; sharpens the bounds of @marion2025",
    derivation="Given h_k, V is centred and independent of g(h_k), so the cross term has mean zero and E||V g||^2 = "
    "||g||^2; E||g(h)||^2 = kappa ||h||^2 by symmetry of W. Induct over layers. Backward, the same holds for a "
    "gradient whose direction does not depend on the residual weights. That the cross term has mean zero is checked by "
    "itself at h = (1, ..., 1), where a mean of the entries adds up. The variance of R and D for entries of kurtosis "
    "at most 3 is at most the Gaussian one, which Catoni's interval uses. Where R is carried by rare paths the "
    "identity is checked layer by layer: given the past the ratios have mean 1 + kappa a^2 and a bounded variance, and "
    "the mean of R is the product of the layers' means. For several inputs the averages of R and D have the same means "
    "and no larger variances; for linear branches E[<V h, V h'> | h, h'] = <h, h'>, and scalar products grow as "
    "squared norms do.",
    hypotheses="V centred with uncorrelated entries; W symmetric without atoms at 0 of W h; p_L/||p_L|| independent.",
)
def exact_means(profile: Profile) -> Iterator[Check]:
    r"""For symmetric independent weights the mean of the squared norm ratio grows by the factor $1+\kappa a^2$ a layer,
    forward and backward, and the mean displacement is one less.
    """
    critical = [(network(branch, law, width=20, depth=64, gradients=True), 0.06) for branch, law in COMBINATIONS]
    others = [
        (network(branch, law, width=20, depth=64, beta=beta), relative)
        for branch, law, beta, relative in OTHER_SCALINGS
    ]
    for deep, relative in (*critical, *others):
        finer = 0.029 if deep.gradients and deep.network.branch.has_inner else relative
        yield from mean_checks(deep, relative * profile.precision, finer * profile.precision)

    for law in ("uniform", "rademacher"):
        yield centred_check(network("linear", law, width=400, depth=1, beta=0.0, input="ones"), profile.precision)

    # The chain is cheap enough to see a prediction that is off by 1%.
    for branch in BRANCHES:
        yield from mean_checks(network(branch, "gaussian", width=400, depth=16, beta=1.0), 0.0067 * profile.precision)

    # Deep in the explosion regime E R^2 / (E R)^2 is 1600 (linear) and 52 (res-3): no mean of R is in reach.
    shallow = [(branch, "uniform", 20, 100, 0.5, 0.1) for branch in BRANCHES]
    explosive = [(branch, law, 10, 400, 0.25, 0.08) for branch, law in COMBINATIONS]
    for branch, law, width, depth, beta, relative in (*shallow, *explosive):
        deep = network(branch, law, width=width, depth=depth, beta=beta, recorded_depths=tuple(range(depth + 1)))
        yield layer_check(deep, relative * math.sqrt(profile.precision))

    for branch, law in (("linear", "uniform"), ("res-3", "gaussian")):
        yield jacobian_check(network(branch, law, width=4, depth=2, jacobian=True), profile.precision)

    for admissible in ADMISSIBLE:
        yield universal_check(network_of(admissible, capped(profile)), margin(capped(profile)))
