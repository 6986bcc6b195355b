"""Definitions: a name, parameters with ranges, and registries that programs can add to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from theory_check.foundation.arguments import check_choice, check_finite
from theory_check.foundation.code_identity import value_identity
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.stored_values import depend_on

Parameters = Mapping[str, float]


def _in_order(parameters: Parameters) -> tuple[float, ...]:
    return tuple(parameters[name] for name in sorted(parameters))


@dataclass(frozen=True, kw_only=True, eq=False)
class Definition:
    """A named thing with parameters.

    Attributes
    ----------
    name, summary : str
        How it is spelled (small letters, digits and hyphens), and a line of description.
    defaults : mapping
        Parameters with their default values.
    ranges : mapping
        For each parameter the open interval of accepted values.
    whole : frozenset of str
        Parameters that must be whole numbers.
    constants : callable
        Numbers that its functions read, computed once from the parameters; default: the parameters in the order of
        their names.
    work : float
        Time that one number takes, in the unit of :mod:`theory_check.experiments.costs`.
    """

    name: str
    summary: str = ""
    defaults: Parameters = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    constants: Callable[[Parameters], tuple[float, ...]] = _in_order
    work: float = 40.0

    def complete(self, noun: str, given: Mapping[str, float]) -> dict[str, float]:
        """Return all parameters in the order of their names, the given ones checked; ``noun`` is for the errors."""
        for key, value in given.items():
            check_choice(f"parameter of {noun}", key, self.defaults)
            check_finite(f"{key} of {noun}", value)
            low, high = self.ranges[key]
            if not low < value < high:
                raise SpecificationError(f"{key} of {noun} is {value:g}; it must be between {low:g} and {high:g}")
            if key in self.whole and value != int(value):
                raise SpecificationError(f"{key} of {noun} is {value:g}; it must be a whole number")
        complete = {**self.defaults, **given}
        # Adding zero makes one spelling of 0.0 and -0.0: identities are made of spellings.
        return {key: float(complete[key]) + 0.0 for key in sorted(complete)}


D = TypeVar("D", bound=Definition)


class Registry(Generic[D]):
    """Definitions by name: the built-in ones, and those that this process has added.

    Parameters
    ----------
    what : str
        What is registered, for the errors.
    built_in : sequence of Definition
    """

    def __init__(self, what: str, built_in: Sequence[D]) -> None:
        self.what = what
        self._built_in = {definition.name: definition for definition in built_in}
        #: Added definitions, each with what tells it from others of its name.
        self.added: Mapping[str, tuple[D, str]] = {}

    def __iter__(self) -> Iterator[D]:
        yield from self._built_in.values()
        yield from (definition for definition, _ in self.added.values())

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (*self._built_in, *self.added)

    def find(self, name: str) -> D:
        """Return the definition of that name."""
        if isinstance(name, str) and name in self._built_in:
            return self._built_in[name]
        check_choice(self.what, name, self.names)
        return self.added[name][0]

    def identity(self, name: str) -> str | None:
        """Return what tells an added definition from any other of its name; None for a built-in one."""
        return self.added[name][1] if name in self.added else None

    def add(self, definition: D, check: Callable[[D], None]) -> None:
        """Add a definition that passes ``check``; see :mod:`theory_check.networks.additions` for the contract."""
        name = definition.name
        if self._built_in.get(name) is definition:
            return
        if not isinstance(name, str) or not re.fullmatch("[a-z][a-z0-9-]*", name):
            raise SpecificationError(f"{self.what} {name!r}: a name is made of small letters, digits and hyphens")
        if set(definition.ranges) != set(definition.defaults) or not definition.whole <= set(definition.defaults):
            raise SpecificationError(f"{self.what} {name}: every parameter needs a default and a range")
        try:
            definition.complete(f"{self.what} {name}", definition.defaults)
            # What it says about itself and what it costs changes no value.
            identity = value_identity(replace(definition, summary="", work=0.0))
        except SpecificationError as error:
            raise SpecificationError(f"{self.what} {name}: {error}") from error
        if self.identity(name) == identity:
            return
        if name in self.names:
            noun = self.what.split()[-1]
            raise SpecificationError(f"{self.what} {name}: there is another {noun} of this name; choose another name")
        check(definition)
        self.added = {**self.added, name: (definition, identity)}
        depend_on(f"{self.what} {name} {identity}")
