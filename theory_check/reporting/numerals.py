"""Numbers as text, with as many digits as their uncertainty warrants.

An interval is shown to two significant digits of its half width and rounded outward, so that the
text never claims more than the numbers do: ``0.4747 [0.4731, 0.4763]``. All rounding is decimal and
starts from the shortest text that identifies the number, so 0.95 is never shown as 0.94.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_UP, Decimal

_MOST_DIGITS = 15
_FIXED_FROM, _FIXED_TO = 1e-3, 1e6


def format_estimate(estimate: float, lower: float, upper: float) -> str:
    """Return an estimate with its interval.

    Parameters
    ----------
    estimate, lower, upper : float
        An infinite end is open.

    Returns
    -------
    str

    Examples
    --------
    >>> format_estimate(0.474712, 0.473136, 0.476293)
    '0.4747 [0.4731, 0.4763]'
    >>> format_estimate(0.971, 0.95, float("inf"))
    '0.971 (≥ 0.950)'
    >>> format_estimate(1.3e58, 4.2e57, 2.19e64)  # orders of magnitude apart, and no end is 0
    '1.3e58 [4.2e57, 2.1900e64]'
    """
    exponent = unit_exponent(estimate, lower, upper)
    scientific = _is_scientific(estimate, lower, upper)
    excluded = scientific and (lower > 0.0 or upper < 0.0)
    value = _show(estimate, exponent, ROUND_HALF_EVEN, scientific, excluded)
    low = _show(lower, exponent, ROUND_FLOOR, scientific, excluded)
    high = _show(upper, exponent, ROUND_CEILING, scientific, excluded)
    if math.isnan(lower) or math.isnan(upper) or (math.isinf(lower) and math.isinf(upper)):
        return f"{value} (no bound)"
    if math.isinf(upper):
        return f"{value} (≥ {low})"
    if math.isinf(lower):
        return f"{value} (≤ {high})"
    return f"{value} [{low}, {high}]"


def format_target(lower: float, upper: float, exponent: int | None = None) -> str:
    """Return a predicted value, or interval, to the digit ``10**exponent`` of the estimate beside it.

    At least three significant digits are shown; zeros at the end are dropped where nothing was
    rounded away, so that an exact 1/2 reads ``0.5``.

    Parameters
    ----------
    lower, upper : float
        Equal for a point, infinite where open.
    exponent : int, optional
        By :func:`unit_exponent`.

    Returns
    -------
    str

    Examples
    --------
    >>> format_target(0.5, 0.5, -3), format_target(2.0, float("inf"))
    ('0.5', '≥ 2')
    """
    if lower == upper:
        return _show_target(lower, exponent)
    if math.isinf(lower) and math.isinf(upper):
        return "any value"
    if math.isinf(upper):
        return f"≥ {_show_target(lower, exponent)}"
    if math.isinf(lower):
        return f"≤ {_show_target(upper, exponent)}"
    return f"[{_show_target(lower, exponent)}, {_show_target(upper, exponent)}]"


def format_significant(value: float, digits: int = 3) -> str:
    """Return a number to some significant digits, without zeros at the end."""
    exponent = 0 if not math.isfinite(value) else _adjusted(value) - digits + 1
    return _drop_zeros(_show(value, exponent, ROUND_HALF_EVEN, _is_scientific(value)))


def format_at_most(value: float, digits: int = 2) -> str:
    """Return an upper bound on a probability or deviation, rounded up."""
    exponent = 0 if not math.isfinite(value) else _adjusted(value) - digits + 1
    return _drop_zeros(_show(value, exponent, ROUND_UP, _is_scientific(value)))


def format_count(count: int) -> str:
    """Return a count: ``12,345``, ``1.23 million``, ``45.6 billion``, ``7.89e12``."""
    if count < 1_000_000:
        return f"{count:,}"
    for size, word in ((1_000_000, "million"), (1_000_000_000, "billion")):
        if float(f"{count / size:.3g}") < 1000:
            return f"{format_significant(count / size)} {word}"
    return format_significant(float(count))


def format_duration(seconds: float) -> str:
    """Return a duration: ``0.42 s``, ``12.3 s``, ``4 min 12 s``, ``1 h 03 min``."""
    if seconds < 59.95:
        return f"{format_significant(seconds, 3 if seconds >= 10 else 2)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def unit_exponent(estimate: float, lower: float, upper: float) -> int:
    """Return e such that an estimate with this interval is shown to the digit 10**e.

    Parameters
    ----------
    estimate, lower, upper : float

    Returns
    -------
    int

    Examples
    --------
    >>> unit_exponent(0.474712, 0.473136, 0.476293)
    -4
    """
    finite = [abs(v) for v in (estimate, lower, upper) if math.isfinite(v)]
    largest = max(finite, default=0.0)
    distances = [abs(estimate - end) for end in (lower, upper) if end != estimate]
    distances = [d for d in distances if math.isfinite(d)]
    # One end may all but touch the estimate: the digits then follow the other one.
    width = max(min(distances), 1e-3 * max(distances)) if distances else 0.0
    exponent = _adjusted(width) - 1 if width > 0 else _adjusted(largest) - 3
    if largest < _FIXED_TO:
        exponent = min(exponent, 0)
    return max(exponent, _adjusted(largest) - _MOST_DIGITS)


def _show_target(value: float, exponent: int | None) -> str:
    if not math.isfinite(value):
        return _show(value, 0, ROUND_HALF_EVEN, False)
    finest = _adjusted(value) - _MOST_DIGITS
    digit = _adjusted(value) - 4 if exponent is None else max(min(exponent, _adjusted(value) - 2), finest)
    text = _show(value, digit, ROUND_HALF_EVEN, _is_scientific(value))
    return _drop_zeros(text) if Decimal(text) == _decimal(value) else text


def _adjusted(value: float) -> int:
    """Return the decimal exponent of the leading digit, 0 for 0."""
    return 0 if value == 0 else _decimal(value).adjusted()


def _decimal(value: float) -> Decimal:
    """Return the decimal number that identifies a float; a NumPy scalar is one too."""
    return Decimal(repr(float(value)))


def _is_scientific(*values: float) -> bool:
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    return largest != 0 and not _FIXED_FROM <= largest < _FIXED_TO


def _show(value: float, exponent: int, rounding: str, scientific: bool, excludes_zero: bool = False) -> str:
    """Return a number to a digit; to two of its own if it would be 0 where its interval says that it is not.

    Parameters
    ----------
    value : float
    exponent : int
        Of the last digit.
    rounding : str
        Of decimal numbers.
    scientific : bool
        Whether with a power of ten.
    excludes_zero : bool
        Whether the interval does.

    Returns
    -------
    str
    """
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    exact = _decimal(value)
    rounded = exact.quantize(Decimal(1).scaleb(exponent), rounding=rounding)
    if rounded == 0 and excludes_zero:
        exponent = exact.adjusted() - 1
        rounded = exact.quantize(Decimal(1).scaleb(exponent), rounding=rounding)
    if rounded == 0:
        return "0" if scientific else f"{abs(rounded):f}"
    if not scientific:
        return f"{rounded:f}"
    leading = rounded.adjusted()
    digits = max(leading - exponent, 0)
    return f"{rounded.scaleb(-leading):.{digits}f}e{leading}"


def _drop_zeros(text: str) -> str:
    mantissa, e, power = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return mantissa + e + power
