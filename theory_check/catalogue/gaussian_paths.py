"""Gaussian paths of weights, smooth and rough: what P8 and C2 share, and Euler's scheme along them (C2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from theory_check.claims.claim import Check, Claim, Correction, Profile, Variant
from theory_check.claims.estimators import QuantileEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.rates import ErrorSlope, PathSlope, slope_variance
from theory_check.experiments.euler import Euler
from theory_check.networks.branches import Branch
from theory_check.networks.network import Network
from theory_check.networks.path_laws import PathLaw
from theory_check.networks.scalings import Scaling
from theory_check.theory.euler_error import wide_displacement_slope, wide_error_slope
from theory_check.theory.infinite_width import WideBranch, WideBranchName
from theory_check.theory.orders import rough_path_order

#: Width of the networks whose displacement is judged.
WIDTH = 12

_WIDE = (
    "the prediction is exact at these depths for infinite width; at this one its error, of order 1/d, is inside the "
    "part of the margin left for it"
)


def networks(branch: WideBranchName, width: int, depth: int, beta: float, path: str, doublings: int = 2) -> Euler:
    """Return networks of depths L to 2^doublings L that read one path, with one replicate as a placeholder."""
    return Euler(
        network=Network(Branch(branch), width, depth, Scaling.power(beta)), path=PathLaw.parse(path),
        doublings=doublings, reference=False,
    )  # fmt: skip


@cache
def _predicted_slope(branch: WideBranchName, path: PathLaw, beta: float, coarse: int, fine: int) -> float:
    return wide_displacement_slope(WideBranch(branch), path.correlation, beta, coarse, fine)


@cache
def _predicted_error_slope(branch: WideBranchName, path: PathLaw, depths: tuple[int, ...]) -> float:
    return wide_error_slope(WideBranch(branch), path.correlation, depths)


def slope_law(beta: float, slope: float, depth: int) -> Normal:
    """Return the law of a path's slope, from L to 4L, for planning.

    log sqrt(D) is (1 - beta) log L and a random number times T = L^(1 - beta), of deviation 0.2, and one times 1/L.
    """
    spread = 0.2 * (float(depth) ** (1.0 - beta) - float(4 * depth) ** (1.0 - beta)) / math.log(4.0)
    return Normal(slope, (abs(spread) + 0.4 / depth) ** 2)


def displacement_check(
    profile: Profile, name: str, branch: WideBranchName, depth: int, beta: float, path: str, *, allowance: float
) -> Check:
    """Return the check of the slope of log sqrt(D) along one path, from L to 4L, against infinite width."""
    experiment = networks(branch, WIDTH, depth, beta, path)
    coarse, fine = experiment.depths[0], experiment.depths[-1]
    slope = _predicted_slope(branch, experiment.path, beta, coarse, fine)
    return Check(
        name=name,
        experiments=(experiment,),
        quantity="median of the slope of $\\log\\sqrt D$ on $\\log L$ along one path, from $L$ to $4L$",
        estimator=QuantileEstimator(PathSlope(), 0.5, slope_law(beta, slope, coarse)),
        target=(slope, slope),
        margin=0.05 * profile.precision,
        margin_reason=_WIDE,
        allowance=allowance,
        variants=(
            Variant("slope 1/2 - beta, as for independent weights", (0.5 - beta, 0.5 - beta)),
            Variant("slope -beta, as of a single layer", (-beta, -beta)),
        ),
    )


#: Paths, branches, and the spread of a path's slope at depth 16 where its error has one leading term.
_SMOOTH_GRID: tuple[tuple[str, WideBranchName, float], ...] = (
    ("smooth:length=0.5", "linear", 0.03),
    ("smooth:length=0.5", "res-1", 0.03),
    ("smooth:length=0.5", "res-3", 0.04),
    ("periodic", "linear", 0.03),
    ("periodic", "res-1", 0.04),
    ("periodic", "res-3", 0.09),
)
_ROUGH_GRID: tuple[tuple[str, WideBranchName], ...] = (
    ("matern:nu=0.25,length=0.5", "linear"),
    ("matern:nu=0.25,length=0.5", "res-3"),
    ("ou", "res-1"),
    ("matern:nu=0.75", "res-1"),
    ("matern:nu=1.5", "linear"),
)
ERROR_WIDTH = 10


def _path_label(path: PathLaw) -> str:
    nu = dict(path.parameters).get("nu")
    return path.name if nu is None else f"{path.name}{nu:g}"


def _error_check(
    branch: WideBranchName,
    path: str,
    depth: int,
    doublings: int,
    *,
    spread: float,
    margin: float,
    allowance: float,
    wrong: Sequence[Variant],
) -> Check:
    """Return the check of the slope of the error between depths L and 2L, of which there are ``doublings``."""
    experiment = networks(branch, ERROR_WIDTH, depth, 1.0, path, doublings=doublings)
    depths = experiment.depths[:-1]
    slope = _predicted_error_slope(branch, experiment.path, depths)
    return Check(
        name=f"{branch}-{_path_label(experiment.path)}-error",
        experiments=(experiment,),
        quantity="median of the slope of $\\log\\Vert h^{(L)}-h^{(2L)}\\Vert$ on $\\log L$",
        estimator=QuantileEstimator(ErrorSlope("adjacent_error", depths), 0.5, Normal(slope, spread**2)),
        target=(slope, slope),
        margin=margin,
        margin_reason=_WIDE,
        allowance=allowance,
        variants=tuple(wrong),
    )


def _order(name: str, order: float) -> Variant:
    return Variant(f"order {name}", (-order, -order))


def _euler(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for path, branch, spread in _SMOOTH_GRID:
        depth = 16 * profile.depth
        checks.append(
            _error_check(
                branch,
                path,
                depth,
                3,
                spread=spread * 16 / depth,
                margin=0.05 * profile.precision,
                allowance=0.3,
                wrong=(_order("1/2", 0.5), _order("0", 0.0), _order("2", 2.0)),
            )
        )
    for path, branch in _ROUGH_GRID:
        nu = PathLaw.parse(path).smoothness
        depth, doublings = 8 * min(profile.depth, 2), 4
        depths = tuple(depth << level for level in range(doublings))
        checks.append(
            _error_check(
                branch,
                path,
                depth,
                doublings,
                # Errors of neighbouring depths are hardly correlated, and each is a sum of squares of d numbers.
                spread=math.sqrt(slope_variance(depths, ERROR_WIDTH)),
                margin=0.1 * max(profile.precision, 0.4),
                allowance=0.2,
                wrong=(
                    _order("nu", nu) if nu < 0.5 else _order("1/2", 0.5),
                    _order("0", 0.0),
                    *((_order("1", 1.0),) if rough_path_order(nu) < 1.0 else ()),
                    _order("2", 2.0),
                ),
            )
        )
    for path, branch in (
        ("periodic", "linear"), ("matern:nu=1.5", "res-3"), ("matern:nu=0.25,length=0.5", "res-1"), ("ou", "linear"),
    ):  # fmt: skip
        name = f"{branch}-{_path_label(PathLaw.parse(path))}-displacement"
        checks.append(displacement_check(profile, name, branch, 64 * min(profile.depth, 2), 1.5, path, allowance=0.4))
    return tuple(checks)


GAUSSIAN_PATHS = Claim(
    id="C2",
    quick_precision=1.2,
    title="Gaussian-process weights, smooth and rough",
    statement=(
        "Along paths of RBF, periodic, Matérn or Ornstein-Uhlenbeck processes with $a_L = 1/L$ networks of "
        "depths $L$ and $2L$ are $L^{-\\min(1,\\,\\nu+1/2)}$ apart, $\\nu$ the smoothness; the displacement "
        "has slope $1-\\beta$ for $\\beta > 1$ along all of them."
    ),
    formula="\\Vert h^{(L)}-h^{(2L)}\\Vert \\approx L^{-\\min(1,\\,\\nu+1/2)},\\qquad \\sqrt D \\approx L^{1-\\beta}",
    source="Derived; THEORY C2",
    derivation=(
        "The difference is (1/2L) sum (V(t_k + 1/2L) - V(t_k)) g(h_k) and what the flow makes of it, plus a "
        "drift of order 1/L. Along a rough path the L terms are of size L^(-1-nu) and hardly correlated: "
        "L^(-1/2-nu). The targets are the slopes at these depths of the second moments of two networks along "
        "one path at infinite width, an exact recursion; for Matern 3/4 it gives -1.18 at depths 16 to 128, "
        "not yet the limit -1."
    ),
    hypotheses="Continuous Gaussian paths; linear, res-1 and res-3 with ReLU; Gaussian input.",
    checks=_euler,
    corrections=(
        Correction(
            stated="Smooth Gaussian-process weights, Matérn of every smoothness among them: error of order 1.",
            corrected="Order $\\nu + 1/2$ for a Matérn process of smoothness $\\nu < 1/2$: 3/4 at $\\nu = 1/4$.",
            variant="order 1",
        ),
    ),
)
