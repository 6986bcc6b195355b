"""The networks that claims are checked on, and their Gaussian one-layer law."""

from __future__ import annotations

from functools import cache

from theory_check.experiments.cell import Cell
from theory_check.foundation.errors import HypothesisError
from theory_check.foundation.laws import Law, Normal, law_distance
from theory_check.foundation.stored_values import stored
from theory_check.networks.branches import BranchName
from theory_check.theory.controlled_logarithm import DOMINATING_VARIANCE, ControlledLogarithm
from theory_check.theory.depth_law import DepthLaw, depth_law, distance_to_normal
from theory_check.theory.entry_laws import CorrectedLaw, kurtosis_correction
from theory_check.theory.hypotheses import check_branch
from theory_check.theory.multiplier import Multiplier

#: Branches and weight laws that every statement on independent weights is checked for.
BRANCHES: tuple[BranchName, ...] = ("linear", "res-3")
WEIGHTS: tuple[str, ...] = ("gaussian", "uniform", "rademacher")
COMBINATIONS: tuple[tuple[BranchName, str], ...] = tuple((branch, law) for branch in BRANCHES for law in WEIGHTS)


def layer_law(cell: Cell) -> Multiplier:
    """Return the Gaussian one-layer law of a cell's network, before scaling.

    Raises
    ------
    HypothesisError
        Unless the branch is linear or res-3 with a piecewise linear activation, the weights have finite variance, and
        those inside the activation are symmetric.
    """
    network, weights = cell.network, cell.weights
    branch = network.branch
    check_branch("the one-layer law", branch, closed=True)
    if weights.process is not None:
        raise HypothesisError(f"the statement needs weights that are independent from layer to layer, not {weights}")
    if not 0.0 < weights.entry_variance < float("inf"):
        raise HypothesisError(f"the statement needs weights of finite, positive variance, not {weights}")
    if branch.has_inner and not weights.inner.is_symmetric:
        raise HypothesisError(f"the statement needs symmetric weights inside the activation, not {weights.inner}")
    gain = weights.gain * (weights.inner.gain if branch.has_inner else 1.0)
    return Multiplier(network.width, branch, gain)


def one_layer(cell: Cell) -> tuple[Multiplier, float, int]:
    """Return the Gaussian one-layer law of a cell's network with its scaling factor and depth.

    Raises
    ------
    HypothesisError
        As :func:`layer_law`, and if the layers have different scaling factors.
    """
    network = cell.network
    if network.scaling.kind == "sequence":
        raise HypothesisError("the statement needs one scaling factor for all layers")
    return layer_law(cell), network.scaling.factor(network.depth), network.depth


def dominated_layer(cell: Cell) -> tuple[Multiplier, float, int]:
    """Return :func:`one_layer` where Gaussian second moments of R and D bound those of the cell's weights.

    Raises
    ------
    HypothesisError
        Unless the entries of all matrices are independent with kurtosis at most 3.
    """
    check_dominated(cell)
    return one_layer(cell)


def check_dominated(cell: Cell) -> None:
    """Raise :exc:`HypothesisError` unless Gaussian second moments bound those of the cell's weights."""
    for weights in (cell.weights, cell.weights.inner):
        if not weights.is_dominated_by_gaussian:
            raise HypothesisError(
                f"the variance bound needs independent entries of kurtosis at most 3; {weights} weights have "
                f"{weights.kurtosis:g}{'' if weights.definition.independent else ' and are not independent'}"
            )


@cache
def controlled_logarithm(cell: Cell) -> ControlledLogarithm:
    """Return mean, variance and remainders of log R, with control variates, for weights with known moments.

    Raises
    ------
    HypothesisError
        As :func:`one_layer`, and for weights without a normal law whose even moments are known to bound theirs.
    """
    multiplier, a, depth = one_layer(cell)
    if cell.weights.law not in DOMINATING_VARIANCE:
        raise HypothesisError(
            f"the variance bound needs even moments below those of a normal law; they are known for "
            f"{', '.join(DOMINATING_VARIANCE)} weights, not for {cell.weights}"
        )
    dominating = DOMINATING_VARIANCE[cell.weights.law]
    return ControlledLogarithm(multiplier, a, depth, cell.weights.kurtosis - 3.0, dominating)


@stored
def finite_depth_law(multiplier: Multiplier, scaling: float | tuple[float, ...], depth: int | None = None) -> DepthLaw:
    """Return the exact law of log R, which claims, variants and profiles share.

    Parameters
    ----------
    multiplier : Multiplier
    scaling : float, or tuple of float
        One factor for all layers, or one for each.
    depth : int, optional
        If there is one factor.

    Returns
    -------
    DepthLaw
    """
    return depth_law(multiplier, scaling, depth)


def log_ratio_law(cell: Cell) -> tuple[Law, float, float]:
    """Return the law of log R or log R* at this depth for the cell's own entries.

    Entries that are not Gaussian change it at order L a^4, which is 1 at every depth for beta = 1/4;
    ``theory.entry_laws`` has the change, and that the order a^6 of its leading term is 2 a^2 of it.

    Returns
    -------
    law : Law
        Exact for Gaussian weights, else with what their kurtosis adds.
    error : float
        Of the exact law, by numerical inversion.
    remainder : float
        2 a^2 times what the kurtosis moves; 0 for Gaussian weights.

    Raises
    ------
    HypothesisError
        As :func:`one_layer`, and for weights that are not Gaussian unless they have unit variance and the branch is
        linear or ReLU.
    """
    multiplier, a, depth = one_layer(cell)
    exact = finite_depth_law(multiplier, a, depth)
    if cell.weights.definition.gaussian:
        return exact, exact.error, 0.0
    law = CorrectedLaw(exact, kurtosis_correction(multiplier, cell.weights.kurtosis - 3.0, a, depth))
    return law, exact.error, 2.0 * a * a * law_distance(exact, law)


def distance_from_normal(law: DepthLaw, limit: Normal) -> float:
    """Bound the Kolmogorov distance of an exact law of log R from its limit."""
    return distance_to_normal(law, limit.mean, limit.variance).upper


def label(cell: Cell) -> str:
    """Return the part of a check's name that tells the network: ``res-3-uniform-d20``."""
    return f"{cell.network.branch.name}-{cell.weights.law}-d{cell.network.width}"
