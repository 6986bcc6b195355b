"""What a program adds to the built-in registries, for as long as it runs.

One contract for every ``add_``: the definition is looked at before it is believed; adding an equal one again does
nothing; a name that is taken, or that stood for something else, is refused. From then on the name works wherever a
built-in one does: in Python, on the command line (for definitions in a file given by ``--claims``), in the Hypothesis
strategies and in reports. What a name stands for, its code and its constants, is part of the identity of every
experiment that uses it, so that stored values of another definition are never taken for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from theory_check.foundation.arrays import check_array
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kind
from theory_check.networks.activations import ACTIVATIONS, Activation, ActivationDefinition
from theory_check.networks.branches import BRANCHES, Branch, BranchDefinition
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction
from theory_check.networks.definitions import Definition, Registry
from theory_check.networks.inputs import INPUTS, InputLaw
from theory_check.networks.law_moments import entry_moments
from theory_check.networks.processes import Process, WeightProcess
from theory_check.networks.weight_laws import WeightLaw
from theory_check.networks.weights import WEIGHTS

#: Where an added activation is looked at: every 0.07 from -5 to 5, off the kinks that people put at round numbers.
_PLACES = tuple(0.0137 + 0.07 * k for k in range(-72, 72))

#: Pairs of uniform numbers at which an added law is evaluated twice.
_PAIRS = tuple((0.1 * k + 0.03, 0.1 * ((3 * k) % 10) + 0.07) for k in range(10))

#: Step of the difference quotients there, and how far the stated derivative may be from them: with a third derivative
#: of 100 the quotient is off by 2e-7.
_STEP = 1e-4
_SLOPE_ERROR = 1e-3

#: Largest rounding of a correlation at lag 0.
_ROUNDING = 1e-12


#: A third moment or a kurtosis may be stated to three significant digits.
_STATED = 0.005

#: Mean and variance are not stated but 0 and 1: constants of four significant digits leave them within this.
_NORMALISED = 0.001

#: Largest size of weights, and of the entries of an input.
_LARGEST = 2.0**32

#: Layers on which an added covariance is looked at.
_LAYERS = 64


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
    WEIGHTS.add(law, _check_law)


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
    >>> from theory_check.networks.custom_processes import CovarianceProcess
    >>> from theory_check.networks.weights import Weights
    >>> with temporary_additions():
    ...     add_process(CovarianceProcess(name="brownian", covariance=lambda s, t: np.minimum(s, t)))
    ...     Weights("brownian").covariance(3)[2].tolist() == [0.0, 1 / 3, 2 / 3]
    True
    """
    kinds = (CovarianceProcess, PathFunction, WeightProcess)
    check_kind("process", process, kinds, "a CovarianceProcess, a PathFunction or a WeightProcess")
    WEIGHTS.add(process, _check_process)


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
    check_kind("definition", definition, BranchDefinition, "a BranchDefinition")
    BRANCHES.add(definition, _check_branch)


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
    >>> from theory_check.networks.inputs import Input
    >>> with temporary_additions():
    ...     add_input(InputLaw(name="signs", hidden=np.sign))
    ...     str(Input("signs", 2))
    '2 signs inputs'
    """
    check_kind("law", law, InputLaw, "an InputLaw")
    INPUTS.add(law, _check_input)


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


@contextmanager
def _called(noun: str, function: str = "it") -> Iterator[None]:
    """Let every error of a function of the user's name the definition that it belongs to."""
    try:
        yield
    except SpecificationError as error:
        if str(error).startswith(noun):
            raise
        raise SpecificationError(f"{noun}: {error}") from error
    except Exception as error:
        raise SpecificationError(f"{noun}: {function} fails with {type(error).__name__}: {error}") from error


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
    with _called(f"activation {name}"):
        for x in _PLACES:
            low, value, high, again = (float(function(x + step, constants)) for step in (-_STEP, 0.0, _STEP, 0.0))
            slope, quotient = float(derivative(x, constants)), (high - low) / (2.0 * _STEP)
            if not (math.isfinite(value) and math.isfinite(slope)):
                raise SpecificationError(f"activation {name}: it has values that are not finite, at {x:.4g}")
            if value != again:
                raise SpecificationError(f"activation {name}: it has two values at {x:.4g}; it must be a function")
            if abs(slope - quotient) > _SLOPE_ERROR * max(1.0, abs(quotient)):
                raise SpecificationError(
                    f"activation {name}: its derivative at {x:.4g} is {slope:.4g}, it must be {quotient:.4g}"
                )


def _check_branch(definition: BranchDefinition) -> None:
    if definition.has_bias and not definition.has_inner:
        raise SpecificationError(f"branch {definition.name}: no kernel has a bias without weights inside")
    if definition.activation is not None:
        check_kind(f"activation of branch {definition.name}", definition.activation, Activation, "an Activation")
    if definition.defaults:
        raise SpecificationError(f"branch {definition.name}: a branch has no parameters, its activation may have some")


