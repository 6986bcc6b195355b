"""Strategies for networks of any kind, small and quick to simulate, and for what they are made of."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from theory_check.experiments.cell import Cell
from theory_check.experiments.kernel_choice import CHAIN_GRADIENT_WIDTH, KernelName, can_chain, can_reduce
from theory_check.foundation.arguments import check_count
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kind, check_sequence
from theory_check.networks.activations import ACTIVATIONS, Activation, ActivationDefinition
from theory_check.networks.branches import BRANCHES, Branch, BranchDefinition
from theory_check.networks.custom_processes import PathFunction
from theory_check.networks.definitions import Definition
from theory_check.networks.inputs import INPUTS, Input
from theory_check.networks.network import Network
from theory_check.networks.processes import Process
from theory_check.networks.scalings import Scaling
from theory_check.networks.weight_laws import WeightLaw
from theory_check.networks.weights import GAINS, WEIGHTS, Weights

#: Largest absolute value of the scaling exponents and factors that are drawn: beyond, a few layers leave double
#: precision.
_LARGEST_EXPONENT = 2.0
_LARGEST_FACTOR = 2.0


def _between(low: float, high: float, **options: Any) -> st.SearchStrategy[float]:
    """Draw a number between two bounds with at most six digits, so that examples can be read."""
    return st.floats(low, high, allow_nan=False, allow_subnormal=False, **options).map(lambda x: float(f"{x:.6g}"))


def activations(*, homogeneous: bool | None = None) -> st.SearchStrategy[Activation]:
    """Draw any registered activation and its parameters; parameters without bounds are drawn between -1 and 1.

    Parameters
    ----------
    homogeneous : bool, optional
        Only those with sigma(c x) = c sigma(x) for c > 0, or only the others; default: all.
    """
    chosen = [d for d in ACTIVATIONS if homogeneous in (None, d.negative_slope is not None)]
    return st.sampled_from(chosen).flatmap(_activation)


@functools.cache
def _activation(definition: ActivationDefinition) -> st.SearchStrategy[Activation]:
    slope = _parameter(definition, "slope") if "slope" in definition.defaults else st.just(0.0)
    others = [name for name in definition.defaults if name != "slope"]
    parameters = st.tuples(*(st.tuples(st.just(name), _parameter(definition, name)) for name in others))
    return st.builds(Activation, st.just(definition.name), slope, parameters)


def _parameter(definition: Definition, name: str) -> st.SearchStrategy[float]:
    """Draw a parameter from its open interval, or the part of it between -1 and 1 where it has no bound."""
    low, high = definition.ranges[name]
    bounded = min(-1.0, high - 1.0) if math.isinf(low) else low
    return _inside(bounded, max(1.0, low + 1.0) if math.isinf(high) else high, whole=name in definition.whole)


def branches(*, homogeneous: bool | None = None) -> st.SearchStrategy[Branch]:
    """Draw a residual branch with an activation.

    Parameters
    ----------
    homogeneous : bool, optional
        Only branches with g(c h) = c g(h) for c > 0, or only the others (a bias, or tanh); default: all.
    """
    drawn = [
        st.builds(Branch, st.just(definition.name), _activations(definition, homogeneous))
        for definition in BRANCHES
        if homogeneous is None or homogeneous in _homogeneous(definition)
    ]
    return st.one_of(drawn)


def _homogeneous(definition: BranchDefinition) -> tuple[bool, ...]:
    if definition.has_bias:
        return (False,)
    return (True, False) if definition.activation is None else (definition.activation.homogeneous,)


def _activations(definition: BranchDefinition, homogeneous: bool | None) -> st.SearchStrategy[Activation]:
    if definition.activation is not None:
        return st.just(definition.activation)
    return activations() if definition.has_bias else activations(homogeneous=homogeneous)


def scalings(depth: int, *, positive: bool = False) -> st.SearchStrategy[Scaling]:
    """Draw a scaling for a network of that depth: a power, a constant factor, or one factor a layer.

    Parameters
    ----------
    depth : int
        Length of a sequence of factors.
    positive : bool
        Only factors above 0; default: zero and negative factors as well.
    """
    check_kind("positive", positive, bool, "True or False")
    return _scalings(check_count("depth", depth), positive)


@functools.cache
def _scalings(depth: int, positive: bool) -> st.SearchStrategy[Scaling]:
    lowest = 0.001 if positive else -_LARGEST_FACTOR
    # Cells refuse factors between 0 and this: displacements would be lost in roundings.
    factor = _between(lowest, _LARGEST_FACTOR).map(lambda x: x if abs(x) >= 1e-6 else 0.0)
    return st.one_of(
        st.sampled_from([0.5, 1.0, 0.25, 0.0]).map(Scaling.power),
        _between(-0.5 if positive else -_LARGEST_EXPONENT, _LARGEST_EXPONENT).map(Scaling.power),
        factor.map(Scaling.constant),
        st.lists(factor, min_size=depth, max_size=depth).map(Scaling.sequence),
    )


def weights(
    *,
    laws: tuple[str, ...] | None = None,
    finite_variance: bool = False,
    nonzero: bool = False,
    independent: bool = False,
) -> st.SearchStrategy[Weights]:
    """Draw a weight law with independent layers, its parameters inside their ranges, and a variance convention.

    Parameters
    ----------
    laws : tuple of str, optional
        Names of the laws to draw from; default: all that are registered.
    finite_variance : bool
        Only laws with a finite variance.
    nonzero : bool
        Only laws with a variance that is not 0.
    independent : bool
        Only laws with independent entries (all but ``orthogonal``).

    Returns
    -------
    strategy of Weights
    """
    named = None if laws is None else check_sequence("laws", laws)
    chosen = [law for law in WEIGHTS if isinstance(law, WeightLaw) and (named is None or law.name in named)]
    if independent:
        chosen = [law for law in chosen if law.independent]
    if nonzero:
        chosen = [law for law in chosen if law.variance(law.defaults) != 0.0]
    drawn = st.sampled_from(chosen).flatmap(_weights_of_law)
    return drawn.filter(lambda w: math.isfinite(w.entry_variance)) if finite_variance else drawn


def weight_processes(*, names: tuple[str, ...] | None = None) -> st.SearchStrategy[Weights]:
    """Draw weights that are correlated from layer to layer: a registered process, its parameters, a convention.

    Parameters
    ----------
    names : tuple of str, optional
        Names of the processes to draw from; default: all that are registered, but for path functions, which fit some
        widths only.
    """
    named = None if names is None else check_sequence("names", names)
    chosen = [
        law
        for law in WEIGHTS
        if isinstance(law, Process) and (law.name in named if named is not None else not isinstance(law, PathFunction))
    ]
    return st.sampled_from(chosen).flatmap(_weights_of_law)


@functools.cache
def _weights_of_law(law: WeightLaw | Process) -> st.SearchStrategy[Weights]:
    parameters = [
        st.tuples(st.just(name), st.just(default) | _parameter(law, name)) for name, default in law.defaults.items()
    ]
    conventions = ["unit"] if isinstance(law, PathFunction) else sorted(GAINS, key=_plainness)
    return st.builds(Weights, st.just(law.name), st.tuples(*parameters), st.sampled_from(conventions))


def _plainness(convention: str) -> tuple[bool, str]:
    return convention != "unit", convention


def _inside(low: float, high: float, *, whole: bool = False) -> st.SearchStrategy[float]:
    """Draw from an open interval; on the logarithmic scale where it spans several orders of magnitude."""
    if whole:
        return st.integers(math.floor(low) + 1, math.ceil(high) - 1).map(float)
    if low > 0.0 and high > 10.0 * low:
        drawn = _between(math.log(low), math.log(high)).map(lambda x: float(f"{math.exp(x):.6g}"))
    else:
        drawn = _between(low, high)
    return drawn.filter(lambda x: low < x < high)


def inputs(*, maximal_count: int = 3) -> st.SearchStrategy[Input]:
    """Draw a law of the input, and how many inputs share the weights (up to ``maximal_count``)."""
    maximal_count = check_count("maximal_count", maximal_count)
    laws = [law for law in INPUTS if not law.takes_cosine]
    counts = st.integers(1, maximal_count)
    plain = st.sampled_from(laws).flatmap(
        # Always a choice of the count: laws without one would look simpler than the first.
        lambda law: st.builds(Input, st.just(law.name), counts.map(lambda count: 1 if law.single else count))
    )
    several = st.integers(2, max(maximal_count, 2)).flatmap(_correlated)
    return plain | several if maximal_count > 1 else plain


#: The arguments of the strategies below have their names.
_all_branches, _all_weights, _all_inputs = branches, weights, inputs


@functools.cache
def _correlated(count: int) -> st.SearchStrategy[Input]:
    least = -1.0 / (count - 1)
    cosines = _between(least, 1.0).filter(lambda cosine: cosine >= least)
    return st.builds(Input, st.just("correlated"), st.just(count), cosines | st.sampled_from([1.0, 0.0, least]))


def networks(
    *, max_width: int = 6, max_depth: int = 5, branches: st.SearchStrategy[Branch] | None = None
) -> st.SearchStrategy[Network]:
    """Draw a network.

    Parameters
    ----------
    max_width, max_depth : int
        Largest width and depth; the smallest are 1.
    branches : strategy
        Where the branch comes from, for example ``branches(homogeneous=True)``; default: all.

    Returns
    -------
    strategy of Network
    """
    max_width, max_depth = check_count("max_width", max_width), check_count("max_depth", max_depth)
    return _networks(st.integers(1, max_width), max_depth, _all_branches() if branches is None else branches)


@st.composite
def _networks(
    draw: st.DrawFn, widths: st.SearchStrategy[int], max_depth: int, branches: st.SearchStrategy[Branch]
) -> Network:
    depth = draw(st.integers(1, max_depth))
    return Network(draw(branches), draw(widths), depth, draw(scalings(depth)))


def cells(
    *,
    max_width: int = 6,
    max_depth: int = 5,
    branches: st.SearchStrategy[Branch] | None = None,
    weights: st.SearchStrategy[Weights] | None = None,
    inputs: st.SearchStrategy[Input] | None = None,
    kernel: KernelName | None = None,
) -> st.SearchStrategy[Cell]:
    """Draw a cell that is quick to simulate.

    Parameters
    ----------
    max_width, max_depth : int
        Largest sizes.
    branches, weights, inputs : strategy
        Where the parts come from; default: all.
    kernel : {"dense", "reduced"}, optional
        Only cells of this kernel; default: dense, and reduced or chain where they are exact. With ``reduced``, pass
        weights and inputs that can be reduced.

    Returns
    -------
    strategy of Cell
    """
    max_width, max_depth = check_count("max_width", max_width), check_count("max_depth", max_depth)

    # Hypothesis examines every new strategy, which takes longer than a draw from one that it knows.
    @functools.cache
    def networks_up_to(widest: int) -> st.SearchStrategy[Network]:
        return networks(max_width=widest, max_depth=max_depth, branches=drawn_branches)

    drawn_branches = _all_branches() if branches is None else branches
    return _cells(
        _all_weights() if weights is None else weights,
        lambda law: networks_up_to(min(max_width, law.definition.maximal_width or max_width)),
        _all_inputs() if inputs is None else inputs,
        kernel,
    )


@st.composite
def _cells(
    draw: st.DrawFn,
    weights: st.SearchStrategy[Weights],
    networks: Callable[[Weights], st.SearchStrategy[Network]],
    inputs: st.SearchStrategy[Input],
    kernel: KernelName | None,
) -> Cell:
    law = draw(weights)
    network = draw(networks(law))
    try:
        law.covariance(network.depth)
    except SpecificationError:  # increments over a whole period are zero
        reject()
    observed = draw(inputs)
    # Drawn in any case: a choice that only some cells have would make the others look simpler.
    reduced = draw(st.booleans()) and can_reduce(law, observed)
    drawn: KernelName = "stored" if law.process is not None else "reduced" if reduced else "dense"
    chosen = kernel or drawn
    jacobian = draw(st.booleans()) and chosen == "dense"
    if network.width < observed.least_width:
        observed = Input("sphere", observed.count)
    gradients, layers = draw(st.booleans()), draw(st.sets(st.integers(1, network.depth), max_size=2))
    every_weight = gradients and (chosen != "reduced" or observed.count == 1)
    # The last layer has no next one.
    coin = draw(st.booleans())
    pairs = layers - {network.depth} if coin and every_weight and chosen != "reduced" else set()
    layers |= {layer + 1 for layer in pairs}
    active = draw(st.booleans()) and network.branch.is_rectifier
    norms_alone = not gradients or (coin and not layers and network.width >= CHAIN_GRADIENT_WIDTH)
    if chosen == "reduced" and kernel is None and norms_alone and not active:
        chosen = "chain" if can_chain(law, observed, network.branch) else "reduced"
    cell = Cell(
        network=network,
        weights=law,
        input=observed,
        kernel=chosen,
        gradients=gradients,
        recorded_depths=tuple(sorted(draw(st.sets(st.integers(0, network.depth), max_size=3)))),
        jacobian=jacobian,
        weight_gradients=tuple(sorted(layers)) if every_weight else (),
        gradient_cosines=tuple(sorted(pairs)),
        active_norm=active,
    )
    controlled = cell.growth is not None and (chosen != "reduced" or observed.count == 1)
    return replace(cell, controls=draw(st.booleans()) and controlled)
