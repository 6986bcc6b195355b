"""Weight laws that a program adds to the built-in ones for as long as it runs, looked at before they are believed."""

from __future__ import annotations

import hashlib
import math
import re

import numpy as np

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.processes import PROCESSES
from theory_check.networks.weight_laws import LAWS, WeightLaw

#: Laws that this program has added to the built-in ones, by name. A name is given once, and what it means enters the
#: identity of every cell that uses it.
_ADDED: dict[str, WeightLaw] = {}

#: Points in either uniform number at which an added law is looked at.
_GRID = 128

#: Deviations of the moments of an added law from what it says, by the midpoint rule on that grid: errors of the rule
#: stay below for laws without heavy tails, mistakes in a normalising constant do not.
_MOMENT_ERROR = 0.03
_LIGHT_TAILS = 12.0
_HEAVY_MOMENT_ERROR = 0.5


def add_law(law: WeightLaw) -> None:
    """Make a law available under its name, in this process.

    Adding an equal law again does nothing; its name cannot be given to another.

    Raises
    ------
    SpecificationError
        For a name that is taken or cannot be spelled, a law that is not a plain function of two uniform numbers, and
        one whose mean, variance, skewness or kurtosis is not what it says.
    """
    name = law.name
    if not re.fullmatch("[a-z][a-z0-9-]*", name):
        raise SpecificationError(f"weight law {name!r}: a name is made of small letters, digits and hyphens")
    if law.transform is None or law.kernel != "entrywise" or law.inner:
        raise SpecificationError(f"weight law {name}: give it a transform, a function of two uniform numbers")
    if set(law.ranges) != set(law.defaults):
        raise SpecificationError(f"weight law {name}: every parameter needs a default and a range")
    if name in _ADDED and _fingerprint(_ADDED[name]) == _fingerprint(law):
        return
    if name in {*(other.name for other in all_laws()), *(process.name for process in PROCESSES)}:
        raise SpecificationError(f"weight law {name}: there is another law of this name; choose another name")
    _check_moments(law)
    _ADDED[name] = law


def all_laws() -> tuple[WeightLaw, ...]:
    """Return the built-in laws and those added."""
    return (*LAWS, *_ADDED.values())


def added_law(name: str) -> str | None:
    """Return what tells an added law from every other of its name; None for a built-in one."""
    return _fingerprint(_ADDED[name]) if name in _ADDED else None


def _values(law: WeightLaw, points: int) -> list[float]:
    constants = law.constants(law.defaults)
    middles = [(i + 0.5) / points for i in range(points)]
    try:
        return [float(law.transform(u, v, constants)) for u in middles for v in middles]  # type: ignore[misc]
    except Exception as error:
        raise SpecificationError(
            f"weight law {law.name}: its transform fails with {type(error).__name__}: {error}"
        ) from error


def _fingerprint(law: WeightLaw) -> str:
    # Twelve digits: the last ones may differ between machines.
    numbers = (*_values(law, 16), law.kurtosis(law.defaults), law.variance(law.defaults))
    text = ",".join(f"{value:.12g}" for value in numbers)
    return hashlib.sha256(f"{law.name}|{sorted(law.defaults.items())}|{text}".encode()).hexdigest()[:16]


def _check_moments(law: WeightLaw) -> None:
    values = np.array(_values(law, _GRID))
    if not np.all(np.isfinite(values)):
        raise SpecificationError(f"weight law {law.name}: its transform has values that are not finite")
    kurtosis, variance = law.kurtosis(law.defaults), law.variance(law.defaults)
    square = float(np.mean(values**2))
    light = kurtosis <= _LIGHT_TAILS
    if not light and not math.isfinite(variance):
        return
    # A grid misses a part of heavy tails.
    tolerance = _MOMENT_ERROR if light else _HEAVY_MOMENT_ERROR
    found = {"mean": (float(np.mean(values)), 0.0)}
    if light:
        found["third moment"] = float(np.mean(values**3)), law.skewness
    found["variance"] = square, variance
    if light:
        found["kurtosis"] = float(np.mean(values**4)) / square**2 if square else 0.0, kurtosis
    for what, (value, stated) in found.items():
        if abs(value - stated) > tolerance * max(1.0, abs(stated)):
            raise SpecificationError(f"weight law {law.name}: its {what} is {value:.4g}, it must be {stated:.4g}")
