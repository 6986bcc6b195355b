"""Checks and spellings of arguments: numbers, counts, choices, ``name:key=value`` strings.

A check takes the name of the argument first and raises one line that says what was given and what is accepted. Fields
of specifications must be plain Python numbers already: `check_integer` and `check_finite` accept nothing else and
return nothing. Arguments of functions may be NumPy numbers too: the other checks return the plain number.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import SupportsFloat, SupportsIndex, TypeVar

from theory_check.foundation.errors import SpecificationError

Number = TypeVar("Number", int, float)

#: Most values in a grid.
MAXIMAL_GRID = 100_000


def check_choice(what: str, value: object, accepted: Iterable[str]) -> None:
    """Raise unless a value is one of the accepted names; suggest one of other case, of equal meaning, or the nearest.

    Parameters
    ----------
    what : str
        Name of the argument.
    value : object
        What was given.
    accepted : iterable of str
        The names, listed in the error.

    Raises
    ------
    SpecificationError
        If the value is none of them.

    Examples
    --------
    >>> check_choice("input", "sphere", ("gaussian", "sphere"))
    >>> check_choice("input", "cube", ("gaussian", "sphere"))
    Traceback (most recent call last):
        ...
    theory_check.foundation.errors.SpecificationError: unknown input 'cube'; accepted: gaussian, sphere
    """
    names = tuple(accepted)
    if value in names:
        return
    near = nearest_name(str(value), names)
    hint = f"; did you mean {near}?" if near else ""
    listed = ", ".join(names) if names else "nothing"
    raise SpecificationError(f"unknown {what} {value!r}; accepted: {listed}{hint}")


#: Names that other libraries and papers use, each with ours.
_SYNONYMS = {
    "normal": "gaussian",
    "gauss": "gaussian",
    "signs": "rademacher",
    "bernoulli": "rademacher",
    "t": "student",
    "double-exponential": "laplace",
    "shared": "tied",
    "iid": "gaussian",
    "ornstein-uhlenbeck": "ou",
    "fractional": "fgn",
    "fbm": "fgn",
    "lrelu": "leaky",
    "leaky-relu": "leaky",
    "linear": "identity",
    "none": "identity",
    "sgd": "gradient-descent",
    "gd": "gradient-descent",
    "mse": "square",
    "float32": "single",
    "float64": "double",
}


def nearest_name(given: str, names: Sequence[str]) -> str:
    """Return the name that was probably meant; empty if there is none.

    Parameters
    ----------
    given : str
    names : sequence of str
        The accepted ones.

    Returns
    -------
    str
        One that differs by case alone, one of equal meaning, or the nearest by its letters, of either case.

    Examples
    --------
    >>> [nearest_name(given, ("E4", "gaussian", "uniform")) for given in ("e44", "Normal", "unifrom", "x")]
    ['E4', 'gaussian', 'uniform', '']
    """
    folded, known = given.casefold(), {name.casefold(): name for name in names}
    meant = (folded, _SYNONYMS.get(folded, ""), *difflib.get_close_matches(folded, known, 1))
    return next((known[name] for name in meant if name in known), "")


def check_integer(what: str, value: object, least: int, most: int) -> None:
    """Raise unless a field of a specification is a plain whole number in a range.

    Parameters
    ----------
    what : str
        Name of the field.
    value : object
        What was given.
    least, most : int
        Smallest and largest accepted number.

    Raises
    ------
    SpecificationError
        If the value is no ``int``, or outside.

    Examples
    --------
    >>> check_integer("depth", 10, 1, 1000)
    >>> check_integer("depth", 10.0, 1, 1000)
    Traceback (most recent call last):
        ...
    theory_check.foundation.errors.SpecificationError: depth is 10.0; it must be a whole number from 1 to 1000
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SpecificationError(f"{what} is {value!r}; it must be a whole number from {least} to {most}")


def parse_duration(what: str, text: str) -> float:
    """Read a positive duration, ``90s``, ``10min`` or ``1.5h``, in seconds."""
    for unit, seconds in (("min", 60.0), ("s", 1.0), ("h", 3600.0)):
        number = text.strip().removesuffix(unit)
        if number != text.strip():
            try:
                value = float(number) * seconds
            except ValueError:
                break
            if 0.0 < value < math.inf:
                return value
            break
    raise SpecificationError(f"{what} is {text!r}; it must be a positive duration such as 90s, 10min or 1.5h")


