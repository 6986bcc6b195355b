"""Checks of a definition before a program adds it: its functions are evaluated at a few places.

A function that fails, has two values at one place, or is not what the definition states of it is refused with the name
of the definition. What holds between those places is not known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from theory_check.foundation.arrays import FloatArray, check_array
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kind
from theory_check.networks.activations import Activation, ActivationDefinition
from theory_check.networks.branches import BranchDefinition
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction
from theory_check.networks.inputs import InputLaw
from theory_check.networks.law_moments import EntryMoments, entry_moments
from theory_check.networks.processes import Process, WeightProcess
from theory_check.networks.weight_laws import WeightLaw

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


@contextmanager
def _called(noun: str, function: str = "it") -> Iterator[None]:
    """Let every error of a function of the user's name the definition that it belongs to."""
    try:
        yield
    except SpecificationError as error:
        if str(error).startswith(noun):
            raise
        raise SpecificationError(f"{noun}: {error}") from error
    except Exception as error:  # a user's function may raise anything
        raise SpecificationError(f"{noun}: {function} fails with {type(error).__name__}: {error}") from error


def check_activation(definition: ActivationDefinition) -> None:
    """Raise unless an activation is a function with the derivative that it states, or has a negative slope."""
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


def check_branch(definition: BranchDefinition) -> None:
    """Raise unless a branch is one that the kernels have."""
    if definition.has_bias and not definition.has_inner:
        raise SpecificationError(f"branch {definition.name}: no kernel has a bias without weights inside")
    if definition.activation is not None:
        check_kind(f"activation of branch {definition.name}", definition.activation, Activation, "an Activation")
    if definition.defaults:
        raise SpecificationError(f"branch {definition.name}: a branch has no parameters, its activation may have some")


def check_weight_law(law: WeightLaw | Process) -> None:
    """Raise unless a law is a function of two uniform numbers with the moments that it states."""
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
    if math.isfinite(variance):
        _check_moments(law, variance, kurtosis, found)


def _check_moments(law: WeightLaw, variance: float, kurtosis: float, found: EntryMoments) -> None:
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
                f"weight law {law.name}: its {what} does not exist, its tails are too heavy; it must be {expected:.4g}"
            )
        allowed = _NORMALISED if what in ("mean", "variance") else _STATED
        if abs(value - expected) > bounds[what] + allowed * max(1.0, abs(expected)):
            raise SpecificationError(f"weight law {law.name}: its {what} is {value:.4g}, it must be {expected:.4g}")


def _check_size(what: str, value: float) -> None:
    """Raise for sizes of weights or states that single precision cannot multiply with others."""
    if value != 0.0 and not 1.0 / _LARGEST <= value <= _LARGEST:
        raise SpecificationError(
            f"{what} is {value:.3g}; it must be 0 or between {1.0 / _LARGEST:.3g} and {_LARGEST:.3g}"
        )


def check_process(process: WeightLaw | Process) -> None:
    """Raise unless a process has a covariance, or values that are a function of the time."""
    name = process.name
    if isinstance(process, WeightProcess) and (process.correlation is None or process.increments):
        raise SpecificationError(f"process {name}: give it the correlation of its values, or a CovarianceProcess")
    with _called(f"process {name}"):
        if isinstance(process, WeightProcess):
            _check_correlation(process)
        elif isinstance(process, CovarianceProcess):
            process.check(_LAYERS, process.defaults)
            deviation = math.sqrt(max(process.layer_variance(process.defaults, _LAYERS), 0.0))
            _check_size("its largest standard deviation", deviation)
        elif isinstance(process, PathFunction):
            _check_path(process)


def _check_correlation(process: WeightProcess) -> None:
    def covariance(s: FloatArray, t: FloatArray) -> FloatArray:
        return process.of_lags(process.defaults, np.abs(s - t))

    CovarianceProcess(name=process.name, covariance=covariance).check(_LAYERS)
    if abs(float(process.of_lags(process.defaults, np.zeros(1))[0]) - 1.0) > _ROUNDING:
        raise SpecificationError("its correlation at lag 0 must be 1")


def _check_path(process: PathFunction) -> None:
    # Of the first layer alone: the function may know no times but those of the layers of its network.
    first, again = (check_array("its value", process.function(np.zeros(1), **process.defaults)) for _ in range(2))
    if not np.array_equal(first, again, equal_nan=True):
        raise SpecificationError("it has two values at the same time; it must be a function")
    _check_size("its largest value", float(np.abs(first).max()))


def check_input(law: InputLaw) -> None:
    """Raise unless an input law maps each column of normal vectors by itself, to finite entries."""
    if law.takes_cosine or law.observed or law.defaults:
        raise SpecificationError(f"input {law.name}: give it functions of normal vectors, and no cosine or parameters")
    vectors = np.random.default_rng(0).standard_normal((5, 3))
    for function in (law.hidden, law.gradient):
        with _called(f"input {law.name}"):
            together = law.evaluate(function, vectors.copy())
            apart = np.concatenate([law.evaluate(function, vectors[:, k : k + 1].copy()) for k in range(3)], axis=-1)
        _check_size(f"input {law.name}: its largest entry", float(np.abs(together).max()))
        # Thousands of roundings: libraries may sum several columns in another order than one.
        if not np.allclose(together, apart, rtol=1e-12, atol=0.0):
            raise SpecificationError(
                f"input {law.name}: a column of what it returns depends on other columns, or on chance"
            )
