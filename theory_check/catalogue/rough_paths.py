"""Euler's scheme along Gaussian paths of weights, smooth and rough (C2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from theory_check.catalogue.smooth_weights import LINEAR, RES_1, RES_3, WIDE, WIDTH, displacement_check
from theory_check.claims import Basis, Check, Domain, Hypothesis, Mean, Normal, Profile, check, claim, median
from theory_check.claims.coupled_domains import coupled_strata, several_depths, widths
from theory_check.claims.observables import LOG_NORM_RATIO, error_slope, exp
from theory_check.experiments.euler import Euler
from theory_check.experiments.spelling import path_networks
from theory_check.inference.rates import slope_variance
from theory_check.networks.branches import Branch
from theory_check.theory.euler_error import wide_error_slope
from theory_check.theory.moments import multiplier_variance
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.orders import rough_path_order

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_ERROR_WIDTH = 10


def _checks(deep: Euler, precision: float) -> Iterator[Check]:
    nu = deep.path.smoothness
    # Errors of neighbouring depths are hardly correlated, and each is a sum of squares of d numbers.
    spread = math.sqrt(slope_variance(deep.depths[:-1], deep.network.width))
    wrong = {"order nu": -nu} if nu < 0.5 else {"order 1/2": -0.5}
    if rough_path_order(nu) < 1.0:
        wrong["order 1"] = -1.0
    yield _error_check(
        deep.network.branch, deep, spread, margin=0.2 * precision, allowance=0.2,
        wrong={**wrong, "order 0": 0.0, "order 2": -2.0},
    )  # fmt: skip


def _networks() -> SearchStrategy[Euler]:
    from hypothesis import strategies as st

    lengths = st.integers(2, 10).map(lambda n: n / 10.0)
    paths = st.builds(
        lambda nu, length: f"matern:nu={nu:g},length={length:g}", st.sampled_from([0.25, 0.4, 0.5, 0.75, 1.5]), lengths
    ) | lengths.map(lambda length: f"ou:length={length:g}")
    return st.builds(
        lambda branch, path, width, depth: path_networks(branch, path, width=width, depth=depth, doublings=4),
        st.sampled_from([LINEAR, RES_1, RES_3]), paths, st.integers(8, 24), st.integers(8, 16),
    )  # fmt: skip


DOMAIN = Domain(
    networks=_networks,
    build=_checks,
    strata=coupled_strata,
    hypotheses=(
        Hypothesis("continuous path", "the weights are values of a continuous Gaussian path on a grid",
                   lambda deep: isinstance(deep, Euler) and deep.path.smoothness > 0.0 and not deep.path.everywhere),
        Hypothesis("a_L = 1/L", "beta is 1", lambda deep: deep.network.scaling.beta == 1.0),
        Hypothesis("known recursion", "the branch is linear, or res-1 or res-3 with ReLU",
                   lambda deep: deep.network.branch in (LINEAR, RES_1, RES_3)),
        widths(8), several_depths(8, 4),
    ),
)  # fmt: skip


@claim(
    "C2",
    domain=DOMAIN,
    quick_precision=1.2,
    title="Gaussian-process weights, smooth and rough",
    formula=r"\Vert h^{(L)}-h^{(2L)}\Vert \approx L^{-\min(1,\,\nu+1/2)},\qquad \sqrt D \approx L^{1-\beta}",
    source="Derived",
    derivation="The difference is (1/2L) sum (V(t_k + 1/2L) - V(t_k)) g(h_k) and what the flow makes of it, plus a "
    "drift of order 1/L. Along a rough path the L terms are of size L^(-1-nu) and hardly correlated: L^(-1/2-nu). The "
    "targets are the slopes at these depths of the second moments of two networks along one path at infinite width, an "
    "exact recursion; for Matern 3/4 it gives -1.18 at depths 16 to 128, not yet the limit -1.",
    hypotheses="Continuous Gaussian paths; linear, res-1 and res-3 with ReLU; Gaussian input.",
    remarks=(
        r"The order is 1 only for paths that are smooth enough: a Matérn process of smoothness $\nu < 1/2$ has "
        r"$\nu + 1/2$, 3/4 at $\nu = 1/4$.",
    ),
)
def rough_paths(profile: Profile) -> Iterator[Check]:
    r"""Along paths of RBF, periodic, Matérn or Ornstein-Uhlenbeck processes with $a_L = 1/L$ networks of depths $L$ and
    $2L$ are $L^{-\min(1,\,\nu+1/2)}$ apart, $\nu$ the smoothness; the displacement has slope $1-\beta$ for $\beta > 1$
    along all of them. A layer reads the path at the beginning of its step.
    """
    # The last number is the spread of a path's slope at depth 16. It falls like 1/L where the error has one leading
    # term.
    for path, branch, spread in (
        ("smooth:length=0.5", LINEAR, 0.03), ("smooth:length=0.5", RES_1, 0.03), ("smooth:length=0.5", RES_3, 0.04),
        ("periodic", LINEAR, 0.03), ("periodic", RES_1, 0.04), ("periodic", RES_3, 0.09),
    ):  # fmt: skip
        deep = path_networks(branch.name, path, width=_ERROR_WIDTH, depth=16 * profile.depth, doublings=3)
        yield _error_check(
            branch, deep, spread / profile.depth, margin=0.05 * profile.precision, allowance=0.3,
            wrong={"order 1/2": -0.5, "order 0": 0.0, "order 2": -2.0},
        )  # fmt: skip
    for path, branch in (
        ("matern:nu=0.25,length=0.5", LINEAR), ("matern:nu=0.25,length=0.5", RES_3), ("ou", RES_1),
        ("matern:nu=0.75", RES_1), ("matern:nu=1.5", LINEAR),
    ):  # fmt: skip
        deep = path_networks(branch.name, path, width=_ERROR_WIDTH, depth=8 * min(profile.depth, 2), doublings=4)
        yield from _checks(deep, 0.5 * max(profile.precision, 0.4))
    for path, branch in (
        ("periodic", LINEAR), ("matern:nu=1.5", RES_3), ("matern:nu=0.25,length=0.5", RES_1), ("ou", LINEAR),
    ):  # fmt: skip
        deep = path_networks(branch.name, path, width=WIDTH, depth=64 * min(profile.depth, 2), doublings=2, beta=1.5)
        yield displacement_check(deep, f"{branch.name}-{_label(deep)}-displacement", profile.precision, allowance=0.4)
    yield _beginning_check(profile.precision)


def _beginning_check(precision: float) -> Check:
    r"""Compare the growth from a network of one layer to one of two, along a path that forgets between its two times.

    With a = 1 the network of depth 1 is (I + V) h and, if both read the beginning of a step, that of depth 2 is
    (I + V') (I + V) h: R'/R is the multiplier M of one layer (E2), whatever V. If the first reads the end of its step,
    it is (I + V') h, and given V' the mean of R'/R is 1 + ||I + V'||_F^2 / (d ||(I + V') h||^2): the column along h
    gives 1/d, the others have mean 2 each and are independent of it, and E ||(I + V') h||^-2 = d sum e^{-d/2} (d/2)^k /
    (k! (d - 2 + 2 k)), which is 1 - e^{-2} at d = 4.
    """
    width = 4
    deep = path_networks("linear", "ou:length=0.001", width=width, depth=1, doublings=1, beta=0.0)
    growth = exp(LOG_NORM_RATIO[1] - LOG_NORM_RATIO[0])
    variance = multiplier_variance(Multiplier(width), 1.0)
    end = 1.0 + 1.0 / width + 2.0 * (1.0 - 1.0 / width) * (1.0 - math.exp(-2.0))
    return check(
        "linear-ou-beginning", deep, r"$\mathbb{E}\,R^{(2)}/R^{(1)}$ along independent values, $a = 1$",
        Mean(growth, variance), 2.0, margin=0.18 * precision,
        wrong={"a step reads its end": end, "the second network has one layer as well": 1.0},
    )  # fmt: skip


def _error_check(
    branch: Branch, deep: Euler, spread: float, *, margin: float, allowance: float, wrong: Mapping[str, float]
) -> Check:
    """Return the check of the slope of the error between depths L and 2L."""
    depths = deep.depths[:-1]
    slope = wide_error_slope(branch, deep.path.correlation, depths)
    return check(
        f"{branch.name}-{_label(deep)}-error", deep,
        r"median of the slope of $\log\Vert h^{(L)}-h^{(2L)}\Vert$ on $\log L$",
        median(error_slope("adjacent_error", depths), Normal(slope, spread**2)), slope,
        margin=margin, basis=Basis(WIDE, allowance=allowance), wrong=wrong,
        sized={"order higher by {:g}": lambda more: slope - more},
    )  # fmt: skip


def _label(deep: Euler) -> str:
    nu = dict(deep.path.parameters).get("nu")
    return deep.path.name if nu is None else f"{deep.path.name}{nu:g}"