def check_finite(what: str, value: object) -> None:
    """Raise unless ``value`` is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SpecificationError(f"{what} is {value!r}; it must be a finite number")


def check_text(what: str, value: object) -> None:
    """Raise unless ``value`` is text."""
    if not isinstance(value, str):
        raise SpecificationError(f"{what} is {value!r}; it must be text")


def check_number(what: str, value: SupportsFloat, accepted: str = "a real number") -> float:
    """Return `value` as a float; raise for text, truth values, NaN and all else that is not one real number.

    Parameters
    ----------
    what : str
        Name of the argument.
    value : float
        What was given.
    accepted : str
        What the error says must be given.

    Returns
    -------
    float

    Raises
    ------
    SpecificationError
        If the value is no number.

    Examples
    --------
    >>> check_number("cosine", 1)
    1.0
    """
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise SpecificationError(f"{what} must be {accepted}, got {value!r}") from None
    if math.isnan(number):
        raise SpecificationError(f"{what} must be {accepted}, got NaN")
    return number


def check_between(what: str, value: SupportsFloat, least: float, most: float) -> float:
    """Return a number of a closed range.

    Parameters
    ----------
    what : str
        Name of the argument.
    value : float
        What was given.
    least, most : float
        Ends of the range.

    Returns
    -------
    float

    Raises
    ------
    SpecificationError
        If the value is no number, or outside.

    Examples
    --------
    >>> check_between("cosine", 1, -1.0, 1.0)
    1.0
    """
    bounds = f"of at least {least:g}" if most == math.inf else f"between {least:g} and {most:g}"
    number = check_number(what, value, f"a real number {bounds}")
    if not least <= number <= most:
        lies = f"be at least {least:g}" if most == math.inf else f"lie {bounds}"
        raise SpecificationError(f"{what} must {lies}, got {number!r}")
    return number


def check_unit(what: str, value: SupportsFloat) -> float:
    """Return a number in the closed interval [0, 1]."""
    return check_between(what, value, 0.0, 1.0)


def check_positive(what: str, value: SupportsFloat) -> float:
    """Return a finite number above 0."""
    number = check_number(what, value, "a positive real number")
    if not 0.0 < number < math.inf:
        raise SpecificationError(f"{what} must be positive and finite, got {number!r}")
    return number


def check_nonnegative(what: str, value: SupportsFloat) -> float:
    """Return a finite number of at least 0."""
    number = check_number(what, value, "a real number that is not negative")
    if not 0.0 <= number < math.inf:
        raise SpecificationError(f"{what} must be finite and not negative, got {number!r}")
    return number


def check_count(what: str, value: SupportsIndex, minimum: int = 1, maximum: int | None = None) -> int:
    """Return an integer, from NumPy or Python; a float is an error even if whole.

    Parameters
    ----------
    what : str
        Name of the argument.
    value : int
        What was given.
    minimum : int
        Smallest accepted number.
    maximum : int, optional
        Largest accepted number; default: any.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If the value is no integer, or outside.

    Examples
    --------
    >>> check_count("trials", 7)
    7
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise SpecificationError(f"{what} must be an integer, got {value!r}") from None
    if number < minimum:
        raise SpecificationError(f"{what} must be at least {minimum}, got {number}")
    if maximum is not None and number > maximum:
        raise SpecificationError(f"{what} must be at most {maximum:.3g}, got {number}")
    return number


def parse_numbers(what: str, text: str, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    """Read numbers separated by commas.

    Parameters
    ----------
    what : str
        Name of the argument.
    text : str
        What was given; a blank text has no numbers.
    kind : callable
        ``int`` or ``float``.

    Returns
    -------
    tuple of `kind`

    Raises
    ------
    SpecificationError
        If a part is not such a number.

    Examples
    --------
    >>> parse_numbers("depths", "10,100", int), parse_numbers("depths", " ", int)
    ((10, 100), ())
    """
    try:
        return tuple(kind(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        numbers = "whole numbers" if kind is int else "numbers"
        raise SpecificationError(f"{what} {text!r} must be {numbers} separated by commas") from None


def parse_grid(what: str, text: str) -> tuple[float, ...]:
    """Read ``FIRST:LAST:COUNT``, evenly spaced with both ends, or numbers separated by commas."""
    wrong = SpecificationError(f"{what} {text!r} must be FIRST:LAST:COUNT or numbers separated by commas")
    parts = text.split(":")
    try:
        if len(parts) == 1:
            return tuple(float(part) for part in text.split(","))
        first, last, count = float(parts[0]), float(parts[1]), int(parts[2])
    except (ValueError, IndexError):
        raise wrong from None
    if len(parts) != 3 or count < 2 or count > MAXIMAL_GRID or not math.isfinite(last - first):
        raise wrong
    step = (last - first) / (count - 1)
    return (*(first + step * i for i in range(count - 1)), last)


def parse_call(what: str, text: str) -> tuple[str, dict[str, float | str]]:
    """Split ``name:key=value,key=value`` into the name and its arguments; numbers become floats."""
    check_text(what, text)
    name, colon, rest = text.strip().partition(":")
    if not name or (colon and not rest):
        raise SpecificationError(f"{what} {text!r} is not of the form NAME or NAME:key=value,key=value")
    arguments: dict[str, float | str] = {}
    for part in rest.split(",") if rest else ():
        key, equals, value = (p.strip() for p in part.partition("="))
        if not key or not equals or not value:
            raise SpecificationError(f"{what} {text!r}: {part!r} is not of the form key=value")
        if key in arguments:
            raise SpecificationError(f"{what} {text!r} gives {key} twice")
        try:
            arguments[key] = float(value)
        except ValueError:
            arguments[key] = value
    return name, arguments


def render_call(name: str, arguments: Mapping[str, float | str]) -> str:
    """Spell a name and its arguments so that :func:`parse_call` reads them back."""
    if not arguments:
        return name
    inner = ",".join(f"{k}={v if isinstance(v, str) else repr(v).removesuffix('.0')}" for k, v in arguments.items())
    return f"{name}:{inner}"


def plain_number(value: float) -> float:
    """Return 1.0 for 1 and 0.0 for -0.0: equal numbers must have one spelling, since spellings identify experiments."""
    return float(value) + 0.0