def _check_law(law: WeightLaw | Process) -> None:
    name = law.name
    if not isinstance(law, WeightLaw) or law.transform is None or law.kernel != "entrywise" or law.inner:
        raise SpecificationError(f"weight law {name}: give it a transform, a function of two uniform numbers")
    with _called(f"weight law {name}", "its kurtosis or variance, functions of its parameters,"):
        kurtosis, variance = float(law.kurtosis(law.defaults)), float(law.variance(law.defaults))
    if math.isnan(kurtosis) or math.isnan(variance):
        raise SpecificationError(
            f"weight law {name}: its kurtosis is {kurtosis} and its variance {variance}; give numbers"
        )
    if math.isfinite(variance):
        _check_size(f"weight law {name}: its standard deviation", math.sqrt(variance))
    with _called(f"weight law {name}", "its transform"):
        constants = law.constants(law.defaults)
        found = entry_moments(law.transform, constants)
        if any(len({law.transform(u, v, constants) for _ in range(2)}) > 1 for u, v in _PAIRS):
            raise SpecificationError("its transform has two values at the same numbers; it must be a function")
    if not math.isfinite(variance):
        return
    mean, square, cube, fourth = found.values
    bounds = dict(zip(("mean", "variance", "third moment", "kurtosis"), found.bounds, strict=True))
    stated = {"mean": (mean, 0.0), "variance": (square, variance)}
    if math.isfinite(kurtosis):
        stated["third moment"] = cube, law.skewness
        # Below the least positive variance that is accepted, the kurtosis is that of entries that are all 0.
        stated["kurtosis"] = (fourth / square**2 if square > _STATED else 0.0), kurtosis
        if square > _STATED:
            bounds["kurtosis"] = bounds["kurtosis"] / square**2 + 2.0 * bounds["variance"] * fourth / square**3
    for what, (value, expected) in stated.items():
        if not math.isfinite(bounds[what]):
            raise SpecificationError(
                f"weight law {name}: its {what} does not exist, its tails are too heavy; it must be {expected:.4g}"
            )
        allowed = _NORMALISED if what in ("mean", "variance") else _STATED
        if abs(value - expected) > bounds[what] + allowed * max(1.0, abs(expected)):
            raise SpecificationError(f"weight law {name}: its {what} is {value:.4g}, it must be {expected:.4g}")


def _check_size(what: str, value: float) -> None:
    """Raise for sizes of weights or states that single precision cannot multiply with others."""
    if value != 0.0 and not 1.0 / _LARGEST <= value <= _LARGEST:
        raise SpecificationError(
            f"{what} is {value:.3g}; it must be 0 or between {1.0 / _LARGEST:.3g} and {_LARGEST:.3g}"
        )


def _check_process(process: WeightLaw | Process) -> None:
    name, named = process.name, process.defaults
    if isinstance(process, WeightProcess) and (process.correlation is None or process.increments):
        raise SpecificationError(f"process {name}: give it the correlation of its values, or a CovarianceProcess")
    with _called(f"process {name}"):
        if isinstance(process, WeightProcess):
            given = process.of_lags
            stationary = CovarianceProcess(name=name, covariance=lambda s, t: given(named, np.abs(s - t)))
            stationary.check(_LAYERS)
            if abs(float(given(named, np.zeros(1))[0]) - 1.0) > _ROUNDING:
                raise SpecificationError("its correlation at lag 0 must be 1")
        elif isinstance(process, CovarianceProcess):
            process.check(_LAYERS, named)
            _check_size("its largest standard deviation", math.sqrt(max(process.layer_variance(named, _LAYERS), 0.0)))
        elif isinstance(process, PathFunction):
            # Of the first layer alone: the function may know no times but those of the layers of its network.
            first, again = (check_array("its value", process.function(np.zeros(1), **named)) for _ in range(2))
            if not np.array_equal(first, again, equal_nan=True):
                raise SpecificationError("it has two values at the same time; it must be a function")
            _check_size("its largest value", float(np.abs(first).max()))


def _check_input(law: InputLaw) -> None:
    if law.takes_cosine or law.observed or law.defaults:
        raise SpecificationError(f"input {law.name}: give it functions of normal vectors, and no cosine or parameters")
    vectors = np.random.default_rng(0).standard_normal((5, 3))
    for function in (law.hidden, law.gradient):
        with _called(f"input {law.name}"):
            together = law.evaluate(function, vectors.copy())
            apart = np.concatenate([law.evaluate(function, vectors[:, k : k + 1].copy()) for k in range(3)], axis=-1)
        _check_size(f"input {law.name}: its largest entry", float(np.abs(together).max()))
        if not np.allclose(together, apart, rtol=1e-12, atol=0.0):
            raise SpecificationError(
                f"input {law.name}: a column of what it returns depends on other columns, or on chance"
            )


_ADDING: dict[type[Definition], Callable[[Any], None]] = {
    WeightLaw: add_law,
    Process: add_process,
    ActivationDefinition: add_activation,
    BranchDefinition: add_branch,
    InputLaw: add_input,
}
