"""Checks of what kind an argument is of.

A wrong kind is bad input like a wrong value: every public function raises :exc:`SpecificationError` for it, which names
the argument and says what it accepts. Python itself raises :exc:`TypeError` for a call that does not fit a signature.
"""

from __future__ import annotations

import reprlib
from typing import Any

from theory_check.foundation.errors import SpecificationError


def check_kind(what: str, value: object, kind: type | tuple[type, ...], named: str) -> None:
    """Raise unless ``value`` is of a kind.

    Parameters
    ----------
    what : str
        Name of the argument.
    value : object
        What was given.
    kind : type or tuple of types
    named : str
        What a value of that kind is called.

    Raises
    ------
    SpecificationError
        If it is of another kind.

    Examples
    --------
    >>> check_kind("law", 3.0, str, "a name")
    Traceback (most recent call last):
        ...
    theory_check.foundation.errors.SpecificationError: law is 3.0; it must be a name
    """
    if not isinstance(value, kind):
        raise SpecificationError(f"{what} is {reprlib.repr(value)}; it must be {named}")


def check_fields(value: object, **kinds: type) -> None:
    """Raise unless fields of a specification are of their kinds.

    Parameters
    ----------
    value : object
    **kinds : type
        By name of the field; ``bool`` for one that is true or false.

    Raises
    ------
    SpecificationError
        Naming the first field of another kind.
    """
    for name, kind in kinds.items():
        article = "an" if kind.__name__[0] in "AEIOaeio" else "a"
        named = "True or False" if kind is bool else f"{article} {kind.__name__}"
        check_kind(name.replace("_", " "), getattr(value, name), kind, named)


def check_sequence(what: str, values: object) -> tuple[Any, ...]:
    """Return the parts of a sequence, an array or another iterable; text has none.

    Parameters
    ----------
    what : str
        Name of the argument.
    values : object
        What was given.

    Returns
    -------
    tuple

    Raises
    ------
    SpecificationError
        If it has no parts.

    Examples
    --------
    >>> check_sequence("lags", [1, 2])
    (1, 2)
    >>> check_sequence("lags", 3)
    Traceback (most recent call last):
        ...
    theory_check.foundation.errors.SpecificationError: lags is 3; it must be a sequence
    """
    try:
        if isinstance(values, (str, bytes)):
            raise TypeError
        return tuple(values)  # type: ignore[arg-type]  # TypeError unless it is iterable
    except TypeError:
        raise SpecificationError(f"{what} is {reprlib.repr(values)}; it must be a sequence") from None


def check_pairs(what: str, values: object) -> dict[str, Any]:
    """Return pairs of a name and a value as a dictionary.

    Parameters
    ----------
    what : str
        Name of the argument.
    values : object
        What was given: a sequence of pairs.

    Returns
    -------
    dict

    Raises
    ------
    SpecificationError
        If it is none.

    Examples
    --------
    >>> check_pairs("parameters", (("df", 5.0),))
    {'df': 5.0}
    """
    found: dict[str, Any] = {}
    for pair in check_sequence(what, values):
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise SpecificationError(f"{what} is {reprlib.repr(values)}; it must be a sequence of pairs (name, value)")
        found[pair[0]] = pair[1]
    return found


def check_kinds(what: str, values: object, kind: type, named: str) -> None:
    """Raise unless ``values`` is a tuple of values of one kind.

    Parameters
    ----------
    what : str
        Name of the argument.
    values : object
        What was given.
    kind : type
    named : str
        What a value of that kind is called.

    Raises
    ------
    SpecificationError
        If it is no tuple, or one of the values is of another kind.

    Examples
    --------
    >>> check_kinds("remarks", ("Tested.",), str, "a text")
    >>> check_kinds("remarks", "Tested.", str, "a text")
    Traceback (most recent call last):
        ...
    theory_check.foundation.errors.SpecificationError: remarks is 'Tested.'; it must be a tuple, each part a text
    """
    if not isinstance(values, tuple) or not all(isinstance(value, kind) for value in values):
        raise SpecificationError(f"{what} is {reprlib.repr(values)}; it must be a tuple, each part {named}")
