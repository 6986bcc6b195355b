"""Strategies for the networks that theorems speak of: deep, of one scaling exponent, within a processor time."""

from __future__ import annotations

import math
from collections.abc import Callable

from hypothesis import strategies as st

from theory_check.experiments.cell import Cell
from theory_check.experiments.kernel_choice import KernelName, can_chain, can_reduce
from theory_check.foundation.arguments import check_between, check_count
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import INPUTS, Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

#: Widest network that :func:`deep_cells` draws, and the largest work of a block: 5 ms for LANES networks, 3 ms for one
#: of stored weights.
_WIDEST = 64
_LARGEST_WORK = 2.5e7
_LARGEST_STORED_WORK = 1.5e7

#: Largest absolute value of an exponent: a layer of 128 has a factor of 10^211, which is still a number.
_LARGEST_BETA = 100.0


def closed_branches(*, rectifier: bool = False) -> st.SearchStrategy[Branch]:
    """Draw a branch with a kappa that does not depend on the state: linear, or res-3 and a piecewise linear activation.

    Parameters
    ----------
    rectifier : bool
        Only ReLU; default: also leaky activations of slopes from -1 to 1 in tenths.

    Returns
    -------
    strategy of Branch
    """
    plain = st.sampled_from([Branch("linear"), Branch("res-3")])
    slopes = st.integers(1, 10).flatmap(lambda n: st.sampled_from([n / 10.0, -n / 10.0]))
    return plain if rectifier else plain | slopes.map(lambda slope: Branch("res-3", Activation("leaky", slope)))


def betas(low: float, high: float) -> st.SearchStrategy[float]:
    """Draw a scaling exponent in hundredths, simplest at the low end; there must be one from ``low`` to ``high``."""
    first = math.ceil(100.0 * check_between("low", low, -_LARGEST_BETA, _LARGEST_BETA) - 1e-9)
    last = math.floor(100.0 * check_between("high", high, -_LARGEST_BETA, _LARGEST_BETA) + 1e-9)
    if first > last:
        raise SpecificationError(f"no hundredth lies from low = {low!r} to high = {high!r}")
    return st.integers(first, last).map(lambda n: n / 100.0)


@st.composite
def deep_cells(
    draw: st.DrawFn,
    *,
    branches: st.SearchStrategy[Branch],
    weights: st.SearchStrategy[Weights],
    widths: tuple[int, int] = (1, _WIDEST),
    depths: tuple[int, int] = (1, 128),
    betas: st.SearchStrategy[float] | None = None,
    inputs: st.SearchStrategy[Input] | None = None,
    gradients: bool = False,
    profile: bool | None = False,
    kernel: KernelName | None = None,
) -> Cell:
    """Draw a network of a theorem: deep, with one scaling exponent, and cheap enough for thousands of replicates.

    Parameters
    ----------
    draw
        Given by Hypothesis.
    branches, weights : strategy
    widths, depths : (int, int)
        Smallest and largest; the largest are lowered for laws whose entries are slow to draw.
    betas : strategy of float
        Default: 1/2.
    inputs : strategy
        Default: one input of any law but ``paper``.
    gradients : bool
        Whether to carry the gradient back.
    profile : bool, optional
        Whether the norms of all layers are recorded; None draws it.
    kernel : {"dense", "reduced"}, optional
        Default: any that is exact.

    Returns
    -------
    Cell
    """
    branch, law = draw(branches), draw(weights)
    observed = draw(single_inputs() if inputs is None else inputs)
    beta = draw(betas) if betas is not None else 0.5
    recorded = draw(st.booleans()) if profile is None else profile
    reduced = kernel is None and draw(st.booleans()) and can_reduce(law, observed)
    chosen = kernel or ("stored" if law.process is not None else "reduced" if reduced else "dense")
    if reduced and draw(st.booleans()) and not gradients and can_chain(law, observed, branch):
        chosen = "chain"

    def cell(width: int, depth: int) -> Cell:
        return Cell(
            network=Network(branch, width, depth, Scaling.power(beta)), weights=law, input=observed, kernel=chosen,
            gradients=gradients, recorded_depths=tuple(range(depth + 1)) if recorded else (),
        )  # fmt: skip

    def affordable(low: int, high: int, at: Callable[[int], Cell]) -> int:
        while low < high:
            middle = (low + high + 1) // 2
            if at(middle).work_per_block <= (_LARGEST_STORED_WORK if chosen == "stored" else _LARGEST_WORK):
                low = middle
            else:
                high = middle - 1
        return low

    narrowest = max(widths[0], observed.least_width)
    widest = affordable(
        narrowest, min(widths[1], law.definition.maximal_width or widths[1]), lambda d: cell(d, depths[0])
    )
    width = draw(by_octaves(narrowest, widest))
    deepest = affordable(*depths, lambda depth: cell(width, depth))
    return cell(width, draw(by_octaves(depths[0], deepest)))


def single_inputs() -> st.SearchStrategy[Input]:
    """Draw a law of one input whose h_0 and p_L are independent of the residual weights."""
    return st.sampled_from([Input(law.name) for law in INPUTS if not law.takes_cosine and not law.observed])


def several_inputs() -> st.SearchStrategy[Input]:
    """Draw two or three inputs that share the weights, correlated (cosines in tenths) or independent."""
    apart = st.sampled_from(["gaussian", "sphere"])
    cosines = st.integers(-5, 10).map(lambda n: n / 10.0)
    return st.builds(Input, st.just("correlated"), st.integers(2, 3), cosines) | st.builds(
        Input, apart, st.integers(2, 3)
    )


def by_octaves(low: int, high: int) -> st.SearchStrategy[int]:
    """Draw a whole number, at least 1, whose logarithm is about uniform; the smallest is the simplest."""
    low = check_count("low", low)
    high = check_count("high", high, low)
    starts = [low]
    while 2 * starts[-1] <= high:
        starts.append(2 * starts[-1])
    return st.sampled_from(starts).flatmap(lambda start: st.integers(start, min(2 * start - 1, high)))
