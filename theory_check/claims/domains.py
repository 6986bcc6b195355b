"""Domains: the networks that a claim speaks of, and the checks of each of them at finite size.

A theorem speaks of all networks within its hypotheses. A :class:`Domain` draws them, as a Hypothesis strategy, and has
the builder of the checks of one network, which the grid of the catalogue is made with too: the grid is one sample of
the domain. Outside, the domain refuses with the sentence of the hypothesis that fails.

The library Hypothesis is imported when networks are drawn; a :class:`Hypothesis` here is one of a theorem.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory_check.claims.checks import Check
from theory_check.claims.estimators.mean import Mean
from theory_check.experiments.cell import Cell
from theory_check.foundation.errors import HypothesisError
from theory_check.networks.branches import Branch
from theory_check.networks.weights import Weights

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis of a claim.

    Attributes
    ----------
    name : str
        A word or two, for tables.
    sentence : str
        What must hold; it ends the error "E4 does not speak of ...: it needs that ...".
    holds : callable
        Of the experiment.
    """

    name: str
    sentence: str
    holds: Callable[[Any], bool]


def network_strata(cell: Cell) -> tuple[str, ...]:
    """Return the parts of a domain that a network lies in: regime, branch, law family, width and input.

    Examples
    --------
    >>> from theory_check.experiments.spelling import network
    >>> network_strata(network("linear", "uniform", width=2, depth=16))
    ('critical', 'linear', 'uniform weights', 'width 2', 'gaussian input')
    """
    shape = cell.network
    kernel = f" ({cell.kernel})" if cell.kernel in ("reduced", "chain") else ""
    return (
        _regime(cell), branch_name(shape.branch), f"{cell.weights.law} weights{kernel}", size_name(shape.width),
        f"{cell.input.name} input{'s' if cell.input.count > 1 else ''}",
    )  # fmt: skip


def branch_name(branch: Branch) -> str:
    """Name a branch with its activation, without parameters."""
    return branch.name if branch.definition.activation else f"{branch.name} {branch.activation.name}"


def _regime(cell: Cell) -> str:
    beta = cell.network.scaling.beta
    if beta is None:
        return "unequal factors" if cell.network.scaling.kind == "sequence" else "one factor"
    return "critical" if beta == 0.5 else "identity" if beta > 0.5 else "explosion"


def size_name(width: int) -> str:
    """Name a class of widths: 1, 2, then by octaves, the first of them from 3."""
    if width <= 2:
        return f"width {width}"
    octave = max(math.floor(math.log2(width)), 2)
    return f"width {3 if octave == 2 else 2**octave}-{2 ** (octave + 1) - 1}"


@dataclass(frozen=True, kw_only=True)
class Domain:
    """Where a claim holds at finite size.

    Attributes
    ----------
    networks : callable
        Returns the strategy of its networks; all meet the hypotheses.
    build : callable
        ``build(network, precision)``: the checks of one network, margins multiplied by ``precision``, whatever the
        hypotheses say; the grid of the catalogue uses it too.
    hypotheses : tuple of Hypothesis
        The hypotheses of the claim.
    strata : callable
        The parts of the domain that a network lies in, for coverage.
    beyond : Domain, optional
        The same statement without some of the hypotheses, as it is sometimes read: its networks violate at most one
        hypothesis of this domain. A search finds out which are needed.
    """

    networks: Callable[[], SearchStrategy[Any]]
    build: Callable[[Any, float], Iterable[Check]]
    hypotheses: tuple[Hypothesis, ...] = ()
    strata: Callable[[Any], tuple[str, ...]] = network_strata
    beyond: Domain | None = None

    @classmethod
    def of_cells(
        cls,
        build: Callable[[Cell, float], Iterable[Check]],
        hypotheses: tuple[Hypothesis, ...],
        *,
        laws: tuple[str, ...] | None = None,
        branches: Callable[[], SearchStrategy[Branch]] | None = None,
        betas: tuple[float, float] | None = None,
        finish: Callable[[Cell], Cell] | None = None,
        beyond: Domain | None = None,
        **options: Any,
    ) -> Domain:
        """Return a domain of networks with independent layers, drawn by :func:`theory_check.strategies.deep_cells`.

        Parameters
        ----------
        build, hypotheses, beyond
            As of the domain; networks that do not meet the hypotheses are drawn again.
        laws : tuple of str, optional
            Weight laws to draw from; default: all of finite, positive variance.
        branches : callable, optional
            Returns a strategy; default: linear, and res-3 with any slope.
        betas : (float, float), optional
            Default: 1/2 alone.
        finish : callable, optional
            Completes a drawn network, with what the checks observe.
        **options
            As of ``deep_cells``.

        Returns
        -------
        Domain
        """

        def networks() -> SearchStrategy[Cell]:
            from theory_check import strategies

            drawn = strategies.deep_cells(
                branches=strategies.closed_branches() if branches is None else branches(),
                weights=strategies.weights(laws=laws, finite_variance=True, nonzero=True),
                betas=None if betas is None else strategies.betas(*betas),
                **options,
            )
            whole = drawn if finish is None else drawn.map(finish)
            return whole.filter(lambda cell: all(one.holds(cell) for one in hypotheses))

        return cls(networks=networks, build=build, hypotheses=hypotheses, beyond=beyond)

    def violated(self, network: Any) -> Hypothesis | None:
        """Return the first hypothesis that a network does not meet."""
        return next((one for one in self.hypotheses if not one.holds(network)), None)

    def checks(self, network: Any, precision: float) -> tuple[Check, ...]:
        """Return the checks of one network.

        Parameters
        ----------
        network : Experiment
        precision : float
            Factor of the margins.

        Returns
        -------
        tuple of Check

        Raises
        ------
        HypothesisError
            Outside the domain, with the hypothesis that fails.
        """
        failed = self.violated(network)
        if failed is not None:
            raise HypothesisError(f"the claim needs that {failed.sentence}, which fails for: {network}")
        return tuple(self.build(network, precision))


