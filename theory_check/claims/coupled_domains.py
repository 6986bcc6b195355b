"""Parts and hypotheses of domains whose networks have several depths and share their weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory_check.claims.domains import Hypothesis
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from theory_check.networks.activations import Activation


def coupled_strata(deep: Euler | EulerMaruyama) -> tuple[str, ...]:
    """Return the parts of a domain that networks lie in: regime, branch, weights, width and coarsest depth.

    Examples
    --------
    >>> from theory_check.experiments.spelling import path_networks
    >>> coupled_strata(path_networks("linear", "tied", width=10, depth=16, doublings=2))
    ('smooth critical', 'linear', 'tied paths', 'width 8-15', 'depth 16-31')
    """
    shape = deep.network
    branch = shape.branch.name if shape.branch.is_linear else f"{shape.branch.name} {shape.branch.activation.name}"
    if isinstance(deep, EulerMaruyama):
        regime, weights = "critical", "one Brownian motion"
    else:
        beta = float(shape.scaling.beta or 0.0)
        regime = f"smooth {'critical' if beta == 1.0 else 'identity' if beta > 1.0 else 'explosion'}"
        weights = f"{deep.path.name} paths"
    return regime, branch, weights, f"width {_octave(shape.width)}", f"depth {_octave(shape.depth)}"


def _octave(number: int) -> str:
    low = 2 ** int(math.log2(number))
    return str(number) if low < 4 else f"{low}-{2 * low - 1}"


def lipschitz_activations() -> SearchStrategy[Activation]:
    """Draw ReLU, tanh or a leaky activation."""
    from hypothesis import strategies as st

    from theory_check.networks.activations import Activation

    slopes = st.integers(1, 9).map(lambda n: Activation("leaky", n / 10.0))
    return st.sampled_from([Activation("relu"), Activation("tanh")]) | slopes


LINEAR = Hypothesis("linear", "the branch is linear", lambda deep: deep.network.branch.is_linear)

SHARED_NOISE = Hypothesis(
    "shared noise", "the networks read one Brownian motion",
    lambda deep: isinstance(deep, EulerMaruyama) and deep.noise == "shared",
)  # fmt: skip

SMOOTH_PATHS = Hypothesis(
    "smooth paths", "the weights are values of one smooth path",
    lambda deep: isinstance(deep, Euler) and math.isinf(deep.path.smoothness),
)  # fmt: skip


def widths(low: int, high: float = math.inf) -> Hypothesis:
    """Ask for a width in a range, ends included."""
    between = f"{low} or more" if math.isinf(high) else f"{low} to {high:g}"
    return Hypothesis(f"width {between}", f"the width is {between}", lambda deep: low <= deep.network.width <= high)


def several_depths(least: int, doublings: int) -> Hypothesis:
    """Ask for so many doublings of a depth that is not too small."""
    return Hypothesis(
        f"depths from {least}", f"there are at least {doublings} doublings of a depth of at least {least}",
        lambda deep: deep.network.depth >= least and deep.doublings >= doublings,
    )  # fmt: skip
