"""Ticks that read: 1, 2 and 5 times powers of ten, as plain numbers where these are short."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory_check.reporting.numerals import format_significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

#: Decades up to which ticks are those of a linear axis, up to which 1, 2 and 5 are ticks, and from which whole decades
#: are left out.
_NARROW, _FINE, _COARSE = 0.7, 1.7, 7

#: Numbers between these are written out.
_SHORT = (1e-3, 2e4)


def set_ticks(axes: Axes) -> None:
    """Put ticks at 1, 2 and 5 times powers of ten, on both kinds of scale; axes of rows are left as they are.

    Parameters
    ----------
    axes : Axes
        With everything drawn on it.
    """
    from matplotlib.ticker import AutoLocator, MaxNLocator

    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            _set_logarithmic(axis)
        elif isinstance(axis.get_major_locator(), AutoLocator):
            axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))


def _set_logarithmic(axis: Axis) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    low, high = sorted(abs(float(end)) for end in axis.get_view_interval())
    decades = math.log10(high / low) if 0.0 < low < high else 0.0
    if decades <= _NARROW:
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    else:
        fine = decades <= _FINE
        subs, most = ((1.0, 2.0, 5.0), 12) if fine else ((1.0,), _COARSE + 2)
        axis.set_major_locator(LogLocator(subs=subs, numticks=most))
    between = _FINE < decades <= _COARSE
    axis.set_minor_locator(LogLocator(subs=(2.0, 5.0), numticks=40) if between else NullLocator())
    plain = _SHORT[0] <= low < high <= _SHORT[1]
    axis.set_major_formatter(FuncFormatter(lambda value, _place: tick_text(value, plain)))
    axis.set_minor_formatter(NullFormatter())


def tick_text(value: float, plain: bool) -> str:
    """Return a tick of a logarithmic axis.

    Parameters
    ----------
    value : float
    plain : bool
        Whether to write the number out instead of its power of ten.

    Returns
    -------
    str
    """
    if value <= 0.0:
        return ""
    if plain:
        return format_significant(value)
    power = math.floor(math.log10(value) + 1e-9)
    lead = format_significant(value / 10.0**power)
    return f"$10^{{{power}}}$" if lead == "1" else rf"${lead}\times 10^{{{power}}}$"