def both(predicate: Callable[[Weights], bool]) -> Callable[[Cell], bool]:
    """Return whether the law of V has a property, and that of W where the branch has weights inside."""

    def holds(cell: Cell) -> bool:
        inner = cell.network.branch.has_inner
        return predicate(cell.weights) and (not inner or predicate(cell.weights.inner))

    return holds


INDEPENDENT_LAYERS = Hypothesis(
    "independent layers", "the weights are independent from layer to layer", lambda cell: cell.weights.process is None
)

FINITE_VARIANCE = Hypothesis(
    "finite variance", "the entries of the weights have a finite, positive variance",
    both(lambda weights: 0.0 < weights.entry_variance < math.inf),
)  # fmt: skip

SYMMETRIC_INSIDE = Hypothesis(
    "symmetric inside", "the weights inside the activation are symmetric",
    lambda cell: not cell.network.branch.has_inner or cell.weights.inner.is_symmetric,
)  # fmt: skip

#: Under this each layer multiplies the mean squared norm by 1 + kappa a^2.
CLOSED_BRANCH = Hypothesis(
    "closed branch", "the branch is linear or has weights and a piecewise linear activation, without bias",
    lambda cell: cell.network.branch.homogeneous and cell.network.branch.kappa is not None,
)  # fmt: skip

LINEAR_OR_RECTIFIER = Hypothesis(
    "linear or ReLU", "the branch is linear or res-3 with ReLU",
    lambda cell: CLOSED_BRANCH.holds(cell)
    and (cell.network.branch.is_linear or cell.network.branch.activation.negative_slope == 0.0),
)  # fmt: skip

GAUSSIAN = Hypothesis(
    "Gaussian", "the weights are Gaussian and independent", both(lambda weights: weights.definition.gaussian)
)

DOMINATED = Hypothesis(
    "kurtosis at most 3", "the entries of the weights are independent and symmetric with kurtosis at most 3",
    both(lambda weights: weights.is_dominated_by_gaussian),
)  # fmt: skip

#: A preactivation of 0 is active on neither side: gradients, unlike states, see it. With discrete entries it has a
#: positive probability, as W h + b at width 1, W (1, ..., 1), or anything after a layer that cancels its input.
NO_TIES = Hypothesis(
    "no ties", "no preactivation is 0 with positive probability: the branch is linear or the entries have a density",
    lambda cell: cell.network.branch.is_linear or both(lambda weights: not weights.definition.discrete)(cell),
)  # fmt: skip

ONE_FACTOR = Hypothesis(
    "one factor", "all layers have one scaling factor", lambda cell: cell.network.scaling.kind != "sequence"
)


CRITICAL = Hypothesis("beta = 1/2", "beta is 1/2", lambda cell: cell.network.scaling.beta == 0.5)


def beta_within(low: float, high: float) -> Hypothesis:
    """Ask for a beta inside an open interval."""
    sentence = f"beta is above {low:g}" if math.isinf(high) else f"beta is between {low:g} and {high:g}"

    def holds(cell: Cell) -> bool:
        beta = cell.network.scaling.beta
        return beta is not None and low < beta < high

    return Hypothesis(sentence.removeprefix("beta is "), sentence, holds)


def least_depth(depth: int) -> Hypothesis:
    """Ask for so many layers."""
    return Hypothesis(f"depth {depth}", f"there are at least {depth} layers", lambda c: c.network.depth >= depth)


def width_not(width: int, why: str) -> Hypothesis:
    """Exclude a width at which the statement fails, for a reason of its own."""
    return Hypothesis(f"width {width}", f"the width is not {width}: {why}", lambda cell: cell.network.width != width)


#: Largest variance of what is averaged, in units of the squared mean.
LARGEST_RELATIVE_VARIANCE = 25.0


def is_in_reach(made: Check) -> bool:
    """Tell whether the mean of a check can be estimated from thousands of networks: what is averaged has no long tail.

    Parameters
    ----------
    made : Check
        Of a :class:`Mean`.

    Returns
    -------
    bool
    """
    observed = made.estimator
    assert isinstance(observed, Mean)
    return observed.variance_bound <= LARGEST_RELATIVE_VARIANCE * observed.values_per_replicate * made.target[0] ** 2


def mean_in_reach(
    symbol: str, made: Callable[[Cell], Check], *, given: Callable[[Cell], bool] = lambda _: True
) -> Hypothesis:
    """Ask that the mean of a check can be estimated; :func:`is_in_reach`.

    Parameters
    ----------
    symbol : str
        Of what is averaged.
    made : callable
        Returns the check of a network.
    given : callable
        The networks that have the check; default: all.

    Returns
    -------
    Hypothesis
    """
    sentence = f"the variance of {symbol} is at most {LARGEST_RELATIVE_VARIANCE:g} times its squared mean"
    return Hypothesis(
        f"mean of {symbol} in reach", sentence, lambda cell: not given(cell) or is_in_reach(made(cell))
    )  # fmt: skip


UNIT_VARIANCE = Hypothesis(
    "unit variance", "the entries of sqrt(d) V and sqrt(d) W have variance 1", both(lambda weights: weights.gain == 1.0)
)  # fmt: skip

SYMMETRIC = Hypothesis("symmetric", "all weights are symmetric", both(lambda weights: weights.is_symmetric))

#: What every statement on independent layers of one factor needs.
LAYERS = (INDEPENDENT_LAYERS, ONE_FACTOR, CLOSED_BRANCH, FINITE_VARIANCE, SYMMETRIC_INSIDE)
