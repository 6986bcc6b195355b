"""Euler's scheme along Gaussian paths of weights, smooth and rough (C2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from theory_check.catalogue.smooth_weights import LINEAR, RES_1, RES_3, WIDE, WIDTH, displacement_check
from theory_check.claims import Basis, Check, Correction, Normal, Profile, check, claim, median
from theory_check.claims.observables import error_slope
from theory_check.experiments.euler import Euler
from theory_check.experiments.spelling import path_networks
from theory_check.inference.rates import slope_variance
from theory_check.networks.branches import Branch
from theory_check.theory.euler_error import wide_error_slope
from theory_check.theory.orders import rough_path_order

_ERROR_WIDTH = 10


@claim(
    "C2",
    quick_precision=1.2,
    title="Gaussian-process weights, smooth and rough",
    formula=r"\Vert h^{(L)}-h^{(2L)}\Vert \approx L^{-\min(1,\,\nu+1/2)},\qquad \sqrt D \approx L^{1-\beta}",
    source="Derived",
    derivation="The difference is (1/2L) sum (V(t_k + 1/2L) - V(t_k)) g(h_k) and what the flow makes of it, plus a "
    "drift of order 1/L. Along a rough path the L terms are of size L^(-1-nu) and hardly correlated: L^(-1/2-nu). The "
    "targets are the slopes at these depths of the second moments of two networks along one path at infinite width, an "
    "exact recursion; for Matern 3/4 it gives -1.18 at depths 16 to 128, not yet the limit -1.",
    hypotheses="Continuous Gaussian paths; linear, res-1 and res-3 with ReLU; Gaussian input.",
    corrections=(
        Correction(
            stated="Smooth Gaussian-process weights, Matérn of every smoothness among them: error of order 1.",
            corrected=r"Order $\nu + 1/2$ for a Matérn process of smoothness $\nu < 1/2$: 3/4 at $\nu = 1/4$.",
            variant="order 1",
        ),
    ),
)
def rough_paths(profile: Profile) -> Iterator[Check]:
    r"""Along paths of RBF, periodic, Matérn or Ornstein-Uhlenbeck processes with $a_L = 1/L$ networks of depths $L$ and
    $2L$ are $L^{-\min(1,\,\nu+1/2)}$ apart, $\nu$ the smoothness; the displacement has slope $1-\beta$ for $\beta > 1$
    along all of them.
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
        nu = deep.path.smoothness
        # Errors of neighbouring depths are hardly correlated, and each is a sum of squares of d numbers.
        spread = math.sqrt(slope_variance(deep.depths[:-1], _ERROR_WIDTH))
        wrong = {"order nu": -nu} if nu < 0.5 else {"order 1/2": -0.5}
        if rough_path_order(nu) < 1.0:
            wrong["order 1"] = -1.0
        yield _error_check(
            branch, deep, spread, margin=0.1 * max(profile.precision, 0.4), allowance=0.2,
            wrong={**wrong, "order 0": 0.0, "order 2": -2.0},
        )  # fmt: skip
    for path, branch in (
        ("periodic", LINEAR), ("matern:nu=1.5", RES_3), ("matern:nu=0.25,length=0.5", RES_1), ("ou", LINEAR),
    ):  # fmt: skip
        deep = path_networks(branch.name, path, width=WIDTH, depth=64 * min(profile.depth, 2), doublings=2, beta=1.5)
        yield displacement_check(profile, f"{branch.name}-{_label(deep)}-displacement", branch, deep, allowance=0.4)


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
    )  # fmt: skip


def _label(deep: Euler) -> str:
    nu = dict(deep.path.parameters).get("nu")
    return deep.path.name if nu is None else f"{deep.path.name}{nu:g}"
