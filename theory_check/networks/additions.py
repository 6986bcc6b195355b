"""What a program adds to the built-in registries, for as long as it runs.

One contract for every ``add_``: the definition is looked at before it is believed; adding an equal one again does
nothing; a name that is taken, or that stood for something else, is refused. From then on the name works wherever a
built-in one does: in Python, on the command line (for definitions in a file given by ``--claims``), in the Hypothesis
strategies and in reports. What a name stands for, its code and its constants, is part of the identity of every
experiment that uses it, so that stored values of another definition are never taken for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import ACTIVATIONS, ActivationDefinition
from theory_check.networks.branches import BRANCHES, Branch, BranchDefinition
from theory_check.networks.definitions import Registry

#: Where an added activation is looked at: every 0.07 from -5 to 5, off the kinks that people put at round numbers.
_PLACES = tuple(0.0137 + 0.07 * k for k in range(-72, 72))

#: Step of the difference quotients there, and how far the stated derivative may be from them: with a third derivative
#: of 100 the quotient is off by 2e-7.
_STEP = 1e-4
_SLOPE_ERROR = 1e-3


def add_activation(definition: ActivationDefinition) -> None:
    """Make an activation available under its name; see the head of this module.

    Parameters
    ----------
    definition : ActivationDefinition
        With ``function(x, constants)`` and ``derivative(x, constants)``, functions of one number that are compiled:
        arithmetic and the module ``math`` only. Or with ``negative_slope`` alone, a function of the parameters, for an
        activation that is linear on both sides of 0 with slope 1 on the right.

    Raises
    ------
    SpecificationError
        For a name that is taken or cannot be spelled, and for functions that fail, have values that are not finite, or
        a derivative that is not that of the function.

    Examples
    --------
    >>> import math
    >>> from theory_check.networks.activations import Activation
    >>> softplus = ActivationDefinition(
    ...     name="softplus",
    ...     function=lambda x, _: math.log1p(math.exp(x)),
    ...     derivative=lambda x, _: 1.0 / (1.0 + math.exp(-x)),
    ... )
    >>> with temporary_additions():
    ...     add_activation(softplus)
    ...     Activation("softplus").homogeneous
    False
    """
    ACTIVATIONS.add(definition, _check_activation)


def add_branch(definition: BranchDefinition) -> None:
    """Make a branch available under its name: any of the orders of operations that the kernels have.

    Parameters
    ----------
    definition : BranchDefinition
        Whether there are weights and a bias inside the activation, and the activation if it is a part of the branch.

    Raises
    ------
    SpecificationError
        For a name that is taken or cannot be spelled, and for a bias without weights, which no kernel has.

    Examples
    --------
    >>> from theory_check.networks.activations import Activation
    >>> with temporary_additions():
    ...     add_branch(BranchDefinition(name="product", has_inner=True, activation=Activation("identity")))
    ...     Branch("product").kappa
    1.0
    """
    BRANCHES.add(definition, _check_branch)


@contextmanager
def temporary_additions() -> Iterator[None]:
    """Take out again, at the end of the block, what was added inside it."""
    registries: tuple[Registry[Any], ...] = (ACTIVATIONS, BRANCHES)
    before = [registry.added for registry in registries]
    try:
        yield
    finally:
        for registry, added in zip(registries, before, strict=True):
            registry.added = added


def identities(branch: Branch) -> dict[str, str]:
    """Return what tells the added definitions of a network from others of their names; nothing for built-in ones."""
    found = {"branch": BRANCHES.identity(branch.name), "activation": ACTIVATIONS.identity(branch.activation.name)}
    return {key: identity for key, identity in found.items() if identity is not None}


def _check_activation(definition: ActivationDefinition) -> None:
    name, function, derivative = definition.name, definition.function, definition.derivative
    if definition.kernel != "entrywise" or (definition.negative_slope is None) != (
        function is not None and derivative is not None
    ):
        raise SpecificationError(
            f"activation {name}: give it a function and its derivative, or a negative slope, and no kernel"
        )
    if function is None or derivative is None:
        return
    constants = definition.constants(definition.defaults)
    try:
        for x in _PLACES:
            low, value, high = (float(function(x + step, constants)) for step in (-_STEP, 0.0, _STEP))
            slope, quotient = float(derivative(x, constants)), (high - low) / (2.0 * _STEP)
            if not (math.isfinite(value) and math.isfinite(slope)):
                raise SpecificationError(f"activation {name}: it has values that are not finite, at {x:.4g}")
            if abs(slope - quotient) > _SLOPE_ERROR * max(1.0, abs(quotient)):
                raise SpecificationError(
                    f"activation {name}: its derivative at {x:.4g} is {slope:.4g}, it must be {quotient:.4g}"
                )
    except SpecificationError:
        raise
    except Exception as error:
        raise SpecificationError(f"activation {name}: it fails with {type(error).__name__}: {error}") from error


def _check_branch(definition: BranchDefinition) -> None:
    if definition.has_bias and not definition.has_inner:
        raise SpecificationError(f"branch {definition.name}: no kernel has a bias without weights inside")
    if definition.defaults:
        raise SpecificationError(f"branch {definition.name}: a branch has no parameters, its activation may have some")
