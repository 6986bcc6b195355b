"""What a statement needs of the branch, and one way to refuse a branch that its hypotheses exclude."""

from __future__ import annotations

from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.networks.branches import Branch


def check_branch(
    statement: str, branch: Branch, *, inner: bool | None = None, rectifier: bool = False, closed: bool = False
) -> float:
    """Return the slope of a branch for negative arguments, if the hypotheses of a statement hold for it.

    Parameters
    ----------
    statement : str
        What needs them, for the error.
    branch : Branch
        The activation must be piecewise linear, and there must be no bias.
    inner : bool, optional
        Whether there must, or must not, be weights inside the activation; default: either.
    rectifier : bool
        Whether the activation must be ReLU, unless the branch is linear.
    closed : bool
        Whether kappa must not depend on the hidden state: the branch is linear or has weights inside.

    Returns
    -------
    float

    Raises
    ------
    HypothesisError
        Naming the hypothesis that fails.

    Examples
    --------
    >>> check_branch("the recursion", Branch("res-3"))
    0.0
    >>> check_branch("the recursion", Branch("res-2"))
    Traceback (most recent call last):
    ...
    theory_check.foundation.errors.HypothesisError: the recursion needs a branch without bias, not res-2
    """
    slope = branch.activation.negative_slope
    if slope is None:
        raise HypothesisError(f"{statement} needs a piecewise linear activation, not {branch}")
    if branch.has_bias:
        raise HypothesisError(f"{statement} needs a branch without bias, not {branch}")
    if inner is not None and branch.has_inner != inner:
        wanted = "weights" if inner else "no weights"
        raise HypothesisError(f"{statement} needs {wanted} inside the activation, not {branch}")
    if closed and branch.kappa is None:
        raise HypothesisError(f"{statement} needs a linear branch or weights inside the activation, not {branch}")
    if rectifier and slope != 0.0 and not branch.is_linear:
        raise HypothesisError(f"{statement} needs a linear branch or ReLU, not {branch}")
    return slope


def check_bias(branch: Branch, energy: float) -> None:
    """Refuse a branch without a bias inside an activation, and a negative energy of the bias.

    Raises
    ------
    HypothesisError, SpecificationError
    """
    check_branch("a bias", branch, inner=True)
    if energy < 0.0:
        raise SpecificationError(f"bias_energy must be non-negative, not {energy!r}")
