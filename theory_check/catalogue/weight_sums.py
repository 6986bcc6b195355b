r"""Sums of weights along the layers, written out from the definitions of their processes (E22).

For small a, h_L - h_0 = a S h_0 + O(a^2) with S = sum_k V_k. The entries of sqrt(d) S are normal of variance
s = sum_{k,l} rho(k, l), and E D = a^2 s + O(a^4): odd orders vanish. Predictions of other claims on such weights read
rho where the simulator reads it; here each correlation is spelled once more.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from theory_check.catalogue.scaling_factors import LINEAR, NEAREST
from theory_check.claims import Basis, Check, Domain, Hypothesis, Mean, Profile, check, claim
from theory_check.claims.checks import higher
from theory_check.claims.observables import DISPLACEMENT
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


#: Correlations of values a time t apart, from the definition of each process.
CORRELATIONS: Mapping[str, Callable[[float, Mapping[str, float]], float]] = {
    "smooth": lambda t, p: math.exp(-0.5 * (t / p["length"]) ** 2),
    "ou": lambda t, p: math.exp(-t / p["length"]),
    "periodic": lambda t, p: math.exp(-2.0 * (math.sin(math.pi * t / p["period"]) / p["length"]) ** 2),
    # Smoothness 3/2 alone, where the Bessel function is elementary.
    "matern": lambda t, p: (1.0 + math.sqrt(3.0) * t / p["length"]) * math.exp(-math.sqrt(3.0) * t / p["length"]),
    "tied": lambda _t, _p: 1.0,
}

#: Processes whose increments are drawn too: their correlations decrease, so that a sum has a variance of at least 1.
_DECREASING = ("smooth", "ou", "matern")

#: a. Every pairing of the entries is largest for one matrix in all layers, where E |V^m x|^2 is at most (2 m - 1)!!: of
#: the sum, at least 1, terms of higher order are below 2 (a L^2)^2, 5e-10 at 64 layers. Weights are rounded to single
#: precision, 6e-8, and states, which move by about a, to double precision, 3e-8 of the movement.
_SMALL = 2.0**-28
_LAYERS = 64
_REMAINDER = 1e-6

_SMALL_FACTORS = Basis(
    f"the prediction is exact but for {_REMAINDER:g} of it, terms of higher order in a and roundings"
)


def accumulated(process: str, parameters: Mapping[str, float], depth: int) -> float:
    """Return the variance of the sum of an entry over the layers, from the definition of its process."""
    if process == "fgn":
        return math.exp(2.0 * parameters["hurst"] * math.log(depth))
    if process == "piecewise":
        # Layer k reads the piece of time k/L; pieces are independent.
        return float(sum(n * n for n in Counter(int(k * parameters["pieces"]) // depth for k in range(depth)).values()))
    values = process.removesuffix("-increments")
    correlation = CORRELATIONS[values]
    if values != process:
        # sum_k (X((k+1)/L) - X(k/L)) = X(1) - X(0), each term divided by its standard deviation.
        return (1.0 - correlation(1.0, parameters)) / (1.0 - correlation(1.0 / depth, parameters))
    return depth + 2.0 * math.fsum((depth - n) * correlation(n / depth, parameters) for n in range(1, depth))


def path_check(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare E D / a^2 of a linear network of small a with the variance of sums of weights along the layers."""
    width, depth, inputs = deep.network.width, deep.network.depth, deep.input.count
    process, parameters = deep.weights.law, dict(deep.weights.parameters)
    target = accumulated(process, parameters, depth)
    a = deep.network.scaling.values[0]
    # ||S x||^2 / ||x||^2 is s chi2_d / d, and its average over inputs x, y: Cov = 2 s^2 cos^2(x, y) / d.
    variance = 2.0 * target**2 / width * (1.0 / inputs + (1.0 - 1.0 / inputs) / width)
    observed = DISPLACEMENT.mean() if inputs > 1 else DISPLACEMENT
    wrong: dict[str, float] = {"independent layers": float(depth), "one matrix": float(depth) ** 2}
    margin = 0.03 * target
    if "hurst" in parameters:
        wrong["H is larger by .015"] = float(depth) ** (2.0 * parameters["hurst"] + 0.03)
        wrong["H is smaller by .015"] = float(depth) ** (2.0 * parameters["hurst"] - 0.03)
        margin = (target - wrong["H is smaller by .015"]) / NEAREST
    if "pieces" in parameters:
        wrong["one piece more"] = accumulated(process, {"pieces": parameters["pieces"] + 1.0}, depth)
    if "length" in parameters:
        for factor, name in ((1.1, "larger"), (0.9, "smaller")):
            other = {**parameters, "length": factor * parameters["length"]}
            wrong[f"the length is {name} by a tenth"] = accumulated(process, other, depth)
        if depth > 1 and not process.endswith("-increments"):
            last = (depth - 1) / depth
            other = {k: v * last if k in ("length", "period") else v for k, v in parameters.items()}
            wrong["times k/(L - 1)"] = accumulated(process, other, depth)
    yield check(
        f"{process}{''.join(f'-{value:g}' for value in parameters.values())}-L{depth}", deep,
        r"$\mathbb{E}\,D/a^2 = \mathbb{E}\,\Vert\sum_k V_k h_0\Vert^2/\Vert h_0\Vert^2$",
        Mean(observed * a**-2.0, (1.0 + _REMAINDER) * variance), target, margin=precision * margin,
        basis=_SMALL_FACTORS, remainder=_REMAINDER * target, wrong=wrong,
        sized={"weights of {:.0%} more variance": higher(target, target)},
    )  # fmt: skip


