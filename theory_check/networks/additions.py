"""Additions of a program to the built-in registries, for as long as it runs.

One contract for every ``add_``: a definition has to pass :mod:`theory_check.networks.definition_checks`; adding an
equal one again does nothing; a name that is taken, or that stood for something else, is refused. From then on the name
works wherever a built-in one does: in Python, on the command line (for definitions in a file given by ``--claims``), in
the Hypothesis strategies and in reports. What a name stands for, its code and its constants, is part of the identity of
every experiment that uses it, so that stored values of another definition are never taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kind
from theory_check.networks.activations import ACTIVATIONS, ActivationDefinition
from theory_check.networks.branches import BRANCHES, Branch, BranchDefinition
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction
from theory_check.networks.definition_checks import (
    check_activation,
    check_branch,
    check_input,
    check_process,
    check_weight_law,
)
from theory_check.networks.definitions import Definition, Registry
from theory_check.networks.inputs import INPUTS, InputLaw
from theory_check.networks.processes import Process, WeightProcess
from theory_check.networks.weight_laws import WeightLaw
from theory_check.networks.weights import WEIGHTS


def add_law(law: WeightLaw) -> None:
    """Make a law of independent entries available under its name; see the head of this module.

    Parameters
    ----------
    law : WeightLaw
        With ``transform(u, v, constants)``, a function of two independent uniform numbers on (0, 1] that is compiled:
        arithmetic and the module ``math`` only; and with its kurtosis.

    Raises
    ------
    SpecificationError
        For a name that is taken or cannot be spelled, a law that is not a plain function of two uniform numbers, and
        one whose mean, variance, skewness or kurtosis is not what it says.

    Examples
    --------
    >>> import math
    >>> from theory_check.networks.weights import Weights
    >>> trapezoid = WeightLaw(
    ...     name="trapezoid",
    ...     transform=lambda u, v, _: math.sqrt(2.4) * (2.0 * u + v - 1.5),
    ...     kurtosis=lambda _: 2.184,
    ... )
    >>> with temporary_additions():
    ...     add_law(trapezoid)
    ...     Weights("trapezoid").entry_variance
    1.0
    """
    check_kind("law", law, WeightLaw, "a WeightLaw")
    WEIGHTS.add(law, check_weight_law)


def add_process(process: Process) -> None:
    """Make weights that are correlated along the layers available under their name; see the head of this module.

    Parameters
    ----------
    process : CovarianceProcess, PathFunction or WeightProcess
        A covariance ``covariance(s, t, **parameters)``; matrices ``function(t, **parameters)``, the same in every
        replicate; or a stationary process of unit variance by its ``correlation(parameters, lags)``, which is faster
        and reaches greater depths.

    Raises
    ------
    SpecificationError
        For a name that is taken or cannot be spelled, a covariance that is not symmetric and positive semidefinite, and
        functions that fail.

    Examples
    --------
    >>> import numpy as np
    >>> from theory_check.networks.custom_processes import CovarianceProcess
    >>> from theory_check.networks.weights import Weights
    >>> with temporary_additions():
    ...     add_process(CovarianceProcess(name="brownian", covariance=lambda s, t: np.minimum(s, t)))
    ...     Weights("brownian").covariance(3)[2].tolist() == [0.0, 1 / 3, 2 / 3]
    True
    """
    kinds = (CovarianceProcess, PathFunction, WeightProcess)
    check_kind("process", process, kinds, "a CovarianceProcess, a PathFunction or a WeightProcess")
    WEIGHTS.add(process, check_process)


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
    check_kind("definition", definition, ActivationDefinition, "an ActivationDefinition")
    ACTIVATIONS.add(definition, check_activation)


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
    check_kind("definition", definition, BranchDefinition, "a BranchDefinition")
    BRANCHES.add(definition, check_branch)


def add_input(law: InputLaw) -> None:
    """Make an input law available under its name; see the head of this module.

    Parameters
    ----------
    law : InputLaw
        With ``hidden(vectors)`` and ``gradient(vectors)``, which turn a standard normal vector of each network, shape
        (width, networks), into h_0 and into the gradient p_L at the output. A column depends on that column alone.
        Several inputs of one network are made of independent vectors.

    Raises
    ------
    SpecificationError
        For a name that is taken or cannot be spelled, and for functions that fail, mix networks, or return another
        shape or values that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from theory_check.networks.inputs import Input
    >>> with temporary_additions():
    ...     add_input(InputLaw(name="signs", hidden=np.sign))
    ...     str(Input("signs", 2))
    '2 signs inputs'
    """
    check_kind("law", law, InputLaw, "an InputLaw")
    INPUTS.add(law, check_input)


def add_definition(definition: Definition) -> None:
    """Add a definition of any kind: a weight law, process, activation, branch or input law.

    Raises
    ------
    SpecificationError
        As the function for its kind.
    """
    for kind, add in _ADDING.items():
        if isinstance(definition, kind):
            add(definition)
            return
    raise SpecificationError(f"{definition.name}: there is no registry of {type(definition).__name__}")


@contextmanager
def temporary_additions() -> Iterator[None]:
    """Take out again, at the end of the block, what was added inside it."""
    registries: tuple[Registry[Any], ...] = (ACTIVATIONS, BRANCHES, INPUTS, WEIGHTS)
    before = [registry.added for registry in registries]
    try:
        yield
    finally:
        for registry, added in zip(registries, before, strict=True):
            registry.added = added


def identities(branch: Branch, law: str = "", input_name: str = "") -> dict[str, str]:
    """Return what tells the added definitions of an experiment from others of their names; nothing for built-in ones.

    Parameters
    ----------
    branch : Branch
        With its activation.
    law, input_name : str
        Names of the weights and of the input law, if the experiment has them.

    Returns
    -------
    dict of str to str
        Hashes by kind of definition, a part of the identity of the experiment.
    """
    found = {
        "branch": BRANCHES.identity(branch.name),
        "activation": ACTIVATIONS.identity(branch.activation.name),
        "law": WEIGHTS.identity(law),
        "input_law": INPUTS.identity(input_name),
    }
    return {key: identity for key, identity in found.items() if identity is not None}


_ADDING: dict[type[Definition], Callable[[Any], None]] = {
    WeightLaw: add_law,
    Process: add_process,
    ActivationDefinition: add_activation,
    BranchDefinition: add_branch,
    InputLaw: add_input,
}
