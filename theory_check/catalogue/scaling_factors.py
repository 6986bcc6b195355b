r"""Scaling factors, written out: displacements that share no code with the simulator (E21).

Most claims ask the package for a_k, and so does the simulator: a mistake there moves prediction and sample together.
Here a_k = L^-beta, or what was given, is spelled once more: for linear branches E R = prod (1 + a_k^2), E D = E R - 1.
:mod:`~theory_check.catalogue.weight_sums` and :mod:`~theory_check.catalogue.gaussian_layers` do the same for
correlations along the layers and for isotropic vectors. Only bounds of variances, which set levels and numbers of
networks, come from :mod:`theory_check.theory.moments`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from theory_check.claims import Check, Domain, Hypothesis, Mean, Profile, check, claim
from theory_check.claims.checks import higher
from theory_check.claims.domains import DOMINATED, INDEPENDENT_LAYERS
from theory_check.claims.networks import label
from theory_check.claims.observables import DISPLACEMENT, at_beta, column, exp
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network, sweep
from theory_check.theory.moments import displacement_variance, norm_ratio_moment, norm_ratio_variance
from theory_check.theory.multiplier import Multiplier

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Margins between the prediction and the nearest named mistake.
NEAREST = 2.4


def squares(deep: Cell) -> list[float]:
    """Return a_k^2 of each layer from the spelling of the network: L^(-2 beta), or the squares of what was given."""
    scaling, depth = deep.network.scaling, deep.network.depth
    given = scaling.values
    if scaling.kind == "power":
        return [math.exp(-2.0 * given[0] * math.log(depth))] * depth
    return [value * value for value in (given if scaling.kind == "sequence" else given * depth)]


def product(factors: list[float]) -> float:
    """Return prod (1 + a_k^2)."""
    return math.prod(1.0 + square for square in factors)


def factor_checks(deep: Cell, precision: float, written: float | None = None) -> Iterator[Check]:
    """Compare E D of a linear network with prod (1 + a_k^2) - 1; for powers with the factors of other depths."""
    found, width, depth = squares(deep), deep.network.width, deep.network.depth
    target = product(found) - 1.0 if written is None else written
    beta = deep.network.scaling.beta
    wrong: dict[str, object] = {"increments add up without compounding": sum(found)}
    if beta is not None:
        for other, name in ((depth + 1, "L + 1"), (depth - 1, "L - 1")):
            wrong[f"factors of depth {name}"] = product([other ** (-2.0 * beta)] * depth) - 1.0
        nearest, missed = "beta is larger by .01", [depth ** (-2.0 * beta - 0.02)] * depth
    else:
        nearest, missed = "factors are smaller by 2%", [0.98**2 * square for square in found]
    wrong[nearest] = product(missed) - 1.0
    factors = [math.sqrt(square) for square in found]
    yield check(
        f"{label(deep)}-L{depth}-{_spelled(deep)}", deep, r"$\mathbb{E}\,D$",
        Mean(DISPLACEMENT, displacement_variance(Multiplier(width), factors)), target,
        margin=precision * (product(found) - product(missed)) / NEAREST, wrong=wrong,
        sized={"factors are larger by {:.1%}": lambda more: product([(1.0 + more) ** 2 * s for s in found]) - 1.0},
    )  # fmt: skip


def _spelled(deep: Cell) -> str:
    scaling = deep.network.scaling
    values = "-".join(f"{value:g}" for value in scaling.values)
    return f"beta{values}" if scaling.kind == "power" else f"factors{values}"


ONE_INPUT = Hypothesis("one input", "there is one input", lambda deep: deep.input.count == 1)
LINEAR = Hypothesis("linear", "the branch is linear", lambda deep: deep.network.branch.is_linear)
SMALL_GROWTH = Hypothesis(
    "small growth", "the squares of the factors add up to at most 2 and are not all 0",
    lambda deep: 0.0 < sum(squares(deep)) <= 2.0,
)  # fmt: skip


def _networks_of_factors() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    def deep(depth: int, beta: float | None, scale: float | list[float] | None, law: str) -> Cell:
        return network("linear", law, width=40, depth=depth, beta=beta, scale=scale)

    depths, laws = st.integers(2, 12), st.sampled_from(["gaussian", "uniform"])
    values = st.integers(5, 50).map(lambda n: n / 100.0)
    powers = st.builds(deep, depths, st.integers(30, 200).map(lambda n: n / 100.0), st.none(), laws)
    constants = st.builds(deep, depths, st.none(), values, laws)
    sequences = st.lists(values, min_size=2, max_size=8).flatmap(
        lambda given: st.builds(deep, st.just(len(given)), st.none(), st.just(given), laws)
    )
    return (powers | constants | sequences).filter(lambda cell: SCALING_DOMAIN.violated(cell) is None)


SCALING_DOMAIN = Domain(
    networks=_networks_of_factors, build=factor_checks,
    hypotheses=(INDEPENDENT_LAYERS, LINEAR, DOMINATED, ONE_INPUT, SMALL_GROWTH),
)  # fmt: skip

#: Depth, beta or factors, and E D = prod (1 + a_k^2) - 1 as a fraction: (1 + 1/9)^9 - 1, (1 + 1/4)^8 - 1,
#: (1 + 1/100)^10 - 1, (1 + 1/64)^4 - 1, (1 + 1/16)^6 - 1 and (1 + 1/4) (1 + 1/16) (1 + 1/64) - 1.
WRITTEN_FACTORS: tuple[tuple[int, float | None, float | tuple[float, ...] | None, float], ...] = (
    (9, 0.5, None, 612579511 / 387420489),
    (8, 1 / 3, None, 325089 / 65536),
    (10, 1.0, None, 10462212541120451001 / 10**20),
    (4, 1.5, None, 1073409 / 16777216),
    (6, None, 0.25, 7360353 / 16777216),
    (3, None, (0.5, 0.25, 0.125), 1429 / 4096),
)

#: Squares of the three factors 1/2, 1/4, 1/8, and E ||dLoss/dV_k||^2 / (||h_0||^2 ||p_L||^2) =
#: a_k^2 prod_{j != k} (1 + a_j^2) for k = 1 and 3: 1/4 17/16 65/64 and 1/64 5/4 17/16.
_SQUARES = (1 / 4, 1 / 16, 1 / 64)
WRITTEN_GRADIENTS = {1: 1105 / 4096, 3: 85 / 4096}


@claim(
    "E21",
    domain=SCALING_DOMAIN,
    title="Scaling factors, written out",
    formula=r"\mathbb{E}\,D = \prod_{k=1}^{L}(1+a_k^2) - 1,\qquad a_k = L^{-\beta}",
    source="Derived; the definition of the scaling is that of @marion2025",
    sharpens=("E1",),
    derivation="E1 with kappa = 1. The targets are fractions, and those of networks drawn from the domain products of "
    "powers: neither asks the package for a scaling factor, as other claims and the simulator do.",
    hypotheses="Linear branch; independent symmetric weights of unit variance and kurtosis at most 3.",
)
def scaling_factors(profile: Profile) -> Iterator[Check]:
    r"""The factor of every layer is $L^{-\beta}$ with the depth of the network, or the number that was given for it:
    linear networks are displaced by exactly what these factors say, forward, in sweeps over $\beta$, and in the
    gradients of single layers.
    """
    for place, (depth, beta, scale, written) in enumerate(WRITTEN_FACTORS):
        law, width = ("gaussian", 80) if place != 3 else ("uniform", 40)
        deep = network("linear", law, width=width, depth=depth, beta=beta, scale=scale)
        yield from factor_checks(deep, profile.precision, written)

    # The order of factors shows in the first layer.
    first = network("linear", width=80, depth=3, scale=(0.5, 0.25, 0.125), recorded_depths=(1,))
    yield check(
        f"{label(first)}-first-layer", first, r"$\mathbb{E}\,\Vert h_1\Vert^2/\Vert h_0\Vert^2$, $a_1 = 1/2$",
        Mean(exp(column("norm_profile")[0]), norm_ratio_variance(Multiplier(80), 0.5, 1)), 5 / 4,
        margin=0.058 * profile.precision,
        wrong={"the factor of the next layer": 17 / 16, "the root mean square of all factors": 1 + sum(_SQUARES) / 3},
        sized={"the factor is larger by {:.0%}": lambda more: 1.0 + (1.0 + more) ** 2 / 4.0},
    )  # fmt: skip

    # Gradients of single layers have the factor of their own layer.
    last = network(
        "linear", width=80, depth=3, scale=(0.5, 0.25, 0.125), gradients=True, weight_gradients=(1, 3)
    )  # fmt: skip
    for place, (layer, target) in enumerate(WRITTEN_GRADIENTS.items()):
        others = [square for k, square in enumerate(_SQUARES, 1) if k != layer]
        second = _SQUARES[layer - 1] ** 2 * norm_ratio_moment(Multiplier(80), [math.sqrt(s) for s in others], order=2)
        yield check(
            f"{label(last)}-gradient-of-layer-{layer}", last,
            rf"$\mathbb{{E}}\,\Vert\partial\mathcal{{L}}/\partial V_{layer}\Vert^2/(\Vert h_0\Vert^2\Vert p_L\Vert^2)$",
            Mean(exp(column("outer_weight_gradient")[place]), second - target**2), target,
            margin=profile.precision * (target - _SQUARES[layer - 1]) / NEAREST,
            wrong={
                "the factor of layer 2": target * _SQUARES[1] / _SQUARES[layer - 1],
                "no growth of the other layers": _SQUARES[layer - 1],
            },
            sized={"{:.1%} larger": higher(target, target)},
        )  # fmt: skip

    # A sweep takes factors of its own; fractional noise of H = 1/2 is independent from layer to layer.
    swept = sweep("linear", "fgn:hurst=0.5", width=32, depth=9, betas=(0.5, 2.0))
    target, late = (1.0 + 9.0**-4) ** 9 - 1.0, (1.0 + 10.0**-4) ** 9 - 1.0
    yield check(
        "linear-sweep-d32-beta2", swept, r"$\mathbb{E}\,D$ at $\beta = 2$ of a sweep",
        Mean(exp(2.0 * at_beta("log_displacement", 2.0)), displacement_variance(Multiplier(32), 1 / 81, 9)), target,
        margin=profile.precision * (target - late) / NEAREST,
        wrong={"factors of depth L + 1": late, "factors of the other beta": (10 / 9) ** 9 - 1.0},
        sized={"the factor is larger by {:.1%}": lambda more: (1.0 + (1.0 + more) ** 2 / 9.0**4) ** 9 - 1.0},
    )  # fmt: skip