def sums(weights: str, depth: int) -> Cell:
    """Return the linear network of small factors whose displacement shows the sums of the weights."""
    return network("linear", weights, width=64, depth=depth, scale=_SMALL, inputs=64)


def _networks_of_paths() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    lengths = st.integers(2, 40).map(lambda n: f"length={n / 20:g}")
    named = ("smooth", "smooth-increments", "ou", "ou-increments", "periodic", "matern", "matern-increments")
    tied = st.one_of(
        st.just("tied"),
        st.integers(1, 8).map(lambda n: f"piecewise:pieces={n}"),
        st.integers(5, 95).map(lambda n: f"fgn:hurst={n / 100:g}"),
        *(st.builds("{}:{}".format, st.just(name), lengths) for name in named),
    )
    return st.builds(sums, tied, st.integers(2, 16))


def _is_written(process: str) -> bool:
    values = process.removesuffix("-increments")
    return process in ("fgn", "piecewise", *CORRELATIONS) or (values != process and values in _DECREASING)


PATHS_DOMAIN = Domain(
    networks=_networks_of_paths, build=path_check,
    hypotheses=(
        LINEAR,
        Hypothesis(
            "written process",
            "the weights are fractional noise, constant on pieces, or values of the smooth, periodic, Ornstein-"
            "Uhlenbeck or Matern process, the last of smoothness 3/2, or increments of these but the periodic one",
            lambda deep: _is_written(deep.weights.law) and dict(deep.weights.parameters).get("nu", 1.5) == 1.5
            and deep.weights.entry_variance == 1.0,
        ),
        Hypothesis(
            "small factors", f"all layers have one factor of at most {_SMALL:g}, and there are at most {_LAYERS}",
            lambda deep: deep.network.scaling.kind == "constant" and deep.network.depth <= _LAYERS
            and 0.0 < deep.network.scaling.values[0] <= _SMALL,
        ),
    ),
)  # fmt: skip


@claim(
    "E22",
    domain=PATHS_DOMAIN,
    quick_precision=1.25,
    title="Sums of tied weights, written out",
    formula=r"a^{-2}\,\mathbb{E}\,D \to \sum_{k,l<L}\rho(k,l):\qquad L^{2H}\ \text{(fractional noise)},\qquad "
    r"\sum_{|n|<L}(L-|n|)\,e^{-n^2/(2\ell^2L^2)}\ \text{(smooth)}",
    source="Derived from the definitions of the processes",
    derivation="To first order in a the displacement is a S h_0 with S the sum of V_k, whose entries are normal; their "
    "variance is the sum of the covariances, which telescopes for increments. Covariances are spelled in the claim; "
    "other predictions for such weights read those of the simulator.",
    hypotheses="Linear branch; one small factor a; fractional noise, matrices constant on pieces, or a smooth, "
    "periodic, Ornstein-Uhlenbeck or Matérn process of smoothness 3/2.",
)
def sums_of_weights(profile: Profile) -> Iterator[Check]:
    r"""The weights of a network move along the layers as their process says: the sum of an entry over $L$ layers has
    variance $L^{2H}$ for fractional noise of index $H$, and that of the written correlation for smooth ones.
    """
    for weights, depth in (
        ("fgn:hurst=0.2", 32), ("fgn:hurst=0.7", 32), ("smooth:length=0.1", 8), ("smooth-increments:length=0.3", 8),
        ("ou:length=0.1", 8), ("periodic:length=0.5", 6), ("matern:length=0.2", 8), ("tied", 4),
    ):  # fmt: skip
        yield from path_check(sums(weights, depth), profile.precision)
