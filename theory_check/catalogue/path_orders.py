"""Networks of several depths that read one smooth path of weights: Euler's scheme (P7, C1)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from theory_check.catalogue.brownian_orders import SLOPE_LIMIT
from theory_check.catalogue.pictures import BARS, depth_medians, order_line
from theory_check.claims import (
    Basis,
    Check,
    Domain,
    Hypothesis,
    Illustration,
    Normal,
    Probability,
    Profile,
    check,
    claim,
    median,
)
from theory_check.claims.coupled_domains import (
    LINEAR,
    SMOOTH_PATHS,
    coupled_strata,
    lipschitz_activations,
    several_depths,
    widths,
)
from theory_check.claims.observables import between, column, error_slope, log
from theory_check.experiments.euler import Euler
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.experiments.spelling import brownian_networks, path_networks
from theory_check.findings.pictures import Picture, RatePanel
from theory_check.networks.branches import Branch
from theory_check.theory.orders import ODE_ORDER, STRONG_ORDER, tied_wide_error

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_SMOOTH = "smooth:length=0.5"


def _first_order(deep: Euler, name: str, column_name: str, difference: str, precision: float) -> Check:
    """Return the check that the errors of a column fall like 1/L: their slope, path by path."""
    depths = deep.depths if column_name == "flow_error" else deep.depths[:-1]
    # A path's slope differs from -1 by the second term of its error, of order 1/L over the first: planned as half that
    # at depth 16. The spread falls faster with the profile than this and the margin do.
    law = Normal(-ODE_ORDER, (0.5 / 16 * precision) ** 2)
    return check(
        name, deep, rf"median of the slope of $\log\Vert {difference}\Vert$ on $\log L$",
        median(error_slope(column_name, depths), law), -ODE_ORDER, margin=0.05 * precision, basis=SLOPE_LIMIT,
        wrong={
            "order 1/2": -0.5, "order 0": 0.0, "order 2": -2.0,
            "order nu + 1/2 along a path of Hoelder exponent nu = 0.35": -0.85,
        },
        sized={"order higher by {:g}": lambda more: -ODE_ORDER - more},
    )  # fmt: skip


def _adjacent_order(deep: Euler, precision: float) -> Iterator[Check]:
    branch = deep.network.branch
    activation = "" if branch.is_linear else f"-{branch.activation.name}"
    # Lengths below the 1/2 of the grid and narrower networks have larger second terms: twice the margin, and twice the
    # spread. These terms fall like 1/L: a margin smaller than that of the grid needs deeper networks, as there.
    reached = max(precision, 16.0 / deep.depths[0])
    name = f"{branch.name}{activation}-{deep.path.name}-d{deep.network.width}"
    yield _first_order(deep, name, "adjacent_error", "h^{(L)}-h^{(2L)}", 2.0 * reached)


#: Where paths of a smooth process of length 0.3 decorrelate by 2%: a layer of the coarsest networks.
_STEP = 1.0 / 16.0
_SLOW = math.exp(-0.5 * (_STEP / 0.3) ** 2)


def _smooth_networks() -> SearchStrategy[Euler]:
    from hypothesis import strategies as st

    branches = st.just(Branch("linear")) | st.builds(
        Branch, st.sampled_from(["res-1", "res-3"]), lipschitz_activations()
    )
    lengths = st.integers(3, 15).map(lambda n: n / 10.0)
    paths = lengths.map(lambda length: f"smooth:length={length:g}") | st.integers(20, 40).map(
        lambda n: f"periodic:length={n / 10.0:g}"
    )
    return st.builds(_networks, branches, paths, st.integers(6, 16), st.integers(16, 32), st.integers(3, 4))


def _networks(branch: Branch, path: str, width: int, depth: int, doublings: int) -> Euler:
    return path_networks(branch, path, width=width, depth=depth, doublings=doublings)


def _tied_networks() -> SearchStrategy[Euler]:
    from hypothesis import strategies as st

    linear = st.just(Branch("linear"))
    return st.builds(_networks, linear, st.just("tied"), st.integers(4, 24), st.integers(16, 32), st.integers(3, 4))


_ODE_SCALING = Hypothesis("a_L = 1/L", "beta is 1", lambda deep: deep.network.scaling.beta == 1.0)

P7_DOMAIN = Domain(
    networks=_smooth_networks,
    build=_adjacent_order,
    strata=coupled_strata,
    hypotheses=(
        SMOOTH_PATHS, _ODE_SCALING, several_depths(16, 3),
        # Of narrow ReLU networks a share never moves, and a few units make the second term large.
        widths(6),
        Hypothesis(
            "slow path", f"the path moves slowly: its correlation over a time of {_STEP:g} is at least {_SLOW:.4f}",
            lambda deep: float(deep.path.correlation(np.array([_STEP]))[0]) >= _SLOW,
        ),
    ),
)  # fmt: skip

C1_DOMAIN = Domain(
    networks=_tied_networks,
    build=_adjacent_order,
    strata=coupled_strata,
    hypotheses=(
        Hypothesis("tied", "all layers have one matrix", lambda deep: deep.path.name == "tied"), _ODE_SCALING, LINEAR,
        several_depths(16, 3), widths(4),
    ),
)  # fmt: skip


@claim(
    "P7",
    domain=P7_DOMAIN,
    title="Smooth weights: Euler's scheme",
    formula=r"\frac{dH}{dt} = V(t)\,g(H,\theta(t)),\qquad \Vert h^{(L)}-H(1)\Vert = O(1/L)",
    source="@marion2025",
    derivation="h_L - H(1) = -(1/(2L)) int J(1, s) H''(s) ds + O(L^-2), J the Jacobian of the flow. Piecewise linear "
    "activations keep the order: states cross their kinks at isolated times.",
    hypotheses="Smooth paths of V and theta, piecewise smooth activation, at least one active coordinate.",
)
def smooth_order(profile: Profile) -> Iterator[Check]:
    """With weights that are smooth functions of depth and $a_L = 1/L$ the network is Euler's scheme of an ordinary
    differential equation: the error is of order $1/L$ on every path.
    """
    depth = 16 * profile.depth
    relu = path_networks("res-1", _SMOOTH, width=8, depth=depth, doublings=4, reference=True, tolerance=1e-7)
    inner = path_networks("res-3", _SMOOTH, width=8, depth=depth, doublings=4, tolerance=1e-7)
    yield _first_order(relu, "res-1-smooth", "flow_error", "h^{(L)}-H(1)", profile.precision)
    yield _first_order(inner, "res-3-smooth", "adjacent_error", "h^{(L)}-h^{(2L)}", profile.precision)
    # With a bias nothing is homogeneous; at width 40 the second terms average out.
    for name, branch, width, doublings in (("res-2-smooth", "res-2", 8, 4), ("res-2-smooth-d40", "res-2", 40, 2)):
        biased = path_networks(branch, _SMOOTH, width=width, depth=depth, doublings=doublings, tolerance=1e-7)
        yield _first_order(biased, name, "adjacent_error", "h^{(L)}-h^{(2L)}", profile.precision)
    slope = error_slope("flow_error", relu.depths)
    yield check(
        "res-1-every-path", relu, r"$P(\text{slope of }\log\Vert h^{(L)}-H(1)\Vert\text{ within }0.1\text{ of }-1)$",
        Probability(between(slope, -ODE_ORDER - 0.1, -ODE_ORDER + 0.1), truth=0.985), (0.95, 1.0), margin=0.15,
        basis=Basis(
            "paths without an active coordinate do not move and count as misses, 2^-d of all; the rest is for errors "
            "that are small by chance, whose second order shows"
        ),
        wrong={"order 1/2 on every path": Probability(between(slope, -0.6, -0.4), truth=0.985)},
    )  # fmt: skip


@claim(
    "C1",
    domain=C1_DOMAIN,
    title="Tied weights",
    formula=r"h_L = (I+V/L)^L h_0 \to e^V h_0,\qquad L\,(h_L-e^Vh_0) \to -\tfrac12 V^2e^V h_0",
    source="Derived",
    derivation="log(I + V/L)^L = V - V^2/(2L) + O(L^-2). The size of the constant: powers of a square Gaussian matrix "
    "become orthonormal on a vector as the width grows, so that squared norms are sums of squared coefficients, "
    "sqrt(I_0(2))/2 for V^2 expm(V)/2.",
    hypotheses="Tied weights, linear branch; Gaussian V for the size of the constant.",
)
def tied_order(profile: Profile) -> Iterator[Check]:
    r"""With one matrix $V$ for all layers, a linear branch and $\beta = 1$ the output tends to $e^V h_0$, with an error
    $V^2e^Vh_0/(2L)$.
    """
    depth = 16 * profile.depth
    flow = path_networks("linear", "tied", width=10, depth=depth, doublings=4, reference=True, tolerance=1e-7)
    yield _first_order(flow, "linear-tied", "flow_error", "h^{(L)}-e^Vh_0", profile.precision)
    # The error is of order 1/d: the width grows as the margin shrinks, which is a third of the effect of a factor 2 at
    # quick.
    width = round(40 / max(profile.precision, 0.4))
    wide = path_networks("linear", "tied", width=width, depth=depth, doublings=1, tolerance=1e-7)
    constant = math.log(2.0 * depth * tied_wide_error(depth, 2 * depth))
    # Products of Gaussian matrices: the logarithm of a norm of V^2 expm(V) h fluctuates by about 2 / sqrt(d).
    law = Normal(constant, 4.0 / width)
    yield check(
        "linear-tied-constant", wide, r"median of $\log(2L\,\Vert h^{(L)}-h^{(2L)}\Vert/\Vert h_0\Vert)$",
        median(log(column("adjacent_error")[0]) + math.log(2.0 * depth), law), constant, margin=10.0 / width,
        basis=Basis(
            "the prediction is exact at this depth for infinite width; its error at this width, and that of a median "
            "for a root mean square, is of order 1/d with a constant of several units",
            allowance=0.5,
        ),
        wrong={
            "the constant is that of V^2 expm(V)": constant + math.log(2.0),
            "the constant is that of V^2 expm(V) / 4": constant - math.log(2.0),
        },
        sized={"the constant is {:.0%} larger": lambda more: constant + math.log1p(more)},
    )  # fmt: skip


def _pictured(profile: Profile) -> Mapping[Experiment, int]:
    depth = 16 * profile.depth
    relu = brownian_networks("res-1", width=10, depth=depth, doublings=4, suprema=True)
    return {
        brownian_networks("linear", width=10, depth=8, doublings=4): 512,
        relu: 512,
        replace(relu, noise="independent"): 512,
        path_networks("linear", "tied", width=10, depth=8, doublings=5, reference=True, tolerance=1e-7): 128,
        path_networks("res-1", _SMOOTH, width=8, depth=depth, doublings=4, reference=True, tolerance=1e-7): 128,
    }


def _draw(samples: Sequence[Sample[Any]]) -> Picture:
    labels = ("linear", "res-1", "res-1, independent noise", "linear, tied", "res-1, smooth")
    orders = (STRONG_ORDER, STRONG_ORDER, 0.0, ODE_ORDER, ODE_ORDER)
    columns = [column(name) for name in ("adjacent_error",) * 3 + ("flow_error",) * 2]
    bands = tuple(depth_medians(*part) for part in zip(labels, samples, columns, strict=True))
    lines = tuple(order_line(*part) for part in zip(bands, orders, strict=True))
    return Picture(
        "orders",
        "Left: distance between the outputs of networks of depths $L$ and $2L$ that share their Brownian motion, and "
        "of networks that do not. Right: distance to the differential equation with the same path of weights. "
        "Medians with 99% intervals; lines of the predicted slope through the deepest median.",
        (
            RatePanel(
                r"Shared noise, $\beta = 1/2$", "depth $L$", r"$\Vert h^{(L)}-h^{(2L)}\Vert/\Vert h_0\Vert$",
                bands[:3], lines[:3], bars=BARS,
            ),
            RatePanel(
                r"One path of weights, $\beta = 1$", "depth $L$", r"$\Vert h^{(L)}-H(1)\Vert/\Vert h_0\Vert$",
                bands[3:], lines[3:], bars=BARS,
            ),
        ),
    )  # fmt: skip


picture = Illustration(experiments=_pictured, draw=_draw)
